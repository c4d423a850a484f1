/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/armor.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"

#define BEGIN "-----BEGIN PGP MESSAGE-----"
#define END "-----END PGP MESSAGE-----"

/* gpg 2.2.40 -a, and gpg --dearmor of it. */
static const char gpg_text[] =
	BEGIN "\n\n"
	"jA0ECQMCJXt+Qnj02e//0lwBvu96sfbiAQQiPOywvmeWpn9QzQydWiCgasvBzRPt\n"
	"cj7V7BvvEntAAo0SpeGUJAdPBcWo5uD9WCKVQ2kNwHdLTml6vbLQ7v+OTw1oDwr5\n"
	"pnIs1Lbi6XqxFzzMuA==\n"
	"=k2tI\n"
	END "\n";
static const unsigned char gpg_octets[] = {
	0x8c, 0x0d, 0x04, 0x09, 0x03, 0x02, 0x25, 0x7b, 0x7e, 0x42, 0x78, 0xf4,
	0xd9, 0xef, 0xff, 0xd2, 0x5c, 0x01, 0xbe, 0xef, 0x7a, 0xb1, 0xf6, 0xe2,
	0x01, 0x04, 0x22, 0x3c, 0xec, 0xb0, 0xbe, 0x67, 0x96, 0xa6, 0x7f, 0x50,
	0xcd, 0x0c, 0x9d, 0x5a, 0x20, 0xa0, 0x6a, 0xcb, 0xc1, 0xcd, 0x13, 0xed,
	0x72, 0x3e, 0xd5, 0xec, 0x1b, 0xef, 0x12, 0x7b, 0x40, 0x02, 0x8d, 0x12,
	0xa5, 0xe1, 0x94, 0x24, 0x07, 0x4f, 0x05, 0xc5, 0xa8, 0xe6, 0xe0, 0xfd,
	0x58, 0x22, 0x95, 0x43, 0x69, 0x0d, 0xc0, 0x77, 0x4b, 0x4e, 0x69, 0x7a,
	0xbd, 0xb2, 0xd0, 0xee, 0xff, 0x8e, 0x4f, 0x0d, 0x68, 0x0f, 0x0a, 0xf9,
	0xa6, 0x72, 0x2c, 0xd4, 0xb6, 0xe2, 0xe9, 0x7a, 0xb1, 0x17, 0x3c, 0xcc,
	0xb8
};

enum { MANY = 1 << 20 };
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

/* RFC 9580 section 6.1.1, bit by bit. */
static uint32_t slow_crc(const unsigned char *p, size_t n)
{
	uint32_t crc = 0xb704ce;

	while (n--) {
		crc ^= (uint32_t)*p++ << 16;
		for (int i = 0; i < 8; i++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= 0x1864cfb;
		}
	}
	return crc;
}

static void slow_base64(struct membuf *m, const unsigned char *p, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t bit = 0, col = 1; bit < 8 * n; bit += 6, col++) {
		unsigned v = 0;

		for (size_t b = bit; b < bit + 6; b++)
			v = v << 1 | (b < 8 * n ? p[b / 8] >> (7 - b % 8) & 1
			                        : 0);
		membuf_printf(m, NULL, "%c", set[v]);
		if (bit + 6 >= 8 * n)
			membuf_printf(m, NULL, "%.*s",
			              (int)((3 - n % 3) % 3), "==");
		if (col % 64 == 0 || bit + 6 >= 8 * n)
			membuf_printf(m, NULL, "\r\n");
	}
}

/* The armor as plainly as it can be written. */
static void slow_armor(struct membuf *m, const unsigned char *p, size_t n)
{
	uint32_t crc = slow_crc(p, n);
	unsigned char c[3] = { crc >> 16 & 255, crc >> 8 & 255, crc & 255 };

	membuf_init(m, 4 * n + 1000);
	membuf_printf(m, NULL, BEGIN "\r\n\r\n");
	slow_base64(m, p, n);
	membuf_printf(m, NULL, "=");
	slow_base64(m, c, 3);
	membuf_printf(m, NULL, END "\r\n");
}

/* Armor p in parts of the given size, the first of them as long as told. */
static void encode(struct membuf *m, const unsigned char *p, size_t n,
                   size_t first, size_t part)
{
	struct armor a;
	struct err e;
	size_t k;

	membuf_init(m, 4 * n + 1000);
	armor_init(&a, &m->sink);
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(sink_put(&a.sink, p + i, k, &e), 0);
	}
	assert_int_equal(armor_end(&a, &e), 0);
}

/* Decode text in parts: 0 or the error, m what came out. */
static gpg_err_code_t decode(struct membuf *m, const char *text, size_t n,
                             size_t first, size_t part)
{
	struct dearmor *d;
	struct err e = { 0 };
	size_t k;
	int r = 0;

	membuf_init(m, MANY);
	d = dearmor_new("PGP MESSAGE", &m->sink);
	assert_non_null(d);
	for (size_t i = 0; i < n && !r; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		r = dearmor_put(d, text + i, k, &e);
	}
	if (!r)
		r = dearmor_end(d, &e);
	else	/* once it failed it stays so */
		assert_int_equal(dearmor_end(d, &e), -1);
	dearmor_free(d);
	assert_int_equal(!r, !e.code);
	return gpg_err_code(e.code);
}

static void assert_same(struct membuf *m, const void *p, size_t n)
{
	assert_int_equal(m->len, n);
	if (n)
		assert_memory_equal(m->buf, p, n);
	membuf_free(m);
}

/* Whole and cut at every octet, the text gives these octets. */
static void assert_opens(const char *text, const void *p, size_t n)
{
	size_t len = strlen(text);
	struct membuf m;

	for (size_t i = 0; i <= len; i++) {
		assert_int_equal(decode(&m, text, len, i, 0), 0);
		assert_same(&m, p, n);
	}
	assert_int_equal(decode(&m, text, len, 1, 1), 0);
	assert_same(&m, p, n);
}

static void assert_fails(const char *text)
{
	size_t len = strlen(text);
	struct membuf m;

	for (size_t i = 0; i <= len; i++) {
		assert_int_equal(decode(&m, text, len, i, 0),
		                 GPG_ERR_INV_ARMOR);
		membuf_free(&m);
	}
	assert_int_equal(decode(&m, text, len, 1, 1), GPG_ERR_INV_ARMOR);
	membuf_free(&m);
}

static void test_known(void **state)
{
	struct membuf m;
	struct armor a;

	(void)state;
	membuf_init(&m, 1000);
	armor_init(&a, &m.sink);
	assert_int_equal(armor_end(&a, NULL), 0);
	assert_same(&m, BEGIN "\r\n\r\n=twTO\r\n" END "\r\n",
	            strlen(BEGIN END) + 13);
	membuf_free(&m);
	armor_init_label(&a, "PGP SIGNATURE", &m.sink);
	assert_int_equal(armor_end(&a, NULL), 0);
	assert_same(&m, "-----BEGIN PGP SIGNATURE-----\r\n\r\n=twTO\r\n"
	            "-----END PGP SIGNATURE-----\r\n", 69);
	assert_opens(gpg_text, gpg_octets, sizeof gpg_octets);
}

static void test_encode(void **state)
{
	struct membuf slow, m;

	(void)state;
	for (size_t n = 0; n <= 500; n++) {
		slow_armor(&slow, many, n);
		for (size_t i = 0; i <= n; i++) {
			encode(&m, many, n, i, 0);
			assert_same(&m, slow.buf, slow.len);
		}
		encode(&m, many, n, 1, 1);
		assert_same(&m, slow.buf, slow.len);
		membuf_free(&slow);
	}
}

static void test_round(void **state)
{
	static const size_t big[] = { 6143, 6144, 6145, 12288, 16384, 65536,
	                              99991, MANY };
	static const size_t part[] = { 0, 1, 63, 4096, 16384, 50000 };
	struct membuf slow, m, back;
	size_t np = sizeof part / sizeof *part;

	(void)state;
	for (size_t n = 0; n <= 500; n++) {
		slow_armor(&slow, many, n);
		for (size_t i = 0; i <= slow.len; i += n % 50 ? 17 : 1) {
			assert_int_equal(decode(&back, slow.buf, slow.len,
			                        i, 0), 0);
			assert_same(&back, many, n);
		}
		membuf_free(&slow);
	}
	for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
		slow_armor(&slow, many, big[i]);
		for (size_t j = 0; j < np; j++) {
			encode(&m, many, big[i], part[j], part[j]);
			assert_int_equal(decode(&back, m.buf, m.len,
			                        part[j], part[j]), 0);
			assert_same(&back, many, big[i]);
			assert_same(&m, slow.buf, slow.len);
		}
		membuf_free(&slow);
	}
}

static void test_tolerant(void **state)
{
	(void)state;
	assert_opens(BEGIN "\n\naGVsbG8=\n" END "\n", "hello", 5);
	assert_opens(BEGIN "\r\n\r\naGVsbG8=\r\n=R/WK\r\n" END, "hello", 5);
	assert_opens(" \r\n\t\n" BEGIN " \t\r\n \r\naGVsbG8= \r\n=R/WK\t \n"
	             END "  \r\n\r\n \t", "hello", 5);
	assert_opens(BEGIN "\nVersion: GnuPG v2\nComment: a: b\nX:\n\n"
	             "aGVsbG8=\n=R/WK\n" END, "hello", 5);
	/* lines of any length, also such that cut a group */
	assert_opens(BEGIN "\n\naGV\nsb\nG\n8\n=\n=R/WK\n" END, "hello", 5);
	assert_opens(BEGIN "\n\naG\n\nVs\n\nbA\n==\n\n=4EpM\n\n" END,
	             "hell", 4);
	assert_opens(BEGIN "\n\n=twTO\n" END, "", 0);
	assert_opens(BEGIN "\n\n" END, "", 0);
}

/* The data in lines of every length. */
static void test_wrapped(void **state)
{
	struct membuf data, text, m;

	(void)state;
	for (size_t col = 1; col <= 200; col++) {
		membuf_init(&data, 10000);
		membuf_init(&text, 10000);
		slow_base64(&data, many, 1000);
		membuf_printf(&text, NULL, BEGIN "\n\n");
		for (size_t i = 0, n = 0; i < data.len; i++) {
			if (data.buf[i] == '\r' || data.buf[i] == '\n')
				continue;
			membuf_printf(&text, NULL, "%c%s", data.buf[i],
			              ++n % col ? "" : "\r\n");
		}
		membuf_printf(&text, NULL, "\n" END);
		assert_int_equal(decode(&m, text.buf, text.len, 0, 0), 0);
		assert_same(&m, many, 1000);
		assert_int_equal(decode(&m, text.buf, text.len, col, 7), 0);
		assert_same(&m, many, 1000);
		membuf_free(&data);
		membuf_free(&text);
	}
}

static void test_refused(void **state)
{
	static const char *const t[] = {
		"", "\r\n", "aGVsbG8=\n", BEGIN, BEGIN "\n", BEGIN "\n\n",
		BEGIN "\n\naGVsbG8=\n",			/* no END */
		BEGIN "\n\naGVsbG8=\n=R/WK\n",
		BEGIN "\n\naGVsbG8=\n=R/WK\n-----END PGP MESSAGE----\n",
		BEGIN "\n\naGVsbG8=\n=R/WK\n-----END PGP SIGNATURE-----\n",
		BEGIN "\n\naGVsbG8=\n=R/WK\n" BEGIN "\n",
		"-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n" END "\n",
		"x\n" BEGIN "\n\naGVsbG8=\n" END "\n",	/* text around */
		" " BEGIN "\n\naGVsbG8=\n" END "\n",
		"x" BEGIN "\n\naGVsbG8=\n" END "\n",
		BEGIN "x\n\naGVsbG8=\n" END "\n",
		BEGIN "\n\naGVsbG8=\n" END "\nx",
		BEGIN "\n\naGVsbG8=\n" END "x",
		BEGIN "\n\naGVsbG8=\n" END "\n" END "\n",
		BEGIN "\n\naGVsbG8=\n" END "\n" BEGIN "\n\naGVsbG8=\n" END,
		BEGIN "\naGVsbG8=\n" END "\n",		/* no blank line */
		BEGIN "\nVersion\n\naGVsbG8=\n" END "\n",
		BEGIN "\n: x\n\naGVsbG8=\n" END "\n",
		BEGIN "\n\naGVsbG8=\n=R/WA\n" END "\n",	/* CRC */
		BEGIN "\n\naGVsbG8=\n=R/W\n" END "\n",
		BEGIN "\n\naGVsbG8=\n=R/WK=\n" END "\n",
		BEGIN "\n\naGVsbG8=\n=R/*K\n" END "\n",
		BEGIN "\n\naGVsbG8==R/WK\n" END "\n",
		BEGIN "\n\n=R/WK\naGVsbG8=\n" END "\n",
		BEGIN "\n\naGVsbG8=\n=R/WK\n=R/WK\n" END "\n",
		BEGIN "\n\naGVsbG8=\n=R/WK\naGVs\n" END "\n",
		BEGIN "\n\naGVsbG8\n=R/WK\n" END "\n",	/* data */
		BEGIN "\n\naGVsbG8\n" END "\n",
		BEGIN "\n\naGVsbG8=aGVs\n" END "\n",
		BEGIN "\n\naGVsbG8=\naGVs\n" END "\n",
		BEGIN "\n\naGVsbG8=\n====\n" END "\n",
		BEGIN "\n\naGVsb===\n" END "\n",
		BEGIN "\n\naGVs====\n" END "\n",
		BEGIN "\n\naGV=bG8=\n" END "\n",
		BEGIN "\n\naGVs bG8=\n" END "\n",
		BEGIN "\n\n aGVsbG8=\n" END "\n",
		BEGIN "\n\naGVs\rbG8=\n" END "\n",
		BEGIN "\n\naGVs-G8=\n" END "\n",
		BEGIN "\n\naGVs\xc3\xa4""8=\n" END "\n",
		BEGIN "\n\n- aGVsbG8=\n" END "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_fails(t[i]);
}

/* Any one character changed: refused, or what came out is right. */
static void test_damaged(void **state)
{
	char text[sizeof gpg_text];
	struct membuf m;
	gpg_err_code_t r;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++)
		for (unsigned c = 0; c < 256; c++) {
			memcpy(text, gpg_text, sizeof text);
			text[i] = (char)c;
			r = decode(&m, text, sizeof text - 1, 0, 0);
			if (!r)
				assert_same(&m, gpg_octets,
				            sizeof gpg_octets);
			else
				assert_int_equal(r, GPG_ERR_INV_ARMOR);
			membuf_free(&m);
		}
}

/* Cut short anywhere: refused, unless only the last line end is gone. */
static void test_short(void **state)
{
	size_t len = strlen(gpg_text);
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(decode(&m, gpg_text, i, 0, 0),
		                 i == len - 1 ? 0 : GPG_ERR_INV_ARMOR);
		membuf_free(&m);
	}
}

/* A line of 4096 octets passes, one more does not, however it is cut. */
static void test_long_line(void **state)
{
	struct membuf m, text;

	(void)state;
	for (int over = 0; over <= 1; over++) {
		membuf_init(&text, 10000);
		membuf_printf(&text, NULL, BEGIN "\nX:%*s\n\n", 4094 + over,
		              "");
		membuf_printf(&text, NULL, "aGVsbG8=\n" END);
		for (size_t i = 0; i < 10000; i += 1 + i / 3) {
			assert_int_equal(decode(&m, text.buf, text.len, i, i),
			                 over ? GPG_ERR_INV_ARMOR : 0);
			membuf_free(&m);
		}
		membuf_free(&text);
	}
	/* the longest lines of data, one after the other */
	membuf_init(&text, 1 << 20);
	membuf_printf(&text, NULL, BEGIN "\n\n");
	for (int i = 0; i < 50 * 4096; i++)
		membuf_printf(&text, NULL, i % 4096 == 4095 ? "A\n" : "A");
	membuf_printf(&text, NULL, END);
	assert_int_equal(decode(&m, text.buf, text.len, 0, 0), 0);
	assert_int_equal(m.len, 50 * 3072);
	membuf_free(&m);
	membuf_free(&text);
}

/* What the sink says is handed on, both ways. */
static void test_sink_fails(void **state)
{
	struct membuf m, full;
	struct dearmor *d;
	struct armor a;
	struct err e;

	(void)state;
	membuf_init(&full, 10);
	armor_init(&a, &full.sink);
	assert_int_equal(sink_put(&a.sink, many, MANY, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	membuf_free(&full);
	armor_init(&a, &full.sink);
	assert_int_equal(armor_end(&a, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	encode(&m, many, 100, 0, 0);
	d = dearmor_new("PGP MESSAGE", &full.sink);
	assert_int_equal(dearmor_put(d, m.buf, m.len, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(dearmor_put(d, "\n", 1, &e), -1);
	assert_int_equal(dearmor_end(d, &e), -1);
	dearmor_free(d);
	dearmor_free(NULL);
	membuf_free(&m);
	membuf_free(&full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_tolerant),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
