/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ASCII armor, both ways, by tables. */
#include "crypto/armor.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

enum {
	ARMOR_LINE = 48,		/* octets in a line */
	ARMOR_TEXT = 66,		/* its text, with CRLF */
	ARMOR_BUF = 128 * ARMOR_TEXT,
	DEARMOR_LINE_MAX = 4096,	/* octets of any line, with its end */
	DEARMOR_BUF = 16 << 10
};

#define ARMOR_BEGIN "-----BEGIN PGP MESSAGE-----"
#define ARMOR_END "-----END PGP MESSAGE-----"

/* The CRC24 is kept in the upper octets of 32 bits. */
#define CRC_INIT (0xb704ceU << 8)
#define CRC_POLY (0x864cfbU << 8)

#define DECODE_BAD 0x80000000U

static const char base64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static once_flag tables_once = ONCE_FLAG_INIT;
static char encode_pair[4096][2];	/* 12 bits to two characters */
static uint32_t decode_char[4][256];	/* by the place in the group */
static uint32_t crc_octet[8][256];	/* by the octets that follow */

static void tables_make(void)
{
	uint32_t c;

	for (unsigned i = 0; i < 4096; i++) {
		encode_pair[i][0] = base64[i >> 6];
		encode_pair[i][1] = base64[i & 63];
	}
	for (unsigned i = 0; i < 256; i++) {
		for (unsigned j = 0; j < 4; j++)
			decode_char[j][i] = DECODE_BAD;
		c = i << 24;
		for (unsigned j = 0; j < 8; j++)
			c = c << 1 ^ (c >> 31 ? CRC_POLY : 0);
		crc_octet[0][i] = c;
	}
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 4; j++)
			decode_char[j][(unsigned char)base64[i]] =
				i << (18 - 6 * j);
	for (unsigned j = 1; j < 8; j++)
		for (unsigned i = 0; i < 256; i++) {
			c = crc_octet[j - 1][i];
			crc_octet[j][i] = c << 8 ^ crc_octet[0][c >> 24];
		}
}

static uint32_t crc_add(uint32_t crc, const unsigned char *p, size_t n)
{
	uint32_t a, b;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&a, p, 4);
		memcpy(&b, p + 4, 4);
		a = be32toh(a) ^ crc;
		b = be32toh(b);
		crc = crc_octet[7][a >> 24] ^ crc_octet[6][a >> 16 & 255] ^
		      crc_octet[5][a >> 8 & 255] ^ crc_octet[4][a & 255] ^
		      crc_octet[3][b >> 24] ^ crc_octet[2][b >> 16 & 255] ^
		      crc_octet[1][b >> 8 & 255] ^ crc_octet[0][b & 255];
	}
	for (; n; n--)
		crc = crc << 8 ^ crc_octet[0][crc >> 24 ^ *p++];
	return crc;
}

static char *encode_group(char *o, uint32_t v)
{
	memcpy(o, encode_pair[v >> 12], 2);
	memcpy(o + 2, encode_pair[v & 4095], 2);
	return o + 4;
}

/* One line of n octets, n > 0, with its CRLF. */
static char *encode_line(char *o, const unsigned char *p, size_t n)
{
	for (; n >= 3; p += 3, n -= 3)
		o = encode_group(o, (uint32_t)p[0] << 16 | p[1] << 8 | p[2]);
	if (n) {
		o = encode_group(o, (uint32_t)p[0] << 16 |
		                    (n == 2 ? p[1] << 8 : 0));
		memset(o - (3 - n), '=', 3 - n);
	}
	memcpy(o, "\r\n", 2);
	return o + 2;
}

static char *armor_text(char *o, const char *text)
{
	return (char *)mempcpy(o, text, strlen(text));
}

static char *armor_begin(struct armor *a, char *o)
{
	if (a->begun)
		return o;
	a->begun = true;
	o = armor_text(armor_text(o, "-----BEGIN "), a->label);
	return armor_text(o, "-----\r\n\r\n");
}

static int armor_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct armor *a = (struct armor *)s;
	const unsigned char *p = buf;
	char text[ARMOR_BUF], *o = armor_begin(a, text);
	size_t k = 0;

	if (a->rest_len) {
		k = ARMOR_LINE - a->rest_len;
		if (k > n)
			k = n;
		memcpy(a->rest + a->rest_len, p, k);
		a->rest_len += (unsigned)k;
		if (a->rest_len < ARMOR_LINE)
			return 0;
		a->crc = crc_add(a->crc, a->rest, ARMOR_LINE);
		o = encode_line(o, a->rest, ARMOR_LINE);
	}
	p += k;
	n -= k;
	for (; n >= ARMOR_LINE; p += ARMOR_LINE, n -= ARMOR_LINE) {
		if (text + sizeof text - o < ARMOR_TEXT) {
			if (sink_put(a->out, text, (size_t)(o - text), e))
				return -1;
			o = text;
		}
		a->crc = crc_add(a->crc, p, ARMOR_LINE);
		o = encode_line(o, p, ARMOR_LINE);
	}
	memcpy(a->rest, p, n);
	a->rest_len = (unsigned)n;
	return sink_put(a->out, text, (size_t)(o - text), e);
}

void armor_init_label(struct armor *a, const char *label, struct sink *out)
{
	call_once(&tables_once, tables_make);
	*a = (struct armor){
		.sink.put = armor_put, .out = out, .label = label,
		.crc = CRC_INIT
	};
}

void armor_init(struct armor *a, struct sink *out)
{
	armor_init_label(a, "PGP MESSAGE", out);
}

int armor_end(struct armor *a, struct err *e)
{
	char text[3 * ARMOR_TEXT], *o = armor_begin(a, text);

	if (a->rest_len)
		o = encode_line(o, a->rest, a->rest_len);
	a->crc = crc_add(a->crc, a->rest, a->rest_len);
	a->rest_len = 0;
	*o++ = '=';
	o = encode_group(o, a->crc >> 8);
	o = armor_text(armor_text(o, "\r\n-----END "), a->label);
	o = armor_text(o, "-----\r\n");
	return sink_put(a->out, text, (size_t)(o - text), e);
}

struct dearmor {
	const char *label;
	struct sink *out;
	enum { BEFORE, HEADERS, DATA, CHECKED, AFTER, FAILED } state;
	bool padded;
	uint32_t crc;
	unsigned group_len;
	unsigned char group[4];		/* one that a line end cut */
	size_t line_len, buf_len;
	unsigned char line[DEARMOR_LINE_MAX];	/* one that put() cut */
	unsigned char buf[DEARMOR_BUF];
};

static int dearmor_bad(struct err *e, const char *why)
{
	return err_set(e, GPG_ERR_INV_ARMOR, "The armor is damaged: %s", why);
}

static int dearmor_flush(struct dearmor *d, struct err *e)
{
	size_t n = d->buf_len;

	d->buf_len = 0;
	d->crc = crc_add(d->crc, d->buf, n);
	return sink_put(d->out, d->buf, n, e);
}

/* Decode the whole groups up to the first odd one: the characters taken. */
static size_t decode_groups(struct dearmor *d, const unsigned char *p,
                            size_t n)
{
	unsigned char *o = d->buf + d->buf_len;
	uint32_t v;
	size_t i;

	for (i = 0; n - i >= 4; i += 4, o += 3) {
		v = decode_char[0][p[i]] | decode_char[1][p[i + 1]] |
		    decode_char[2][p[i + 2]] | decode_char[3][p[i + 3]];
		if (v & DECODE_BAD)
			break;
		o[0] = v >> 16 & 0xff;
		o[1] = v >> 8 & 0xff;
		o[2] = v & 0xff;
	}
	d->buf_len = (size_t)(o - d->buf);
	return i;
}

/* Decode d->group, which may be padded. */
static int decode_last(struct dearmor *d, struct err *e)
{
	unsigned pad = 0;

	while (pad < 2 && d->group[3 - pad] == '=')
		d->group[3 - pad++] = 'A';
	if (decode_groups(d, d->group, 4) != 4)
		return dearmor_bad(e, "it has illegal characters");
	d->buf_len -= pad;
	d->group_len = 0;
	d->padded = pad > 0;
	return 0;
}

static int dearmor_data(struct dearmor *d, const unsigned char *p, size_t n,
                        struct err *e)
{
	size_t k;

	if (sizeof d->buf - d->buf_len < DEARMOR_LINE_MAX &&
	    dearmor_flush(d, e))
		return -1;
	while (n) {
		if (d->padded)
			return dearmor_bad(e, "data after its end");
		if (!d->group_len) {
			k = decode_groups(d, p, n);
			p += k;
			n -= k;
			if (!n)
				break;
		}
		d->group[d->group_len++] = *p++;
		n--;
		if (d->group_len == 4 && decode_last(d, e))
			return -1;
	}
	return 0;
}

static int dearmor_check(struct dearmor *d, const unsigned char *p,
                         struct err *e)
{
	uint32_t v = 0;

	for (unsigned j = 0; j < 4; j++)
		v |= decode_char[j][p[j]];
	if (dearmor_flush(d, e))
		return -1;
	if (v != d->crc >> 8)
		return dearmor_bad(e, "its checksum is wrong");
	d->state = CHECKED;
	return 0;
}

/* "-----BEGIN PGP MESSAGE-----", say. */
static bool line_is(const unsigned char *p, size_t n, const char *begin,
                    const char *label)
{
	size_t b = strlen(begin), l = strlen(label);

	return n == b + l + 5 && !memcmp(p, begin, b)
	       && !memcmp(p + b, label, l) && !memcmp(p + b + l, "-----", 5);
}

static int dearmor_last(struct dearmor *d, const unsigned char *p, size_t n,
                        struct err *e)
{
	if (!line_is(p, n, "-----END ", d->label))
		return dearmor_bad(e, "its last line is missing");
	if (d->group_len)
		return dearmor_bad(e, "its data is cut short");
	d->state = AFTER;
	return dearmor_flush(d, e);
}

static int dearmor_line(struct dearmor *d, const unsigned char *p, size_t n,
                        struct err *e)
{
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
		n--;
	if (!n) {
		if (d->state == HEADERS)
			d->state = DATA;
		return 0;
	}
	switch (d->state) {
	case BEFORE:
		if (!line_is(p, n, "-----BEGIN ", d->label))
			return dearmor_bad(e, "text before it");
		d->state = HEADERS;
		return 0;
	case HEADERS:
		if (!memchr(p + 1, ':', n - 1))
			return dearmor_bad(e, "a header without a colon");
		return 0;
	case DATA:
		if (n == 5 && p[0] == '=')
			return dearmor_check(d, p + 1, e);
		if (p[0] != '-')
			return dearmor_data(d, p, n, e);
		return dearmor_last(d, p, n, e);
	case CHECKED:
		return dearmor_last(d, p, n, e);
	default:
		return dearmor_bad(e, "text after it");
	}
}

struct dearmor *dearmor_new(const char *label, struct sink *out)
{
	struct dearmor *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	call_once(&tables_once, tables_make);
	d->label = label;
	d->out = out;
	d->crc = CRC_INIT;
	return d;
}

/* Take the octets of a line, or of a part of one if it has no end yet. */
static int dearmor_take(struct dearmor *d, const unsigned char *p, size_t n,
                        bool whole, struct err *e)
{
	if (n > sizeof d->line - d->line_len)
		return dearmor_bad(e, "a line is too long");
	if (whole && !d->line_len)
		return dearmor_line(d, p, n, e);
	memcpy(d->line + d->line_len, p, n);
	d->line_len += n;
	if (!whole)
		return 0;
	n = d->line_len;
	d->line_len = 0;
	return dearmor_line(d, d->line, n, e);
}

int dearmor_put(struct dearmor *d, const void *buf, size_t n, struct err *e)
{
	const unsigned char *p = buf, *end;
	size_t k;

	if (d->state == FAILED)
		return dearmor_bad(e, "it failed before");
	while (n) {
		end = memchr(p, '\n', n);
		k = end ? (size_t)(end - p) : n;
		if (dearmor_take(d, p, k, end, e)) {
			d->state = FAILED;
			return -1;
		}
		k += end ? 1 : 0;
		p += k;
		n -= k;
	}
	return 0;
}

int dearmor_end(struct dearmor *d, struct err *e)
{
	if (d->state != FAILED && d->line_len && dearmor_put(d, "\n", 1, e))
		return -1;
	if (d->state != AFTER)
		return dearmor_bad(e, "its end is missing");
	return 0;
}

void dearmor_free(struct dearmor *d)
{
	free(d);
}
