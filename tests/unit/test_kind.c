/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/kind.c: what a letter is, and when that is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/kind.h"
#include "crypto/parts.h"
#include "tests/unit/slow.h"

#define PLAIN KIND_PLAIN
#define ARMOR "-----BEGIN PGP MESSAGE-----\r\n"

static const char *const names[] = {
	"undecided", "plain", "sealed", "mangled", "inline", "signed"
};

/* The kind; *known: after so many octets of the body it is decided for good. */
static enum letter_kind kind(const char *head, const char *body, size_t n,
                             size_t *known)
{
	enum letter_kind k = KIND_UNDECIDED, last, whole;
	struct header h;

	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	*known = n + 1;
	for (size_t i = 0; i <= n; i++) {
		last = k;
		k = kind_of(&h, body, i, false);
		if (last != KIND_UNDECIDED && k != last)
			fail_msg("%s first, %s after %zu octets: %s%s",
			         names[last], names[k], i, head, body);
		if (last == KIND_UNDECIDED && k != last)
			*known = i;
	}
	whole = kind_of(&h, body, n, true);
	assert_int_not_equal(whole, KIND_UNDECIDED);
	if (k != KIND_UNDECIDED)
		assert_int_equal(k, whole);
	header_free(&h);
	return whole;
}

static void assert_kind(const char *head, const char *body,
                        enum letter_kind want)
{
	size_t known;
	enum letter_kind k = kind(head, body, strlen(body), &known);

	if (k != want)
		fail_msg("%s, not %s: %s%s", names[k], names[want], head, body);
}

/* The same, decided at a certain place: "|" in the body. */
static void assert_kind_at(const char *head, const char *marked,
                           enum letter_kind want)
{
	const char *bar = strchr(marked, '|');
	size_t at = (size_t)(bar - marked), known;
	char body[1000];

	assert_true(snprintf(body, sizeof body, "%.*s%s", (int)at, marked,
	                     bar + 1) < (int)sizeof body);
	assert_kind(head, body, want);
	kind(head, body, strlen(body), &known);
	if (known != at)
		fail_msg("known at %zu, not at %zu: %s%s", known, at, head, body);
}

#define TYPE(x) "Subject: y\r\nContent-Type: " x "\r\n\r\n"

static void test_top(void **state)
{
	static const struct {
		const char *type;
		enum letter_kind kind;
	} t[] = {
		{ "multipart/encrypted; boundary=b", KIND_SEALED },
		{ "Multipart/Encrypted (x); protocol=\"APPLICATION/pgp-encrypted"
		  "\"; boundary=b", KIND_SEALED },
		{ "multipart/encrypted; protocol=\"application/pgp-signature\"",
		  PLAIN },
		{ "multipart/encrypted; protocol=\"\"", PLAIN },
		{ "multipart/encrypted; protocol=a; protocol=a", PLAIN },
		{ "multipart/signed; boundary=b", KIND_SIGNED },
		{ "multipart/SIGNED; protocol=application/PGP-signature; "
		  "micalg=x", KIND_SIGNED },
		{ "multipart/signed; protocol=\"application/pgp-encrypted\"",
		  PLAIN },
		{ "multipart/signed; protocol=\"application/pkcs7-signature\"",
		  PLAIN },
		{ "multipart/signed; protocol=\"application/pgp-signature\"; "
		  "protocol=\"application/pgp-signature\"", PLAIN },
		{ "application/pkcs7-mime; smime-type=enveloped-data", PLAIN },
		{ "multipart/alternative; boundary=b", PLAIN },
		{ "message/rfc822", PLAIN }, { "text/html", PLAIN },
		{ "multipart/encrypted-x", PLAIN }, { "(text/plain", PLAIN },
		{ "", PLAIN }, { "multipart/encrypted\r\nContent-Type: "
		  "multipart/encrypted", PLAIN },
		{ "multipart/signed\r\nContent-Type: text/plain", PLAIN },
		{ "text/plain\r\nContent-Type: text/plain", PLAIN },
		{ "multipart/encrypted; boundary=b\rContent-Type: text/html",
		  PLAIN },
		{ "multipart/signed; boundary=b\rContent-Type: text/html",
		  PLAIN },
	};
	char head[500];
	size_t known;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(head, sizeof head, TYPE("%s"), t[i].type);
		assert_kind(head, ARMOR, t[i].kind);
		assert_kind(head, "", t[i].kind);
		kind(head, "x", 1, &known);
		assert_int_equal(known, 0);
	}
}

/* ---- inline ---- */

#define CTE(x) "Content-Transfer-Encoding: " x "\r\n\r\n"

static void test_inline(void **state)
{
	static const char *const heads[] = {
		"", "Subject: x\r\n\r\n", TYPE("text/plain"),
		TYPE("TEXT/Plain; charset=utf-8"), CTE("8bit"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		assert_kind_at(heads[i], "-----BEGIN PGP MESSAGE-----\r\n|\r\nx",
		               KIND_INLINE);
		assert_kind_at(heads[i], "-----BEGIN PGP MESSAGE-----\n|x",
		               KIND_INLINE);
		assert_kind_at(heads[i], "\r\n \t\r\n\n-----BEGIN PGP MESSAGE---"
		               "-- \r\n|", KIND_INLINE);
		assert_kind_at(heads[i], "H|ello\r\n" ARMOR, PLAIN);
		assert_kind_at(heads[i], "\r\n\r\nH|ello\r\n" ARMOR, PLAIN);
		assert_kind_at(heads[i], " -|----BEGIN PGP MESSAGE-----\r\n",
		               PLAIN);
		assert_kind_at(heads[i], "-----BEGIN PGP S|IGNED MESSAGE-----"
		               "\r\n", PLAIN);
		assert_kind_at(heads[i], "-----BEGIN PGP P|UBLIC KEY BLOCK-----"
		               "\r\n", PLAIN);
		assert_kind_at(heads[i], "-----BEGIN PGP MESSAGE-----x|\r\n",
		               PLAIN);
		assert_kind_at(heads[i], "-----BEGIN PGP MESSAGE,| PART 1/2"
		               "-----\r\n", PLAIN);
		assert_kind_at(heads[i], "-- |\r\n", PLAIN);
		assert_kind(heads[i], "-----BEGIN PGP MESSAGE-----", PLAIN);
		assert_kind(heads[i], "\r\n\r\n", PLAIN);
		assert_kind(heads[i], "", PLAIN);
	}
	assert_kind(TYPE("text/html"), ARMOR, PLAIN);
	assert_kind("", "\r-----BEGIN PGP MESSAGE-----\r\n", KIND_INLINE);
	assert_kind("", "x\r-----BEGIN PGP MESSAGE-----\r\n", PLAIN);
}

static void test_encoded(void **state)
{
	(void)state;
	assert_kind_at(CTE("quoted-printable"), "=20=0D=0A=2D----BEGIN=20PGP M="
	               "\r\nESSAGE-----\r\n|\r\n", KIND_INLINE);
	assert_kind_at(CTE("quoted-printable"), "=41| " ARMOR, PLAIN);
	assert_kind_at(CTE("BASE64"), "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tDQo|"
	               "NCmFH\r\n", KIND_INLINE);
	assert_kind_at(CTE("base64"), "SG|VsbG8=\r\n", PLAIN);
	assert_kind(CTE("base64"), ARMOR, PLAIN);
	assert_kind_at(CTE("x-uuencode"), "|" ARMOR, PLAIN);
	assert_kind("Content-Transfer-Encoding: 7bit\r\n" CTE("7bit"), ARMOR,
	            PLAIN);
}

/* ---- Exchange ---- */

#define MIXED TYPE("multipart/mixed; boundary=b")
#define VERSION "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"

static void test_mixed(void **state)
{
	char body[9000] = "--b\r\n";
	size_t n = strlen(body), known;

	(void)state;
	for (int i = 0; i <= PART_FIELDS_MAX; i++)
		n += (size_t)snprintf(body + n, 9, "x%d:\n", i);
	snprintf(body + n, sizeof body - n, "\n\n%s", VERSION);
	assert_int_equal(kind(MIXED, body, strlen(body), &known), PLAIN);
	assert_kind_at(MIXED, "--b\r\nContent-Type: text/plain\r\n\r\n\r\n"
	               VERSION "|Version: 1\r\n", KIND_MANGLED);
	assert_kind_at(MIXED, "pre\r\n--b\r\n\r\n \t\r\n" VERSION "|",
	               KIND_MANGLED);
	assert_kind_at(MIXED, "--b\r\nContent-Type: text/html\r\n" CTE("base64")
	               "DQo=\r\n" VERSION "|", KIND_MANGLED);
	assert_kind_at(MIXED, "--b\r\nContent-Type: text/plain\r\n\r\nx|\r\n"
	               VERSION, PLAIN);
	assert_kind_at(MIXED, "--b\r\nContent-Type: text/html\r\n" CTE("base64")
	               "QU|FB\r\n" VERSION, PLAIN);
	assert_kind_at(MIXED, "--b\r\nContent-Type: image/png\r\n\r\n|\r\n"
	               VERSION, PLAIN);
	assert_kind_at(MIXED, "--b\r\n" CTE("x-y") "|\r\n" VERSION, PLAIN);
	assert_kind_at(MIXED, "--b\r\n\r\n\r\n--b\r\nContent-Type: text/html\r\n"
	               "\r\n|", PLAIN);
	assert_kind_at(MIXED, "--b--\r\n|" VERSION, PLAIN);
	assert_kind_at(MIXED, "--b\r\n\r\n\r\n--b--\r\n|", PLAIN);
	assert_kind(MIXED, "--b\r\n" VERSION, PLAIN);
	assert_kind(MIXED, VERSION "Version: 1\r\n", PLAIN);
	assert_kind(MIXED, "just text\r\n", PLAIN);
	assert_kind_at(TYPE("multipart/mixed"), "|--b\r\n\r\n\r\n" VERSION,
	               PLAIN);
	assert_kind(TYPE("multipart/related; boundary=b"), "--b\r\n\r\n\r\n"
	            VERSION, PLAIN);
}

/* ---- a bound ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_bound(void **state)
{
	static const char *const fill[] = { "\r\n", "--b\r\n", "x\r\n", "=20",
	                                    "LS0t", "DQoN" };
	static const char *const heads[] = {
		"", MIXED, CTE("quoted-printable"), CTE("base64")
	};
	size_t size = KIND_PROBE_MAX + 100;
	char *body = malloc(size + 10);
	double from = seconds();
	struct header h;

	(void)state;
	for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) {
		for (size_t j = 0; j < size; j += strlen(fill[i]))
			snprintf(body + j, 10, "%s", fill[i]);
		for (size_t j = 0; j < sizeof heads / sizeof *heads; j++) {
			assert_int_equal(header_cut(&h, heads[j],
			                 strlen(heads[j]), NULL), 0);
			for (size_t n = 0; n < size; n += 4096)
				kind_of(&h, body, n, false);
			assert_int_equal(kind_of(&h, body, KIND_PROBE_MAX,
			                         false), KIND_PLAIN);
			assert_int_equal(kind_of(&h, body, size, false),
			                 KIND_PLAIN);
			header_free(&h);
		}
	}
	header_cut(&h, "", 0, NULL);
	memset(body, '\n', size);
	assert_int_equal(kind_of(&h, body, KIND_PROBE_MAX - 1, false),
	                 KIND_UNDECIDED);
	/* what comes behind the bound does not count */
	snprintf(body + KIND_PROBE_MAX - 10, 100, "%s", ARMOR);
	assert_int_equal(kind_of(&h, body, size, false), KIND_PLAIN);
	snprintf(body + KIND_PROBE_MAX - sizeof ARMOR + 1, 100, "%s", ARMOR);
	assert_int_equal(kind_of(&h, body, size, false), KIND_INLINE);
	header_free(&h);
	free(body);
	assert_true(seconds() - from < 5 * slower());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
