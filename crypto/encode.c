/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quoted-printable and base64 written, in runs of octets that need no change. */
#include "crypto/encode.h"

#include <stdbool.h>
#include <string.h>

enum {
	BLOCK = 4096,
	STEP_MAX = ENCODE_COLUMNS + 8,	/* octets of one step at most */
	ROOM = ENCODE_COLUMNS - 1	/* the last column is for "=" */
};

/* What is written and not yet handed on. */
struct block {
	struct sink *out;
	char buf[BLOCK];
	size_t len;
};

static void block_add(struct block *b, const void *p, size_t n)
{
	memcpy(b->buf + b->len, p, n);
	b->len += n;
}

/* Room for a step. */
static int block_room(struct block *b, size_t room, struct err *e)
{
	size_t len = b->len;

	if (BLOCK - len >= room)
		return 0;
	b->len = 0;
	return sink_put(b->out, b->buf, len, e);
}

/* Is it one octet that says itself?  Blanks are not: it depends. */
static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 127 && c != '=';
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* How many octets at p, of at most max, are written as they stand; n of them
 * can be looked at. */
static size_t plain_run(const unsigned char *p, size_t n, size_t max)
{
	size_t i = 0;

	while (i < max && (is_plain(p[i]) ||
	                   (is_blank(p[i]) && i + 1 < n && is_plain(p[i + 1]))))
		i++;
	return i;
}

static bool is_line_end(const unsigned char *p, size_t n)
{
	return n >= 2 && p[0] == '\r' && p[1] == '\n';
}

/* Must the octet at p be encoded? */
static bool is_special(const unsigned char *p, size_t n, bool first)
{
	if (is_blank(*p))
		return n == 1 || is_line_end(p + 1, n - 1);
	if (first && *p == 'F')
		return n >= 5 && memcmp(p, "From ", 5) == 0;
	if (first && *p == '-')
		return n >= 2 && p[1] == '-';
	return !is_plain(*p);
}

/* One octet or line end at p, of n that can be seen: how many octets it was. */
static size_t qp_step(struct encode *c, struct block *b,
                      const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	char esc[3] = { '=', hex[*p >> 4], hex[*p & 15] };
	bool special;

	if (is_line_end(p, n)) {
		block_add(b, "\r\n", 2);
		c->column = 0;
		return 2;
	}
	special = is_special(p, n, c->column == 0);
	if (c->column + (special ? 3 : 1) > ROOM) {
		block_add(b, "=\r\n", 3);
		c->column = 0;
		special = is_special(p, n, true);
	}
	if (special)
		block_add(b, esc, 3);
	else
		block_add(b, p, 1);
	c->column += special ? 3 : 1;
	return 1;
}

/* The first octets of n, as far as enough can be seen behind them; all when
 * nothing follows.  *used tells how many. */
static int qp_some(struct encode *c, struct block *b, const unsigned char *p,
                   size_t n, bool whole, size_t *used, struct err *e)
{
	size_t stop = whole ? n : n < ENCODE_AHEAD ? 0 : n - ENCODE_AHEAD + 1;
	size_t i = 0, run, room;

	while (i < stop) {
		if (block_room(b, STEP_MAX, e))
			return -1;
		room = c->column ? ROOM - c->column : 0;
		run = plain_run(p + i, n - i,
		                room < stop - i ? room : stop - i);
		block_add(b, p + i, run);
		c->column += (unsigned)run;
		i += run ? run : qp_step(c, b, p + i, n - i);
	}
	*used = i;
	return 0;
}

/* Held octets and new ones meet in a small place; what is behind them is read
 * where it is. */
static int qp_put(struct encode *c, struct block *b, const unsigned char *p,
                  size_t n, struct err *e)
{
	size_t had, add, used;

	while (c->n_held && n) {
		had = c->n_held;
		add = sizeof c->held - had;
		if (add > n)
			add = n;
		memcpy(c->held + had, p, add);
		if (qp_some(c, b, c->held, had + add, false, &used, e))
			return -1;
		if (used >= had) {
			p += used - had;
			n -= used - had;
			c->n_held = 0;
			break;
		}
		c->n_held = had + add - used;
		memmove(c->held, c->held + used, c->n_held);
		p += add;
		n -= add;
	}
	if (c->n_held)
		return 0;
	if (qp_some(c, b, p, n, false, &used, e))
		return -1;
	c->n_held = n - used;
	if (c->n_held)
		memcpy(c->held, p + used, c->n_held);
	return 0;
}

static const char SIX[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three octets, or what is left of them at the end, as four. */
static int base64_quad(struct encode *c, struct block *b,
                       const unsigned char *p, size_t n, struct err *e)
{
	unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) |
	             (n > 2 ? p[2] : 0);
	char quad[4] = { SIX[v >> 18], SIX[v >> 12 & 63],
	                 n > 1 ? SIX[v >> 6 & 63] : '=',
	                 n > 2 ? SIX[v & 63] : '=' };

	if (block_room(b, STEP_MAX, e))
		return -1;
	if (c->column == ENCODE_COLUMNS) {
		block_add(b, "\r\n", 2);
		c->column = 0;
	}
	block_add(b, quad, 4);
	c->column += 4;
	return 0;
}

static int base64_put(struct encode *c, struct block *b,
                      const unsigned char *p, size_t n, struct err *e)
{
	while (n && (c->n_held || n < 3)) {
		c->held[c->n_held++] = *p++;
		n--;
		if (c->n_held < 3)
			continue;
		c->n_held = 0;
		if (base64_quad(c, b, c->held, 3, e))
			return -1;
	}
	for (; n >= 3; p += 3, n -= 3)
		if (base64_quad(c, b, p, 3, e))
			return -1;
	memcpy(c->held + c->n_held, p, n);
	c->n_held += n;
	return 0;
}

static int encode_put(struct sink *sink, const void *buf, size_t n,
                      struct err *e)
{
	struct encode *c = (struct encode *)sink;
	struct block b;
	int rc;

	b.out = c->out;
	b.len = 0;
	if (c->how == TRANSFER_QP)
		rc = qp_put(c, &b, buf, n, e);
	else
		rc = base64_put(c, &b, buf, n, e);
	return rc ? rc : sink_put(c->out, b.buf, b.len, e);
}

void encode_init(struct encode *c, enum transfer how, struct sink *out)
{
	*c = (struct encode){ .sink.put = encode_put, .out = out,
	                      .how = how };
}

int encode_end(struct encode *c, struct err *e)
{
	struct block b;
	size_t used;
	int rc = 0;

	b.out = c->out;
	b.len = 0;
	if (c->how == TRANSFER_QP)
		rc = qp_some(c, &b, c->held, c->n_held, true, &used, e);
	else if (c->n_held)
		rc = base64_quad(c, &b, c->held, c->n_held, e);
	c->n_held = 0;
	return rc ? rc : sink_put(c->out, b.buf, b.len, e);
}
