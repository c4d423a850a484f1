/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What units of protected headers share: a letter's header sealed, signed and
 * brought back, and what then always holds. */
#ifndef TESTS_PROTECT_H
#define TESTS_PROTECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/protect.h"
#include "tests/unit/slow.h"

enum { SECONDS_MAX = 20, BIG = HEADER_MAX, OUT_MAX = 64 << 20 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S(s) s, sizeof(s) - 1
#define HP "hp=\"cipher\"; protected-headers=\"v1\""
#define NO_TYPE "Content-Type: text/plain; charset=us-ascii;\r\n " HP "\r\n"
#define MINIMUM "From: a@b\r\nDate: d\r\nMessage-ID: <m>\r\n"

static const struct protect_new ADD = {
	.date = "Mon, 23 Nov 2026 07:30:00 +0000", .message_id = "<1@b>"
};

struct block {
	char *buf;	/* exactly as long, on the heap */
	struct header h;
};

static inline void block_cut(struct block *b, const char *text, size_t n)
{
	struct err e;

	b->buf = malloc(n ? n : 1);
	assert_non_null(b->buf);
	memcpy(b->buf, text, n);
	assert_int_equal(header_cut(&b->h, b->buf, n, &e), 0);
}

static inline void block_free(struct block *b)
{
	header_free(&b->h);
	free(b->buf);
}

struct sealed {
	struct membuf outer, inner;
	struct err e;
	int rc;
};

static inline void seal(struct sealed *s, const char *text, size_t n)
{
	struct block b;

	block_cut(&b, text, n);
	membuf_init(&s->outer, OUT_MAX);
	membuf_init(&s->inner, OUT_MAX);
	s->rc = protect_seal(&b.h, &ADD, &s->outer, &s->inner, &s->e);
	block_free(&b);
}

static inline void sealed_free(struct sealed *s)
{
	membuf_free(&s->outer);
	membuf_free(&s->inner);
}

static inline void assert_text(const struct membuf *m, const char *want)
{
	if (m->len != strlen(want) || memcmp(m->buf, want, m->len) != 0)
		fail_msg("got:\n%.*s\nwanted:\n%s", (int)m->len, m->buf, want);
}

/* What holds for every sealed letter. */
static inline void assert_sealed(const struct sealed *s)
{
	const struct field *f;
	size_t column = 0, at = 0, types = 0;
	struct block in;
	bool twice;
	char *hp, *ph;

	assert_int_equal(s->rc, 0);
	for (size_t i = 0; i < s->outer.len; i++) {
		assert_true(!(s->outer.buf[i] & 0x80) && s->outer.buf[i]);
		column = s->outer.buf[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 999);	/* the CR too */
		assert_true((s->outer.buf[i] == '\n') ==
		            (i && s->outer.buf[i - 1] == '\r'));
	}
	assert_null(memmem(s->outer.buf, s->outer.len, "\r\n\r\n", 4));
	assert_memory_equal(s->outer.buf + s->outer.len - 2, "\r\n", 2);
	assert_memory_equal(s->inner.buf + s->inner.len - 4, "\r\n\r\n", 4);
	block_cut(&in, s->inner.buf, s->inner.len);
	for (size_t i = 0; i < in.h.n; i++) {
		f = &in.h.field[i];
		assert_false(field_is(f, "Bcc"));
		types += field_is(f, "Content-Type");
		if (!field_is(f, "HP-Outer"))
			continue;
		assert_true(f->value_len > 1 && at + f->value_len - 1 <=
		            s->outer.len);
		assert_memory_equal(f->value + 1, s->outer.buf + at,
		                    f->value_len - 1);
		at += f->value_len - 1;
	}
	assert_int_equal(at, s->outer.len);
	assert_int_equal(types, 1);
	f = header_get(&in.h, "Content-Type", 0);
	hp = field_param(f, "hp", &twice);
	ph = field_param(f, "protected-headers", &twice);
	assert_true(hp && ph);
	assert_string_equal(hp, "cipher");
	assert_string_equal(ph, "v1");
	free(hp);
	free(ph);
	assert_true(protect_present(&in.h));
	block_free(&in);
}

#define HP_CLEAR "hp=\"clear\"; protected-headers=\"v1\""

static inline void sign(struct sealed *s, const char *text, size_t n, const char *cte)
{
	struct block b;

	block_cut(&b, text, n);
	membuf_init(&s->outer, OUT_MAX);
	membuf_init(&s->inner, OUT_MAX);
	s->rc = protect_sign(&b.h, &ADD, cte, &s->outer, &s->inner, &s->e);
	block_free(&b);
}

/* ASCII, lines of at most 998 octets without blanks at their ends; n octets at
 * the end may be empty lines. */
static inline void assert_lines(const struct membuf *m, size_t n)
{
	const char *p = m->buf, *end = p + m->len - n, *lf;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(lf);
		assert_in_range(lf - p, 2, 999);
		assert_true(lf[-1] == '\r' && lf[-2] != ' ' && lf[-2] != '\t');
		for (const char *q = p; q < lf; q++)
			assert_true(*q && !(*q & 0x80));
	}
}

/* What holds for every signed letter. */
static inline void assert_signed(const struct sealed *s)
{
	const struct field *f;
	struct block in;
	char *hp, *ph;

	assert_int_equal(s->rc, 0);
	assert_lines(&s->outer, 0);
	assert_lines(&s->inner, 2);
	assert_memory_equal(s->inner.buf + s->inner.len - 4, "\r\n\r\n", 4);
	block_cut(&in, s->inner.buf, s->inner.len);
	assert_int_equal(header_count(&in.h, "HP-Outer"), 0);
	assert_int_equal(header_count(&in.h, "Content-Type"), 1);
	f = header_get(&in.h, "Content-Type", 0);
	hp = field_param(f, "hp", NULL);
	ph = field_param(f, "protected-headers", NULL);
	assert_true(hp && ph);
	assert_string_equal(hp, "clear");
	assert_string_equal(ph, "v1");
	free(hp);
	free(ph);
	/* each line outside is inside as well */
	for (const char *p = s->outer.buf, *q = p; p < s->outer.buf +
	     s->outer.len; p = q) {
		q = (char *)memchr(p, '\n', s->outer.len) + 1;
		assert_non_null(memmem(s->inner.buf, s->inner.len, p,
		                       (size_t)(q - p)));
	}
	block_free(&in);
}

static inline void check_restore(const char *outer, const char *inner,
                                 bool inner_from, const char *want)
{
	struct membuf m;
	struct block out, in;
	struct err e;

	block_cut(&out, outer, strlen(outer));
	block_cut(&in, inner, strlen(inner));
	membuf_init(&m, OUT_MAX);
	assert_int_equal(protect_restore(&out.h, &in.h, inner_from, &m, &e), 0);
	assert_text(&m, want);
	membuf_free(&m);
	block_free(&out);
	block_free(&in);
}

#endif
