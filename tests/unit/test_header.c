/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/header.c and of crypto/lex.c through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/header.h"
#include "tests/unit/slow.h"

/* Far more than linear work takes, far less than quadratic work would. */
enum { SECONDS_MAX = 10, BIG = HEADER_MAX };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S(s) s, sizeof(s) - 1

/* Exactly these octets on the heap, so that one read too far is seen. */
static char *copy(const char *s, size_t n)
{
	char *p = malloc(n ? n : 1);

	assert_non_null(p);
	memcpy(p, s, n);
	return n ? p : p + 1;
}

static void copy_free(char *p, size_t n)
{
	free(n ? p : p - 1);
}

/* n octets of a pattern repeated. */
static char *repeat(const char *s, size_t n)
{
	size_t len = strlen(s);
	char *p = malloc(n + 1);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = s[i % len];
	p[n] = '\0';
	return p;
}

static const struct {
	const char *text;
	size_t len;
	size_t span;
} spans[] = {
	{ S(""), 0 },
	{ S("\n"), 1 },
	{ S("\r\n"), 2 },
	{ S("\r"), 0 },
	{ S("\r\r\n"), 0 },
	{ S("\r\r\n\r\n"), 5 },
	{ S("A: b"), 0 },
	{ S("A: b\r\n"), 0 },
	{ S("A: b\r\n\r"), 0 },
	{ S("A: b\r\n\r\nbody\r\n\r\n"), 8 },
	{ S("A: b\n\nbody"), 6 },
	{ S("A: b\n\r\nbody"), 7 },
	{ S("A: b\r\n\nbody"), 7 },
	{ S("A: b\r\r\n\r\nbody"), 9 },
	{ S("A: b\r\n\rC: d\r\n\r\n"), 15 },
	{ S("A: b\r\n \r\n\r\nbody"), 11 },
	{ S("A: b\r\n\t\n\nbody"), 9 },
	{ S("A: \0\r\n\0\r\n\r\nbody"), 11 },
	{ S("\r\nA: b\r\n\r\n"), 2 },
};

static void test_span(void **state)
{
	size_t from, again, n, got;
	char *p;

	(void)state;
	for (size_t i = 0; i < COUNT(spans); i++) {
		from = 0;
		p = copy(spans[i].text, spans[i].len);
		assert_int_equal(header_span(p, spans[i].len, &from),
		                 spans[i].span);
		assert_int_equal(header_span(p, spans[i].len, &from),
		                 spans[i].span);
		copy_free(p, spans[i].len);
	}
	/* Cut at every place, and then octet by octet. */
	for (size_t i = 0; i < COUNT(spans); i++) {
		for (size_t cut = 0; cut <= spans[i].len; cut++) {
			from = 0;
			p = copy(spans[i].text, cut);
			n = header_span(p, cut, &from);
			copy_free(p, cut);
			assert_true(n == 0 || n == spans[i].span);
			assert_true(from <= cut);
			assert_true((n != 0) == (spans[i].span &&
			                         cut >= spans[i].span));
			p = copy(spans[i].text, spans[i].len);
			n = header_span(p, spans[i].len, &from);
			copy_free(p, spans[i].len);
			assert_int_equal(n, spans[i].span);
		}
		got = again = 0;
		for (n = 0; n <= spans[i].len && !got; n++) {
			p = copy(spans[i].text, n);
			got = header_span(p, n, &again);
			copy_free(p, n);
		}
		assert_int_equal(got, spans[i].span);
	}
}

static void test_span_linear(void **state)
{
	const char *pattern[] = { "a", "\r", "a\n", "\r\r\n", " \n" };
	clock_t start = clock();
	size_t from;
	char *p;

	(void)state;
	for (size_t i = 0; i < COUNT(pattern); i++) {
		p = repeat(pattern[i], BIG);
		from = 0;
		for (size_t n = 0; n <= BIG; n++)
			assert_int_equal(header_span(p, n, &from), 0);
		free(p);
	}
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

struct want {
	const char *name;
	const char *value;	/* field_text() */
	bool odd;
};

static void check_cut(const char *text, size_t len, const struct want *w)
{
	struct header h;
	struct err e;
	char *p = copy(text, len), *value;
	const char *at = p;
	size_t i;

	assert_int_equal(header_cut(&h, p, len, &e), 0);
	for (i = 0; w[i].name; i++) {
		assert_true(i < h.n);
		assert_ptr_equal(h.field[i].raw, at);
		assert_ptr_equal(h.field[i].name, at);
		at += h.field[i].raw_len;
		assert_ptr_equal(h.field[i].value + h.field[i].value_len, at);
		assert_int_equal(h.field[i].name_len, strlen(w[i].name));
		assert_memory_equal(h.field[i].name, w[i].name,
		                    strlen(w[i].name));
		assert_int_equal(h.field[i].odd, w[i].odd);
		value = field_text(&h.field[i]);
		assert_non_null(value);
		assert_string_equal(value, w[i].value);
		free(value);
	}
	assert_int_equal(h.n, i);
	header_free(&h);
	copy_free(p, len);
}

static void test_cut(void **state)
{
	(void)state;
	check_cut(S(""), (struct want[]){ { 0 } });
	check_cut(S("\r\nA: b\r\n"), (struct want[]){ { 0 } });
	check_cut(S("\nA: b\r\n"), (struct want[]){ { 0 } });
	check_cut(S("A: b\r\nCc:\r\n d\r\n\te \r\n\r\nX: body\r\n"),
	          (struct want[]){ { "A", "b", false },
	                           { "Cc", "d\te", false }, { 0 } });
	check_cut(S("A: b\nC:d\n e\n\nX: body\n"),
	          (struct want[]){ { "A", "b", false },
	                           { "C", "d e", false }, { 0 } });
	check_cut(S("A: b"), (struct want[]){ { "A", "b", false }, { 0 } });
	check_cut(S("A:"), (struct want[]){ { "A", "", false }, { 0 } });
	check_cut(S("A: b\r\n \r\n c\r\n\r\n"),
	          (struct want[]){ { "A", "b  c", false }, { 0 } });
	check_cut(S("A: b:c\xc3\xa4\r\n"),
	          (struct want[]){ { "A", "b:c\xc3\xa4", false }, { 0 } });
}

static void test_cut_odd(void **state)
{
	(void)state;
	check_cut(S("no colon\r\n: x\r\nA : b\r\nA\0: b\r\nA\t \0:b\r\n"),
	          (struct want[]){ { "", "", true }, { "", "x", true },
	                           { "A", "b", true }, { "A", "b", true },
	                           { "A", "b", true }, { 0 } });
	check_cut(S(" A: b\r\nA b: c\r\n\xc3\xa4: d\r\n\x7f: e\r\n"),
	          (struct want[]){ { " A", "b", true }, { "A b", "c", true },
	                           { "\xc3\xa4", "d", true },
	                           { "\x7f", "e", true }, { 0 } });
	check_cut(S("A: b\rc\r\nA: b\0c\r\nA: b\r\r\nA: b\r"),
	          (struct want[]){ { "A", "b c", true }, { "A", "b c", true },
	                           { "A", "b", true }, { "A", "b", true },
	                           { 0 } });
	check_cut(S("A\r\n : b\r\n\rB: c\r\n"),
	          (struct want[]){ { "", "", true }, { "\rB", "c", true },
	                           { 0 } });
	check_cut(S("A: b\r\n\r"),
	          (struct want[]){ { "A", "b", false }, { "", "", true },
	                           { 0 } });
}

/* Whatever the octets, the fields lie side by side up to the empty line. */
static void test_cut_everywhere(void **state)
{
	static const char text[] =
		"From: a <b@c>\r\nX : \0\r\r\n y\r\n\t\r\nnothing\n:\nT: x\r"
		"\n\r\nbody\r\n";
	struct header h;
	struct err e;
	size_t sum, from;
	char *p;

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		p = copy(text, n);
		assert_int_equal(header_cut(&h, p, n, &e), 0);
		sum = from = 0;
		for (size_t i = 0; i < h.n; i++) {
			assert_ptr_equal(h.field[i].raw, p + sum);
			sum += h.field[i].raw_len;
			free(field_text(&h.field[i]));
			free(field_token(&h.field[i]));
			free(field_param(&h.field[i], "x", NULL));
		}
		from = header_span(p, n, &from);
		assert_true(from ? sum == from - 2 : sum == n);
		header_free(&h);
		copy_free(p, n);
	}
}

static void test_cut_limits(void **state)
{
	struct header h;
	struct err e;
	char *p;

	(void)state;
	p = repeat("A:\n", 3 * (HEADER_FIELDS_MAX + 1));
	assert_int_equal(header_cut(&h, p, 3 * HEADER_FIELDS_MAX, &e), 0);
	assert_int_equal(h.n, HEADER_FIELDS_MAX);
	header_free(&h);
	assert_int_equal(header_cut(&h, p, 3 * (HEADER_FIELDS_MAX + 1), &e),
	                 -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	header_free(&h);
	free(p);

	p = repeat("a", HEADER_MAX + 1);
	p[1] = ':';
	assert_int_equal(header_cut(&h, p, HEADER_MAX, &e), 0);
	assert_int_equal(h.n, 1);
	header_free(&h);
	assert_int_equal(header_cut(&h, p, HEADER_MAX + 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	header_free(&h);
	free(p);
}

static void test_get(void **state)
{
	static const char text[] =
		"To: a\r\nSubject: b\r\nTO: c\r\nTo : d\r\nX-To: e\r\nT: f\r\n";
	struct header h;
	struct err e;

	(void)state;
	assert_int_equal(header_cut(&h, S(text), &e), 0);
	assert_int_equal(header_count(&h, "to"), 3);
	assert_int_equal(header_count(&h, "Tox"), 0);
	assert_int_equal(header_count(&h, ""), 0);
	assert_ptr_equal(header_get(&h, "tO", 0), &h.field[0]);
	assert_ptr_equal(header_get(&h, "tO", 1), &h.field[2]);
	assert_ptr_equal(header_get(&h, "tO", 2), &h.field[3]);
	assert_null(header_get(&h, "tO", 3));
	assert_true(field_begins(&h.field[4], "x-"));
	assert_true(field_begins(&h.field[4], "X-To"));
	assert_false(field_begins(&h.field[4], "X-To:"));
	assert_false(field_begins(&h.field[5], "To"));
	header_free(&h);
	header_free(&h);
}

/* A field of this value, cut out of a heap copy. */
static void value_cut(const char *value, size_t len, struct header *h,
                      char **buf)
{
	struct err e;

	*buf = malloc(len + 2);
	assert_non_null(*buf);
	memcpy(*buf, "A:", 2);
	memcpy(*buf + 2, value, len);
	assert_int_equal(header_cut(h, *buf, len + 2, &e), 0);
	assert_true(h->n >= 1);
}

static const struct {
	const char *value;
	size_t len;
	const char *want;	/* of parameter "b" */
	bool twice;
} params[] = {
	{ S("x/y; b=z"), "z", false },
	{ S(" x/y;b=z;c=d\r\n"), "z", false },
	{ S("x/y; a=b; B = \"z\" ; c\r\n"), "z", false },
	{ S("x/y;\r\n\tb=\"z z\";"), "z z", false },
	{ S("x/y;\r\n\tb=\"z\r\n z\";"), "z z", false },
	{ S("x/y;\n b=\"z\n z\""), "z z", false },
	{ S("x/y; b=\"a\\\"b\\\\c;\""), "a\"b\\c;", false },
	{ S("x/y; b=\"\""), "", false },
	{ S("x/y; (c; b=w) b (d) = (e\\)) z (f (g))"), "z", false },
	{ S("x/y (; b=w) ; b=z"), "z", false },
	{ S("x/y; c=\"; b=w\"; b=z"), "z", false },
	{ S("x/y; b=----=_Part/1:2"), "----=_Part/1:2", false },
	{ S("x/y; b*0=ab; b*1=\"cd\"; b*2=ef"), "abcdef", false },
	{ S("x/y; b*0=ab; c=d; b*1=cd"), "abcd", false },
	{ S("; b=z"), "z", false },
	{ S("; ; junk; b=z; junk"), "z", false },
	{ S("x/y; b=z; c=\"open"), "z", false },
	/* absent */
	{ S("x/y"), NULL, false },
	{ S(""), NULL, false },
	{ S(";"), NULL, false },
	{ S("b=z"), NULL, false },
	{ S("x/y; bb=z; ab=z; b-=z"), NULL, false },
	{ S("x/y (; b=z"), NULL, false },
	/* malformed */
	{ S("x/y; b"), NULL, false },
	{ S("x/y; b="), NULL, false },
	{ S("x/y; b=;"), NULL, false },
	{ S("x/y; b=z z"), NULL, false },
	{ S("x/y; b=\"z\" z"), NULL, false },
	{ S("x/y; b=z\"z\""), NULL, false },
	{ S("x/y; b=\"z"), NULL, false },
	{ S("x/y; b=\"z\\"), NULL, false },
	{ S("x/y; b=\"z\\\""), NULL, false },
	{ S("x/y; b=z (open"), NULL, false },
	{ S("x/y; b=z\0z"), NULL, false },
	{ S("x/y; b=\"z\rz\""), NULL, false },
	{ S("x/y; b*=utf-8''z"), NULL, false },
	{ S("x/y; b*0*=utf-8''z"), NULL, false },
	{ S("x/y; b*0=z; b*2=z"), NULL, false },
	{ S("x/y; b*1=z"), NULL, false },
	{ S("x/y; b*00=z"), NULL, false },
	{ S("x/y; b*0x=z"), NULL, false },
	{ S("x/y; b*99999999999999999999=z"), NULL, false },
	/* twice */
	{ S("x/y; b=z; b=z"), NULL, true },
	{ S("x/y; b=z; B=w; b=v"), NULL, true },
	{ S("x/y; b=z; b*0=z"), NULL, true },
	{ S("x/y; b*0=z; b=z"), NULL, true },
	{ S("x/y; b*0=z; b*0=z"), NULL, true },
	{ S("x/y; b*0=z; b*1=z; b*1=z"), NULL, true },
	{ S("x/y; b=z; b*=utf-8''z"), NULL, true },
	{ S("x/y; b=z; b"), NULL, true },
};

static void test_param(void **state)
{
	struct header h;
	bool twice;
	char *buf, *got;

	(void)state;
	for (size_t i = 0; i < COUNT(params); i++) {
		value_cut(params[i].value, params[i].len, &h, &buf);
		twice = !params[i].twice;
		got = field_param(&h.field[0], "b", &twice);
		if (params[i].want && !got)
			fail_msg("no parameter: %s", params[i].value);
		if (!params[i].want && got)
			fail_msg("took %s from %s", got, params[i].value);
		if (got)
			assert_string_equal(got, params[i].want);
		if (twice != params[i].twice)
			fail_msg("twice: %s", params[i].value);
		free(got);
		free(field_param(&h.field[0], "b", NULL));
		header_free(&h);
		free(buf);
		/* and nothing is read beyond any end */
		for (size_t n = 0; n < params[i].len; n++) {
			value_cut(params[i].value, n, &h, &buf);
			free(field_param(&h.field[0], "b", &twice));
			free(field_token(&h.field[0]));
			header_free(&h);
			free(buf);
		}
	}
}

static void test_token(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *want;
	} tokens[] = {
		{ S(" Multipart/Encrypted; b=z\r\n"), "multipart/encrypted" },
		{ S("text (c;) /\r\n plain (d)"), "text/plain" },
		{ S("a\"(\"B (c)"), "a\"(\"b" },
		{ S("text/plain (d"), NULL },
		{ S("text/\"plain"), NULL },
		{ S(" BASE64 "), "base64" },
		{ S("a\0b"), NULL },
		{ S(" \r\n"), NULL },
		{ S("; b=c"), NULL },
		{ S("(a)"), NULL },
	};
	struct header h;
	char *buf, *got;

	(void)state;
	for (size_t i = 0; i < COUNT(tokens); i++) {
		value_cut(tokens[i].value, tokens[i].len, &h, &buf);
		got = field_token(&h.field[0]);
		if (tokens[i].want)
			assert_string_equal(got, tokens[i].want);
		else
			assert_null(got);
		free(got);
		header_free(&h);
		free(buf);
	}
}

static void test_linear(void **state)
{
	const char *pattern[] = {
		"(", ")", "\"", "\\\"", "(\"", ";", "; b", ";b=", ";b=\"", "; b*0=",
		" ", "\r\n ", "()", "((", "\"\\", ";(", ";b=z", "=?", "\r", "[",
		"\"(\"",
	};
	clock_t start = clock();
	struct header h;
	char *p, *buf;
	bool twice;

	(void)state;
	for (size_t i = 0; i < COUNT(pattern); i++) {
		p = repeat(pattern[i], BIG - 2);
		value_cut(p, BIG - 2, &h, &buf);
		free(field_text(&h.field[0]));
		free(field_token(&h.field[0]));
		free(field_param(&h.field[0], "b", &twice));
		header_free(&h);
		free(buf);
		free(p);
	}
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_span_linear),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_odd),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_cut_limits),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_param),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
