/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/keydata.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/keydata.h"
#include "tests/unit/keydata_many.h"

enum { IN_JANUARY = 1705000000, IN_MARCH = 1710000000 };

#define FPR "2102A2BC0A1A031F12AE60617BCE2DFAD3FD8A39"

static void test_read(void **state)
{
	struct keydata k;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n);

	(void)state;
	assert_int_equal(keydata_read(&k, p, n, &e), 0);
	assert_string_equal(k.fpr, FPR);
	assert_int_equal(k.created, 1704067200);
	assert_true(k.has_uid);
	free(p);
}

/* Cut off anywhere but between two packets it is no key, and it never reads too
 * far (copies of the exact size: a sanitizer sees that). */
static void test_cut(void **state)
{
	struct keydata k;
	struct err e;
	size_t n, whole = 0;
	unsigned char *p = many_key(&n), *copy;
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		copy = malloc(i ? i : 1);
		memcpy(copy, p, i);
		membuf_init(&m, 4096);
		if (keydata_read(&k, copy, i, &e) == 0) {
			assert_string_equal(k.fpr, FPR);
			whole++;
		}
		if (keydata_minimal(copy, i, "a@b", IN_MARCH, &m.sink, &e) == 0)
			assert_in_range(m.len, 1, i);
		else
			assert_int_equal(m.len, 0);
		membuf_free(&m);
		free(copy);
	}
	assert_int_equal(whole, 16);	/* of 17 packets */
	free(p);
}

/* Any octet changed: still no read too far, and never another fingerprint unless
 * it was one of the primary key's. */
static void test_changed(void **state)
{
	struct keydata k;
	size_t n;
	unsigned char *p = many_key(&n);
	struct membuf m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			p[i] ^= (unsigned char)bit;
			membuf_init(&m, 4096);
			if (keydata_read(&k, p, n, &e) == 0 && i > 60)
				assert_string_equal(k.fpr, FPR);
			keydata_minimal(p, n, "old@example.org", IN_MARCH,
			                &m.sink, &e);
			membuf_free(&m);
			p[i] ^= (unsigned char)bit;
		}
	free(p);
}

static bool has(const struct membuf *m, const char *s)
{
	return memmem(m->buf, m->len, s, strlen(s)) != NULL;
}

/* The subkeys by the beginning of what is in them is not known here: by their time
 * of creation. */
static bool has_made(const struct membuf *m, uint32_t t)
{
	const unsigned char b[] = { 4, (unsigned char)(t >> 24),
	                            (unsigned char)(t >> 16),
	                            (unsigned char)(t >> 8), (unsigned char)t };

	return memmem(m->buf, m->len, b, sizeof b) != NULL;
}

static void least(struct membuf *m, const char *addr, int64_t now)
{
	struct keydata k;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n);

	membuf_init(m, 4096);
	assert_int_equal(keydata_minimal(p, n, addr, now, &m->sink, &e), 0);
	assert_int_equal(keydata_read(&k, m->buf, m->len, &e), 0);
	assert_string_equal(k.fpr, FPR);
	assert_in_range(m->len, 300, 600);
	free(p);
}

static void test_minimal(void **state)
{
	static const struct {
		const char *addr, *uid;
		int64_t now;
		uint32_t subkey;
	} row[] = {
		{ "alice@example.org", "<alice@", IN_MARCH, 1704153600 },
		{ "OLD@example.org", "<old@", IN_MARCH, 1704153600 },
		{ "gone@example.org", "<alice@", IN_MARCH, 1704153600 },
		{ "nobody@example.org", "<alice@", IN_MARCH, 1704153600 },
		{ "old@example.org", "<old@", IN_JANUARY, 1704326400 },
	};
	static const char *const uids[] = { "<alice@", "<old@", "<gone@" };
	static const uint32_t subkeys[] = { 1704153600, 1704240000, 1704326400,
	                                    1704412800 };
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		least(&m, row[i].addr, row[i].now);
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(has(&m, uids[j]),
			                 strcmp(uids[j], row[i].uid) == 0);
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(has_made(&m, subkeys[j]),
			                 subkeys[j] == row[i].subkey);
		membuf_free(&m);
	}
}

static int code(const unsigned char *p, size_t n)
{
	struct keydata k;
	struct err e;

	return keydata_read(&k, p, n, &e) ? (int)gpg_err_code(e.code) : 0;
}

static void test_not_a_key(void **state)
{
	static const unsigned char
		nothing[] = { 0 },
		text[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----",
		no_body[] = { 0xc6, 0 },
		v3[] = { 0xc6, 6, 3, 0, 0, 0, 0, 1 },
		v6[] = { 0xc6, 6, 6, 0, 0, 0, 0, 1 },
		secret[] = { 0xc5, 6, 4, 0, 0, 0, 0, 1 },
		uid_first[] = { 0xcd, 1, 'a' },
		secret_sub[] = { 0xc6, 6, 4, 0, 0, 0, 0, 1, 0xc7, 6, 4, 0, 0, 0,
		                 0, 1 },
		two[] = { 0xc6, 6, 4, 0, 0, 0, 0, 1, 0xc6, 6, 4, 0, 0, 0, 0, 1 },
		literal[] = { 0xc6, 6, 4, 0, 0, 0, 0, 1, 0xcb, 0 },
		endless[] = { 0xc6, 0xe1, 4, 0, 0, 0, 0, 1 },
		old_endless[] = { 0x9b, 4, 0, 0, 0, 0, 1 },
		good[] = { 0xc6, 6, 4, 0, 0, 0, 0, 1 };
	unsigned char *large = calloc(1, KEYDATA_MAX + 1);

	(void)state;
	assert_int_equal(code(good, sizeof good), 0);
	assert_int_equal(code(nothing, 0), GPG_ERR_INV_PACKET);
#define NONE(x) assert_int_equal(code(x, sizeof x), GPG_ERR_INV_PACKET)
	NONE(text);
	NONE(no_body);
	NONE(secret);
	NONE(uid_first);
	NONE(secret_sub);
	NONE(two);
	NONE(literal);
	NONE(endless);
	NONE(old_endless);
	assert_int_equal(code(v3, sizeof v3), GPG_ERR_UNSUPPORTED_ALGORITHM);
	assert_int_equal(code(v6, sizeof v6), GPG_ERR_UNSUPPORTED_ALGORITHM);
	memcpy(large, good, sizeof good);
	assert_int_equal(code(large, KEYDATA_MAX + 1), GPG_ERR_TOO_LARGE);
	free(large);
}

/* Packets without end in number are not walked over. */
static void test_many_packets(void **state)
{
	size_t n = 8 + 2 * (size_t)KEYDATA_PACKETS_MAX;
	unsigned char *p = malloc(n);
	static const unsigned char good[] = { 0xc6, 6, 4, 0, 0, 0, 0, 1 };

	(void)state;
	memcpy(p, good, 8);
	for (size_t i = 8; i < n; i += 2) {
		p[i] = 0xcd;
		p[i + 1] = 0;
	}
	assert_int_equal(code(p, n - 2), 0);
	assert_int_equal(code(p, n), GPG_ERR_INV_PACKET);
	free(p);
}

static void test_nothing_to_use(void **state)
{
	struct membuf m;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n);

	(void)state;
	membuf_init(&m, 4096);
	/* the primary key alone */
	assert_int_equal(keydata_minimal(p, 53, "a@b", IN_MARCH, &m.sink, &e),
	                 -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_NO_USER_ID);
	/* with its first user ID, which has no signature yet */
	assert_int_equal(keydata_minimal(p, 53 + 27, "a@b", IN_MARCH, &m.sink,
	                                 &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_NO_USER_ID);
	/* which signs and certifies only */
	assert_int_equal(keydata_minimal(p, 53 + 27 + 146, "a@b", IN_MARCH,
	                                 &m.sink, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_UNUSABLE_PUBKEY);
	assert_int_equal(m.len, 0);
	membuf_free(&m);
	free(p);
}

/* Signatures of other keys make nothing of it ours. */
static void test_foreign_signatures(void **state)
{
	static const unsigned char id[] = { 0x7b, 0xce, 0x2d, 0xfa, 0xd3, 0xfd,
	                                    0x8a, 0x39 };
	struct membuf m;
	struct err e;
	size_t n, changed = 0;
	unsigned char *p = many_key(&n), *at = p;

	(void)state;
	while ((at = memmem(at, n - (size_t)(at - p), id, sizeof id))) {
		*at ^= 1;	/* the end of a fingerprint, or a key ID */
		changed++;
	}
	assert_int_equal(changed, 2 * 9);	/* of each signature */
	membuf_init(&m, 4096);
	assert_int_equal(keydata_minimal(p, n, "a@b", IN_MARCH, &m.sink, &e),
	                 -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_NO_USER_ID);
	membuf_free(&m);
	free(p);
}

/* ---- those of others ---- */

/* The same with packets in it that nobody needs: a picture with a signature, what a
 * keyring notes of trust, a name, and what somebody else signed. */
static unsigned char *with_more(size_t *n)
{
	static const unsigned char more[] =
		"\xd1\x02pp" "\xc2\x0b" "\x04\x10\x16\x08" "\0\0\0\0" "sig"
		"\xcc\x08" "\x00\x03gpg\0\0\0"
		"\xcd\x0f" "Eve <eve@b.test" "\xcd\x08" "<o@b.te>"
		"\xc2\x0b" "\x04\x10\x16\x08" "\0\0\0\0" "sig";
	unsigned char *many = many_key(n), *p = malloc(*n + sizeof more - 1);

	memcpy(p, many, *n);
	memcpy(p + *n, more, sizeof more - 1);
	*n += sizeof more - 1;
	free(many);
	return p;
}

static void cut(struct membuf *m, const char *addr, const char *found)
{
	struct addrs a = { NULL };
	struct keydata k;
	size_t n;
	unsigned char *p = with_more(&n);

	membuf_init(m, 8192);
	assert_int_equal(keydata_read(&k, p, n, NULL), 0);
	if (addr) {
		assert_int_equal(keydata_cut(p, n, addr, &m->sink, NULL), 0);
	} else {
		assert_int_equal(addrs_parse(&a, found, NULL), 0);
		assert_int_equal(keydata_clean(p, n, &a, &m->sink, NULL), 0);
	}
	addrs_free(&a);
	assert_int_equal(keydata_read(&k, m->buf, m->len, NULL), 0);
	assert_string_equal(k.fpr, FPR);
	assert_false(has(m, "pp"));
	assert_false(has(m, "gpg"));
	assert_false(has(m, "Eve"));
	/* all its subkeys, also what withdraws one */
	for (uint32_t t = 0; t < 4; t++)
		assert_true(has_made(m, 1704153600 + t * 86400));
	free(p);
}

static void test_of_others(void **state)
{
	size_t n;
	unsigned char *p = many_key(&n);
	struct membuf m;

	(void)state;
	/* what is left of a key without these is the key itself */
	cut(&m, NULL, "alice@EXAMPLE.org, old@example.org, gone@example.org");
	assert_int_equal(m.len, n);
	assert_memory_equal(m.buf, p, n);
	membuf_free(&m);
	cut(&m, NULL, "old@example.org, o@b.te");
	assert_true(has(&m, "Old <old@example.org>"));
	assert_true(has(&m, "<o@b.te>"));
	assert_true(has(&m, "sig"));
	assert_false(has(&m, "alice@"));
	assert_false(has(&m, "gone@"));
	membuf_free(&m);
	cut(&m, "Gone@example.org", NULL);
	assert_true(has(&m, "Gone <gone@example.org>"));
	assert_false(has(&m, "old@"));
	assert_false(has(&m, "alice@"));
	membuf_free(&m);
	cut(&m, "o@b.te", NULL);
	assert_true(has(&m, "<o@b.te>"));
	assert_false(has(&m, "sig"));
	membuf_free(&m);
	free(p);
}

/* Cut anywhere it is read no further, and nothing of it is made up. */
static void test_of_others_cut(void **state)
{
	size_t n;
	unsigned char *p = with_more(&n), *copy;
	struct membuf m;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		copy = malloc(i ? i : 1);
		memcpy(copy, p, i);
		membuf_init(&m, 8192);
		keydata_cut(copy, i, "old@example.org", &m.sink, NULL);
		assert_in_range(m.len, 0, i);
		membuf_free(&m);
		free(copy);
	}
	free(p);
}

/* ---- two copies of one ---- */

static void assert_merged(const void *a, size_t an, const void *b, size_t bn,
                          const void *want, size_t n)
{
	struct membuf m;
	struct err e;

	membuf_init(&m, 8192);
	if (keydata_merge(a, an, b, bn, &m.sink, &e))
		fail_msg("%s", e.text);
	assert_int_equal(m.len, n);
	assert_memory_equal(m.buf, want, n);
	assert_true(keydata_holds(m.buf, m.len, a, an));
	assert_true(keydata_holds(m.buf, m.len, b, bn));
	membuf_free(&m);
}

/* The copy that has fewer packets takes nothing away, whichever came first. */
static void test_merge(void **state)
{
	struct keydata k;
	size_t n, whole = 0;
	unsigned char *p = many_key(&n), *copy;

	(void)state;
	assert_merged(p, n, p, n, p, n);
	for (size_t i = 1; i < n; i++) {
		copy = malloc(i);
		memcpy(copy, p, i);
		if (keydata_read(&k, copy, i, NULL)) {
			assert_int_equal(keydata_merge(p, n, copy, i, NULL,
			                               NULL), -1);
			assert_false(keydata_holds(p, n, copy, i));
			free(copy);
			continue;
		}
		whole++;
		assert_merged(p, n, copy, i, p, n);
		assert_merged(copy, i, p, n, p, n);
		assert_true(keydata_holds(p, n, copy, i));
		assert_false(keydata_holds(copy, i, p, n));
		free(copy);
	}
	assert_int_equal(whole, 16);
	free(p);
}

/* Signatures stay behind what they are of, pictures and notes of trust go. */
static void test_merge_parts(void **state)
{
#define K "\xc6\x06\x04" "AAAA\x01"
	static const char a[] = K "\xc2\1r" "\xcd\1a" "\xc2\1s" "\xcd\1b"
		"\xce\x06\x04" "BBBB\x01" "\xc2\1t";
	static const char b[] = "\x98\x06\x04" "AAAA\x01" "\xc2\1R"
		"\xcd\1b" "\xc2\1u" "\xb0\1x" "\xd1\1p" "\xc2\1v"
		"\xcd\1c" "\xc2\1s" "\xce\x06\x04" "BBBB\x01" "\xc2\1w"
		"\xc2\1t";
	static const char all[] = K "\xc2\1r" "\xc2\1R" "\xcd\1a" "\xc2\1s"
		"\xcd\1b" "\xc2\1u" "\xce\x06\x04" "BBBB\x01" "\xc2\1t"
		"\xc2\1w" "\xcd\1c" "\xc2\1s";
	static const char other[] = "\xc6\x06\x04" "AAAC\x01";
	struct err e;

	(void)state;
	assert_merged(a, sizeof a - 1, b, sizeof b - 1, all, sizeof all - 1);
	assert_false(keydata_holds(a, sizeof a - 1, b, sizeof b - 1));
	assert_false(keydata_holds(b, sizeof b - 1, a, sizeof a - 1));
	assert_int_equal(keydata_merge(a, sizeof a - 1, other, sizeof other - 1,
	                               NULL, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
	assert_false(keydata_holds(a, sizeof a - 1, other, sizeof other - 1));
}

/* Where gpg looks for it in a keyring, and from whom ever it is. */
static void test_withdrawn(void **state)
{
	static const char a[] = K "\xcd\3<a>" "\xc2\3\4\x10s" "\xc2\3\4\x20u"
		"\xce\x06\x04" "BBBB\x01" "\xc2\3\4\x18t" "\xcd\3<b>"
		"\xc2\3\3\5\x20";
	static const char want[] = K "\xc2\3\4\x20u" "\xc2\3\3\5\x20"
		"\xce\x06\x04" "BBBB\x01" "\xc2\3\4\x18t";
	static const char least[] = K "\xc2\3\4\x20u" "\xc2\3\3\5\x20"
		"\xce\x06\x04" "BBBB\x01";
	struct addrs found = { NULL };
	struct membuf m;

	(void)state;
	membuf_init(&m, 200);
	assert_int_equal(keydata_clean(a, sizeof a - 1, &found, &m.sink, NULL),
	                 0);
	assert_int_equal(m.len, sizeof want - 1);
	assert_memory_equal(m.buf, want, m.len);
	membuf_free(&m);
	assert_int_equal(keydata_cut(a, sizeof a - 1, "x@y", &m.sink, NULL), 0);
	assert_int_equal(m.len, sizeof least - 1);
	assert_memory_equal(m.buf, least, m.len);
	membuf_free(&m);
}

static void test_merge_much(void **state)
{
	static char a[8 + 4 * KEYDATA_MERGE_MAX] = K;
	struct err e;
	size_t n = 8;

	(void)state;
	for (int i = 1; i < KEYDATA_MERGE_MAX; i++, n += 4)
		memcpy(a + n, (char[]){ (char)0xcd, 2, (char)(i >> 8), (char)i },
		       4);
	assert_merged(a, n, a, n, a, n);
	memcpy(a + n, "\xcd\2zz", 4);
	assert_int_equal(keydata_merge(a, n, a, n + 4, NULL, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_not_a_key),
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_nothing_to_use),
		cmocka_unit_test(test_foreign_signatures),
		cmocka_unit_test(test_of_others),
		cmocka_unit_test(test_of_others_cut),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_parts),
		cmocka_unit_test(test_withdrawn),
		cmocka_unit_test(test_merge_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
