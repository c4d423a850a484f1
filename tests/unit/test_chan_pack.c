/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/chan.c: payloads. */
#include "tests/unit/chan.h"

/* ---- payloads ---- */

/* Exactly these octets, so that a sanitizer sees a step too far. */
static unsigned char *copy_of(struct frame *f, const void *p, size_t n)
{
	unsigned char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	*f = (struct frame){ 1, copy, n };
	return copy;
}

static bool unpack_all(const void *p, size_t n)
{
	unsigned char mem[3], *copy;
	char str[7], empty[1], none[4];
	struct unpack u;
	struct frame f;
	uint32_t a;
	uint64_t b;

	copy = copy_of(&f, p, n);
	unpack_init(&u, &f);
	a = unpack_u32(&u);
	unpack_str(&u, str, sizeof str);
	b = unpack_u64(&u);
	unpack_str(&u, empty, sizeof empty);
	unpack_mem(&u, mem, sizeof mem);
	unpack_str(&u, none, sizeof none);
	free(copy);
	if (!unpack_end(&u)) {	/* nothing of what was not there */
		assert_true(!u.bad || *none == '\0');
		return false;
	}
	assert_int_equal(a, 0xfffffffe);
	assert_string_equal(str, "string");
	assert_true(b == 0x123456789abcdef0);
	assert_string_equal(empty, "");
	assert_memory_equal(mem, "\0m\0", 3);
	assert_string_equal(none, "");
	return true;
}

static void test_pack(void **state)
{
	static struct pack p;
	struct chan a, b;
	struct frame f;

	(void)state;
	pack_init(&p);
	pack_u32(&p, 0xfffffffe);
	pack_str(&p, "string");
	pack_u64(&p, 0x123456789abcdef0);
	pack_str(&p, "");
	pack_mem(&p, "\0m\0", 3);
	pack_str(&p, NULL);
	assert_false(p.bad);
	for (size_t n = 0; n < p.len; n++)
		assert_false(unpack_all(p.buf, n));
	assert_true(unpack_all(p.buf, p.len));
	assert_false(unpack_all(p.buf, p.len + 1));	/* something left */
	pair(SOCK_STREAM, &a, &b);
	assert_int_equal(pack_send(&p, &a, 77, NULL), 0);
	assert_int_equal(chan_expect(&b, 77, &f, NULL), 0);
	assert_true(unpack_all(f.data, f.len));
	close_both(&a, &b);
}

static void test_pack_bounds(void **state)
{
	static struct pack p;
	struct chan a, b;
	struct err e;

	(void)state;
	pack_init(&p);
	pack_mem(&p, many, FRAME_DATA - 4);
	pack_u32(&p, 5);
	assert_false(p.bad);
	assert_int_equal(p.len, FRAME_DATA);
	pack_mem(&p, "", 0);
	assert_false(p.bad);
	pack_mem(&p, "x", 1);
	assert_true(p.bad);
	assert_int_equal(p.len, FRAME_DATA);

	pack_init(&p);
	pack_mem(&p, many, FRAME_DATA - 3);
	pack_u32(&p, 5);
	assert_true(p.bad);
	pack_mem(&p, "x", 1);	/* it would fit, but bad stays */
	assert_true(p.bad);
	pair(SOCK_STREAM, &a, &b);
	assert_int_equal(pack_send(&p, &a, 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(chan_wait(&b, 0), 0);
	close_both(&a, &b);
}

static void unpack_one(struct unpack *u, unsigned char **copy,
                       const void *p, size_t n)
{
	struct frame f;

	*copy = copy_of(&f, p, n);
	unpack_init(u, &f);
}

/* A string of this length that says it has that one, into size octets. */
static bool str_passes(size_t has, uint32_t says, size_t size)
{
	unsigned char text[4 + 16], *copy;
	struct unpack u;
	char *out = malloc(size);
	bool good;

	assert_non_null(out);
	memcpy(text, &says, 4);
	memset(text + 4, 'a', sizeof text - 4);
	unpack_one(&u, &copy, text, 4 + has);
	unpack_str(&u, out, size);
	good = unpack_end(&u);
	assert_int_equal(strlen(out), good || !u.bad ? says : 0);
	free(copy);
	free(out);
	return good;
}

static void test_unpack_bounds(void **state)
{
	unsigned char *copy, mem[8];
	struct unpack u;
	char out[8];

	(void)state;
	for (size_t has = 0; has <= 16; has++)
		for (uint32_t says = 0; says <= 17; says++)
			for (size_t size = 1; size <= 18; size++)
				assert_int_equal(str_passes(has, says, size),
				                 says == has && says < size);
	assert_false(str_passes(16, 0x80000000, 8));
	assert_false(str_passes(16, 0xffffffff, 8));
	assert_false(str_passes(16, 0xfffffffc, 8));

	unpack_one(&u, &copy, "\3\0\0\0a\0b", 7);	/* a NUL inside */
	unpack_str(&u, out, sizeof out);
	assert_true(u.bad);
	assert_string_equal(out, "");
	free(copy);
	memset(mem, 0xa5, sizeof mem);
	unpack_one(&u, &copy, "1234567", 7);
	unpack_mem(&u, mem, 8);
	assert_true(u.bad);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(mem[i], 0);
	assert_int_equal(unpack_u32(&u), 0);	/* there, but bad stays */
	assert_true(unpack_u64(&u) == 0);
	assert_false(unpack_end(&u));
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_pack_bounds),
		cmocka_unit_test(test_unpack_bounds),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
