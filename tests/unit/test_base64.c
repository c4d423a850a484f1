/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/base64.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base64.h"

static ssize_t reads(const char *text, char *out, size_t size)
{
	return base64_decode(text, strlen(text), out, size);
}

/* RFC 4648 section 10 */
static void test_vectors(void **state)
{
	static const char *const v[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" }
	};
	char out[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		n = strlen(v[i][0]);
		assert_int_equal(base64_encode(v[i][0], n, out),
		                 strlen(v[i][1]));
		assert_int_equal(strlen(v[i][1]), BASE64_LEN(n));
		assert_memory_equal(out, v[i][1], strlen(v[i][1]));
		assert_int_equal(reads(v[i][1], out, n), n);
		assert_memory_equal(out, v[i][0], n);
		if (n)
			assert_int_equal(reads(v[i][1], out, n - 1), -1);
	}
}

static void test_all_there_are(void **state)
{
	unsigned char in[300], out[300];
	char *text;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)(i * 167 + 3);
	for (size_t len = 0; len <= sizeof in; len++) {
		text = malloc(BASE64_LEN(len) + 1);	/* exactly so many */
		n = base64_encode(in, len, text);
		assert_int_equal(n, BASE64_LEN(len));
		assert_int_equal(base64_decode(text, n, out, len), len);
		assert_memory_equal(out, in, len);
		free(text);
	}
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"Z", "Zg", "Zg=", "Zm9", "Zh==", "Zm9=", "Zg==Zg==", "====", "=",
		"Z===", "Zg=v", "Zm 9", "Zm9v\n", " Zm9v", "Zm9v ", "Zm9-", "Zm_v",
		"Zm9v====", "Zg==\n", "Zm9v\xff\xff\xff\xff", "=m9v", "Zm\r\n"
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (reads(wrong[i], out, sizeof out) != -1)
			fail_msg("read %s", wrong[i]);
	assert_int_equal(base64_decode("Zm\0v", 4, out, sizeof out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_all_there_are),
		cmocka_unit_test(test_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
