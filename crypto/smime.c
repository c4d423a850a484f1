/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 octet by octet, and the few octets of DER in front. */
#include "crypto/smime.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_one(const struct header *h, const char *name,
                   const char *const *values)
{
	const struct field *f = header_get(h, name, 0);
	char *text = f && header_count(h, name) == 1 ? field_token(f) : NULL;
	bool is = false;

	for (; text && *values; values++)
		is = is || strcmp(text, *values) == 0;
	free(text);
	return is;
}

bool smime_is(const struct header *h)
{
	static const char *const types[] = { "application/pkcs7-mime",
		"application/x-pkcs7-mime", NULL };
	static const char *const base64[] = { "base64", NULL };

	return is_one(h, "Content-Type", types)
	       && is_one(h, "Content-Transfer-Encoding", base64);
}

/* ---- the head (X.690 section 8.1) ---- */

struct der {
	const unsigned char *p;
	size_t n;
	bool more;		/* it ended too early */
};

static int der_octet(struct der *d)
{
	if (d->n == 0) {
		d->more = true;
		return -1;
	}
	d->n--;
	return *d->p++;
}

static bool der_tag(struct der *d, int tag)
{
	int length;

	if (der_octet(d) != tag)
		return false;
	length = der_octet(d);
	if (length < 0x80)
		return length >= 0;
	/* 0x80: until its end is told; else so many octets of length */
	if (length > 0x88)
		return false;
	for (length -= 0x80; length; length--)
		if (der_octet(d) < 0)
			return false;
	return true;
}

static bool der_is(struct der *d, const void *p, size_t n)
{
	const unsigned char *want = p;

	while (n--)
		if (der_octet(d) != *want++)
			return false;
	return true;
}

/* ContentInfo { contentType, [0] { version, ... } }: 1 yes, 0 not yet, -1 no. */
static int is_enveloped(const unsigned char *p, size_t n)
{
	static const char enveloped[] =
		"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
	static const char auth_enveloped[] =
		"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
	struct der d = { p, n, false }, oid;
	bool is;

	if (!der_tag(&d, 0x30))
		return d.more ? 0 : -1;
	oid = d;
	is = der_is(&d, enveloped, sizeof enveloped - 1);
	if (!is && !d.more) {
		d = oid;
		is = der_is(&d, auth_enveloped, sizeof auth_enveloped - 1);
	}
	is = is && der_tag(&d, 0xa0) && der_tag(&d, 0x30)
	     && der_is(&d, "\x02\x01", 2) && der_octet(&d) >= 0;
	return is ? 1 : d.more ? 0 : -1;
}

/* ---- the body ---- */

static int value_of(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void decoded(struct smime *s)
{
	for (unsigned i = 0; i < 3 - s->pad; i++)
		if (s->n_head < sizeof s->head)
			s->head[s->n_head++] = s->bits >> (16 - 8 * i) & 0xff;
}

static bool take(struct smime *s, unsigned char c)
{
	int v = value_of(c);

	if (s->cr) {
		s->cr = false;
		return c == '\n';
	}
	if (c == '\r') {
		s->cr = true;
		return true;
	}
	if (c == '=' ? s->quad < 2 : v < 0 || s->pad)
		return false;
	s->pad += c == '=';
	s->bits = (s->bits << 6 | (c == '=' ? 0UL : (unsigned long)v))
	          & 0xffffff;
	s->quad = (s->quad + 1) % 4;
	if (s->quad == 0)
		decoded(s);
	return true;
}

static int bad(struct smime *s, struct err *e)
{
	s->failed = true;
	return err_set(e, GPG_ERR_BAD_DATA, "It says that it is sealed by "
	               "S/MIME, and is not");
}

static int smime_put(struct sink *sink, const void *buf, size_t n,
                     struct err *e)
{
	struct smime *s = (struct smime *)sink;
	const unsigned char *p = buf;
	size_t i = 0;
	int is = 0;

	if (s->failed)
		return bad(s, e);
	for (; i < n && !s->right; i++) {
		if (s->n_held == sizeof s->held || !take(s, p[i]))
			return bad(s, e);
		s->held[s->n_held++] = p[i];
		if (s->quad == 0)
			is = is_enveloped(s->head, s->n_head);
		if (is < 0)
			return bad(s, e);
		s->right = is > 0;
		if (s->right && sink_put(s->out, s->held, s->n_held, e))
			return -1;
	}
	p += i;
	n -= i;
	for (i = 0; i < n; i++)
		if (!take(s, p[i]))
			return bad(s, e);
	return sink_put(s->out, p, n, e);
}

void smime_init(struct smime *s, struct sink *out)
{
	memset(s, 0, sizeof *s);
	s->sink.put = smime_put;
	s->out = out;
}

int smime_end(struct smime *s, struct err *e)
{
	if (s->failed || !s->right || s->quad || s->cr)
		return bad(s, e);
	return 0;
}
