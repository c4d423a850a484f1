/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a scanner of parts tells of a letter, as a line of text; the same however
 * it is cut. */
#ifndef TESTS_PARTS_H
#define TESTS_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/parts.h"
#include "crypto/sink.h"
#include "tests/unit/slow.h"

/* What was told, as a text: "P0 pre|D0 /--b/|H1 /|B1 hi|.1|C0 /--b--/|.0m".  The
 * letter, the depth, and the octets, where "/" is CRLF, "~" LF, "^" CR, "<0>" NUL
 * and "," a slash; "." is an end; "m", "r" and "!" behind the depth are a multipart,
 * a message and what is opaque. */
struct told {
	struct parts_to to;
	struct membuf text, all;
	char last;		/* the piece that may go on */
	unsigned last_depth;
	bool first;
	size_t fail_at;		/* fail at this octet, if not 0 */
	size_t n[8];		/* pieces of a kind; and at END, ends */
};

enum { END = PIECE_EPILOGUE + 1 };

static const char letters[] = "HBPDCE";

static inline void tell_octets(struct membuf *m, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n' && m->buf[m->len - 1] == '^')
			m->buf[m->len - 1] = '/';
		else if (buf[i] == '\0')
			membuf_printf(m, NULL, "<0>");
		else
			membuf_printf(m, NULL, "%c", buf[i] == '\r' ? '^'
			              : buf[i] == '\n' ? '~'
			              : buf[i] == '/' ? ',' : buf[i]);
	}
}

static inline const char *mark(const struct part *p)
{
	return p->kind == PART_MULTI ? "m" : p->kind == PART_MESSAGE ? "r"
	       : p->opaque ? "!" : "";
}

static inline int told_piece(struct parts_to *to, struct part *p,
                             enum parts_piece what, const char *buf, size_t n,
                             struct err *e)
{
	struct told *t = (struct told *)to;
	char c = letters[what];

	assert_true(n > 0);
	assert_non_null(p->header);
	if (sink_put(&t->all.sink, buf, n, e))
		return -1;
	if (t->fail_at && t->all.len >= t->fail_at)
		return err_set(e, GPG_ERR_ENOSPC, "full");
	t->n[what]++;
	if (t->text.max == 0)
		return 0;
	if (t->last != c || t->last_depth != p->depth || c == 'H')
		membuf_printf(&t->text, NULL, "%s%c%u%s ", t->last ? "|" : "",
		              c, p->depth, c == 'H' ? mark(p) : "");
	t->last = c == 'D' || c == 'C' ? ' ' : c;
	t->last_depth = p->depth;
	tell_octets(&t->text, buf, n);
	return 0;
}

static inline int told_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct told *t = (struct told *)to;

	(void)e;
	t->n[END]++;
	if (t->text.max)
		membuf_printf(&t->text, NULL, "%s.%u%s", t->last ? "|" : "",
		              p->depth, mark(p));
	t->last = '.';
	return 0;
}

struct how {
	unsigned depth;
	bool messages;
};

static inline void told_free(struct told *t)
{
	membuf_free(&t->text);
	membuf_free(&t->all);
}

/* Read a body, the first cut as told, then every part octets: was it odd? */
static inline bool tell(struct told *t, struct how how, const char *head,
                        const char *body, size_t n, size_t first, size_t part)
{
	size_t max = t->text.max, k;
	struct parts *p;
	struct header h;
	bool odd;

	memset(t, 0, sizeof *t);
	t->to.piece = told_piece;
	t->to.end = told_end;
	membuf_init(&t->text, max);
	membuf_init(&t->all, n);
	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	p = parts_new(&h, how.depth, how.messages, &t->to, NULL);
	assert_non_null(p);
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(parts_put(p, body + i, k, NULL), 0);
	}
	assert_int_equal(parts_end(p, NULL), 0);
	odd = parts_odd(p);
	parts_free(p);
	header_free(&h);
	assert_int_equal(t->all.len, n);
	assert_memory_equal(t->all.buf ? t->all.buf : "", body, n);
	return odd;
}

static const struct how deep = { PARTS_DEPTH_MAX, true };

/* In every cutting; and the text is the same with LF line ends. */
static inline void assert_told_so(struct how how, const char *head, const char *body,
                                  size_t n, const char *want, bool want_odd)
{
	struct told t = { .text.max = 1 << 20 };
	bool odd;

	for (size_t i = 0; i <= n + 2; i++) {
		odd = tell(&t, how, head, body, n, i <= n ? i : 1,
		           i <= n ? 0 : i - n);
		if (!t.text.buf || strcmp(t.text.buf, want) != 0)
			fail_msg("cut at %zu: %s\n is    %s\n not   %s", i,
			         body, t.text.buf ? t.text.buf : "", want);
		if (odd != want_odd)
			fail_msg("cut at %zu: odd is %d: %s", i, odd, body);
		told_free(&t);
	}
}

static inline void assert_told(const char *head, const char *body, const char *want)
{
	char lf_body[4000], lf_want[4000];
	size_t n = 0, m = 0;

	assert_told_so(deep, head, body, strlen(body), want, false);
	if (strchr(want, '~') || strchr(want, '^'))
		return;
	for (const char *p = body; *p; p++)
		if (*p != '\r')
			lf_body[n++] = *p;
	lf_body[n] = '\0';
	for (const char *p = want; *p; p++)
		lf_want[m++] = *p == '/' ? '~' : *p;
	lf_want[m] = '\0';
	assert_told_so(deep, head, lf_body, n, lf_want, false);
}

static inline void assert_odd(const char *head, const char *body, const char *want)
{
	assert_told_so(deep, head, body, strlen(body), want, true);
}

#define M "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define C "Content-Type: multipart/mixed; boundary=c\r\n"
#define RFC822 "Content-Type: message/rfc822\r\n"
#define NEST(x) "Content-Type: multipart/mixed; boundary=" x "\r\n\r\n"

#endif
