/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/packet.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/packet.h"

/* gpg 2.2.40 -r alice -R bob (hidden): two PKESK packets, then SEIPD. */
static const unsigned char two_keys[] = {
	0x84, 0x5e, 0x03, 0xb9, 0xfa, 0x25, 0x1f, 0xdf, 0xf2, 0xd6, 0x66, 0x12,
	0x01, 0x07, 0x40, 0x2e, 0xf0, 0x2b, 0x16, 0x9f, 0xe1, 0xb3, 0x10, 0xf1,
	0x48, 0x10, 0x12, 0xcd, 0xc8, 0x03, 0x54, 0xf9, 0x57, 0xe0, 0xe1, 0x4f,
	0x71, 0xfe, 0xa5, 0xe4, 0x15, 0x85, 0xde, 0xe5, 0x5b, 0xf7, 0x15, 0x30,
	0xe0, 0xa9, 0x29, 0xef, 0xc9, 0xe5, 0x88, 0xde, 0x1e, 0x16, 0x2b, 0x57,
	0x8d, 0x86, 0xc4, 0x4e, 0x04, 0x59, 0x07, 0xe6, 0x05, 0x6f, 0x02, 0xb6,
	0xdf, 0x0e, 0xa1, 0x5d, 0xc2, 0x45, 0x16, 0x46, 0x61, 0x63, 0xf8, 0x88,
	0x9d, 0x72, 0x6a, 0x17, 0x15, 0x5c, 0xc6, 0x89, 0xe8, 0xed, 0x95, 0x15,
	0x84, 0x5e, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x12,
	0x01, 0x07, 0x40, 0x70, 0xd1, 0x8b, 0x5b, 0xd2, 0x1a, 0xc8, 0xb1, 0xb7,
	0xd2, 0x21, 0xf2, 0x53, 0x87, 0x9d, 0x5c, 0x9a, 0x01, 0xb0, 0x94, 0x82,
	0x83, 0x5d, 0x37, 0x51, 0xd4, 0xd3, 0xed, 0x7c, 0xb9, 0xb8, 0x74, 0x30,
	0x62, 0x76, 0x1f, 0x56, 0x08, 0x94, 0xaf, 0xa9, 0x6e, 0xae, 0x4a, 0x12,
	0xbf, 0x40, 0xf9, 0xea, 0x7b, 0x5f, 0xb7, 0xc3, 0xeb, 0x94, 0x80, 0x96,
	0x66, 0x9f, 0x94, 0x78, 0x59, 0x3a, 0xfd, 0x4e, 0xaf, 0x1e, 0x0d, 0xab,
	0x59, 0x05, 0x51, 0xb2, 0x43, 0x1a, 0x22, 0x71, 0x4f, 0x9a, 0xa1, 0x63,
	0xd2, 0x3e, 0x01, 0x13, 0xfb, 0x8c, 0x0e, 0xe4
};

/* gpg 2.2.40 -c: one SKESK packet, then SEIPD. */
static const unsigned char symmetric[] = {
	0x8c, 0x0d, 0x04, 0x09, 0x03, 0x02, 0xe7, 0x05, 0xbd, 0x9f, 0x53, 0x1f,
	0x32, 0x58, 0xff, 0xd2, 0x38, 0x01, 0x1a, 0x85
};

/* gpg 2.2.40 -s: a compressed packet, no session key. */
static const unsigned char signed_only[] = { 0xa3, 0x01, 0x5b, 0x9a };

/* A PKESK body for key 0102030405060708; longer ones go on with noughts. */
static const unsigned char body[10] = { 3, 1, 2, 3, 4, 5, 6, 7, 8, 18 };
static const uint64_t body_key = 0x0102030405060708;

/* The result for exactly these octets, so that a sanitizer sees a step too
 * far. */
static int head_of(struct packet_head *h, const void *buf, size_t len,
                   struct err *e)
{
	unsigned char *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, buf, len);
	memset(h, 0xa5, sizeof *h);
	memset(e, 0, sizeof *e);
	r = packet_head(h, copy, len, e);
	free(copy);
	return r;
}

static gpg_err_code_t refused(const void *buf, size_t len)
{
	struct packet_head h;
	struct err e;

	assert_int_equal(head_of(&h, buf, len, &e), -1);
	assert_true(*e.text);
	return gpg_err_code(e.code);
}

/* Cut anywhere before the octet after the head, more is needed. */
static void assert_cuts(const unsigned char *p, size_t head)
{
	struct packet_head h;
	struct err e;

	for (size_t i = 0; i <= head; i++)
		assert_int_equal(head_of(&h, p, i, &e), 0);
	assert_int_equal(head_of(&h, p, head + 1, &e), 1);
}

static void test_gpg(void **state)
{
	struct packet_head h;
	struct err e;

	(void)state;
	assert_cuts(two_keys, 192);
	assert_int_equal(head_of(&h, two_keys, sizeof two_keys, &e), 1);
	assert_int_equal(h.n, 2);
	assert_true(h.key[0] == 0xb9fa251fdff2d666);
	assert_true(h.key[1] == 0);
	assert_false(h.symmetric);
	assert_false(h.unknown);
	assert_true(h.encrypted);
	assert_int_equal(h.tag, 18);

	assert_cuts(symmetric, 15);
	assert_int_equal(head_of(&h, symmetric, sizeof symmetric, &e), 1);
	assert_int_equal(h.n, 0);
	assert_true(h.symmetric);
	assert_true(h.encrypted);

	assert_cuts(signed_only, 0);
	assert_int_equal(head_of(&h, signed_only, 4, &e), 1);
	assert_int_equal(h.n, 0);
	assert_false(h.encrypted);
	assert_int_equal(h.tag, 8);
}

/* Write a PKESK with this tag and length, then SEIPD: octets of the PKESK. */
static size_t pkesk(unsigned char *p, const char *head, size_t head_len,
                    size_t len)
{
	memcpy(p, head, head_len);
	memset(p + head_len, 0, len);
	memcpy(p + head_len, body, sizeof body);
	p[head_len + len] = 0xd2;
	return head_len + len;
}

static void test_lengths(void **state)
{
	static const struct {
		const char *head;
		size_t head_len, len;
	} t[] = {
		{ "\x84\x0a", 2, 10 },
		{ "\x84\xff", 2, 255 },
		{ "\x85\x01\x0c", 3, 268 },
		{ "\x85\xff\xff", 3, 65535 },
		{ "\x86\x00\x01\x00\x01", 5, 65537 },
		{ "\xc1\x0a", 2, 10 },
		{ "\xc1\xbf", 2, 191 },
		{ "\xc1\xc0\x00", 3, 192 },
		{ "\xc1\xc1\x02", 3, 450 },
		{ "\xc1\xdf\xff", 3, 8383 },
		{ "\xc1\xff\x00\x00\x20\xc0", 6, 8384 },
		{ "\xc1\xff\x00\x00\x00\x0a", 6, 10 },
	};
	unsigned char *p = malloc(1 << 17);
	struct packet_head h;
	struct err e;
	size_t n;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		n = pkesk(p, t[i].head, t[i].head_len, t[i].len);
		assert_int_equal(head_of(&h, p, n, &e), 0);
		assert_int_equal(head_of(&h, p, n - 1, &e), 0);
		assert_int_equal(head_of(&h, p, n + 1, &e), 1);
		assert_int_equal(h.n, 1);
		assert_true(h.key[0] == body_key);
		if (n < 1000)
			assert_cuts(p, n);
	}
	free(p);
}

static void test_ends(void **state)
{
	struct packet_head h;
	struct err e;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		unsigned char octet = (unsigned char)c;
		unsigned tag = c & 64 ? c & 63 : c >> 2 & 15;
		int r = head_of(&h, &octet, 1, &e);

		if (c < 128 || !tag) {
			assert_int_equal(r, -1);
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_INV_PACKET);
		} else if (tag == 1 || tag == 3 || tag == 10 || tag == 12) {
			assert_int_equal(r, c < 192 && (c & 3) == 3 ? -1 : 0);
		} else {
			assert_int_equal(r, 1);
			assert_int_equal(h.tag, tag);
			assert_int_equal(h.encrypted,
			                 tag == 9 || tag == 18 || tag == 20);
		}
	}
}

static void test_kinds(void **state)
{
	/* marker, trust, PKESK v6, PKESK v2, SKESK v6, AEAD */
	static const unsigned char p[] = {
		0xca, 3, 'P', 'G', 'P', 0xb0, 1, 0,
		0xc1, 2, 6, 0, 0x84, 10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0xc3, 1, 6, 0xd4
	};
	struct packet_head h;
	struct err e;

	(void)state;
	assert_cuts(p, sizeof p - 1);
	assert_int_equal(head_of(&h, p, sizeof p, &e), 1);
	assert_int_equal(h.n, 0);
	assert_true(h.unknown);
	assert_true(h.symmetric);
	assert_true(h.encrypted);
	assert_int_equal(h.tag, 20);
	/* either version alone is told */
	assert_int_equal(head_of(&h, "\xc1\x02\x06\x00\xd2", 5, &e), 1);
	assert_true(h.unknown);
	assert_false(h.symmetric);
	assert_int_equal(head_of(&h, p + 12, sizeof p - 12, &e), 1);
	assert_true(h.unknown);
	assert_int_equal(head_of(&h, p, 8, &e), 0);
	assert_int_equal(head_of(&h, "\xca\x00\xd2", 3, &e), 1);
	assert_false(h.unknown);
}

static void test_refused(void **state)
{
	struct packet_head h;
	struct err e;

	(void)state;
	assert_int_equal(refused("-----BEGIN", 10), GPG_ERR_INV_PACKET);
	assert_int_equal(refused("\xc1\xe0\x03", 3), GPG_ERR_INV_PACKET);
	assert_int_equal(refused("\xc1\xfe", 2), GPG_ERR_INV_PACKET);
	assert_int_equal(refused("\xc3\xf0", 2), GPG_ERR_INV_PACKET);
	assert_int_equal(refused("\x87\x03", 2), GPG_ERR_INV_PACKET);
	/* a v3 body one octet short, and no body at all */
	assert_int_equal(refused("\x84\x09\x03" "12345678", 11),
	                 GPG_ERR_INV_PACKET);
	assert_int_equal(refused("\x84\x00", 2), GPG_ERR_INV_PACKET);
	/* 256 KB are the end, and an enormous length is refused at once */
	assert_int_equal(head_of(&h, "\x86\x00\x03\xff\xfb", 5, &e), 0);
	assert_int_equal(refused("\x86\x00\x03\xff\xfc", 5),
	                 GPG_ERR_TOO_LARGE);
	assert_int_equal(refused("\xc1\xff\xff\xff\xff\xff", 6),
	                 GPG_ERR_TOO_LARGE);
}

static void test_many(void **state)
{
	size_t one = 2 + sizeof body, n = 0;
	unsigned char *p = malloc((PACKET_KEYS_MAX + 1) * one + 1);
	struct packet_head h;
	struct err e;

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < PACKET_KEYS_MAX; i++)
		n += pkesk(p + n, "\x84\x0a", 2, sizeof body);
	assert_int_equal(head_of(&h, p, n + 1, &e), 1);
	assert_int_equal(h.n, PACKET_KEYS_MAX);
	assert_true(h.key[PACKET_KEYS_MAX - 1] == body_key);
	n += pkesk(p + n, "\x84\x0a", 2, sizeof body);
	assert_int_equal(refused(p, n + 1), GPG_ERR_TOO_MANY);
	free(p);
}

static void test_head_max(void **state)
{
	unsigned char *p = malloc(PACKET_HEAD_MAX + 8);
	struct packet_head h;
	struct err e;
	size_t n;

	(void)state;
	assert_non_null(p);
	n = pkesk(p, "\x86\x00\x03\xff\xfb", 5, 0x3fffb);
	assert_int_equal(n, PACKET_HEAD_MAX);
	assert_int_equal(head_of(&h, p, n, &e), 0);
	assert_int_equal(head_of(&h, p, n + 1, &e), 1);
	memcpy(p + n, "\xca\x00", 2);	/* one octet more is one too many */
	assert_int_equal(refused(p, n + 2), GPG_ERR_TOO_LARGE);
	free(p);
}

/* Each octet of a real head in turn has every value: no crash, and an answer
 * that more octets don't change once it was 1 or -1. */
static void test_damaged(void **state)
{
	unsigned char p[sizeof two_keys];
	struct packet_head h;
	struct err e;
	int r, before;

	(void)state;
	for (size_t i = 0; i < sizeof p; i++)
		for (unsigned c = 0; c < 256; c += i < 16 ? 1 : 51) {
			memcpy(p, two_keys, sizeof p);
			p[i] = (unsigned char)c;
			before = 0;
			for (size_t n = 0; n <= sizeof p; n++) {
				r = head_of(&h, p, n, &e);
				if (before)
					assert_int_equal(r, before);
				before = r;
			}
		}
}

/* Detached signatures. */

/* gpg 2.2.40 -b: the first octets of a version 4 signature. */
static const unsigned char sig_body[12] = { 4, 0, 22, 8, 0, 0, 0, 0, 7, 7, 0, 1 };

static size_t sig(unsigned char *p, const char *head, size_t head_len,
                  unsigned char version)
{
	memcpy(p, head, head_len);
	memcpy(p + head_len, sig_body, sizeof sig_body);
	p[head_len] = version;
	return head_len + sizeof sig_body;
}

/* -1, or how many of them gpg gets, which are the octets of known. */
static int sigs_of(const unsigned char *p, size_t len, struct membuf *known)
{
	unsigned char *copy = malloc(len ? len : 1);
	struct err e = { 0, "" };
	unsigned n = 77;
	int r;

	assert_non_null(copy);
	memcpy(copy, p, len);
	membuf_init(known, 4096);
	r = packet_signatures(copy, len, &known->sink, &n, &e);
	free(copy);
	assert_true(r ? e.code && e.text[0] : true);
	return r ? -1 : (int)n;
}

static void refuse_sigs(const unsigned char *p, size_t len)
{
	struct membuf known;

	assert_int_equal(sigs_of(p, len, &known), -1);
	membuf_free(&known);
}

static void test_signatures(void **state)
{
	static const struct { const char *p; size_t n; } head[] = {
		{ "\x88\x0c", 2 }, { "\x89\0\x0c", 3 },
		{ "\x8a\0\0\0\x0c", 5 }, { "\xc2\x0c", 2 },
		{ "\xc2\xff\0\0\0\x0c", 6 },
	};
	unsigned char buf[600];
	struct membuf known;
	size_t n, first;

	(void)state;
	for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
		first = sig(buf, head[i].p, head[i].n, 4);
		n = first + sig(buf + first, "\xc2\x0c", 2, 3);
		assert_int_equal(sigs_of(buf, n, &known), 2);
		assert_int_equal(known.len, n);
		assert_memory_equal(known.buf, buf, n);
		membuf_free(&known);
		for (size_t cut = 0; cut < n; cut++)
			if (cut != first)
				refuse_sigs(buf, cut);
	}
	/* gpg would stop at one of version 6 */
	n = sig(buf, "\xc2\x0c", 2, 6);
	assert_int_equal(sigs_of(buf, n, &known), 0);
	assert_int_equal(known.len, 0);
	first = sig(buf + n, "\xc2\x0c", 2, 4);
	n += first;
	n += sig(buf + n, "\xc2\x0c", 2, 5);
	assert_int_equal(sigs_of(buf, n, &known), 1);
	assert_int_equal(known.len, first);
	assert_memory_equal(known.buf, buf + first, first);
	membuf_free(&known);
}

static void test_signatures_refused(void **state)
{
	static const unsigned char tags[] = { 1, 3, 4, 8, 9, 10, 11, 12, 18 };
	unsigned char buf[40 * 14] = { 0 };
	struct membuf known;
	size_t n = 0;

	(void)state;
	refuse_sigs(buf, 0);
	refuse_sigs((const unsigned char *)"-----BEGIN PGP", 14);
	for (size_t i = 0; i < sizeof tags; i++) {
		n = sig(buf, "\xc2\x0c", 2, 4);
		n += sig(buf + n, "\xc2\x0c", 2, 4);
		buf[14] = 0xc0 | tags[i];
		refuse_sigs(buf, n);
		refuse_sigs(buf + 14, n - 14);
		buf[14] = (unsigned char)(0x80 | tags[i] << 2);
		if (tags[i] < 16)
			refuse_sigs(buf, n);
	}
	/* too short for one, and lengths that end nowhere */
	refuse_sigs((const unsigned char *)"\xc2\x09\4\0\1\1\1\1\1\1\1", 11);
	n = sig(buf, "\x8b", 1, 4);
	refuse_sigs(buf, n);
	n = sig(buf, "\xc2\xe3", 2, 4);
	refuse_sigs(buf, n);
	n = sig(buf, "\xc2\xff\xff\xff\xff\xff", 6, 4);
	refuse_sigs(buf, n);
	for (n = 0; n < PACKET_SIGS_MAX * 14;)
		n += sig(buf + n, "\xc2\x0c", 2, 4);
	assert_int_equal(sigs_of(buf, n, &known), PACKET_SIGS_MAX);
	membuf_free(&known);
	n += sig(buf + n, "\xc2\x0c", 2, 6);
	refuse_sigs(buf, n);
	buf[14] = '\n';
	refuse_sigs(buf, 15);
}

/* ---- public keys ---- */

static gpg_err_code_t public_code(const unsigned char *p, size_t n)
{
	unsigned char *copy = malloc(n ? n : 1);
	struct err e = { .code = 0 };
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = packet_public(copy, n, &e);
	free(copy);
	assert_int_equal(rc != 0, e.code != 0);
	return gpg_err_code(e.code);
}

/* Whatever its tag is, and wherever it ends. */
static void test_public(void **state)
{
	unsigned char key[] = { 0xc6, 3, 4, 0, 0, 0xcd, 1, 'x', 0xc2, 1, 4 };

	(void)state;
	for (size_t n = 0; n <= sizeof key; n++)
		assert_int_equal(public_code(key, n), n == 0 ? GPG_ERR_NO_DATA
		                 : n == 5 || n == 8 || n == 11
		                 ? 0 : GPG_ERR_INV_PACKET);
	for (unsigned tag = 0; tag < 64; tag++) {
		key[8] = (unsigned char)(0xc0 | tag);
		assert_int_equal(public_code(key, sizeof key),
			tag == 5 || tag == 7 ? GPG_ERR_FORBIDDEN
			: tag == 2 || tag == 6 || tag == 10 || (tag > 11
			  && tag < 15) || tag == 17 || tag == 21
			? 0 : GPG_ERR_INV_PACKET);
	}
	key[0] = 0xcd;			/* it begins with a key */
	assert_int_equal(public_code(key, sizeof key), GPG_ERR_INV_PACKET);
	key[0] = 0x80 | 5 << 2;		/* in the old form, too */
	assert_int_equal(public_code(key, sizeof key), GPG_ERR_FORBIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gpg),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_head_max),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_signatures_refused),
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
