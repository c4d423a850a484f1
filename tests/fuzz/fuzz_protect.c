/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: header blocks protected, cleaned and restored. */
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/protect.h"
#include "tests/fuzz/fuzz.h"

static const struct protect_new ADD = {
	.date = "Mon, 23 Nov 2026 07:30:00 +0000",
	.message_id = "<new@example.org>"
};

static bool is_ours(const struct field *f)
{
	return field_begins(f, "Letterlock-") || field_is(f, "X-Letterlock");
}

/* A whole block: nothing in it is odd, and it ends where it says it does; whole:
 * with its empty line. */
static void reads(struct header *h, const struct membuf *m, bool whole)
{
	size_t from = 0, span = header_span(m->buf, m->len, &from);

	CHECK(span == (whole ? m->len : 0));
	CHECK(header_cut(h, m->buf, m->len, NULL) == 0);
	for (size_t i = 0; i < h->n; i++)
		CHECK(!h->field[i].odd);
}

static void check_once(const struct header *h)
{
	CHECK(header_count(h, "From") == 1);
	CHECK(header_count(h, "Date") == 1);
	CHECK(header_count(h, "Message-ID") == 1);
	CHECK(header_count(h, "Subject") <= 1);
	CHECK(header_count(h, "Bcc") + header_count(h, "Resent-Bcc") == 0);
	for (size_t i = 0; i < h->n; i++)
		CHECK(!is_ours(&h->field[i]));
}

static void check_outer(const struct membuf *outer, struct header *h,
                        bool sealed)
{
	const struct field *f;

	CHECK(clean_lines(outer->buf, outer->len, 998));
	CHECK(is_ascii(outer->buf, outer->len));
	reads(h, outer, false);
	check_once(h);
	CHECK(!header_count(h, "Autocrypt") && !header_count(h, "MIME-Version"));
	for (size_t i = 0; i < h->n; i++)
		CHECK(!field_begins(&h->field[i], "Content-")
		      && !field_is(&h->field[i], "HP-Outer"));
	f = header_get(h, "Subject", 0);
	CHECK(!f || !sealed || memcmp(f->value, " [...]\r\n", 8) == 0);
}

/* One HP-Outer for each field that stands outside, just as it stands there. */
static void check_hp_outer(const struct header *outer,
                           const struct header *inner)
{
	const struct field *f, *o;

	CHECK(header_count(inner, "HP-Outer") == outer->n);
	for (size_t i = 0; i < outer->n; i++) {
		f = header_get(inner, "HP-Outer", i);
		o = &outer->field[i];
		CHECK(f->value_len == o->raw_len + 1 && f->value[0] == ' '
		      && memcmp(f->value + 1, o->raw, o->raw_len) == 0);
	}
}

/* What can't stand outside is no reason to refuse a readable letter. */
static bool is_unfit(const struct err *e)
{
	return gpg_err_code(e->code) == GPG_ERR_NOT_SUPPORTED
	       || gpg_err_code(e->code) == GPG_ERR_ENCODING_PROBLEM;
}

static void check_refused(const struct header *h, const struct err *e)
{
	struct membuf m;

	CHECK(is_unfit(e) || gpg_err_code(e->code) == GPG_ERR_INV_VALUE);
	membuf_init(&m, 1 << 22);
	CHECK(!is_unfit(e) || protect_clear(h, &ADD, &m, NULL) == 0);
	membuf_free(&m);
}

static void seal(const struct header *h)
{
	struct membuf outer, inner;
	struct header out = { 0 }, in = { 0 };
	struct err e;

	membuf_init(&outer, 1 << 22);
	membuf_init(&inner, 1 << 22);
	if (protect_seal(h, &ADD, &outer, &inner, &e)) {
		check_refused(h, &e);
		goto out;
	}
	check_outer(&outer, &out, true);
	CHECK(clean_lines(inner.buf, inner.len, inner.len));
	reads(&in, &inner, true);
	check_once(&in);
	CHECK(protect_present(&in) && header_count(&in, "Content-Type") == 1);
	check_hp_outer(&out, &in);
out:
	header_free(&out);
	header_free(&in);
	membuf_free(&outer);
	membuf_free(&inner);
}

/* Blanks at line ends do not last on the way. */
static void check_trimmed(const struct membuf *m)
{
	for (size_t i = 1; i < m->len; i++)
		CHECK(m->buf[i] != '\r' || !ascii_blank(m->buf[i - 1]));
}

static void sign(const struct header *h)
{
	struct membuf outer, inner;
	struct header out = { 0 }, in = { 0 };
	struct err e;

	membuf_init(&outer, 1 << 22);
	membuf_init(&inner, 1 << 22);
	if (protect_sign(h, &ADD, "quoted-printable", &outer, &inner, &e)) {
		check_refused(h, &e);
		goto out;
	}
	check_outer(&outer, &out, false);
	check_trimmed(&outer);
	CHECK(clean_lines(inner.buf, inner.len, 998));
	CHECK(is_ascii(inner.buf, inner.len));
	check_trimmed(&inner);
	reads(&in, &inner, true);
	check_once(&in);
	CHECK(protect_present(&in) && header_count(&in, "Content-Type") == 1);
	CHECK(!header_count(&in, "HP-Outer"));
	CHECK(header_count(&in, "Content-Transfer-Encoding") == 1);
	CHECK(header_count(&out, "Subject") == header_count(&in, "Subject"));
out:
	header_free(&out);
	header_free(&in);
	membuf_free(&outer);
	membuf_free(&inner);
}

static void clear(const struct header *h)
{
	struct header out = { 0 };
	struct membuf m, again;
	struct err e;

	CHECK(protect_code(h) >= -1 && protect_code(h) <= 9999);
	membuf_init(&m, 1 << 22);
	membuf_init(&again, 1 << 22);
	if (protect_clear(h, &ADD, &m, &e)) {
		CHECK(gpg_err_code(e.code) == GPG_ERR_INV_VALUE);
		goto out;
	}
	reads(&out, &m, true);
	check_once(&out);
	/* done once it is done; but for a code behind the code */
	if (protect_code(&out) < 0) {
		CHECK(protect_clear(&out, &ADD, &again, NULL) == 0);
		CHECK(same(&m, &again));
	}
out:
	header_free(&out);
	membuf_free(&m);
	membuf_free(&again);
}

/* Does no line of it begin, for any reader, with a name of ours?  A second
 * opinion on protect_lookalike(). */
static void check_no_lookalike(const struct membuf *m)
{
	static const char *const names[] = { "letterlock-", "x-letterlock" };
	const char *p, *n, *end = m->buf + m->len, *line = m->buf;

	while (line && line < end) {
		for (int i = 0; i < 2; i++) {
			n = names[i];
			for (p = line; p < end && *n && !ascii_blank(*line);
			     p++) {
				if (ascii_hidden(*p))
					continue;
				if (ascii_lower(*p) != *n)
					break;
				n++;
			}
			CHECK(*n);
		}
		line = memchr(line, '\n', (size_t)(end - line));
		line = line ? line + 1 : NULL;
	}
}

/* A block that may be shown; frees it. */
static void check_shown(struct membuf *m)
{
	struct header h;

	CHECK(clean_lines(m->buf, m->len, m->len));
	reads(&h, m, true);
	check_no_lookalike(m);
	CHECK(header_count(&h, "MIME-Version") >= 1
	      && !header_count(&h, "HP-Outer"));
	for (size_t i = 0; i < h.n; i++)
		CHECK(!protect_lookalike(&h.field[i]));
	header_free(&h);
	membuf_free(m);
}

static void restore(const struct header *outer, const struct header *inner)
{
	struct membuf m;

	protect_from_differs(outer, inner);
	membuf_init(&m, 1 << 22);
	for (int with = 0; with < 2; with++) {
		CHECK(protect_restore(outer, inner, with, &m, NULL) == 0);
		check_shown(&m);
		CHECK(protect_restore_signed(outer, inner, outer, with, &m,
		                             NULL) == 0);
		check_shown(&m);
	}
	CHECK(protect_restore_inline(outer, &m, NULL) == 0);
	check_shown(&m);
}

/* The first block is the outer one, the second the inner. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t span = block_span(data, size);
	struct block outer, inner;
	bool both = block_cut(&outer, data, span);

	both = block_cut(&inner, data + span,
	                 block_span(data + span, size - span)) && both;
	if (both) {
		seal(&outer.h);
		sign(&outer.h);
		clear(&outer.h);
		restore(&outer.h, &inner.h);
	}
	block_free(&outer);
	block_free(&inner);
	return 0;
}
