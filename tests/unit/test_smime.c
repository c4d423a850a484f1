/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What S/MIME has enveloped: by its first octets, at every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/smime.h"

/* ---- the label ---- */

static bool labelled(const char *text)
{
	struct header h;
	bool is;

	assert_int_equal(header_cut(&h, text, strlen(text), NULL), 0);
	is = smime_is(&h);
	header_free(&h);
	return is;
}

#define B64 "Content-Transfer-Encoding: base64\r\n"

static void label(void **state)
{
	(void)state;
	assert_true(labelled("Content-Type: application/pkcs7-mime; "
	                     "smime-type=enveloped-data\r\n" B64));
	assert_true(labelled("Content-TYPE: Application/X-PKCS7-mime\r\n"
	                     "Content-Transfer-Encoding: BASE64\r\n"));
	assert_false(labelled(B64));
	assert_false(labelled("Content-Type: application/pkcs7-mime\r\n"));
	assert_false(labelled("Content-Type: application/pkcs7-mime\r\n"
	                      "Content-Transfer-Encoding: 7bit\r\n"));
	assert_false(labelled("Content-Type: application/pkcs7-mime\r\n"
	                      B64 B64));
	assert_false(labelled("Content-Type: application/pkcs7-mime\r\n"
	                      "Content-Type: text/plain\r\n" B64));
	assert_false(labelled("Content-Type: application/pkcs7-signature\r\n"
	                      B64));
	assert_false(labelled("Content-Type: application/pgp-encrypted\r\n"
	                      B64));
}

/* ---- the body ---- */

/* EnvelopedData and AuthEnvelopedData begin so, in DER and BER. */
#define ENV "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define AUTH "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
#define SIGNED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define IN_DER "\xa0\x82\x01\x00\x30\x81\xf9\x02\x01\x00"
#define IN_BER "\xa0\x80\x30\x80\x02\x01\x02"
#define DER "\x30\x82\x01\x10"

/* Base64 of p with lines of so many characters; malloced. */
static char *armored(const void *p, size_t n, size_t columns)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = p;
	char *out = malloc(4 * n + 100), *o = out;
	unsigned v, col = 0;

	for (size_t i = 0; i < n; i += 3) {
		v = (unsigned)in[i] << 16;
		v |= i + 1 < n ? (unsigned)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? in[i + 2] : 0;
		for (unsigned k = 0; k < 4; k++) {
			*o++ = i + k > n ? '=' : all[v >> (18 - 6 * k) & 63];
			if (++col == columns) {
				o = stpcpy(o, "\r\n");
				col = 0;
			}
		}
	}
	strcpy(o, "\r\n");
	return out;
}

struct run {
	struct membuf out;
	int rc;
	size_t first;	/* octets put before anything came out */
};

/* Put text in parts: the first so long, the others so long (0: the rest). */
static struct run run(const char *text, size_t n, size_t first, size_t part)
{
	struct run r = { .rc = 0 };
	struct smime s;
	struct err e = { 0 };
	size_t k;

	membuf_init(&r.out, 1 << 20);
	smime_init(&s, &r.out.sink);
	for (size_t i = 0; i < n && r.rc == 0; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		r.rc = sink_put(&s.sink, text + i, k, &e);
		if (r.out.len && !r.first)
			r.first = i + k;
		assert_int_equal(s.right, r.out.len > 0);
	}
	if (r.rc == 0)
		r.rc = smime_end(&s, &e);
	if (r.rc) {
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
		assert_int_equal(sink_put(&s.sink, "AAAA", 4, &e), -1);
		assert_int_equal(smime_end(&s, &e), -1);
	}
	return r;
}

/* Whole and unchanged at every split, or refused at every split and nothing of
 * it out before octet `silent`. */
static void check_text(const char *text, size_t n, bool good, size_t silent)
{
	struct run r;

	for (size_t i = 0; i <= n; i++) {
		r = i < n ? run(text, n, i, 0) : run(text, n, 1, 1);
		if (good != (r.rc == 0))
			fail_msg("split at %zu: %d\n%s", i, r.rc, text);
		if (good) {
			assert_int_equal(r.out.len, n);
			assert_memory_equal(r.out.buf, text, n);
		} else if (r.out.len) {
			assert_true(silent && r.first >= silent);
			assert_true(r.out.len <= n);
			assert_memory_equal(r.out.buf, text, r.out.len);
		}
		membuf_free(&r.out);
	}
}

static void check_der(const char *head, size_t n, bool good)
{
	static const size_t columns[] = { 76, 64, 4, 7, 1, 1000 };
	char all[200] = "";
	char *text;

	memcpy(all, head, n);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		for (size_t more = 0; more < 3; more++) {
			text = armored(all, n + 90 + more, columns[i]);
			check_text(text, strlen(text), good, 0);
			free(text);
		}
	}
}
#define check_head(head, good) check_der(head, sizeof head - 1, good)

static void heads(void **state)
{
	(void)state;
	check_head(DER ENV IN_DER, true);
	check_head("\x30\x80" ENV IN_BER, true);
	check_head(DER AUTH IN_DER, true);
	check_head("\x30\x80" AUTH IN_BER, true);
	check_head("\x30\x84\x00\x00\x01\x10" ENV IN_DER, true);
	check_head("\x30\x50" ENV "\xa0\x43\x30\x41\x02\x01\x04", true);

	check_head(DER SIGNED IN_DER, false);
	check_head("\x31\x82\x01\x10" ENV IN_DER, false);
	check_head("\x31" AUTH IN_DER, false);
	check_head("\x30\x89\x00\x00\x00\x00\x00\x00\x00\x00\x50" ENV IN_DER,
	           false);
	check_head("\x30\xff" ENV IN_DER, false);
	check_head(DER "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x04" IN_DER,
	           false);
	check_head(DER "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x18"
	           IN_DER, false);
	check_head(DER ENV "\xa1\x82\x01\x00\x30\x81\xf9\x02\x01\x00", false);
	check_head(DER ENV "\xa0\x82\x01\x00\x31\x81\xf9\x02\x01\x00", false);
	check_head(DER ENV "\xa0\x82\x01\x00\x30\x81\xf9\x04\x01\x00", false);
	check_head("Dear Bob, this is no envelope at all", false);
	check_head(ENV IN_DER, false);
}

/* What stands behind a right head. */
static void bodies(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} t[] = {
		{ "", true }, { "\r\n\r\n", true }, { "AAAA\r\n\r\nAAAA\r\n", true },
		{ "AAA=", true }, { "AA==\r\n\r\n", true }, { "A\r\nA=\r\n=", true },
		{ "A", false }, { "AA", false }, { "AAA", false }, { "AA=", false },
		{ "=", false }, { "A=", false }, { "AA==A", false },
		{ "AA=A", false }, { "AAA==", false }, { "AAA=AAAA", false },
		{ "AAAA====", false }, { "AAAA ", false }, { "AAAA\t\r\n", false },
		{ "Dear Bob", false }, { "AAAA\r\nDear Bob,\r\n", false },
		{ "\r", false }, { "\n", false }, { "AAAA\rAAAA", false },
		{ "AAAA\nAAAA", false }, { "\r\r\n", false }, { "--b", false },
		{ "AA-A", false }, { "AA_A", false }, { "AAA\x80", false },
	};
	char head[] = DER ENV IN_DER "\0\0\0";
	char *text = armored(head, 27, 8), all[200];
	size_t n = strlen(text);

	(void)state;
	text[n - 2] = '\0';
	n -= 2;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_true(snprintf(all, sizeof all, "%s%s", text, t[i].text)
		            < (int)sizeof all);
		check_text(all, strlen(all), t[i].good, n - 4);
	}
	/* a NUL is none of it either */
	memcpy(all, text, n);
	memcpy(all + n, "AAA\0", 4);
	check_text(all, n + 4, false, n - 4);
	free(text);
}

/* A beginning that never comes. */
static void late(void **state)
{
	static char text[3 * SMIME_HEAD_MAX];
	char *head = armored(DER ENV IN_DER "\0\0", 26, 76);
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\r\n", 2);
	r = run(text, sizeof text, 1000, 1000);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.out.len, 0);
	membuf_free(&r.out);
	memcpy(text + SMIME_HEAD_MAX - 20, head, strlen(head));
	r = run(text, SMIME_HEAD_MAX - 20 + strlen(head), 0, 0);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.out.len, 0);
	membuf_free(&r.out);
	memcpy(text + SMIME_HEAD_MAX - 100, head, strlen(head));
	r = run(text, SMIME_HEAD_MAX - 100 + strlen(head), 0, 0);
	assert_int_equal(r.rc, 0);
	membuf_free(&r.out);
	r = run("", 0, 0, 0);
	assert_int_equal(r.rc, -1);
	free(head);
}

static int put_broken(struct sink *s, const void *buf, size_t n, struct err *e)
{
	(void)s, (void)buf, (void)n;
	return err_set(e, GPG_ERR_ENOSPC, "full");
}

static void sink_fails(void **state)
{
	struct sink broken = { put_broken };
	char *head = armored(DER ENV IN_DER "\0\0", 26, 76);
	struct smime s;
	struct err e;

	(void)state;
	smime_init(&s, &broken);
	assert_int_equal(sink_put(&s.sink, head, strlen(head), &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOSPC);
	free(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label),
		cmocka_unit_test(heads),
		cmocka_unit_test(bodies),
		cmocka_unit_test(late),
		cmocka_unit_test(sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
