/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/sevenbit.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/parts.h"
#include "crypto/sevenbit.h"
#include "tests/unit/slow.h"

enum { OUT_MAX = 256 << 20, SECONDS_MAX = 20, WHOLE = 0 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S(s) s, sizeof(s) - 1
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"

struct out {
	struct membuf m;
	struct err e;
	int rc;
};

/* Filter a body, the first part as long as told, the others too (0: the
 * rest). */
static void filter(struct out *o, const char *head, const char *body,
                   size_t n, size_t first, size_t part)
{
	struct sevenbit *s;
	struct header h;
	size_t k;
	char *exact;

	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	membuf_init(&o->m, OUT_MAX);
	o->e = (struct err){ 0 };
	s = sevenbit_new(&h, &o->m.sink, &o->e);
	o->rc = s ? 0 : -1;
	for (size_t i = 0; i < n && !o->rc; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		exact = malloc(k);	/* to be seen if it is overrun */
		assert_non_null(exact);
		memcpy(exact, body + i, k);
		o->rc = sevenbit_put(s, exact, k, &o->e);
		free(exact);
	}
	if (!o->rc)
		o->rc = sevenbit_end(s, &o->e);
	sevenbit_free(s);
	header_free(&h);
}

static void check(const char *head, const char *body, size_t n,
                  const char *want, size_t n_want)
{
	struct out o;

	for (size_t i = 0; i <= n + 1; i++) {
		filter(&o, head, body, n, i > n ? 1 : i, i > n ? 1 : WHOLE);
		if (o.rc)
			fail_msg("at %zu refused: %s\n%s", i, o.e.text, body);
		if (o.m.len != n_want
		    || (n_want && memcmp(o.m.buf, want, n_want) != 0))
			fail_msg("at %zu got:\n%.*s\nwanted:\n%s", i,
			         (int)o.m.len, o.m.buf, want);
		membuf_free(&o.m);
	}
}

#define CHECK(head, body, want) check(head, S(body), S(want))

static void refuse(const char *head, const char *body, size_t n)
{
	struct out o;

	for (size_t i = 0; i <= n + 1; i++) {
		filter(&o, head, body, n, i > n ? 1 : i, i > n ? 1 : WHOLE);
		if (!o.rc)
			fail_msg("let pass:\n%s\n%s", head, body);
		assert_int_equal(gpg_err_code(o.e.code), GPG_ERR_INV_VALUE);
		assert_true(strlen(o.e.text) > 20);
		membuf_free(&o.m);
	}
}

#define REFUSE(head, body) refuse(head, S(body))

static void test_encoding(void **state)
{
	static const struct { const char *head, *want; } t[] = {
		{ "", "quoted-printable" },
		{ "Content-Type: text/html; charset=utf-8\r\n",
		  "quoted-printable" },
		{ "Content-Type: TEXT/plain\r\nContent-Transfer-Encoding: "
		  "(x) 8BIT\r\n", "quoted-printable" },
		{ "Content-Transfer-Encoding: 7bit\r\n", "quoted-printable" },
		{ "Content-Transfer-Encoding: binary\r\n", "quoted-printable" },
		{ QP, NULL }, { B64, NULL },
		{ "Content-Transfer-Encoding: x-uuencode\r\n", NULL },
		{ "Content-Transfer-Encoding:\r\n", NULL },
		{ "Content-Type: application/pdf\r\n", "base64" },
		{ "Content-Type: application/pdf\r\n" B64, NULL },
		{ MIXED, NULL },
		{ "Content-Transfer-Encoding: 7bit\r\n" MIXED, NULL },
		{ "Content-Transfer-Encoding: 8bit\r\n" MIXED, "7bit" },
		{ "Content-Transfer-Encoding: BINARY\r\n" MIXED, "7bit" },
		{ "Content-Type: message/rfc822\r\n", NULL },
		{ "Content-Type: message/rfc822\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n", "7bit" },
	};
	struct header h;
	const char *got;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_int_equal(header_cut(&h, t[i].head, strlen(t[i].head),
		                            NULL), 0);
		got = sevenbit_encoding(&h);
		if (!got != !t[i].want || (got && strcmp(got, t[i].want) != 0))
			fail_msg("%s: %s", t[i].head, got);
		header_free(&h);
	}
}

static void test_root(void **state)
{
	(void)state;
	CHECK("", "", "");
	CHECK("", "a \r\nFrom b\r\n\xc3\xa4=\r\n-- \r\n",
	      "a=20\r\n=46rom b\r\n=C3=A4=3D\r\n=2D-=20\r\n");
	CHECK("Content-Type: text/html\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n", "a\0b", "a=00b");
	CHECK("Content-Type: application/x\r\n", "ab\xff\r\n", "YWL/DQo=");
	/* what is encoded stays, but for blanks at the end of a line */
	CHECK(QP, "a=20  \r\nFrom b \r\nFrom\r\n =\r\n\t\r\n--",
	      "a=20\r\n=46rom b\r\nFrom\r\n =\r\n\r\n--");
	CHECK(B64, "YWL/\t\r\nDQo= ", "YWL/\r\nDQo=");
	CHECK(B64, "From aa\r\n", "From aa\r\n");
	CHECK("Content-Transfer-Encoding: x-uuencode\r\n",
	      "M86)C \r\n", "M86)C \r\n");
	/* ... and so does a letter in a letter */
	CHECK("Content-Type: message/rfc822\r\n",
	      "Subject: a \r\n\r\nFrom b \r\n-- \r\n",
	      "Subject: a \r\n\r\nFrom b \r\n-- \r\n");
	CHECK("Content-Type: message/partial; id=a; number=1\r\n", "a \r\n",
	      "a \r\n");
}

static void test_multi(void **state)
{
	(void)state;
	/* the preamble and the epilogue go, with the line end between */
	CHECK(MIXED, "pre \xc3\xa4\r\n--b\r\n\r\na \r\n--b--\r\nepi\r\n",
	      "--b\r\n" QP "\r\na=20\r\n--b--\r\n");
	CHECK(MIXED, "\r\n--b\r\n\r\n\r\n--b--",
	      "--b\r\n" QP "\r\n\r\n--b--");
	CHECK(MIXED, "--b\r\n\r\n--b--\r\n\r\n",
	      "--b\r\n" QP "\r\n--b--\r\n");
	/* no part at all, no header's end */
	CHECK(MIXED, "x\r\n--b--\r\n", "--b--\r\n");
	CHECK(MIXED, "--b\r\n--b\r\nContent-Type: a/b\r\n--b--",
	      "--b\r\n--b\r\nContent-Type: a/b\r\n--b--");
	/* an encoding in its place, or behind the others */
	CHECK(MIXED, "--b\r\nX: 1\r\ncontent-transfer-ENCODING:\r\n  8bit\r\n"
	      "Content-Type: a/b\r\n\r\n\xff\r\n--b\r\nContent-Type: a/b\r\n"
	      "\r\nx\r\n--b--\r\n",
	      "--b\r\nX: 1\r\n" B64 "Content-Type: a/b\r\n\r\n/w==\r\n--b\r\n"
	      "Content-Type: a/b\r\n" B64 "\r\neA==\r\n--b--\r\n");
	/* blanks at the ends of other lines */
	CHECK(MIXED, "--b  \r\nContent-Type: a/b; \t\r\n \t\r\n\tname=x \r\n"
	      B64 "\r\neA== \r\n--b \r\n\r\n--b--\t\r\n",
	      "--b\r\nContent-Type: a/b;\r\n\tname=x\r\n" B64 "\r\neA==\r\n"
	      "--b\r\n" QP "\r\n--b--\r\n");
	/* one in the other; delimiters that touch */
	CHECK(MIXED, "--b\r\nContent-Type: multipart/alternative; "
	      "boundary=\"in ner\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	      "p\r\n--in ner\r\n\r\n\xe4\r\n--in ner--\r\n--b\r\n\r\n"
	      "--in ner\r\n--b--\r\n",
	      "--b\r\nContent-Type: multipart/alternative; "
	      "boundary=\"in ner\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	      "--in ner\r\n" QP "\r\n=E4\r\n--in ner--\r\n--b\r\n" QP "\r\n"
	      "=2D-in ner\r\n--b--\r\n");
	CHECK(MIXED, "--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n"
	      "--i\r\n\r\n--i--\r\nepi \r\n--b--\r\n",
	      "--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n"
	      "--i\r\n" QP "\r\n--i--\r\n\r\n--b--\r\n");
	/* the parts of a digest are letters */
	CHECK("Content-Type: multipart/digest; boundary=b\r\n",
	      "--b\r\n\r\nFrom: a \r\n\r\nb \r\n--b--\r\n",
	      "--b\r\n\r\nFrom: a \r\n\r\nb \r\n--b--\r\n");
	CHECK(MIXED, "--b\r\nContent-Type: message/rfc822\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n\r\nA: b\r\n\r\nc \r\n"
	      "--b--\r\n",
	      "--b\r\nContent-Type: message/rfc822\r\n"
	      "Content-Transfer-Encoding: 7bit\r\n\r\nA: b\r\n\r\nc \r\n"
	      "--b--\r\n");
	/* without a boundary that can be used it is no multipart */
	CHECK("Content-Type: multipart/mixed\r\n", "--b \r\n\r\na\r\n",
	      "--b \r\n\r\na\r\n");
}

#define INNER "p \r\n--i \r\nX: y \r\n\r\nFrom a \r\n--i\r\n" \
	"Content-Type: multipart/x; boundary=j\r\n\r\nq\r\n--j\r\n\r\nz\r\n" \
	"--i--\r\nepi \r\n"

/* What is signed or sealed is not touched. */
static void test_kept(void **state)
{
	static const char *const types[] = {
		"Content-Type: multipart/signed; boundary=i\r\n",
		"Content-Type: multipart/encrypted; boundary=i\r\n"
	};
	char body[600], head[200];
	int n;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		check(types[i], S(INNER), S(INNER));
		n = snprintf(body, sizeof body, "--b\r\n%s\r\n" INNER
		             "\r\n--b--\r\n", types[i]);
		assert_in_range(n, 1, sizeof body - 1);
		check(MIXED, body, (size_t)n, body, (size_t)n);
		n = snprintf(head, sizeof head, "%s"
		             "Content-Transfer-Encoding: 8bit\r\n", types[i]);
		assert_in_range(n, 1, sizeof head - 1);
		REFUSE(head, "--i\r\n\r\n\xc3\xa4\r\n--i--\r\n");
		REFUSE(head, "\xc3\xa4\r\n--i\r\n\r\na\r\n--i--\r\n");
		REFUSE(head, "--i\r\n\r\na\r\n--i--\r\n\xc3\xa4\r\n");
		REFUSE(head, "--i\r\nX: \xc3\xa4\r\n\r\na\r\n--i--\r\n");
		REFUSE(head, "--i\r\n\r\na\r\n");
	}
	/* behind it all is as before */
	CHECK(MIXED, "--b\r\nContent-Type: multipart/signed; boundary=i\r\n\r\n"
	      "--i\r\n\r\na \r\n--i--\r\n--b\r\n\r\na \r\n--b--\r\n",
	      "--b\r\nContent-Type: multipart/signed; boundary=i\r\n\r\n"
	      "--i\r\n\r\na \r\n--i--\r\n--b\r\n" QP "\r\na=20\r\n--b--\r\n");
}

static void test_refused(void **state)
{
	static const char *const heads[] = {
		"Content-Type: message/rfc822\r\n", QP, B64,
		"Content-Transfer-Encoding: 7bit\r\n",
		"Content-Type: a/b\r\nContent-Transfer-Encoding: 7bit\r\n",
		"Content-Type: multipart/mixed\r\n",
		"Content-Transfer-Encoding: x\r\n",
		"Content-Type: message/global\r\n" B64,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++)
		REFUSE(heads[i], "a\r\n\xc3\xa4\r\n");
	REFUSE(B64, "a\x7f\r\n");
	REFUSE(B64, "a\0\r\n");
	REFUSE(B64, "a\rb\r\n");
	REFUSE(B64, "a\nb\r\n");
	REFUSE(B64, "\n");
	REFUSE(B64, "a\r");
	REFUSE(MIXED, "--b\r\n" B64 "\r\n\xff\r\n--b--\r\n");
	REFUSE(MIXED, "--b\r\nX: \xc3\xa4\r\n\r\na\r\n--b--\r\n");
	/* no end, in different places */
	REFUSE(MIXED, "");
	REFUSE(MIXED, "a\r\n");
	REFUSE(MIXED, "--b\r\n\r\na\r\n");
	REFUSE(MIXED, "--b\r\n\r\na\r\n--b-- x\r\n");
	REFUSE(MIXED, "--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n"
	       "--i\r\n\r\na\r\n--b--\r\n");
	/* what others may take in another way */
	REFUSE(B64 MIXED, "--b\r\n\r\na\r\n--b--\r\n");
	REFUSE(MIXED, "--b\r\nContent-Type: multipart/x; boundary=i\r\n" QP
	       "\r\n--i--\r\n--b--\r\n");
	REFUSE(QP B64, "a\r\n");
	REFUSE("Content-Type: a/b\r\nContent-Type: text/plain\r\n", "a\r\n");
	REFUSE(MIXED, "--b\r\n" QP B64 "\r\na\r\n--b--\r\n");
}

/* Append s so many times. */
static void repeat(struct membuf *m, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_int_equal(sink_put(&m->sink, s, strlen(s), NULL), 0);
}

static void test_long(void **state)
{
	static const char *const before[] = {
		"--b\r\n\r\na\r\n", "--b\r\n" QP "\r\na\r\n"
	};
	struct membuf m, text;
	struct out o;

	(void)state;
	for (size_t n = 990; n < 1010; n++)
		for (int end = 0; end < 2; end++) {
			membuf_init(&m, OUT_MAX);
			repeat(&m, "a", n);
			repeat(&m, "\r\n", (size_t)end);
			filter(&o, B64, m.buf, m.len, 7, 7);
			assert_int_equal(o.rc, n > 998 ? -1 : 0);
			membuf_free(&o.m);
			filter(&o, "", m.buf, m.len, 7, 7);
			assert_int_equal(o.rc, 0);
			membuf_free(&o.m);
			membuf_free(&m);
		}
	membuf_init(&m, OUT_MAX);	/* a header over the limit is opaque */
	repeat(&m, "--b\r\n", 1);
	repeat(&m, "X: 1 \r\n", PART_HEADER_MAX / 7 + 1);
	assert_int_equal(membuf_printf(&m, NULL, "\r\na \r\n--b--\r\n"),
	                 0);
	filter(&o, MIXED, m.buf, m.len, 0, 0);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.m.len, m.len);
	assert_memory_equal(o.m.buf, m.buf, m.len);
	for (size_t i = 0; i < COUNT(before); i++) {	/* behind others too */
		membuf_free(&o.m);
		membuf_init(&text, OUT_MAX);
		repeat(&text, before[i], 1);
		repeat(&text, m.buf, 1);
		filter(&o, MIXED, text.buf, text.len, 0, 0);
		membuf_free(&text);
		assert_int_equal(o.rc, 0);
		assert_true(o.m.len > m.len);
		assert_memory_equal(o.m.buf + o.m.len - m.len, m.buf, m.len);
	}
	membuf_free(&o.m);
	membuf_free(&m);
}

/* Parts in parts, more than are looked into: those are not touched. */
static void test_deep(void **state)
{
	const size_t levels = 2 * PARTS_DEPTH_MAX;
	struct membuf m;
	struct out o;

	(void)state;
	membuf_init(&m, OUT_MAX);
	for (size_t i = 0; i < levels; i++)
		assert_int_equal(membuf_printf(&m, NULL, "--%zu\r\n"
		                 "Content-Type: multipart/mixed; boundary="
		                 "%zu\r\n%s\r\n", i, i + 1, i + 1 <
		                 PARTS_DEPTH_MAX ? "" : "X: y \r\n"), 0);
	assert_int_equal(membuf_printf(&m, NULL, "--%zu\r\n\r\na \r\n",
	                               levels), 0);
	for (size_t i = levels + 1; i-- > 0; )
		assert_int_equal(membuf_printf(&m, NULL, "--%zu--\r\n", i),
		                 0);
	filter(&o, "Content-Type: multipart/mixed; boundary=0\r\n", m.buf,
	       m.len, 0, 0);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.m.len, m.len);
	assert_memory_equal(o.m.buf, m.buf, m.len);
	membuf_free(&o.m);
	m.buf[m.len / 2] = '\xff';
	filter(&o, "Content-Type: multipart/mixed; boundary=0\r\n", m.buf,
	       m.len, 0, 0);
	assert_int_equal(o.rc, -1);
	membuf_free(&o.m);
	membuf_free(&m);
}

/* 30 MB of small lines and of many parts. */
static void test_linear(void **state)
{
	clock_t start = clock();
	struct membuf m;
	struct out o;

	(void)state;
	membuf_init(&m, OUT_MAX);
	repeat(&m, "From a \r\n", 3 << 20);
	filter(&o, QP, m.buf, m.len, 4096, 4096);
	assert_int_equal(o.rc, 0);
	membuf_free(&o.m);
	membuf_free(&m);
	repeat(&m, "--b\r\nX: y \r\n\r\n", 200000);
	repeat(&m, "--b--\r\n", 1);
	filter(&o, MIXED, m.buf, m.len, 4096, 4096);
	assert_int_equal(o.rc, 0);
	membuf_free(&o.m);
	membuf_free(&m);
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

static void test_sink_fails(void **state)
{
	static const char body[] = "--b\r\nX: y \r\n\r\na\r\n--b\r\n" B64
	                           "\r\nYWJj\r\n--b--\r\n";
	struct sevenbit *s;
	struct membuf m;
	struct header h;
	struct err e;

	(void)state;
	assert_int_equal(header_cut(&h, S(MIXED), NULL), 0);
	for (size_t max = 0; max < sizeof body; max++) {
		membuf_init(&m, max);
		s = sevenbit_new(&h, &m.sink, &e);
		assert_non_null(s);
		assert_true(sevenbit_put(s, body, sizeof body - 1, &e) ||
		            sevenbit_end(s, &e));
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
		sevenbit_free(s);
		membuf_free(&m);
	}
	header_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_multi),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
