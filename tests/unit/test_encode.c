/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/encode.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "crypto/encode.h"
#include "tests/unit/slow.h"

enum { MANY = 20000, OUT_MAX = 256 << 20, SECONDS_MAX = 20 };

#define S(s) s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

/* Encode, the first part as long as told, the others too (0: the rest). */
static void encode(enum transfer how, struct membuf *m, const char *text,
                   size_t n, size_t first, size_t part)
{
	struct encode c;
	size_t k;

	membuf_init(m, OUT_MAX);
	encode_init(&c, how, &m->sink);
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(sink_put(&c.sink, text + i, k, NULL), 0);
	}
	assert_int_equal(encode_end(&c, NULL), 0);
}

/* What holds for everything that is written. */
static void assert_sound(const struct membuf *m)
{
	const char *p = m->buf, *end = p + m->len, *lf;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			lf = end;
		else
			assert_true(lf > p && lf[-1] == '\r');
		for (const char *q = p; q < lf - (lf < end); q++)
			assert_true(*q == '\t' || (*q >= ' ' && *q < 127));
		assert_true(lf - (lf < end) - p <= ENCODE_COLUMNS);
		assert_false(lf - p >= 2 && memcmp(p, "--", 2) == 0);
		assert_false(lf - p >= 5 && memcmp(p, "From ", 5) == 0);
		if (lf < end && lf - 1 > p)
			assert_true(lf[-2] != ' ' && lf[-2] != '\t');
	}
	if (m->len)
		assert_true(end[-1] != ' ' && end[-1] != '\t');
}

static void assert_back(enum transfer how, const struct membuf *m,
                        const char *text, size_t n)
{
	struct untransfer t;
	struct membuf back;

	membuf_init(&back, OUT_MAX);
	untransfer_init(&t, how, &back.sink);
	assert_int_equal(sink_put(&t.sink, m->buf, m->len, NULL), 0);
	untransfer_end(&t);
	assert_false(t.bad);
	assert_int_equal(back.len, n);
	if (n)
		assert_memory_equal(back.buf, text, n);
	membuf_free(&back);
}

/* Whole, cut at every octet, and octet by octet: always the same, and the text
 * again when it is decoded. */
static void assert_written(enum transfer how, const char *text, size_t n,
                           const char *want)
{
	struct membuf m;

	for (size_t i = 0; i <= n + 1; i++) {
		encode(how, &m, text, n, i > n ? 1 : i, i > n ? 1 : 0);
		if (m.len != strlen(want)
		    || (m.len && memcmp(m.buf, want, m.len) != 0))
			fail_msg("at %zu got:\n%.*s\nwanted:\n%s", i,
			         (int)m.len, m.buf, want);
		assert_sound(&m);
		assert_back(how, &m, text, n);
		membuf_free(&m);
	}
}

static void test_qp(void **state)
{
	static const struct { const char *text; size_t n; const char *want; }
	t[] = {
		{ S(""), "" }, { S("\r\n"), "\r\n" }, { S("a"), "a" },
		{ S("a\r\n\r\nb\r\n"), "a\r\n\r\nb\r\n" },
		{ S("a b\tc"), "a b\tc" },
		{ S("a=b"), "a=3Db" }, { S("\xc3\xa4\x7f"), "=C3=A4=7F" },
		{ S("a\0\x01\x1b\f"), "a=00=01=1B=0C" },
		/* blanks at a line's end (RFC 3676: flowed survives) */
		{ S("a \r\nb\t\r\n"), "a=20\r\nb=09\r\n" },
		{ S("a  \r\n"), "a =20\r\n" }, { S("-- \r\n"), "=2D-=20\r\n" },
		{ S("a "), "a=20" }, { S(" "), "=20" }, { S("\t\t"), "\t=09" },
		{ S(" \r\n"), "=20\r\n" }, { S(" a\r\n"), " a\r\n" },
		/* bare CR and LF */
		{ S("a\rb\nc\n\r"), "a=0Db=0Ac=0A=0D" }, { S("a \rb"), "a =0Db" },
		{ S("a\r\r\n"), "a=0D\r\n" }, { S("a \n"), "a =0A" },
		{ S("\r"), "=0D" }, { S("a\r"), "a=0D" },
		/* beginnings of lines */
		{ S("From a\r\nFrom b"), "=46rom a\r\n=46rom b" },
		{ S("From\r\nFrom:\r\nFro"), "From\r\nFrom:\r\nFro" },
		{ S("From\ta\r\nfrom b"), "From\ta\r\nfrom b" },
		{ S("aFrom b\r\n>From c"), "aFrom b\r\n>From c" },
		{ S("From \r\n"), "=46rom=20\r\n" }, { S("From "), "=46rom=20" },
		{ S("--\r\n--a\r\n---"), "=2D-\r\n=2D-a\r\n=2D--" },
		{ S("-a\r\n-\r\n-"), "-a\r\n-\r\n-" }, { S("a--"), "a--" },
		{ S(".\r\n..a"), ".\r\n..a" },
		/* 75, 76 and 77 columns */
		{ S(SEVENTY "12345\r\n"), SEVENTY "12345\r\n" },
		{ S(SEVENTY "123456\r\n"), SEVENTY "12345=\r\n6\r\n" },
		{ S(SEVENTY "123=\r\n"), SEVENTY "123=\r\n=3D\r\n" },
		{ S(SEVENTY "12=\r\n"), SEVENTY "12=3D\r\n" },
		{ S(SEVENTY "1234 \r\n"), SEVENTY "1234=\r\n=20\r\n" },
		{ S(SEVENTY "1234 6\r\n"), SEVENTY "1234 =\r\n6\r\n" },
		{ S(SEVENTY "12345 "), SEVENTY "12345=\r\n=20" },
		/* ... where a line is begun by us */
		{ S(SEVENTY "12345From a"), SEVENTY "12345=\r\n=46rom a" },
		{ S(SEVENTY "12345--a"), SEVENTY "12345=\r\n=2D-a" },
		{ S(SEVENTY "1234---a"), SEVENTY "1234-=\r\n=2D-a" },
		{ S(SEVENTY SEVENTY TEN TEN), SEVENTY "01234=\r\n56789"
		  SEVENTY "=\r\n" TEN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_written(TRANSFER_QP, t[i].text, t[i].n, t[i].want);
}

static void test_base64(void **state)
{
	static const struct { const char *text; size_t n; const char *want; }
	t[] = {
		{ S(""), "" }, { S("h"), "aA==" }, { S("he"), "aGU=" },
		{ S("hel"), "aGVs" }, { S("hell"), "aGVsbA==" },
		{ S("hello"), "aGVsbG8=" },
		{ S("\0\xff\xfe\r\n"), "AP/+DQo=" },
		/* 57 octets are a line; no line end behind the last */
		{ S(TEN TEN TEN TEN TEN "0123456"), "MDEyMzQ1Njc4OTAxMjM0NTY3OD"
		  "kwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2" },
		{ S(TEN TEN TEN TEN TEN "01234567"), "MDEyMzQ1Njc4OTAxMjM0NTY3O"
		  "DkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\r\n"
		  "Nw==" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_written(TRANSFER_BASE64, t[i].text, t[i].n, t[i].want);
}

/* Texts made of what is special; the cut must never matter. */
static void test_random(void **state)
{
	static const char *const bits[] = {
		"From ", "--", " ", "\t", "\r\n", "\r", "\n", "=", "F", "-",
		"\xc3\xa4", "abc", "\r\n", ".", TEN
	};
	static const size_t parts[] = { 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 4096 };
	struct membuf text, one, m;
	uint32_t x = 1;

	(void)state;
	for (int round = 0; round < 40; round++) {
		membuf_init(&text, OUT_MAX);
		while (text.len < 600) {
			const char *s;

			x = x * 1664525 + 1013904223;
			s = bits[(x >> 16) % COUNT(bits)];
			assert_int_equal(sink_put(&text.sink, s, strlen(s),
			                          NULL), 0);
		}
		for (int how = TRANSFER_QP; how <= TRANSFER_BASE64; how++) {
			encode(how, &one, text.buf, text.len, 0, 0);
			assert_sound(&one);
			assert_back(how, &one, text.buf, text.len);
			for (size_t i = 0; i < COUNT(parts); i++) {
				encode(how, &m, text.buf, text.len, parts[i],
				       parts[i]);
				assert_int_equal(m.len, one.len);
				assert_memory_equal(m.buf, one.buf, m.len);
				membuf_free(&m);
			}
			membuf_free(&one);
		}
		membuf_free(&text);
	}
}

static void test_sink_fails(void **state)
{
	static char text[MANY];
	struct membuf m;
	struct encode c;
	struct err e;

	(void)state;
	memset(text, 'a', sizeof text);
	for (int how = TRANSFER_QP; how <= TRANSFER_BASE64; how++)
		for (size_t max = 0; max < MANY; max += 999) {
			membuf_init(&m, max);
			encode_init(&c, how, &m.sink);
			assert_int_equal(sink_put(&c.sink, text, MANY, &e),
			                 -1);
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_TOO_LARGE);
			membuf_free(&m);
		}
	membuf_init(&m, 0);
	encode_init(&c, TRANSFER_QP, &m.sink);
	assert_int_equal(sink_put(&c.sink, "a", 1, &e), 0);
	assert_int_equal(encode_end(&c, &e), -1);
	membuf_free(&m);
}

/* 50 MB of what takes longest, octet by octet too. */
static void test_linear(void **state)
{
	static char text[1 << 20];
	clock_t start = clock();
	struct membuf m;
	struct encode c;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = " \t-From \xff"[i % 9];
	for (int how = TRANSFER_QP; how <= TRANSFER_BASE64; how++)
		for (int i = 0; i < 25; i++) {
			encode(how, &m, text, sizeof text, 0, 0);
			membuf_free(&m);
		}
	membuf_init(&m, OUT_MAX);
	encode_init(&c, TRANSFER_QP, &m.sink);
	for (size_t i = 0; i < sizeof text; i++)
		assert_int_equal(sink_put(&c.sink, text + i, 1, NULL), 0);
	membuf_free(&m);
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qp),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
