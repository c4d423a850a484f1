/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyrings as gpg has them, written and walked over. */
#include "crypto/kbx.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "crypto/keydata_private.h"

enum {
	BEGIN = 1, KEY = 2,		/* kinds of blobs */
	VERSION = 1,
	BEGIN_SIZE = 32, BEGIN_OPENPGP = 2,
	HEAD = 20,			/* before what is known of each key */
	KEY_INFO = 28, UID_INFO = 12, SIG_INFO = 4,
	FPR = 20, KEY_ID = 12,		/* where in that it begins */
	FIXED = HEAD + 2 + 4 + 4 + 20,	/* with all counts */
	HASH = 20,
	UID_SIZE_MAX = 2048		/* or gpg reads nothing of the key */
};

static unsigned char *put16(unsigned char *p, size_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
	return p + 2;
}

static unsigned char *put32(unsigned char *p, uint64_t v)
{
	put16(p, (size_t)(v >> 16 & 0xffff));
	put16(p + 2, (size_t)(v & 0xffff));
	return p + 4;
}

int kbx_begin(struct sink *out, int64_t now, struct err *e)
{
	unsigned char b[BEGIN_SIZE] = { 0 };

	put32(b, BEGIN_SIZE);
	b[4] = BEGIN;
	b[5] = VERSION;
	put16(b + 6, BEGIN_OPENPGP);
	memcpy(b + 8, "KBXf", 4);
	put32(b + 16, (uint64_t)now);
	put32(b + 20, (uint64_t)now);
	return sink_put(out, b, sizeof b, e);
}

/* ---- a key ---- */

/* Its packets as far as they are put into the blob. */
struct blob {
	struct keydata_packet *packet;
	size_t n, keys, uids, sigs;
	size_t octets;		/* of all packets */
	bool part;		/* what signatures stand behind is put there */
};

static void take(struct blob *b, const struct keydata_packet *k)
{
	switch (k->tag) {
	case TAG_KEY: case TAG_SUBKEY:
		b->part = k->len >= KEYDATA_KEY_MIN && k->body[0] == 4;
		b->keys += b->part;
		break;
	case TAG_USER_ID:
		b->part = k->len <= UID_SIZE_MAX;
		b->uids += b->part;
		break;
	case TAG_SIGNATURE:
		b->sigs += b->part;
		break;
	case TAG_USER_ATTRIBUTE:
		b->part = false;
		return;
	default:
		return;
	}
	if (!b->part)
		return;
	b->packet[b->n++] = *k;
	b->octets += k->n;
}

static int gather(struct blob *b, const void *key, size_t n, struct err *e)
{
	struct keydata_walk w = { key, n, 0 };
	unsigned char fpr[FPR];
	struct keydata_packet k;
	int r;

	if (keydata_primary(&w, &k, fpr, e))
		return -1;
	take(b, &k);
	while ((r = keydata_next(&w, &k)) == 1) {
		if (!keydata_may_follow(k.tag))
			return keydata_none(e);
		take(b, &k);
	}
	return r ? keydata_none(e) : 0;
}

/* What is known of each key, at p: what is behind that, or NULL. */
static unsigned char *put_keys(const struct blob *b, const unsigned char *blob,
                               unsigned char *p)
{
	p = put16(p, b->keys);
	p = put16(p, KEY_INFO);
	for (size_t i = 0; i < b->n; i++) {
		if (b->packet[i].tag != TAG_KEY
		    && b->packet[i].tag != TAG_SUBKEY)
			continue;
		if (keydata_fpr(&b->packet[i], p))
			return NULL;
		put32(p + FPR, (uint64_t)(p - blob + KEY_ID));
		p += KEY_INFO;
	}
	return put16(p, 0);		/* no serial number */
}

/* And of each user ID; its packets begin at off. */
static unsigned char *put_uids(const struct blob *b, unsigned char *p,
                               size_t off)
{
	const struct keydata_packet *k = b->packet;

	p = put16(p, b->uids);
	p = put16(p, UID_INFO);
	for (size_t i = 0; i < b->n; off += k[i++].n) {
		if (k[i].tag != TAG_USER_ID)
			continue;
		put32(p, off + (size_t)(k[i].body - k[i].p));
		put32(p + 4, k[i].len);
		p += UID_INFO;
	}
	return p;
}

/* size octets of zeros at blob become it; head: of them before the packets. */
static int fill(const struct blob *b, unsigned char *blob, size_t head,
                size_t size, int64_t now)
{
	unsigned char *p = blob + HEAD - 4;

	put32(blob, size);
	blob[4] = KEY;
	blob[5] = VERSION;
	put32(blob + 8, head);
	put32(blob + 12, b->octets);
	p = put_keys(b, blob, p);
	if (!p)
		return -1;
	p = put_uids(b, p, head);
	p = put16(p, b->sigs);
	p = put16(p, SIG_INFO);
	p += SIG_INFO * b->sigs;	/* not checked yet */
	p += 12;			/* trust, the next check, the newest time */
	put32(p, (uint64_t)now);
	p = blob + head;
	for (size_t i = 0; i < b->n; i++) {
		memcpy(p, b->packet[i].p, b->packet[i].n);
		p += b->packet[i].n;
	}
	return EVP_Digest(blob, size - HASH, p, NULL, EVP_sha1(), NULL) == 1
	       ? 0 : -1;
}

static int put(const struct blob *b, struct sink *out, int64_t now,
               struct err *e)
{
	size_t head = FIXED + KEY_INFO * b->keys + UID_INFO * b->uids
	              + SIG_INFO * b->sigs;
	size_t size = head + b->octets + HASH;
	unsigned char *blob = calloc(1, size);
	int rc;

	if (!blob)
		return err_errno(e, "memory");
	rc = fill(b, blob, head, size, now)
	     ? err_set(e, gpg_error(GPG_ERR_ENOMEM), "memory")
	     : sink_put(out, blob, size, e);
	free(blob);
	return rc;
}

int kbx_key(struct sink *out, const void *key, size_t n, int64_t now,
            struct err *e)
{
	struct blob b = { NULL };
	int rc;

	b.packet = calloc(KEYDATA_PACKETS_MAX, sizeof *b.packet);
	if (!b.packet)
		return err_errno(e, "memory");
	rc = gather(&b, key, n, e) || put(&b, out, now, e) ? -1 : 0;
	free(b.packet);
	return rc;
}

/* ---- reading ---- */

size_t kbx_first(const void *buf, size_t n, const unsigned char **fpr)
{
	const unsigned char *p = buf;
	size_t size;

	if (n < BEGIN_SIZE)
		return 0;
	size = (size_t)packet_be(p, 4);
	if (size < BEGIN_SIZE || size > n || p[5] != VERSION)
		return 0;
	*fpr = p[4] == BEGIN ? NULL : p + HEAD;
	if (p[4] == BEGIN)
		return size == BEGIN_SIZE ? size : 0;
	return p[4] == KEY && size >= FIXED + KEY_INFO + HASH ? size : 0;
}
