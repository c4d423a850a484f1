/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/sink.c and crypto/err.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/sink.h"

static void test_grow(void **state)
{
	struct membuf m;
	struct err e;
	size_t grown = 0, size = 0;

	(void)state;
	membuf_init(&m, 100000);
	for (unsigned i = 0; i < 100000; i++) {
		char c = (char)(i * 7 >> 3);

		assert_int_equal(sink_put(&m.sink, &c, 1, &e), 0);
		grown += m.size != size;
		size = m.size;
	}
	assert_int_equal(m.len, 100000);
	assert_in_range(grown, 2, 20);
	assert_in_range(m.size, 100000, 100001);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(m.buf[i], (char)(i * 7 >> 3));
	assert_int_equal(sink_put(&m.sink, "x", 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	membuf_free(&m);
}

static void test_max(void **state)
{
	struct membuf m;
	struct err e;

	(void)state;
	membuf_init(&m, 5);
	assert_int_equal(sink_put(&m.sink, "abc", 3, &e), 0);
	assert_int_equal(sink_put(&m.sink, "def", 3, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(membuf_printf(&m, &e, "%d", 123), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(sink_put(&m.sink, "x", SIZE_MAX, &e), -1);
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.buf, "abc", 3);
	assert_int_equal(membuf_printf(&m, &e, "%d", 45), 0);
	assert_int_equal(m.len, 5);
	assert_memory_equal(m.buf, "abc45", 5);
	membuf_free(&m);
	membuf_init(&m, SIZE_MAX);
	assert_int_equal(sink_put(&m.sink, "x", SIZE_MAX, &e), -1);
	assert_int_equal(sink_put(&m.sink, "x", 1, NULL), 0);
	membuf_free(&m);
}

static void test_printf(void **state)
{
	struct membuf m;
	struct err e;

	(void)state;
	membuf_init(&m, 1 << 20);
	assert_int_equal(membuf_printf(&m, &e, "%s", ""), 0);
	assert_int_equal(m.len, 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(membuf_printf(&m, &e, "%*d|", i, i), 0);
	assert_int_equal(m.buf[m.len - 1], '|');
	assert_memory_equal(m.buf + m.len - 6, "  499|", 6);
	assert_memory_equal(m.buf, "0|1| 2|  3|   4|", 16);
	membuf_free(&m);
}

static void test_again(void **state)
{
	struct membuf m;

	(void)state;
	membuf_init(&m, 10);
	membuf_free(&m);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sink_put(&m.sink, "0123456789", 10, NULL), 0);
		membuf_free(&m);
		assert_null(m.buf);
		assert_int_equal(m.len, 0);
	}
	membuf_free(&m);
}

static void test_err(void **state)
{
	char text[2 * ERR_TEXT_MAX];
	struct err e;

	(void)state;
	assert_int_equal(err_set(NULL, GPG_ERR_EOF, "nobody hears"), -1);
	assert_int_equal(err_set(&e, GPG_ERR_EOF, "%s %d", "end", 3), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EOF);
	assert_string_equal(e.text, "end 3");
	errno = ENOSPC;
	assert_int_equal(err_errno(&e, "Here"), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOSPC);
	assert_string_equal(e.text, "Here: No space left on device");
	memset(text, 'a', sizeof text);
	text[ERR_TEXT_MAX - 1] = '\0';
	err_set(&e, GPG_ERR_EOF, "%s", text);
	assert_string_equal(e.text, text);
	text[ERR_TEXT_MAX - 1] = 'a';
	text[sizeof text - 1] = '\0';
	err_set(&e, GPG_ERR_EOF, "%s", text);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERR_TEXT_MAX - 5, "a...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_max),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
