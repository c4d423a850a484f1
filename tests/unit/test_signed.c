/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/signed.c: what a signature covers, and that it is all (R5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/signed.h"

#define TOP "Content-Type: multipart/signed; boundary=b; micalg=pgp-sha512;" \
	"\r\n protocol=\"application/pgp-signature\"\r\n\r\n"
#define ARMOR "-----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=\r\n=R/WK\r\n" \
	"-----END PGP SIGNATURE-----\r\n"
#define TEXT "Content-Type: text/plain\r\nX: y\r\n\r\nhi\r\n\r\n there"
#define TYPE "Content-Type: application/pgp-signature; name=\"s.asc\"\r\n"
#define SIGNATURE "\r\n--b\r\n" TYPE "\r\n" ARMOR
#define END "\r\n--b--\r\n"
#define BODY "--b\r\n" TEXT SIGNATURE END

/* In the order of the body: 1 right, 0 not, -1 no reader. */
static int read_body(const char *head, const char *body, size_t n,
                     size_t first, size_t part, char signed_text[1000])
{
	struct signed_scan *s;
	const struct membuf *m;
	struct err e = { 0 };
	struct header h;
	size_t k;
	int right;

	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	s = signed_new(&h, &e);
	if (!s) {
		assert_int_equal(e.code, GPG_ERR_BAD_DATA);
		header_free(&h);
		return -1;
	}
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(signed_put(s, body + i, k, NULL), 0);
	}
	right = signed_end(s);
	if (right) {
		m = signed_signature(s);
		assert_int_equal(m->len, 5);
		assert_memory_equal(m->buf, "hello", 5);
		assert_true(signed_from(s) + signed_len(s) <= n);
		snprintf(signed_text, 1000, "%.*s", (int)signed_len(s),
		         body + signed_from(s));
		assert_true(signed_header(s)->n <= 2);
		if (signed_header(s)->n)
			assert_true(field_begins(signed_header(s)->field,
			                         "Content-Type"));
	}
	signed_free(s);
	header_free(&h);
	return right;
}

static void assert_signed(const char *head, const char *body,
                          const char *want)
{
	size_t n = strlen(body);
	char text[1000];

	for (size_t i = 0; i <= n + 1; i++) {
		if (read_body(head, body, n, i > n ? 1 : i, i > n, text) != 1)
			fail_msg("cut at %zu: not signed: %s", i, body);
		assert_string_equal(text, want);
	}
}

static void assert_not(const char *head, const char *body)
{
	size_t n = strlen(body);
	char text[1000];

	for (size_t i = 0; i <= n + 1; i++)
		if (read_body(head, body, n, i > n ? 1 : i, i > n, text) == 1)
			fail_msg("cut at %zu: signed: %s", i, body);
}

static bool is(const char *head)
{
	struct header h;
	bool r;

	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	r = signed_is(&h);
	header_free(&h);
	return r;
}

static void test_top(void **state)
{
	(void)state;
	assert_true(is(TOP));
	assert_true(is("Content-Type: Multipart/Signed\r\n"));
	assert_true(is("Content-Type: multipart/signed; protocol="
	               "Application/Pgp-Signature\r\n"));
	assert_false(is(""));
	assert_false(is(TOP + 2));
	assert_false(is("Content-Type: multipart/signed; boundary=b; "
	                "protocol=\"application/pkcs7-signature\"\r\n"));
	assert_false(is("Content-Type: multipart/signed; protocol=\"\"\r\n"));
	assert_false(is("Content-Type: multipart/signed; protocol="
	                "application/pgp-signature; protocol=x\r\n"));
	assert_false(is("Content-Type: multipart/signed\r\n"
	                "Content-Type: multipart/signed\r\n"));
	assert_false(is("Content-Type: multipart/mixed; boundary=b\r\n"));
}

static void test_right(void **state)
{
	(void)state;
	assert_signed(TOP, BODY, TEXT);
	assert_signed(TOP, "This is signed.\r\n\r\n" BODY "\r\nfooter\r\n", TEXT);
	/* blanks at the ends of lines and the line ends are signed as they are */
	assert_signed(TOP, "--b\r\n" TEXT " \r\n\r\n" SIGNATURE END,
	              TEXT " \r\n\r\n");
	assert_signed(TOP, "--b \r\n" TEXT "\n\n--b\t\r\n" TYPE "\r\n\r\n" ARMOR
	              "--b--", TEXT "\n");
	assert_signed(TOP, "--b\n\nhi\n--b\nContent-Type: APPLICATION/pgp-"
	              "signature\n\n-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n"
	              "-----END PGP SIGNATURE-----\n--b--\n", "\nhi");
	/* without a body: the empty line is the delimiter's or its own */
	assert_signed(TOP, "--b\r\nContent-Type: a/b\r\n" SIGNATURE END,
	              "Content-Type: a/b\r\n");
	assert_signed(TOP, "--b\r\nContent-Type: a/b\r\n\r\n" SIGNATURE END,
	              "Content-Type: a/b\r\n\r\n");
	assert_signed(TOP, "--b\n\n--b\r\n" TYPE "\r\n" ARMOR END, "");
	assert_signed(TOP, "--b\nContent-Type: a/b\n\n--b\r\n" TYPE "\r\n" ARMOR
	              END, "Content-Type: a/b\n");
	/* what is inside is not looked into */
	assert_signed(TOP, "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n"
	              "\r\n--c\r\n\r\n--c--\r\n--c\r\n" SIGNATURE END,
	              "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
	              "\r\n--c--\r\n--c\r\n");
	/* the signature encoded */
	assert_signed(TOP, "--b\r\n" TEXT "\r\n--b\r\n" TYPE
	              "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	              "=2D----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=3D\r\n=3D"
	              "R/WK\r\n-----END PGP SIGNATURE-----=0A=\r\n" END, TEXT);
}

static void test_wrong(void **state)
{
	static const char *const t[] = {
		"", "hi\r\n", "--b--\r\n", "--b\r\n" TEXT END,
		"--b\r\n" TEXT SIGNATURE,		/* not closed */
		"--b\r\n" TEXT SIGNATURE SIGNATURE END,	/* a third */
		"--b\r\n" TEXT SIGNATURE "\r\n--b\r\n\r\nfooter" END,
		"--b\r\n" TEXT "\r\n--b\r\n\r\nfooter" SIGNATURE END,
		"--b\r\n" TEXT SIGNATURE "\r\n--b\r\n" TYPE "\r\n" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE		/* cut in an escape */
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"-----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=3D\r\n"
		"-----END PGP SIGNATURE-----\r\n=" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"-----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=3D\r\n"
		"-----END PGP SIGNATURE-----\r\n=\r\n--b--",
		"--b" SIGNATURE END,			/* one without a header */
		SIGNATURE "\r\n--b\r\n" TEXT END,
		"--b\r\nContent-Type: a/b" SIGNATURE END,
		BODY "--b\r\n\r\nfooter\r\n", BODY BODY,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE TYPE "\r\n" ARMOR END,
		"--b\r\n" TEXT "\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
		ARMOR END,
		"--b\r\n" TEXT "\r\n--b\r\n\r\n" ARMOR END,
		"--b\r\n" TEXT "\r\n--b\r\nContent-Type: application/"
		"pkcs7-signature\r\n\r\n" ARMOR END,
		"--b\r\n" TEXT SIGNATURE ARMOR END,	/* two blocks */
		"--b\r\n" TEXT SIGNATURE "x" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE "\r\nx\r\n" ARMOR END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE "\r\n" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE "\r\n-----BEGIN PGP MESSAGE"
		"-----\r\n\r\naGVsbG8=\r\n-----END PGP MESSAGE-----\r\n" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE "\r\n-----BEGIN PGP SIGNATURE"
		"-----\r\n\r\naGVsbG8=\r\n-----END PGP MESSAGE-----\r\n" END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE
		"Content-Transfer-Encoding: x-uuencode\r\n\r\n" ARMOR END,
		"--b\r\n" TEXT "\r\n--b\r\n" TYPE
		"Content-Transfer-Encoding: base64\r\n\r\n" ARMOR END,
	};

	(void)state;
	/* a CR alone ends a line to some, except in what is signed */
	assert_signed(TOP, "--b\r\n\r\nx\r--b\r\ny" SIGNATURE END,
	              "\r\nx\r--b\r\ny");
	assert_not(TOP, "x\r--b\r\n\r\nevil\r\n" BODY);
	assert_not(TOP, "\r" BODY);
	assert_not(TOP, "--b\r\n" TEXT SIGNATURE "\r" END);
	assert_not(TOP, "--b\r\n" TEXT "\r\n--b\r\nX: y\rz: z\r\n" TYPE "\r\n"
	           ARMOR END);
	assert_not(TOP, BODY "x\r--b\r\n\r\nevil\r\n");
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_not(TOP, t[i]);
	assert_not("Content-Type: multipart/signed\r\n", BODY);
	assert_not("Content-Type: multipart/signed; boundary=b; boundary=b\r\n",
	           BODY);
	assert_not("Content-Transfer-Encoding: base64\r\n" TOP, BODY);
	assert_not("Content-Type: text/plain; boundary=b\r\n", BODY);
	assert_signed("Content-Transfer-Encoding: 8bit\r\n" TOP, BODY, TEXT);
}

/* A signature has a bound, and a first part has none. */
static void test_long(void **state)
{
	static char line[50000], body[200000];
	char text[1000];
	int n;

	(void)state;
	memset(line, 'A', sizeof line - 1);
	for (int len = SIGNATURE_MAX / 3 * 4 - 200;
	     len < SIGNATURE_MAX / 3 * 4 * 3; len += len < SIGNATURE_MAX / 3 * 4
	     + 200 ? 4 : 20000) {
		struct signed_scan *s;
		struct header h;

		n = snprintf(body, sizeof body, "--b\r\n\r\n%s\r\n--b\r\n" TYPE
		             "\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n", line);
		for (int i = 0; i < len; i += 4)
			n += snprintf(body + n, sizeof body - (size_t)n,
			              i % 64 == 60 ? "aGVs\r\n" : "aGVs");
		n += snprintf(body + n, sizeof body - (size_t)n,
		              "\r\n-----END PGP SIGNATURE-----" END);
		header_cut(&h, TOP, strlen(TOP), NULL);
		s = signed_new(&h, NULL);
		assert_int_equal(signed_put(s, body, (size_t)n, NULL), 0);
		assert_int_equal(signed_end(s), len / 4 * 3 <= SIGNATURE_MAX);
		assert_int_equal(signed_from(s), 5);
		assert_int_equal(signed_len(s), 2 + sizeof line - 1);
		signed_free(s);
		header_free(&h);
	}
	n = snprintf(body, sizeof body, "--b\r\nX: %s%s\r\n\r\nhi%s%s", line,
	             line, SIGNATURE, END);
	assert_int_equal(read_body(TOP, body, (size_t)n, 0, 0, text), 0);
	n = snprintf(body, sizeof body, "--b\r\n" TEXT "\r\n--b\r\n" TYPE
	             "X: %s%s\r\n\r\n" ARMOR END, line, line);
	assert_int_equal(read_body(TOP, body, (size_t)n, 0, 0, text), 0);
	signed_free(NULL);
}

/* Cut short anywhere: nothing, unless only the last line end is gone. */
static void test_short(void **state)
{
	size_t n = strlen(BODY);
	char text[1000];

	(void)state;
	for (size_t i = 0; i <= n; i++)
		assert_int_equal(read_body(TOP, BODY, i, 0, 0, text),
		                 i + 2 >= n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
