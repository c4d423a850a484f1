/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/transfer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/transfer.h"

enum { MANY = 20000 };
static unsigned char many[MANY];

static int fill(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		x = x * 1664525 + 1013904223;
		many[i] = x >> 24 & 0xff;
	}
	return 0;
}

static void slow_base64(struct membuf *m, const unsigned char *p, size_t n,
                        unsigned cols)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t bit = 0, col = 1; bit < 8 * n; bit += 6, col++) {
		unsigned v = 0;

		for (size_t b = bit; b < bit + 6; b++)
			v = v << 1 | (b < 8 * n ? p[b / 8] >> (7 - b % 8) & 1
			                        : 0);
		membuf_printf(m, NULL, "%c%s", set[v],
		              col % cols ? "" : "\r\n");
	}
	membuf_printf(m, NULL, "%.*s\r\n", (int)((3 - n % 3) % 3), "==");
}

static void slow_qp(struct membuf *m, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		membuf_printf(m, NULL, p[i] > ' ' && p[i] < 127 && p[i] != '='
		              ? "%c" : i % 2 ? "=%02X" : "=%02x", p[i]);
}

/* Decode in parts, the first as long as told: was it right? */
static bool decode(enum transfer how, struct membuf *m, const char *text,
                   size_t n, size_t first, size_t part)
{
	struct untransfer t;
	size_t k;

	membuf_init(m, 2 * MANY);
	untransfer_init(&t, how, &m->sink);
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(sink_put(&t.sink, text + i, k, NULL), 0);
	}
	untransfer_end(&t);
	return !t.bad;
}

static void assert_same(struct membuf *m, const void *p, size_t n)
{
	assert_int_equal(m->len, n);
	if (n)
		assert_memory_equal(m->buf, p, n);
	membuf_free(m);
}

/* Whole and cut at every octet, the text gives these octets and is right or
 * not. */
static void assert_gives(enum transfer how, const char *text, size_t len,
                         const void *p, size_t n, bool right)
{
	struct membuf m;

	for (size_t i = 0; i <= len; i++) {
		assert_int_equal(decode(how, &m, text, len, i, 0), right);
		assert_same(&m, p, n);
	}
	assert_int_equal(decode(how, &m, text, len, 1, 1), right);
	assert_same(&m, p, n);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(transfer_of(NULL), TRANSFER_NONE);
	assert_int_equal(transfer_of(""), TRANSFER_NONE);
	assert_int_equal(transfer_of("7bit"), TRANSFER_NONE);
	assert_int_equal(transfer_of("8Bit"), TRANSFER_NONE);
	assert_int_equal(transfer_of("BINARY"), TRANSFER_NONE);
	assert_int_equal(transfer_of("base64"), TRANSFER_BASE64);
	assert_int_equal(transfer_of("Base64"), TRANSFER_BASE64);
	assert_int_equal(transfer_of("quoted-printable"), TRANSFER_QP);
	assert_int_equal(transfer_of("QUOTED-Printable"), TRANSFER_QP);
	assert_int_equal(transfer_of("base"), TRANSFER_UNKNOWN);
	assert_int_equal(transfer_of("base64 "), TRANSFER_UNKNOWN);
	assert_int_equal(transfer_of("x-uuencode"), TRANSFER_UNKNOWN);
}

static void test_none(void **state)
{
	static const char text[] = "a=41\r\nQUJD\0\r\n.\n\xff";
	struct membuf m;

	(void)state;
	assert_gives(TRANSFER_NONE, text, sizeof text - 1, text,
	             sizeof text - 1, true);
	assert_int_equal(decode(TRANSFER_UNKNOWN, &m, "abc", 3, 0, 0), false);
	assert_same(&m, "", 0);
}

static void test_base64(void **state)
{
	struct membuf text, m;

	(void)state;
	for (size_t n = 0; n <= 200; n++)
		for (unsigned cols = 1; cols < 80; cols += 15) {
			membuf_init(&text, 2000);
			slow_base64(&text, many, n, cols);
			assert_gives(TRANSFER_BASE64, text.buf, text.len,
			             many, n, true);
			membuf_free(&text);
		}
	membuf_init(&text, 2 * MANY);
	slow_base64(&text, many, MANY, 76);
	for (size_t i = 0; i < text.len; i += 1 + i / 3) {
		assert_true(decode(TRANSFER_BASE64, &m, text.buf, text.len, i,
		                   i));
		assert_same(&m, many, MANY);
	}
	membuf_free(&text);
}

static void test_base64_forms(void **state)
{
	static const struct {
		const char *text, *out;
		bool right;
	} t[] = {
		{ "", "", true }, { "\r\n", "", true },
		{ " aG Vs\tbG\r8=\n", "hello", true },
		{ "aGVsbG8", "hello", true },		/* no padding */
		{ "aGVsbA==", "hell", true }, { "aGVsbA=\r\n=", "hell", true },
		{ "aGVsbA===", "hell", false },
		{ "aGVs*bG8=", "hello", false },
		{ "aGVs-bG8=", "hello", false },
		{ "aGVs_bG8=", "hello", false }, { "aGVs\v", "hel", false },
		{ "aGVs\xc3\xa4", "hel", false },
		{ "a", "", false }, { "a===", "", false },
		{ "aGVsb", "hel", false },		/* six bits too many */
	};
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_gives(TRANSFER_BASE64, t[i].text, strlen(t[i].text),
		             t[i].out, strlen(t[i].out), t[i].right);
	/* octets behind the padding come out, but it was not right */
	assert_false(decode(TRANSFER_BASE64, &m, "aGVsbG8=aGVs", 12, 0, 0));
	membuf_free(&m);
	assert_false(decode(TRANSFER_BASE64, &m, "-----BEGIN PGP", 14, 0, 0));
	membuf_free(&m);
	assert_gives(TRANSFER_BASE64, "aG\0Vs", 5, "hel", 3, false);
}

static void test_qp(void **state)
{
	struct membuf text, m;

	(void)state;
	for (size_t n = 0; n <= 100; n++) {
		membuf_init(&text, 1000);
		slow_qp(&text, many, n);
		assert_gives(TRANSFER_QP, text.buf, text.len, many, n, true);
		membuf_free(&text);
	}
	membuf_init(&text, 4 * MANY);
	slow_qp(&text, many, MANY);
	for (size_t i = 0; i < text.len; i += 1 + i / 3) {
		assert_true(decode(TRANSFER_QP, &m, text.buf, text.len, i, i));
		assert_same(&m, many, MANY);
	}
	membuf_free(&text);
}

static void test_qp_forms(void **state)
{
	static const struct {
		const char *text, *out;
		bool right;
	} t[] = {
		{ "", "", true }, { "a\r\nb\nc", "a\r\nb\nc", true },
		{ "a=\r\nb=\nc", "abc", true },		/* soft line ends */
		{ "=\r\n=\r\n", "", true },
		{ "=3D=3d=41B", "==AB", true },
		{ "=0D=0A", "\r\n", true }, { "=3D41", "=41", true },
		{ "=3D=\r\n41", "=41", true }, { "=C3=A4", "\xc3\xa4", true },
		{ "=4", "", false }, { "a=", "a", false },
		{ "a=\r", "a", false },
		{ "=ZZ", "=ZZ", false }, { "=4Z", "=4Z", false },
		{ "=4\r\n", "=4\r\n", false }, { "==41", "==41", false },
		{ "=\rA", "=\rA", false }, { "=\r\r\n", "=\r\r\n", false },
		{ "= \r\n", "= \r\n", false }, { "=R/WK", "=R/WK", false },
		{ "=zz=41", "=zzA", false },	/* bad stays */
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_gives(TRANSFER_QP, t[i].text, strlen(t[i].text),
		             t[i].out, strlen(t[i].out), t[i].right);
	assert_gives(TRANSFER_QP, "a\0=00", 5, "a\0\0", 3, true);
}

static void test_sink_fails(void **state)
{
	static const struct {
		enum transfer how;
		const char *text;
	} t[] = {
		{ TRANSFER_NONE, "hello" }, { TRANSFER_BASE64, "aGVsbG8=" },
		{ TRANSFER_QP, "he=6C=6Co" }, { TRANSFER_QP, "=Zello" },
	};
	struct untransfer u;
	struct membuf m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		for (size_t max = 0; max < 5; max++) {
			membuf_init(&m, max);
			untransfer_init(&u, t[i].how, &m.sink);
			assert_int_equal(sink_put(&u.sink, t[i].text,
			                 strlen(t[i].text), &e), -1);
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_TOO_LARGE);
			membuf_free(&m);
		}
	membuf_init(&m, 5000);		/* full only in a later block */
	untransfer_init(&u, TRANSFER_BASE64, &m.sink);
	for (size_t i = 0; i < MANY; i++)
		many[i] = 'A';
	assert_int_equal(sink_put(&u.sink, many, MANY, &e), -1);
	membuf_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_forms),
		cmocka_unit_test(test_qp),
		cmocka_unit_test(test_qp_forms),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
