/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoded words (RFC 2047), read with suspicion and written in base64. */
#include "crypto/lex.h"

#include <openssl/evp.h>
#include <string.h>

#include "crypto/ascii.h"

enum {
	ENCWORD_CHARSET_MAX = 40,
	ENCWORD_OCTETS = 36	/* 48 octets of base64: a word of at most 75
				 * with a charset of up to 20 octets */
};

/* "charset?b?" behind "=?": where the text begins. */
static const char *encword_head(const char *p, const char *end,
                                struct encword *w)
{
	size_t max = (size_t)(end - p);
	const char *q;

	if (max > ENCWORD_CHARSET_MAX + 1)
		max = ENCWORD_CHARSET_MAX + 1;
	q = memchr(p, '?', max);
	if (!q || q == p || end - q < 3 || q[2] != '?')
		return NULL;
	w->charset = p;
	w->charset_len = (size_t)(q - p);
	w->encoding = ascii_lower(q[1]);
	if (w->encoding != 'b' && w->encoding != 'q')
		return NULL;
	return q + 3;
}

static const char *find_pair(const char *p, const char *end, char a, char b)
{
	while ((p = memchr(p, a, (size_t)(end - p))) != NULL) {
		if (++p < end && *p == b)
			return p - 1;
	}
	return NULL;
}

bool encword_next(const char **p, const char *end, struct encword *w)
{
	const char *s = *p, *q;

	while ((s = find_pair(s, end, '=', '?')) != NULL) {
		w->start = s;
		s += 2;
		w->text = encword_head(s, end, w);
		if (!w->text)
			continue;
		q = find_pair(w->text, end, '?', '=');
		if (!q)
			break;	/* nor will a later one end: stay linear */
		w->text_len = (size_t)(q - w->text);
		w->len = (size_t)(q + 2 - w->start);
		*p = q + 2;
		return true;
	}
	*p = end;
	return false;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool base64_decode(const struct encword *w, char *out, size_t *n)
{
	unsigned acc = 0, bits = 0;
	bool ended = false;
	int d;

	for (size_t i = 0; i < w->text_len; i++) {
		d = base64_digit(w->text[i]);
		if (d < 0) {
			ended |= w->text[i] == '=';
			continue;
		}
		if (ended)
			return false;
		acc = (acc << 6 | (unsigned)d) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[(*n)++] = (char)(acc >> bits);
		}
	}
	return true;
}

static int hex_digit(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void q_decode(const struct encword *w, char *out, size_t *n)
{
	const char *s = w->text;
	int hi, lo;

	for (size_t i = 0; i < w->text_len; i++) {
		if (s[i] == '=' && w->text_len - i > 2) {
			hi = hex_digit(s[i + 1]);
			lo = hex_digit(s[i + 2]);
			if (hi >= 0 && lo >= 0) {
				out[(*n)++] = (char)(hi << 4 | lo);
				i += 2;
				continue;
			}
		}
		out[(*n)++] = s[i] == '_' ? ' ' : s[i];
	}
}

bool encword_decode(const struct encword *w, char *out, size_t *out_len)
{
	*out_len = 0;
	if (w->encoding == 'b')
		return base64_decode(w, out, out_len);
	q_decode(w, out, out_len);
	return true;
}

int encword_put(struct membuf *m, const char *charset, size_t charset_len,
                const char *buf, size_t len, struct err *e)
{
	unsigned char b64[ENCWORD_OCTETS / 3 * 4 + 1];
	size_t n, back;

	for (size_t off = 0; off < len; off += n) {
		n = len - off < ENCWORD_OCTETS ? len - off : ENCWORD_OCTETS;
		for (back = 0; back < 3 && off + n - back < len &&
		     (buf[off + n - back] & 0xc0) == 0x80; back++)
			;
		if (back < 3 || (buf[off + n - 3] & 0xc0) != 0x80)
			n -= back;
		EVP_EncodeBlock(b64, (const unsigned char *)buf + off, (int)n);
		if (off && sink_put(&m->sink, " ", 1, e))
			return -1;
		if (membuf_printf(m, e, "=?%.*s?B?%s?=", (int)charset_len,
		                  charset, (const char *)b64))
			return -1;
	}
	return 0;
}
