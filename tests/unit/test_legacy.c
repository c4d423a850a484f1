/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/legacy.c and legacy_find.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/encode.h"
#include "crypto/legacy.h"
#include "crypto/transfer.h"
#include "tests/unit/slow.h"

enum { OUT_MAX = 64 << 20, BIG = 8 << 20, SECONDS_MAX = 10 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HP "; hp=\"cipher\""
#define LD "; hp-legacy-display=\"1\""
#define TYPE(t) "Content-Type: " t HP "\r\n"
#define MULTI(t) "Content-Type: multipart/" t "; boundary=b" HP "\r\n"
#define CTE(t) "Content-Transfer-Encoding: " t "\r\n"
#define DIV "<div class=\"header-protection-legacy-display\">"
#define ELEMENT DIV "\r\n<pre>Subject: a &lt;b&gt;</pre>\r\n</div>"

/* In pieces of step octets, the first one of first octets. */
static void filter(const char *root, const char *body, size_t n, size_t first,
                   size_t step, struct membuf *out)
{
	struct header h;
	struct legacy *l;
	struct err e;
	char *p;

	assert_int_equal(header_cut(&h, root, strlen(root), &e), 0);
	membuf_init(out, OUT_MAX);
	l = legacy_new(&h, &out->sink, &e);
	assert_non_null(l);
	for (size_t at = 0, len; at < n; at += len) {
		len = at ? step : first;
		if (len > n - at)
			len = n - at;
		p = malloc(len + !len);	/* exactly as long, on the heap */
		assert_non_null(p);
		memcpy(p, body + at, len);
		assert_int_equal(legacy_put(l, p, len, &e), 0);
		free(p);
	}
	assert_int_equal(legacy_end(l, &e), 0);
	legacy_free(l);
	header_free(&h);
}

static void check_mem(const char *root, const char *body, size_t n,
                      const char *want, size_t want_n)
{
	struct membuf m;

	for (size_t cut = 0; cut <= n; cut++) {
		filter(root, body, n, cut ? cut : 1, cut ? n : 1, &m);
		if (m.len != want_n
		    || (want_n && memcmp(m.buf, want, want_n) != 0))
			fail_msg("%s\ncut %zu of:\n%s\ngot:\n%.*s\nwanted:\n%s",
			         root, cut, body, (int)m.len, m.buf, want);
		membuf_free(&m);
	}
}

static void check(const char *root, const char *body, const char *want)
{
	check_mem(root, body, strlen(body), want, strlen(want));
}

static void check_same(const char *root, const char *body)
{
	check(root, body, body);
}

static void test_text(void **state)
{
	static const char *const encodings[] = {
		"", CTE("7bit"), CTE("8BIT"), CTE("binary"),
		CTE("quoted-printable")
	};
	char root[200];

	(void)state;
	for (size_t i = 0; i < COUNT(encodings); i++) {
		snprintf(root, sizeof root, "%s%s", TYPE("Text/Plain" LD),
		         encodings[i]);
		check(root, "Subject: a\r\nb\r\n\r\nc\r\n\r\nd\r\n",
		      "c\r\n\r\nd\r\n");
		check(root, "Subject: a\nb\n\nc\n\nd\n", "c\n\nd\n");
		check(root, "\r\nc\r\n\r\nd", "c\r\n\r\nd");
		check(root, "a\r\n\r\n", "");
		check(root, "\n", "");
		check_same(root, "Subject: a\r\nb\r\n");
		check_same(root, "a\r\n \r\nb\r\r\n\rc\r\n");
		check_same(root, "a\r");
		check_same(root, "");
	}
	check(TYPE("text/plain" LD), "a\r\n \t\r\nb\r\n\r\n\xff=20\r\n",
	      "\xff=20\r\n");
	check_mem(TYPE("text/plain" LD), "a\0\r\n\n\0\xff", 7, "\0\xff", 2);
}

static void test_quoted(void **state)
{
	static const char root[] = TYPE("text/plain" LD)
		CTE("Quoted-Printable");

	(void)state;
	check(root, "a=\r\n\r\nb\r\n\r\nc=3D\r\n", "c=3D\r\n");
	check(root, "a=\n\nb\n\nc=\n", "c=\n");
	check(root, "a=0D=0A=0d=0Ac=\r\nd", "c=\r\nd");
	check(root, "a=0A=\r\n=0Ac=\r\nd", "c=\r\nd");
	check(root, "=\r\n=\r\n\r\nd", "d");
	check(root, "a b\t =20\r\n\r\nd", "d");
	/* no two readers agree about these */
	check_same(root, "a \r\n\r\nb");
	check_same(root, "a\r\n \r\n\r\nb");
	check_same(root, "a=0\r\n\r\nb");
	check_same(root, "a=\t\r\n\r\nb");
	check_same(root, "a=xx\r\n\r\nb");
	check_same(root, "a=");
	/* behind it nobody looks */
	check(root, "a\r\n\r\nb=xx \r\n=", "b=xx \r\n=");
}

static void test_html(void **state)
{
	static const char root[] = TYPE("text/html" LD);
	static const char *const before[] = {
		"<body>", "<BODY  class='>'>\r\n", "", "\xef\xbb\xbf\r\n",
		"<html><head><title></title></head><body>\r\n",
		"<!DOCTYPE html>\r\n<html lang=\"a>\">\r\n<head>"
		"<!-- <body>" ELEMENT " --><meta a><title><body></TITLE >"
		"<style>a>b{}</style><script>\"<body>\"</script></head>"
		"<body x=\">\" y='\">'>\t\f",
		"<head></head>"
	};
	static const char *const elements[] = {
		ELEMENT, DIV "</div>", DIV "<p><b>Subject</b>: a<br>b<br/>c"
		"<BR /></p></DIV\r\n>",
		"<DIV\r\nCLASS='header-protection-legacy-display' >\n</div>"
	};
	static const char *const no[] = {
		"<body>x" ELEMENT, "x" ELEMENT, "<body><p></p>" ELEMENT,
		"<body><div>" ELEMENT "</div>", "<body><!-- -->" ELEMENT,
		"<body>" DIV, "<body>" DIV "a</div", "<body>" DIV "a</divx>",
		"<body>" DIV "<div></div></div>", "<body>" DIV "<!-- </div> -->",
		"<body>" DIV "<pre class=a></pre></div>",
		"<body>" DIV "<script></div></script></div>",
		"<body><div id=a class=\"header-protection-legacy-display\"></div>",
		"<body><div class=\"header-protection-legacy-display x\"></div>",
		"<body><div class=\"Header-Protection-Legacy-Display\"></div>",
		"<body><div class=header-protection-legacy-display></div>",
		"<body><div class=\"header-protection-legacy-display'></div>",
		"<body><div class=\"header-protection-legacy-display\" id=a></div>",
		"<body><divclass=\"header-protection-legacy-display\"></div>",
		"<body><p class=\"header-protection-legacy-display\"></p>",
		"<body", "<body a=\">" ELEMENT, "<title>" ELEMENT,
		"<title><body>" ELEMENT, "<!-- <body>" ELEMENT, "<bodyx>" ELEMENT,
		"<header>" ELEMENT, "<html>x<body>" ELEMENT, "<", "<div",
		"<div ", "<div class=", "<div class=\"header", "",
		"<body>" DIV "a\r\n\r\nb"
	};
	char body[1000], want[1000];

	(void)state;
	for (size_t i = 0; i < COUNT(before) * COUNT(elements); i++) {
		snprintf(body, sizeof body, "%s%s\r\n\r\n%s</body>",
		         before[i / COUNT(elements)],
		         elements[i % COUNT(elements)], ELEMENT);
		snprintf(want, sizeof want, "%s\r\n\r\n%s</body>",
		         before[i / COUNT(elements)], ELEMENT);
		check(root, body, want);
	}
	for (size_t i = 0; i < COUNT(no); i++)
		check_same(root, no[i]);
}

static void test_html_quoted(void **state)
{
	static const char root[] = TYPE("text/html" LD)
		CTE("quoted-printable");
#define QDIV "<div class=3D\"header-protection-lega=\r\ncy-display\">"

	(void)state;
	check(root, "<body>\r\n" QDIV "=\r\na</div>\r\n<p =\r\n",
	      "<body>\r\n\r\n<p =\r\n");
	check(root, "<body> " QDIV "a=\r\n</div>\r\nb=\r\n",
	      "<body> =\r\n\r\nb=\r\n");
	check(root, "<body>=\n=3Cdiv class=3D'header-protection-=\n"
	      "legacy-display'>a</div=3e=\n=3D", "<body>=\n=\n=3D");
	check(root, "<body>=20=3cdiv class=3D'header-protection-=\n"
	      "legacy-display'>a</div> b", "<body>=20=\n b");
	check(root, QDIV "</div>b", "b");
	check_same(root, "<body>" QDIV "a \r\n</div>");
}

static void put_base64(struct membuf *m, const char *p, size_t n)
{
	struct encode c;
	struct err e;

	encode_init(&c, TRANSFER_BASE64, &m->sink);
	assert_int_equal(sink_put(&c.sink, p, n, &e), 0);
	assert_int_equal(encode_end(&c, &e), 0);
}

/* An element of every length, and a rest of every length. */
static void test_base64(void **state)
{
	static const char root[] = TYPE("text/plain" LD) CTE("BASE64");
	static const char text[] = "Subject: a\r\nb\r\n\r\n"
		"A rest that is longer than one line of base64, as it has to be"
		"; and still some more of it. \r\n\xff\r\n";
	struct membuf in, want;
	struct err e;
	size_t skip, n;

	(void)state;
	for (size_t i = 0; i < 3 * 4; i++) {
		skip = i % 3;
		n = strlen(text) - i / 3;
		membuf_init(&in, OUT_MAX);
		membuf_init(&want, OUT_MAX);
		put_base64(&in, text + skip, n - skip);
		put_base64(&want, text + 17, n - 17);
		if (i / 3 == 2) {	/* and a line end behind it */
			sink_put(&in.sink, "\r\n", 3, &e);
			sink_put(&want.sink, "\r\n", 3, &e);
		} else {
			sink_put(&in.sink, "", 1, &e);
			sink_put(&want.sink, "", 1, &e);
		}
		check(root, in.buf, want.buf);
		membuf_free(&in);
		membuf_free(&want);
	}
}

static void test_base64_odd(void **state)
{
	static const char root[] = TYPE("text/plain" LD) CTE("base64");
	static const char html[] = TYPE("text/html" LD) CTE("base64");

	(void)state;
	check(root, "YQoK", "");			/* "a\n\n" */
	check(root, "YQoKYg==", "Yg==");
	check(root, "Y Q\r\noK\tYg=\r\n=\r\n", "Yg==\r\n=\r\n");
	check(root, "YQoKYmNk\n", "YmNk\r\n");
	check(root, "!Y?Qo-KYmNk", "YmNk");
	check(root, "YQoKYg==\r\n\r\nYQoKZA==", "Yg==\r\n\r\nYQoKZA==");
	check(root, "YQoKYmNk=", "YmNk=");
	check(root, "YQoKY", "");
	check_same(root, "YQo=\r\nCmI=");	/* "a\n" and "\nb": for some */
	check_same(root, "YWIK=CmNk");		/* "ab\n" and "\ncd" */
	check_same(root, "YQpi");
	check_same(root, "!!");
	check_same(root, "=");
	check_same(html, "YQoKYg==");
	check(html, "PGRpdiBjbGFzcz0iaGVhZGVyLXByb3RlY3Rpb24tbGVnYWN5LWRpc3Bs"
	      "YXkiPjwv\r\nZGl2PmE=", "YQ==");
	check(html, "YTxiPg==", "YTxiPg==");
}

/* What says that there is none, or what nobody understands. */
static void test_types(void **state)
{
	static const char *const no[] = {
		"Content-Type: text/plain" LD "\r\n",
		"Content-Type: text/plain" LD "; hp=clear\r\n",
		"Content-Type: text/plain" LD "; protected-headers=v1\r\n",
		"Content-Type: text/plain" LD "; hp=cipher; hp=cipher\r\n",
		"Content-Type : text/plain" LD HP "\r\n",
		TYPE("text/plain"), TYPE("text/plain; hp-legacy-display=0"),
		TYPE("text/plain; hp-legacy-display=10"),
		TYPE("text/plain" LD "; hp-legacy-display=1"),
		TYPE("text/plain" LD) TYPE("text/plain" LD),
		TYPE("text/richtext" LD), TYPE("text/html" LD),
		TYPE("application/octet-stream" LD), TYPE("message/rfc822" LD),
		TYPE("text/plain; charset=\"UTF-16\"" LD),
		TYPE("text/plain; charset=utf-32le" LD),
		TYPE("text/plain; charset=UTF-7" LD),
		TYPE("text/plain" LD) CTE("x-uuencode"),
		TYPE("text/plain" LD) CTE("7bit") CTE("7bit"),
		TYPE("text/plain" LD) CTE("\"7bit"),
		TYPE("text/plain" LD) "Content-Transfer-Encoding : 7bit\r\n",
		TYPE("text/plain" LD) "Content-Disposition: attachment\r\n",
		TYPE("text/plain" LD) "Content-Disposition: ATTACHMENT; a=b\r\n",
		TYPE("text/plain" LD) "Content-Disposition: x\r\n",
		TYPE("text/plain" LD) "Content-Disposition: inline\r\n"
			"Content-Disposition: inline\r\n",
		"",
	};
	static const char *const yes[] = {
		TYPE("text/plain" LD), TYPE("text/plain; charset=utf-8" LD),
		TYPE("text/plain" LD) "Content-Disposition: INLINE\r\n",
		"Content-Type: text/plain; hp=CIPHER" LD "\r\n",
	};
	struct header h;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(no); i++)
		check_same(no[i], "a\r\n\r\nb\r\n");
	for (size_t i = 0; i < COUNT(yes); i++)
		check(yes[i], "a\r\n\r\nb\r\n", "b\r\n");
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(header_cut(&h, no[i], strlen(no[i]), &e), 0);
		assert_false(legacy_possible(&h));
		header_free(&h);
	}
	assert_int_equal(header_cut(&h, yes[3], strlen(yes[3]), &e), 0);
	assert_true(legacy_possible(&h));
	header_free(&h);
}

#define OPEN "--b\r\n"
#define CLOSE "\r\n--b--\r\n"
#define PLAIN "Content-Type: text/plain" LD "\r\n\r\n"
#define HTML "Content-Type: text/html" LD "\r\n\r\n"
#define E "a\r\n\r\n"

static void test_multi(void **state)
{
	(void)state;
	/* the first part is a main one, the next is none */
	check(MULTI("mixed"), "a\r\n\r\n" OPEN PLAIN E "b\r\n" OPEN PLAIN E "c"
	      CLOSE E, "a\r\n\r\n" OPEN PLAIN "b\r\n" OPEN PLAIN E "c" CLOSE E);
	check(MULTI("x-unknown"), OPEN PLAIN E "b" CLOSE,
	      OPEN PLAIN "b" CLOSE);
	check(MULTI("related"), OPEN PLAIN E "b\r\n" OPEN PLAIN E CLOSE,
	      OPEN PLAIN "b\r\n" OPEN PLAIN E CLOSE);
	check(MULTI("signed"), OPEN PLAIN E "b\r\n" OPEN PLAIN E CLOSE,
	      OPEN PLAIN "b\r\n" OPEN PLAIN E CLOSE);
	/* all of these */
	check(MULTI("alternative"), OPEN PLAIN E "b\r\n" OPEN HTML "<body>"
	      ELEMENT "b\r\n" OPEN PLAIN E CLOSE,
	      OPEN PLAIN "b\r\n" OPEN HTML "<body>b\r\n" OPEN PLAIN CLOSE);
	/* nothing, and all of it, is the element */
	check(MULTI("alternative"), OPEN PLAIN "\r\n" OPEN PLAIN "a" CLOSE,
	      OPEN PLAIN "\r\n" OPEN PLAIN "a" CLOSE);
	check(MULTI("mixed"), OPEN PLAIN "a\r\n\r\n\r\n--b--",
	      OPEN PLAIN "\r\n--b--");
	/* the line end before a delimiter is not the text's */
	check_same(MULTI("mixed"), OPEN PLAIN "a\r\n" CLOSE);
	check_same(MULTI("mixed"), OPEN "Content-Disposition: attachment\r\n"
	           PLAIN E "b" CLOSE);
	check_same(MULTI("mixed"), OPEN "Content-Type: text/plain\r\n\r\n" E
	           CLOSE);
	check_same(MULTI("mixed"), OPEN "\r\n" E CLOSE);
	check_same(MULTI("digest"), OPEN "\r\n" PLAIN E CLOSE);
	check_same(MULTI("mixed") "Content-Disposition: attachment\r\n",
	           OPEN PLAIN E "b" CLOSE);
	check_same("Content-Type: multipart/mixed; boundary=b\r\n",
	           OPEN PLAIN E "b" CLOSE);
	check_same(TYPE("multipart/mixed"), OPEN PLAIN E "b" CLOSE);
}

#define IN(t) "Content-Type: multipart/" t "; boundary=i\r\n\r\n"
#define IOPEN "--i\r\n"
#define ICLOSE "\r\n--i--\r\n"

static void test_nested(void **state)
{
	static const struct { const char *root, *before, *in, *after; bool yes; }
	cases[] = {
		{ MULTI("mixed"), "", IN("alternative"), "", true },
		{ MULTI("mixed"), "", IN("related"), "", true },
		{ MULTI("alternative"), "", IN("mixed"), "", true },
		{ MULTI("alternative"), OPEN PLAIN "\r\n", IN("related"), "", true },
		{ MULTI("mixed"), "", IN("mixed"), IOPEN PLAIN E "x", true },
		{ MULTI("mixed"), OPEN "\r\nx\r\n", IN("alternative"), "", false },
		{ MULTI("related"), OPEN "\r\nx\r\n", IN("alternative"), "", false },
		{ MULTI("signed"), OPEN "\r\nx\r\n", IN("mixed"), "", false },
		{ MULTI("mixed"), "", "Content-Disposition: attachment\r\n"
		  IN("alternative"), "", false },
		{ MULTI("mixed"), "", "Content-Type: message/rfc822\r\n\r\n"
		  "From: a@b\r\n" TYPE("text/plain" LD) IN("mixed"), "", false },
		{ MULTI("mixed"), "", "Content-Type: message/global\r\n\r\n"
		  IN("mixed"), "", false },
	};
	char body[1000], want[1000];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(body, sizeof body, "%s" OPEN "%s" IOPEN PLAIN E "b\r\n"
		         "%s" ICLOSE "b" CLOSE, cases[i].before, cases[i].in,
		         cases[i].after);
		snprintf(want, sizeof want, "%s" OPEN "%s" IOPEN PLAIN "%sb\r\n"
		         "%s" ICLOSE "b" CLOSE, cases[i].before, cases[i].in,
		         cases[i].yes ? "" : E, cases[i].after);
		check(cases[i].root, body, want);
	}
	check_same(MULTI("mixed"), OPEN "Content-Type: message/rfc822\r\n\r\n"
	           "Content-Type: text/plain" LD HP "\r\n\r\n" E "b" CLOSE);
}

/* Around the limit: n octets of an element, of which q are one decoded octet. */
static void check_limit(const char *root, const char *octet, size_t n, bool yes)
{
	struct membuf in, out;
	struct err e;

	membuf_init(&in, OUT_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sink_put(&in.sink, octet, strlen(octet), &e), 0);
	assert_int_equal(sink_put(&in.sink, "\n\nrest\n", 7, &e), 0);
	for (size_t step = 1; step <= in.len; step = step * 7 + 1) {
		filter(root, in.buf, in.len, step, step, &out);
		if (yes) {
			assert_int_equal(out.len, 5);
			assert_memory_equal(out.buf, "rest\n", 5);
		} else {
			assert_int_equal(out.len, in.len);
			assert_memory_equal(out.buf, in.buf, in.len);
		}
		membuf_free(&out);
	}
	membuf_free(&in);
}

static void test_limit(void **state)
{
	static const char plain[] = TYPE("text/plain" LD);
	static const char quoted[] = TYPE("text/plain" LD)
		CTE("quoted-printable");

	(void)state;
	check_limit(plain, "x", LEGACY_MAX - 2, true);
	check_limit(plain, "x", LEGACY_MAX - 1, false);
	check_limit(plain, "x", 5 * LEGACY_MAX, false);
	check_limit(quoted, "x", LEGACY_MAX - 2, true);
	check_limit(quoted, "=78", LEGACY_MAX - 2, true);
	check_limit(quoted, "=78", LEGACY_MAX - 1, false);
	check_limit(quoted, "x=\r\n", LEGACY_MAX - 4, true);
	check_limit(quoted, "=\r\n", 2 * LEGACY_MAX, false);
}

/* A part of any length streams through a new encoding. */
static void test_large(void **state)
{
	static const char root[] = TYPE("text/plain" LD) CTE("base64");
	const size_t skip = 10001;
	char *text = malloc(BIG);
	struct membuf in, want, out;
	struct err e;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < BIG; i++)
		text[i] = i < skip - 2 ? 'a' : (char)(i * i >> 3);
	text[skip - 2] = text[skip - 1] = '\n';
	membuf_init(&in, OUT_MAX);
	membuf_init(&want, OUT_MAX);
	put_base64(&in, text, BIG - 1);
	put_base64(&want, text + skip, BIG - 1 - skip);
	assert_int_equal(in.buf[in.len - 2], '=');
	in.len--;		/* a line end within the padding */
	assert_int_equal(sink_put(&in.sink, "\n=", 2, &e), 0);
	assert_int_equal(sink_put(&want.sink, "\n=", 2, &e), 0);
	for (size_t tail = 1; tail < BIG; tail *= 100) {
		filter(root, in.buf, in.len, in.len - tail, 1, &out);
		assert_int_equal(out.len, want.len);
		assert_memory_equal(out.buf, want.buf, want.len);
		membuf_free(&out);
	}
	membuf_free(&in);
	membuf_free(&want);
	free(text);
}

static void test_late(void **state)
{
	static const char root[] = TYPE("text/html" LD) CTE("base64");
	static char head[9000], text[sizeof head + 200];
	struct membuf in, want, out;

	(void)state;
	memset(head, 'a', sizeof head - 1);
	membuf_init(&in, OUT_MAX);
	membuf_init(&want, OUT_MAX);
	snprintf(text, sizeof text, "<title>%s</title>%s<p>", head, ELEMENT);
	put_base64(&in, text, strlen(text));
	snprintf(text, sizeof text, "<title>%s</title><p>", head);
	put_base64(&want, text, strlen(text));
	filter(root, in.buf, in.len, 1, 100, &out);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.buf, want.buf, want.len);
	membuf_free(&in);
	membuf_free(&want);
	membuf_free(&out);
}

/* Long runs of blanks that no line ends with. */
static size_t fill_blanks(char *p, size_t n)
{
	static const char head[] = OPEN CTE("quoted-printable") PLAIN;
	static const size_t run = 200000;
	size_t len = 0;

	for (; n - len > sizeof head + run + 2; len += run + 2) {
		memcpy(p + len, head, sizeof head - 1);
		len += sizeof head - 1;
		memset(p + len, ' ', run);
		memcpy(p + len + run, "x\n", 2);
	}
	return len;
}

static void test_linear(void **state)
{
	static const char *const patterns[] = {
		" ", "\t\r", "=", "=\r\n", "<", "<!--", "<!-->", "<p>", "-", "<title>",
		"<body ", "<style>", "\"", "</div", DIV, "\r", "\n ", "--b",
		"\r\n--b\r\n", "A", "--b\r\n" PLAIN, "<br>", "<meta>",
		"\r\n--b\r\n" PLAIN " ",
	};
	static const char *const roots[] = {
		TYPE("text/plain" LD) CTE("quoted-printable"),
		TYPE("text/html" LD) CTE("quoted-printable"),
		TYPE("text/html" LD), TYPE("text/html" LD) CTE("base64"),
		MULTI("alternative")
	};
	clock_t start = clock();
	char *p = malloc(BIG);
	struct membuf out;
	size_t len;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < COUNT(patterns); i++) {
		len = strlen(patterns[i]);
		for (size_t k = 0; k < BIG; k++)
			p[k] = patterns[i][k % len];
		for (size_t r = 0; r < COUNT(roots); r++) {
			filter(roots[r], p, BIG, 16384, 16384, &out);
			membuf_free(&out);
		}
	}
	len = fill_blanks(p, BIG);
	filter(MULTI("alternative"), p, len, 16384, 16384, &out);
	assert_int_equal(out.len, len);
	membuf_free(&out);
	free(p);
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_html_quoted),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_odd),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_multi),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
