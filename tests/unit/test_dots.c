/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/dots.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/dots.h"

enum { SHORT = 7, MAX = 100 };

static size_t slow_end(char *out, size_t o)
{
	if (o == 0 || (o >= 2 && out[o - 2] == '\r' && out[o - 1] == '\n'))
		return o;
	if (out[o - 1] != '\r')
		out[o++] = '\r';
	out[o++] = '\n';
	return o;
}

/* The dots put in as plainly as it can be written: what goes out. */
static size_t slow_dots(char *out, const char *in, size_t n, bool lenient,
                        bool *bad)
{
	bool start = true;
	size_t o = 0;

	*bad = false;
	for (size_t i = 0; i < n && !lenient; i++)
		if (in[i] == '\0'
		    || (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
		    || (in[i] == '\r' && (i + 1 == n || in[i + 1] != '\n')))
			*bad = true;
	for (size_t i = 0; i < n && !*bad; i++) {
		if (start && in[i] == '.')
			out[o++] = '.';
		out[o++] = in[i];
		start = in[i] == '\n';
	}
	return slow_end(out, o);
}

/* And taken out; *used is 0 where the letter does not end. */
static size_t slow_undots(char *out, const char *in, size_t n, size_t *used)
{
	bool start = true;
	size_t o = 0;

	*used = 0;
	for (size_t i = 0; i < n; i++) {
		if (start && in[i] == '.') {
			if (i + 2 < n && in[i + 1] == '\r'
			    && in[i + 2] == '\n') {
				*used = i + 3;
				return o;
			}
			start = false;
			continue;
		}
		out[o++] = in[i];
		start = in[i] == '\n' && i > 0 && in[i - 1] == '\r';
	}
	return o;
}

/* No bare CR, LF or NUL went out; a line may have been left unfinished. */
static void assert_clean(const struct membuf *m)
{
	for (size_t i = 0; i < m->len; i++) {
		assert_true(m->buf[i]);
		if (m->buf[i] == '\n')
			assert_true(i > 0 && m->buf[i - 1] == '\r');
		if (m->buf[i] == '\r')
			assert_true(i + 1 < m->len && m->buf[i + 1] == '\n');
	}
}

static void assert_same(struct membuf *m, const void *p, size_t n)
{
	assert_int_equal(m->len, n);
	if (n)
		assert_memory_equal(m->buf, p, n);
	membuf_free(m);
}

static void check_dots(const char *in, size_t n, size_t a, size_t b,
                       bool lenient)
{
	char want[2 * MAX + 4];
	struct membuf m;
	struct dots d;
	struct err e = { 0 };
	bool bad;
	size_t w = slow_dots(want, in, n, lenient, &bad);
	int r;

	membuf_init(&m, 1000);
	dots_init(&d, &m.sink);
	d.lenient = lenient;
	r = sink_put(&d.sink, in, a, &e)
	    || sink_put(&d.sink, in + a, b - a, &e)
	    || sink_put(&d.sink, in + b, n - b, &e) || dots_end(&d, &e);
	assert_int_equal(r, bad);
	if (!bad) {
		assert_same(&m, want, w);
		return;
	}
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
	assert_clean(&m);
	membuf_free(&m);
}

static void check_undots(const char *in, size_t n, size_t a, size_t b)
{
	const size_t at[4] = { 0, a, b, n };
	char want[MAX];
	size_t ends, used = 99, total = 0, held;
	size_t w = slow_undots(want, in, n, &ends);
	struct membuf m;
	struct undots u;
	int r = 0;

	membuf_init(&m, 1000);
	undots_init(&u);
	for (int k = 0; k < 3 && r == 0; k++) {
		r = undots_put(&u, in + at[k], at[k + 1] - at[k], &used,
		               &m.sink, NULL);
		total = at[k] + used;
	}
	assert_int_equal(r, ends > 0);
	assert_int_equal(total, ends ? ends : n);
	held = !ends && u.state == UNDOTS_DOT_CR;
	assert_same(&m, want, w - held);
}

/* Cut at two places, every one of them. */
static void check(const char *in, size_t n)
{
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			check_dots(in, n, a, b, false);
			check_dots(in, n, a, b, true);
			check_undots(in, n, a, b);
		}
}

/* All there is of few octets, of those that matter and one that doesn't. */
static void test_all_short(void **state)
{
	static const char set[] = { '.', '\r', '\n', 'a' };
	char in[SHORT] = "";

	(void)state;
	for (size_t n = 0; n <= SHORT; n++)
		for (unsigned x = 0; x < 1u << 2 * n; x++) {
			for (size_t i = 0; i < n; i++)
				in[i] = set[x >> 2 * i & 3];
			check(in, n);
		}
}

static void test_lines(void **state)
{
	static const char *const t[] = {
		"Subject: x\r\n\r\n.\r\n..\r\n.a\r\na.\r\n\r\n.",
		"a\r\n.b\r\n..\r\n.\r\nQUIT\r\n",
		"..\r\n.\r\n.\r\n", ".a\r\n\r\n\r\n.\r\n",
		"abc\r\n..\r\rabc\n.\n\r\n.\r\n", "a\r\n.\r\r\n.\r\nb",
	};
	char in[MAX];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		check(t[i], strlen(t[i]));
	for (size_t i = 0; i < 10; i++) {	/* a NUL anywhere */
		memcpy(in, "a\r\n..\r\nb\r\n", 10);
		in[i] = '\0';
		check(in, 10);
	}
}

static void test_written(void **state)
{
	struct membuf m;
	struct dots d;

	(void)state;
	membuf_init(&m, 1000);
	dots_init(&d, &m.sink);
	assert_int_equal(sink_put(&d.sink, ".\r\na.\r\n..\r\nend", 14, NULL),
	                 0);
	assert_int_equal(dots_end(&d, NULL), 0);
	assert_int_equal(dots_end(&d, NULL), 0);	/* it has its end */
	assert_same(&m, "..\r\na.\r\n...\r\nend\r\n", 18);
	dots_init(&d, &m.sink);
	assert_int_equal(dots_end(&d, NULL), 0);
	assert_same(&m, "", 0);
}

/* What other programs took for the end (CVE-2023-51764 and its like). */
static void test_no_smuggling(void **state)
{
	static const char *const t[] = {
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r",
		"\n\n.\r\n", "\r\r\n.\n", "\r\n\r.\r\n", "\r\n.\r\r\n",
		"\r\n.\v\r\n", "\r\n..\r\n", "\r\n. \r\n"
	};
	char in[MAX];
	size_t n, used;
	struct undots u;
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		n = (size_t)snprintf(in, sizeof in, "a%sMAIL FROM:<>\r\n",
		                     t[i]);
		check(in, n);
		membuf_init(&m, 1000);
		undots_init(&u);
		assert_int_equal(undots_put(&u, in, n, &used, &m.sink, NULL),
		                 0);
		assert_int_equal(used, n);
		membuf_free(&m);
	}
}

/* A client that wants CRLF.CRLF finds it behind whatever the provider had. */
static void test_lenient_end(void **state)
{
	static const char *const t[] = { "a", "a\n", "a\r", "\n", "\r", "a\r\n",
	                                 "a\n\n", "a\r\n\n", "a\r\n.\n" };
	struct membuf m;
	struct dots d;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		for (size_t cut = 0; cut <= strlen(t[i]); cut++) {
			membuf_init(&m, 1000);
			dots_init(&d, &m.sink);
			d.lenient = true;
			sink_put(&d.sink, t[i], cut, NULL);
			sink_put(&d.sink, t[i] + cut, strlen(t[i]) - cut, NULL);
			assert_int_equal(dots_end(&d, NULL), 0);
			assert_true(m.len >= 2);
			assert_memory_equal(m.buf + m.len - 2, "\r\n", 2);
			membuf_free(&m);
		}
}

/* Through both, a letter comes out as it went in. */
static void test_round(void **state)
{
	enum { OCTETS = 100000 };
	struct membuf in, wire, back;
	struct undots u;
	struct dots d;
	size_t used;

	(void)state;
	membuf_init(&in, OCTETS + 100);
	for (unsigned i = 0; in.len < OCTETS; i = i * 1664525 + 1013904223)
		membuf_printf(&in, NULL, "%.*s%.*s\r\n", i >> 16 & 3, "...",
		              i >> 20 & 63, "................ the quick brown "
		              "fox .................");
	for (size_t part = 1; part < 2 * OCTETS; part += 1 + 3 * part) {
		membuf_init(&wire, 2 * OCTETS);
		membuf_init(&back, 2 * OCTETS);
		dots_init(&d, &wire.sink);
		for (size_t i = 0; i < in.len; i += part)
			assert_int_equal(sink_put(&d.sink, in.buf + i,
			                 in.len - i < part ? in.len - i : part,
			                 NULL), 0);
		assert_int_equal(dots_end(&d, NULL), 0);
		assert_true(wire.len > in.len);
		assert_int_equal(sink_put(&wire.sink, ".\r\nQ", 4, NULL), 0);
		undots_init(&u);
		assert_int_equal(undots_put(&u, wire.buf, wire.len, &used,
		                            &back.sink, NULL), 1);
		assert_int_equal(used, wire.len - 1);
		assert_same(&back, in.buf, in.len);
		membuf_free(&wire);
	}
	membuf_free(&in);
}

/* What the sink says is handed on, at whichever put it comes. */
static void test_sink_fails(void **state)
{
	static const char text[] = "ab\r\n.c\r\n.d";
	struct membuf m;
	struct undots u;
	struct dots d;
	struct err e;
	size_t used;
	int r;

	(void)state;
	for (size_t max = 0; max <= 14; max++)
		for (size_t cut = 0; cut <= sizeof text - 1; cut++) {
			membuf_init(&m, max);
			dots_init(&d, &m.sink);
			r = sink_put(&d.sink, text, cut, &e)
			    || sink_put(&d.sink, text + cut,
			                sizeof text - 1 - cut, &e)
			    || dots_end(&d, &e);
			assert_int_equal(r, max < 14);
			membuf_free(&m);
		}
	for (size_t max = 0; max <= 8; max++) {
		membuf_init(&m, max);
		undots_init(&u);
		r = undots_put(&u, text, sizeof text - 1, &used, &m.sink, &e);
		assert_int_equal(r, max < 8 ? -1 : 0);
		if (r)
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_TOO_LARGE);
		membuf_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_short),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_no_smuggling),
		cmocka_unit_test(test_lenient_end),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
