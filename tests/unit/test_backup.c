/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/tar.c and agent/recovery.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/recovery.h"
#include "agent/tar.h"

static void archive(struct membuf *m)
{
	char block[512];
	struct err e;

	memset(block, 'b', sizeof block);
	membuf_init(m, 100000);
	assert_int_equal(tar_put(&m->sink, "one", "1\n", 2, 1700000000, &e), 0);
	assert_int_equal(tar_put(&m->sink, "none", "", 0, 0, &e), 0);
	assert_int_equal(tar_put(&m->sink, "a/block", block, sizeof block, 1,
	                         &e), 0);
	assert_int_equal(tar_end(&m->sink, &e), 0);
	assert_int_equal(m->len % 512, 0);
}

/* Files of an archive that can be read to its end; -1: it can't. */
static int count(const void *p, size_t n)
{
	struct tar t;
	struct err e;
	int r, files = 0;

	tar_begin(&t, p, n);
	while ((r = tar_next(&t, &e)) == 1)
		files++;
	return r ? -1 : files;
}

static void test_tar(void **state)
{
	struct membuf m;
	struct tar t;
	struct err e;

	(void)state;
	archive(&m);
	tar_begin(&t, m.buf, m.len);
	assert_int_equal(tar_next(&t, &e), 1);
	assert_string_equal(t.name, "one");
	assert_int_equal(t.n, 2);
	assert_memory_equal(t.file, "1\n", 2);
	assert_int_equal(tar_next(&t, &e), 1);
	assert_string_equal(t.name, "none");
	assert_int_equal(t.n, 0);
	assert_int_equal(tar_next(&t, &e), 1);
	assert_string_equal(t.name, "a/block");
	assert_int_equal(t.n, 512);
	assert_int_equal(tar_next(&t, &e), 0);
	membuf_free(&m);
}

/* Exact copies, so that a sanitizer sees a step too far. */
static void test_tar_cut(void **state)
{
	struct membuf m;
	char *copy;

	(void)state;
	archive(&m);
	for (size_t i = 0; i < m.len; i++) {
		copy = malloc(i ? i : 1);
		memcpy(copy, m.buf, i);
		/* one empty block is an end, too */
		assert_int_equal(count(copy, i), i >= m.len - 512 ? 3 : -1);
		free(copy);
	}
	membuf_free(&m);
}

static void test_tar_changed(void **state)
{
	struct membuf m;

	(void)state;
	archive(&m);
	for (size_t i = 0; i < 512; i++)
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			m.buf[i] ^= (char)bit;
			/* the blank behind the checksum counts for nothing */
			if (i < 148 || i > 155)
				assert_int_equal(count(m.buf, m.len), -1);
			else
				count(m.buf, m.len);
			m.buf[i] ^= (char)bit;
		}
	membuf_free(&m);
}

static void test_tar_refused(void **state)
{
	char name[TAR_NAME_MAX + 1];
	struct membuf m;
	struct err e;

	(void)state;
	memset(name, 'n', sizeof name);
	name[TAR_NAME_MAX] = '\0';
	membuf_init(&m, 100000);
	assert_int_equal(tar_put(&m.sink, name, "", 0, 0, &e), -1);
	name[TAR_NAME_MAX - 1] = '\0';
	assert_int_equal(tar_put(&m.sink, name, "", 0, 0, &e), 0);
	membuf_free(&m);
}

/* ---- recovery codes ---- */

static void test_code(void **state)
{
	char code[RECOVERY_SIZE], other[RECOVERY_SIZE], typed[100];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(recovery_make(code, &e), 0);
	assert_int_equal(recovery_make(other, &e), 0);
	assert_string_not_equal(code, other);
	assert_int_equal(strlen(code), RECOVERY_SIZE - 1);
	for (size_t i = 0; i < strlen(code); i++)
		assert_int_equal(code[i] == '-', i % 5 == 4);
	assert_true(recovery_read(code, other));
	assert_string_equal(other, code);
	/* as people type */
	n = 0;
	for (size_t i = 0; code[i]; i++) {
		char c = code[i];

		if (c == '-')
			typed[n++] = ' ';
		else
			typed[n++] = (char)(c == '0' ? 'o' : c == '1' ? 'l'
			                    : c >= 'A' ? c | 32 : c);
	}
	typed[n++] = '\n';
	typed[n] = '\0';
	assert_true(recovery_read(typed, other));
	assert_string_equal(other, code);
}

/* Each sign wrong, each cut, one too many: seen. */
static void test_mistyped(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char code[RECOVERY_SIZE], typed[RECOVERY_SIZE + 1], out[RECOVERY_SIZE];
	struct err e;

	(void)state;
	assert_int_equal(recovery_make(code, &e), 0);
	for (size_t i = 0; code[i]; i++) {
		memcpy(typed, code, sizeof code);
		for (const char *p = alphabet; code[i] != '-' && *p; p++) {
			typed[i] = *p;
			assert_int_equal(recovery_read(typed, out),
			                 *p == code[i]);
		}
		memcpy(typed, code, i);
		typed[i] = '\0';
		assert_false(recovery_read(typed, out));
		memcpy(typed, code, sizeof code);
		typed[i] = 'U';
		assert_false(recovery_read(typed, out));
	}
	snprintf(typed, sizeof typed, "%s0", code);
	assert_false(recovery_read(typed, out));
	assert_false(recovery_read("", out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tar),
		cmocka_unit_test(test_tar_cut),
		cmocka_unit_test(test_tar_changed),
		cmocka_unit_test(test_tar_refused),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_mistyped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
