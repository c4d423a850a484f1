/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/resend.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/resend.h"

enum { TEXT = 20000 };

/* What may differ between two letters. */
struct made {
	const char *id, *date, *boundary, *subject, *to, *text, *attached;
};

static const struct made first = {
	"<1.abc@example.org>", "Mon, 1 Jun 2026 10:00:00 +0200",
	"------------0123456789", "Hello", "bob@example.org",
	"Dear Bob,\r\n\r\nthe boundary=stone fell\r\n-\r\nAlice\r\n",
	"QUJDREVGRw=="
};

static size_t write_letter(char *out, const struct made *l)
{
	const char *b = l->boundary;
	int n;

	n = snprintf(out, TEXT, "Message-ID: %s\r\nDate: %s\r\n"
	             "From: alice@example.org\r\nTo: %s\r\nSubject: %s\r\n"
	             "MIME-Version: 1.0\r\n"
	             "Content-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n"
	             "X-Last: x\r\n\r\n"
	             "--%s\r\nContent-Type: text/plain\r\n\r\n%s\r\n"
	             "--%s\r\nContent-Type: multipart/related;\r\n"
	             "\tboundary=\"%sx\"\r\n\r\n"
	             "--%sx\r\nContent-Type: multipart/mixed; boundary=%sy\r\n"
	             "\r\n--%sy\r\nContent-Type: image/png; name=\"a\"\r\n\r\n"
	             "%s\r\n--%sy--\r\n--%sx--\r\n--%s--\r\n", l->id, l->date,
	             l->to, l->subject, b, b, l->text, b, b, b, b, b,
	             l->attached, b, b, b);
	assert_in_range(n, 1, TEXT - 1);
	return (size_t)n;
}

/* The digest of a text in parts, the first as long as told; it passes on
 * unchanged. */
static void digest(unsigned char out[RESEND_DIGEST], const char *text,
                   size_t n, size_t first_part, size_t part)
{
	struct membuf m;
	struct resend r;
	size_t k;

	membuf_init(&m, 1 << 20);
	resend_init(&r, &m.sink);
	for (size_t i = 0; i < n; i += k) {
		char *copy;

		k = i ? part : first_part;
		if (!k || k > n - i)
			k = n - i;
		copy = malloc(k);	/* a sanitizer sees a step too far */
		assert_non_null(copy);
		memcpy(copy, text + i, k);
		assert_int_equal(sink_put(&r.sink, copy, k, NULL), 0);
		free(copy);
	}
	assert_int_equal(resend_end(&r, out), 0);
	assert_int_equal(m.len, n);
	if (n)
		assert_memory_equal(m.buf, text, n);
	membuf_free(&m);
	resend_free(&r);	/* once more does no harm */
}

static bool same(const char *a, size_t n_a, const char *b, size_t n_b)
{
	unsigned char x[RESEND_DIGEST], y[RESEND_DIGEST];

	digest(x, a, n_a, 0, 0);
	digest(y, b, n_b, 0, 0);
	return memcmp(x, y, sizeof x) == 0;
}

static bool same_as_first(const struct made *l)
{
	char a[TEXT], b[TEXT];
	size_t n = write_letter(a, &first);

	return same(a, n, b, write_letter(b, l));
}

static bool same_text(const char *a, const char *b)
{
	return same(a, strlen(a), b, strlen(b));
}

static void test_same(void **state)
{
	struct made l = first;

	(void)state;
	assert_true(same_as_first(&l));
	l.id = "<2.xyz@example.org>";
	assert_true(same_as_first(&l));
	l.date = "Mon, 1 Jun 2026\r\n 10:05:17\r\n\t+0200 (CEST)";
	assert_true(same_as_first(&l));
	l.boundary = "=_quite_another_one_=";
	assert_true(same_as_first(&l));
	l = first;
	l.boundary = "-";
	assert_true(same_as_first(&l));
	/* 70 octets is what a boundary may have; it is not cut off */
	l.boundary = "123456789012345678901234567890123456789012345678901234567"
	             "89012345678";
	assert_true(same_as_first(&l));
}

static void test_other(void **state)
{
	struct made l;

	(void)state;
	l = first, l.subject = "Hello again";
	assert_false(same_as_first(&l));
	l = first, l.subject = "Hello\r\n Date: 1";	/* a fold is no field */
	assert_false(same_as_first(&l));
	l = first, l.to = "carol@example.org";
	assert_false(same_as_first(&l));
	l = first, l.to = "bob@example.org\r\nCc: carol@example.org";
	assert_false(same_as_first(&l));
	l = first, l.attached = "QUJDREVGSA==";
	assert_false(same_as_first(&l));
	l = first, l.attached = "QUJDREVGRw==\r\n";
	assert_false(same_as_first(&l));
}

/* Each octet of the text alone makes another letter. */
static void test_every_octet(void **state)
{
	static char a[TEXT], b[TEXT], text[1000];
	struct made l = first;
	size_t n = write_letter(a, &first), m;

	(void)state;
	for (size_t i = 0; i < strlen(first.text); i++) {
		if (strchr("\r\n", first.text[i]))
			continue;	/* no line ends here any more */
		snprintf(text, sizeof text, "%s", first.text);
		text[i] ^= 1;
		l.text = text;
		m = write_letter(b, &l);
		if (same(a, n, b, m))
			fail_msg("octet %zu changed: the same", i);
	}
	l.text = "Dear Bob,\r\n\r\nthe boundary=stone fell\r\n-\r\nAlice";
	assert_false(same(a, n, b, write_letter(b, &l)));
}

static void test_header(void **state)
{
	(void)state;
	assert_true(same_text("DATE: 1\r\nmessage-id: 2\r\nTo: x\r\n\r\n",
	                      "To: x\r\n\r\n"));
	assert_false(same_text("Content-type: text/plain;\r\n a=b\r\n\r\n",
	                       "Content-type: text/plain;\r\n a=c\r\n\r\n"));
	assert_false(same_text("Content-Type: text/plain\r\n\r\nx",
	                       "Content-Type: text/html\r\n\r\nx"));
	assert_false(same_text("Content-Type: text/html\r\n\r\nx", "\r\nx"));
	assert_false(same_text("X-Date: 1\r\n\r\n", "X-Date: 2\r\n\r\n"));
	assert_false(same_text("Dated: 1\r\n\r\n", "Dated: 2\r\n\r\n"));
	assert_false(same_text("Subject: a\r\n boundary=1\r\n\r\n",
	                       "Subject: a\r\n boundary=2\r\n\r\n"));
	assert_false(same_text("--: 1\r\n\r\n", "--: 2\r\n\r\n"));
	assert_false(same_text("Date: 1\r\nSubject: a\r\n\r\n",
	                       "Date: 1\r\nSubject: b\r\n\r\n"));
	/* the empty line counts, and so does what has none */
	assert_false(same_text("To: x\r\n\r\n", "To: x\r\n"));
	assert_true(same_text("To: x\r\nDate: 1", "To: x\r\n"));
	assert_false(same_text("To: x\r\nTo: 1", "To: x\r\n"));
}

#define H "To: x\r\nContent-Type: multipart/mixed; boundary=1\r\n\r\n"

static void test_body(void **state)
{
	(void)state;
	/* what looks like a field is text here */
	assert_false(same_text(H "Date: 1\r\n", H "Date: 2\r\n"));
	assert_false(same_text(H "Message-ID: 1\r\n", H "Message-ID: 2\r\n"));
	assert_false(same_text(H "\r\nDate: 1\r\n", H "\r\nDate: 2\r\n"));
	assert_false(same_text(H "a\r\n", H "a\r\nb\r\n"));
	assert_false(same_text(H "a", H "b"));
	assert_false(same_text(H "a", H "a\r\n"));
	assert_false(same_text(H "-1\r\n", H "-2\r\n"));
	assert_false(same_text(H "a --1\r\n", H "a --2\r\n"));
	assert_false(same_text(H "> boundary=1\r\n", H "> boundary=2\r\n"));
	/* the line behind one of these counts */
	assert_false(same_text(H "--1\r\na\r\n", H "--1\r\nb\r\n"));
	assert_false(same_text("Date: 1\r\n\r\na", "Date: 1\r\n\r\nb"));
}

/* A letter of one part has no boundary: all of its text counts. */
static void test_one_part(void **state)
{
#define ONE "Content-Type: text/plain; charset=UTF-8\r\n\r\n"
	(void)state;
	assert_false(same_text(ONE "--1\r\n", ONE "--2\r\n"));
	assert_false(same_text(ONE " boundary=1\r\n", ONE " boundary=2\r\n"));
	assert_false(same_text("\r\n-- Alice\r\n", "\r\n-- Bob\r\n"));
	assert_false(same_text("Subject: boundary=x\r\n\r\n--1\r\n",
	                       "Subject: boundary=x\r\n\r\n--2\r\n"));
}

/* A letter whose boundary stands where the form has an @. */
static size_t fill(char *out, const char *form, const char *boundary)
{
	size_t n = 0, len = strlen(boundary);

	for (; *form; form++) {
		assert_in_range(n + len, 0, TEXT);
		if (*form == '@')
			memcpy(out + n, boundary, len);
		else
			out[n] = *form;
		n += *form == '@' ? len : 1;
	}
	return n;
}

/* Made anew with another boundary, and another form? */
static bool same_parts(const char *form_a, const char *form_b)
{
	static char a[TEXT + 1], b[TEXT + 1];
	size_t n = fill(a, form_a, "12");

	return same(a, n, b, fill(b, form_b, "other1"));
}

#define M "Content-Type: multipart/mixed; "
#define PARTS(text, last) M "boundary=\"@\"\r\n\r\n--@\r\n\r\n" text \
	"\r\n--@\r\nContent-Type: text/html\r\n\r\ny\r\n--@" last

static void test_parts(void **state)
{
	static const char *const form[] = {
		PARTS("x", "--\r\n"), PARTS("x", "--"), PARTS("-- pay 10", "--"),
		PARTS("--", "--"), PARTS("x", ""), PARTS("--1--1", "--"),
		PARTS("--other1", "--"), PARTS("--1---", "--"), PARTS("x", " --"),
		M "\r\n\tboundary=@\r\n\r\n--@\r\n\r\nx\r\n--@--\r\n",
		M "boundary=@; a=b\r\n\r\n--@\r\n\r\nx\r\n--@--\r\n",
		M "a=\"; boundary=9\"; boundary=@\r\n\r\n--@\r\nx\r\n",
		"content-type:multipart/x;BOUNDARY=@\r\n\r\n--@\r\nx",
		M "boundary=\"@\"\r\n\r\n--@--\r\nx\r\n--@\r\ny",
	};
	size_t n = sizeof form / sizeof *form;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (same_parts(form[i], form[k])
			    != (i == k && i != 6 && i != 8))
				fail_msg("%zu and %zu", i, k);
}

/* What only looks like a boundary counts. */
static void test_no_boundary(void **state)
{
	static const char *const form[] = {
		"Content-Type: text/plain; boundary=@\r\n\r\nx",
		"X-Type: multipart/mixed; boundary=@\r\n\r\nx",
		"Content-Type: multipart/mixed; xboundary=@\r\n",
		"Content-Type: multipart/mixed; a=\"; boundary=@\"\r\n",
		"Content-Type: multipart/mixed; boundary=\"@\r\n",
		M "boundary=9\r\n\r\n--@\r\n",
		M "boundary=9\r\n\r\n--9\r\n\r\n" M "boundary=@\r\n",
		M "boundary=9\r\n\r\n" M "boundary=@\r\n",
		M "boundary=9\r\n\r\n--9--\r\n" M "boundary=@\r\n",
		M "boundary=@\r\n\r\n--@\r\nDate: @\r\n",
		M "boundary=@\r\n\r\n > --@\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof form / sizeof *form; i++)
		if (same_parts(form[i], form[i]))
			fail_msg("%zu", i);
	/* nested where it is a part's header, and only there */
	assert_true(same_parts(
		M "boundary=9\r\n\r\n--9\r\n" M "boundary=@\r\n"
		"\r\n--@\r\n",
		M "boundary=9\r\n\r\n--9\r\n" M "boundary=@\r\n"
		"\r\n--@\r\n"));
}

/* More than are kept, longer than are looked at: they count. */
static void test_too_many(void **state)
{
	static char a[4 * TEXT], b[4 * TEXT];
	int n_a = 0, n_b = 0;

	(void)state;
	for (int i = 0; i < RESEND_BOUNDARIES + 1; i++) {
		if (i == RESEND_BOUNDARIES)
			assert_true(same(a, (size_t)n_a, b, (size_t)n_b));
		n_a += sprintf(a + n_a, M "boundary=%da\r\n\r\n--%da\r\n",
		               i, i);
		n_b += sprintf(b + n_b, M "boundary=%db\r\n\r\n--%db\r\n",
		               i, i);
	}
	assert_false(same(a, (size_t)n_a, b, (size_t)n_b));
	for (int at = 2; at < RESEND_FIELD + 20; at += at < 20 ? 1 : 7) {
		n_a = sprintf(a, M "a=\r\n%*s; boundary=1\r\n\r\nx", at, "x");
		n_b = sprintf(b, M "a=\r\n%*s; boundary=2\r\n\r\nx", at, "x");
		assert_int_equal(same(a, (size_t)n_a, b, (size_t)n_b),
		                 at + 14 <= RESEND_LINE);
	}
	for (int len = 60; len < 80; len++) {
		n_a = sprintf(a, M "boundary=%0*d\r\n\r\n", len, 1);
		n_b = sprintf(b, M "boundary=%0*d\r\n\r\n", len, 2);
		assert_int_equal(same(a, (size_t)n_a, b, (size_t)n_b),
		                 len <= RESEND_BOUNDARY);
	}
}

/* Cut at every octet, at two places, and octet by octet. */
static void test_cut(void **state)
{
	unsigned char want[RESEND_DIGEST], got[RESEND_DIGEST];
	char text[TEXT];
	size_t n = write_letter(text, &first);

	(void)state;
	digest(want, text, n, 0, 0);
	for (size_t i = 0; i <= n; i++) {
		digest(got, text, n, i, 0);
		assert_memory_equal(got, want, sizeof want);
		digest(got, text, n, i, 1 + i % 37);
		assert_memory_equal(got, want, sizeof want);
	}
	digest(got, text, n, 1, 1);
	assert_memory_equal(got, want, sizeof want);
	digest(want, "", 0, 0, 0);
	digest(got, text, 0, 1, 1);
	assert_memory_equal(got, want, sizeof want);
}

#define L "Content-Type: multipart/mixed; boundary=1\r\n"

/* Lines about as long as what is looked at, skipped and not. */
static void test_long_lines(void **state)
{
	static char a[4 * TEXT], b[4 * TEXT];
	unsigned char x[RESEND_DIGEST], y[RESEND_DIGEST];
	static const size_t part[] = { 1, 7, 100, RESEND_LINE - 1, RESEND_LINE,
	                               RESEND_LINE + 1, 1000 };
	static const char *const begin[] = { "--", " boundary=", "text ",
	                                     " and ", "C boundary=" };

	(void)state;
	for (int len = RESEND_LINE - 20; len < RESEND_LINE + 50; len++)
		for (size_t k = 0; k < sizeof begin / sizeof *begin; k++) {
			int n = snprintf(a, sizeof a, "Date: %0*d\r\n" L
			                 "To: %0*d\r\n\r\n%s%0*d\r\nend\r\n%s%0*d",
			                 len, 1, len, 1, begin[k], len, 1,
			                 begin[k], len, 3);

			digest(x, a, (size_t)n, 0, 0);
			for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
				digest(y, a, (size_t)n, part[i], part[i]);
				assert_memory_equal(x, y, sizeof x);
			}
			snprintf(b, sizeof b, "Date: %0*d\r\n" L
			         "To: %0*d\r\n\r\n%s%0*d\r\nend\r\n%s%0*d", len, 7,
			         len, 1, begin[k], len, 2, begin[k], len, 4);
			digest(y, b, (size_t)n, 0, 0);
			assert_memory_not_equal(x, y, sizeof x);
			snprintf(b, sizeof b, "Date: %0*d\r\n" L
			         "To: %0*d\r\n\r\n%s%0*d\r\nend\r\n%s%0*d", len, 7,
			         len, 1, begin[k], len, 1, begin[k], len, 3);
			digest(y, b, (size_t)n, 0, 0);
			assert_memory_equal(x, y, sizeof x);
		}
}

/* It follows its out, wherever that goes. */
static void test_out(void **state)
{
	unsigned char x[RESEND_DIGEST], y[RESEND_DIGEST];
	struct membuf head, body, full;
	struct resend r;
	struct err e;

	(void)state;
	membuf_init(&head, 100);
	membuf_init(&body, 100);
	membuf_init(&full, 2);
	resend_init(&r, &head.sink);
	assert_int_equal(sink_put(&r.sink, "To: x\r\n\r\nte", 11, NULL), 0);
	r.out = &body.sink;
	assert_int_equal(sink_put(&r.sink, "xt\r\n", 4, NULL), 0);
	r.out = &full.sink;
	assert_int_equal(sink_put(&r.sink, "end", 3, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(resend_end(&r, x), 0);
	assert_int_equal(head.len, 11);
	assert_int_equal(body.len, 4);
	digest(y, "To: x\r\n\r\ntext\r\nend", 18, 0, 0);
	assert_memory_equal(x, y, sizeof x);
	membuf_free(&head);
	membuf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_one_part),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_no_boundary),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
