/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/kbx.c; that gpg reads what it writes is seen in test_peers.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "crypto/kbx.h"
#include "crypto/keydata.h"
#include "tests/unit/keydata_many.h"

enum { NOW = 1795452836 };

/* A file with this key in it. */
static void made(struct membuf *m, const void *key, size_t n)
{
	membuf_init(m, 1 << 20);
	assert_int_equal(kbx_begin(&m->sink, NOW, NULL), 0);
	assert_int_equal(kbx_key(&m->sink, key, n, NOW, NULL), 0);
}

static size_t be(const struct membuf *m, size_t at, int octets)
{
	size_t v = 0;

	assert_in_range(at, 0, m->len - (size_t)octets);
	while (octets--)
		v = v << 8 | (unsigned char)m->buf[at++];
	return v;
}

/* As in kbx/keybox-blob.c of GnuPG: 5 keys, 3 user IDs, 9 signatures. */
static void test_layout(void **state)
{
	static const unsigned char fpr[] = { 0x21, 0x02, 0xa2, 0xbc };
	unsigned char hash[20];
	struct membuf m;
	size_t n, at = 32, packets;
	unsigned char *p = many_key(&n);

	(void)state;
	made(&m, p, n);
	assert_int_equal(be(&m, 0, 4), 32);
	assert_memory_equal(m.buf + 4, "\1\1\0\2KBXf", 8);
	assert_int_equal(be(&m, 16, 4), NOW);
	assert_int_equal(be(&m, at, 4), m.len - 32);
	assert_int_equal(be(&m, at + 4, 4), 0x02010000);
	packets = be(&m, at + 8, 4);
	assert_int_equal(be(&m, at + 12, 4), n);
	assert_memory_equal(m.buf + at + packets, p, n);
	assert_int_equal(m.len, at + packets + n + 20);
	assert_int_equal(be(&m, at + 16, 4), 5 << 16 | 28);
	assert_memory_equal(m.buf + at + 20, fpr, sizeof fpr);
	/* the key's ID is in its fingerprint */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(be(&m, at + 20 + 28 * i + 20, 4),
		                 20 + 28 * i + 12);
	assert_int_equal(be(&m, at + 160, 2), 0);	/* no serial number */
	assert_int_equal(be(&m, at + 162, 4), 3 << 16 | 12);
	assert_memory_equal(m.buf + at + be(&m, at + 166, 4),
	                    "Alice <alice@example.org>",
	                    be(&m, at + 170, 4));
	assert_memory_equal(m.buf + at + be(&m, at + 166 + 24, 4),
	                    "Gone <gone@example.org>",
	                    be(&m, at + 170 + 24, 4));
	assert_int_equal(be(&m, at + 202, 4), 9 << 16 | 4);
	assert_int_equal(packets, 206 + 9 * 4 + 20);
	assert_int_equal(be(&m, at + packets - 8, 4), NOW);
	assert_int_equal(EVP_Digest(m.buf + at, m.len - at - 20, hash, NULL,
	                            EVP_sha1(), NULL), 1);
	assert_memory_equal(m.buf + m.len - 20, hash, 20);
	membuf_free(&m);
	free(p);
}

/* What says that gpg has checked something stays out, as do pictures. */
static void test_left_out(void **state)
{
	static const unsigned char more[] =
		"\xcc\x08" "\x00\x03gpg\0\0\0"
		"\xd1\x02pp" "\xc2\x0b" "\x04\x10\x16\x08" "\0\0\0\0" "sig"
		"\xce\x08" "\x05" "subkey5" "\xc2\x03" "gis";
	unsigned char *p, *key;
	struct membuf m, plain;
	size_t n;

	(void)state;
	key = many_key(&n);
	made(&plain, key, n);
	p = malloc(n + sizeof more - 1);
	memcpy(p, key, n);
	memcpy(p + n, more, sizeof more - 1);
	made(&m, p, n + sizeof more - 1);
	assert_int_equal(m.len, plain.len);
	assert_memory_equal(m.buf, plain.buf, m.len);
	membuf_free(&plain);
	membuf_free(&m);
	free(key);
	free(p);
}

static void test_none(void **state)
{
	struct membuf m;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n), *copy;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		copy = malloc(i ? i : 1);
		memcpy(copy, p, i);
		membuf_init(&m, 1 << 20);
		if (kbx_key(&m.sink, copy, i, NOW, &e)) {
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_INV_PACKET);
			assert_int_equal(m.len, 0);
		}
		membuf_free(&m);
		free(copy);
	}
	free(p);
}

/* Else what is known of the first would stand for the second. */
static void test_two_keys(void **state)
{
	struct membuf m;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n), *two = malloc(2 * n);

	(void)state;
	memcpy(two, p, n);
	memcpy(two + n, p, n);
	membuf_init(&m, 1 << 20);
	assert_int_equal(kbx_key(&m.sink, two, 2 * n, NOW, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_INV_PACKET);
	assert_int_equal(m.len, 0);
	membuf_free(&m);
	free(two);
	free(p);
}

static void test_walk(void **state)
{
	const unsigned char *fpr;
	struct membuf m;
	size_t n, at = 0;
	unsigned char *p = many_key(&n), *copy;

	(void)state;
	made(&m, p, n);
	assert_int_equal(kbx_key(&m.sink, p, n, NOW, NULL), 0);
	for (int i = 0; i < 3; i++) {
		n = kbx_first(m.buf + at, m.len - at, &fpr);
		assert_int_equal(n, i ? (m.len - 32) / 2 : 32);
		if (i)
			assert_memory_equal(fpr, "\x21\x02\xa2\xbc", 4);
		else
			assert_null(fpr);
		/* cut anywhere there is none */
		for (size_t k = 0; k < n; k++) {
			copy = malloc(k ? k : 1);
			memcpy(copy, m.buf + at, k);
			assert_int_equal(kbx_first(copy, k, &fpr), 0);
			free(copy);
		}
		at += n;
	}
	assert_int_equal(at, m.len);
	/* lengths that lead nowhere */
	memset(m.buf + 32, 0, 4);
	assert_int_equal(kbx_first(m.buf + 32, m.len - 32, &fpr), 0);
	memset(m.buf + 32, 0xff, 4);
	assert_int_equal(kbx_first(m.buf + 32, m.len - 32, &fpr), 0);
	memcpy(m.buf + 32, "\0\0\0\x40", 4);
	assert_int_equal(kbx_first(m.buf + 32, m.len - 32, &fpr), 0);
	membuf_free(&m);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
