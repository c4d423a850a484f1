/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys by their packets, without a look at what signatures are worth: for
 * that there is gpg. */
#include "crypto/keydata.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "crypto/keydata_private.h"

enum {
	SUB_CREATED = 2, SUB_KEY_EXPIRES = 9, SUB_ISSUER = 16, SUB_FLAGS = 27,
	SUB_ISSUER_FPR = 33,
	ENCRYPTS = 0x04 | 0x08,
	SIG_UID = 0x10, SIG_UID_LAST = 0x13, SIG_BINDING = 0x18,
	SIG_SUBKEY_REVOKED = 0x28, SIG_UID_REVOKED = 0x30
};

int keydata_next(struct keydata_walk *w, struct keydata_packet *k)
{
	uint64_t body;
	size_t head;

	if (!w->left)
		return 0;
	k->tag = packet_tag(w->p[0]);
	if (!k->tag || w->packets++ == KEYDATA_PACKETS_MAX
	    || packet_length(w->p, w->left, &head, &body) != 1
	    || body > w->left - head)
		return -1;
	k->p = w->p;
	k->n = head + (size_t)body;
	k->body = w->p + head;
	k->len = (size_t)body;
	w->p += k->n;
	w->left -= k->n;
	return 1;
}

/* ---- what it is ---- */

int keydata_fpr(const struct keydata_packet *k, unsigned char out[20])
{
	const unsigned char head[3] = { 0x99, (unsigned char)(k->len >> 8),
	                                (unsigned char)k->len };
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int rc = -1;

	if (md && k->len <= 0xffff
	    && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1
	    && EVP_DigestUpdate(md, head, sizeof head) == 1
	    && EVP_DigestUpdate(md, k->body, k->len) == 1
	    && EVP_DigestFinal_ex(md, out, NULL) == 1)
		rc = 0;
	EVP_MD_CTX_free(md);
	return rc;
}

int keydata_none(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_INV_PACKET),
	               "This is not a public key");
}

int keydata_primary(struct keydata_walk *w, struct keydata_packet *k,
                    unsigned char fpr[20], struct err *e)
{
	if (w->left > KEYDATA_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "This key has more than %d KB",
		               KEYDATA_MAX >> 10);
	if (keydata_next(w, k) != 1 || k->tag != TAG_KEY
	    || k->len < KEYDATA_KEY_MIN)
		return keydata_none(e);
	if (k->body[0] != 4)
		return err_set(e, gpg_error(GPG_ERR_UNSUPPORTED_ALGORITHM),
		               "This key is of a version that is not known");
	return keydata_fpr(k, fpr) ? keydata_none(e) : 0;
}

bool keydata_may_follow(unsigned tag)
{
	return tag == TAG_SIGNATURE || tag == TAG_USER_ID || tag == TAG_SUBKEY
	       || tag == TAG_USER_ATTRIBUTE || tag == TAG_MARKER
	       || tag == TAG_TRUST || tag == TAG_PADDING;
}

int keydata_read(struct keydata *k, const void *buf, size_t n, struct err *e)
{
	struct keydata_walk w = { buf, n, 0 };
	unsigned char fpr[20];
	struct keydata_packet p;
	int r;

	memset(k, 0, sizeof *k);
	if (keydata_primary(&w, &p, fpr, e))
		return -1;
	for (size_t i = 0; i < sizeof fpr; i++)
		snprintf(k->fpr + 2 * i, 3, "%02X", fpr[i]);
	k->created = (int64_t)packet_be(p.body + 1, 4);
	while ((r = keydata_next(&w, &p)) == 1) {
		if (!keydata_may_follow(p.tag))
			return keydata_none(e);
		k->has_uid = k->has_uid || p.tag == TAG_USER_ID;
	}
	return r ? keydata_none(e) : 0;
}

size_t keydata_first(const void *buf, size_t n)
{
	struct keydata_walk w = { buf, n, 0 };
	struct keydata_packet p;

	if (keydata_next(&w, &p) != 1 || p.tag != TAG_KEY)
		return 0;
	while (w.left && packet_tag(w.p[0]) != TAG_KEY)
		if (keydata_next(&w, &p) != 1)
			return 0;
	return n - w.left;
}

bool keydata_uid_addr(const struct keydata_packet *k, char of[ADDR_MAX + 1])
{
	char text[KEYDATA_UID_MAX + 1];

	if (k->len > KEYDATA_UID_MAX || memchr(k->body, 0, k->len))
		return false;
	memcpy(text, k->body, k->len);
	text[k->len] = '\0';
	return addr_of_uid(text, of);
}

/* ---- what a signature says ---- */

/* One subpacket (RFC 9580 section 5.2.3.7) off the front: its type, 0 at the end
 * or where it is cut off. */
static unsigned subpacket(const unsigned char **p, size_t *left,
                          const unsigned char **body, size_t *n)
{
	size_t head = 1, len;

	if (!*left)
		return 0;
	len = (*p)[0];
	if (len >= 192) {
		head = len == 255 ? 5 : 2;
		if (*left < head)
			return 0;
		len = head == 5 ? (size_t)packet_be(*p + 1, 4)
		                : ((len - 192) << 8) + (*p)[1] + 192;
	}
	if (!len || len > *left - head)
		return 0;
	*body = *p + head + 1;
	*n = len - 1;
	*p += head + len;
	*left -= head + len;
	return (*body)[-1] & 0x7f;
}

static void area(struct keydata_signature *s, const unsigned char *p,
                 size_t left, const unsigned char fpr[20], bool hashed)
{
	const unsigned char *b;
	unsigned type;
	size_t n;

	while ((type = subpacket(&p, &left, &b, &n))) {
		if (type == SUB_ISSUER && n == 8)
			s->own = s->own || memcmp(b, fpr + 12, 8) == 0;
		if (type == SUB_ISSUER_FPR && n == 21)
			s->own = s->own || memcmp(b + 1, fpr, 20) == 0;
		if (hashed && type == SUB_CREATED && n == 4)
			s->created = (int64_t)packet_be(b, 4);
		if (hashed && type == SUB_KEY_EXPIRES && n == 4)
			s->expires = (int64_t)packet_be(b, 4);
		if (hashed && type == SUB_FLAGS && n)
			s->flags = b[0];
	}
}

bool keydata_signature(struct keydata_signature *s,
                       const struct keydata_packet *k,
                       const unsigned char fpr[20])
{
	const unsigned char *p = k->body;
	size_t n, m;

	memset(s, 0, sizeof *s);
	if (k->tag != TAG_SIGNATURE || k->len < 10 || p[0] != 4)
		return false;
	s->type = p[1];
	n = (size_t)packet_be(p + 4, 2);
	if (n > k->len - 8)
		return false;
	m = (size_t)packet_be(p + 6 + n, 2);
	if (m > k->len - 8 - n)
		return false;
	area(s, p + 6, n, fpr, true);
	area(s, p + 8 + n, m, fpr, false);
	return true;
}

/* ---- the least of it ---- */

struct part {			/* a user ID or subkey, with one signature */
	struct keydata_packet what, sig;
	struct keydata_signature says;
	bool signed_, revoked, fits;
};

struct least {
	unsigned char fpr[20];
	struct keydata_packet primary;
	struct part uid, subkey;	/* the best so far; what.p NULL: none */
	struct part now;		/* the one that is walked over */
	const char *addr;
	int64_t time;
};

static void take_signature(struct least *l, const struct keydata_packet *k)
{
	struct part *p = &l->now;
	bool uid = p->what.tag == TAG_USER_ID;
	struct keydata_signature s;

	if (!p->what.p || !keydata_signature(&s, k, l->fpr) || !s.own)
		return;
	if (s.type == (uid ? SIG_UID_REVOKED : SIG_SUBKEY_REVOKED))
		p->revoked = true;
	if (uid ? s.type < SIG_UID || s.type > SIG_UID_LAST
	        : s.type != SIG_BINDING)
		return;
	if (p->signed_ && s.created < p->says.created)
		return;
	p->signed_ = true;
	p->says = s;
	p->sig = *k;
}

/* Nothing more belongs to the part: is it better than the one so far? */
static void end_part(struct least *l)
{
	struct part *p = &l->now;
	int64_t made;

	if (!p->what.p || !p->signed_ || p->revoked)
		goto out;
	if (p->what.tag == TAG_USER_ID) {
		if (!l->uid.what.p || (p->fits && !l->uid.fits))
			l->uid = *p;
		goto out;
	}
	made = (int64_t)packet_be(p->what.body + 1, 4);
	if (!(p->says.flags & ENCRYPTS)
	    || (p->says.expires && made + p->says.expires <= l->time))
		goto out;
	if (!l->subkey.what.p
	    || made > (int64_t)packet_be(l->subkey.what.body + 1, 4))
		l->subkey = *p;
out:
	memset(p, 0, sizeof *p);
}

static int gather(struct least *l, struct keydata_walk *w, struct err *e)
{
	char of[ADDR_MAX + 1];
	struct keydata_packet k;
	int r;

	if (keydata_primary(w, &l->primary, l->fpr, e))
		return -1;
	while ((r = keydata_next(w, &k)) == 1) {
		if (!keydata_may_follow(k.tag))
			return keydata_none(e);
		if (k.tag == TAG_SIGNATURE) {
			take_signature(l, &k);
			continue;
		}
		end_part(l);
		if (k.tag == TAG_USER_ID
		    || (k.tag == TAG_SUBKEY && k.len >= KEYDATA_KEY_MIN)) {
			l->now.what = k;
			l->now.fits = k.tag == TAG_USER_ID
			              && keydata_uid_addr(&k, of)
			              && addr_same(of, l->addr);
		}
	}
	end_part(l);
	return r ? keydata_none(e) : 0;
}

static int put(struct sink *out, const struct keydata_packet *k, struct err *e)
{
	return sink_put(out, k->p, k->n, e);
}

int keydata_minimal(const void *buf, size_t n, const char *addr, int64_t now,
                    struct sink *out, struct err *e)
{
	struct keydata_walk w = { buf, n, 0 };
	struct least l = { .addr = addr, .time = now };

	if (gather(&l, &w, e))
		return -1;
	if (!l.uid.what.p)
		return err_set(e, gpg_error(GPG_ERR_NO_USER_ID),
		               "This key has no name that it signed itself");
	if (!l.subkey.what.p && !(l.uid.says.flags & ENCRYPTS))
		return err_set(e, gpg_error(GPG_ERR_UNUSABLE_PUBKEY),
		               "Nothing of this key encrypts");
	if (put(out, &l.primary, e) || put(out, &l.uid.what, e)
	    || put(out, &l.uid.sig, e))
		return -1;
	if (!l.subkey.what.p)
		return 0;
	return put(out, &l.subkey.what, e) || put(out, &l.subkey.sig, e) ? -1
	       : 0;
}
