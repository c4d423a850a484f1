/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/idn.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/idn.h"

enum { SIZE = 321 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TEN "aaaaaaaaaa"

/* Made by Python's codec "punycode". */
static const struct { const char *wide, *ascii; } pairs[] = {
	{ "", "" }, { ".", "." }, { "example.org", "example.org" },
	{ "EXAMPLE.org.", "EXAMPLE.org." },
	{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
	{ "m\xc3\xbcnchen", "xn--mnchen-3ya" },
	{ "fa\xc3\x9f", "xn--fa-hia" },
	{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.jp", "xn--wgv71a119e.jp" },
	{ "\xe3\x83\x89\xe3\x83\xa1\xe3\x82\xa4\xe3\x83\xb3\xe5\x90\x8d\xe4"
	  "\xbe\x8b", "xn--eckwd4c7cu47r2wf" },
	{ "\xd0\xbe\xd0\xbd", "xn--m1ab" },
	{ "\xc3\xbcn\xc3\xaf", "xn--n-nga1b" },
	{ "a-b-\xc3\xbc", "xn--a-b--3ra" }, { "\xc3\xbc", "xn--tda" },
	{ "a.\xc3\xa9" "a.\xc3\xbc", "a.xn--a-9fa.xn--tda" },
	{ "b\xc3\xbc" "cher-1", "xn--bcher-1-n2a" },
};

static void test_pairs(void **state)
{
	char out[SIZE];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		assert_true(idn_to_ascii(pairs[i].wide, out, sizeof out));
		assert_string_equal(out, pairs[i].ascii);
		assert_true(idn_to_ascii(pairs[i].ascii, out, sizeof out));
		assert_string_equal(out, pairs[i].ascii);
		assert_true(idn_to_utf8(pairs[i].ascii, out, sizeof out));
		assert_string_equal(out, pairs[i].wide);
		assert_int_equal(idn_is_wide(pairs[i].wide),
		                 strcmp(pairs[i].wide, pairs[i].ascii) != 0);
		/* in just the room it takes, and in less */
		n = strlen(pairs[i].ascii) + 1;
		for (size_t k = 0; k <= n; k++) {
			char *small = malloc(k ? k : 1);

			assert_non_null(small);
			assert_int_equal(idn_to_ascii(pairs[i].wide, small, k),
			                 k == n);
			assert_int_equal(idn_to_ascii(pairs[i].ascii, small,
			                              k), k == n);
			idn_to_utf8(pairs[i].ascii, small, k);
			free(small);
		}
	}
}

/* What is no A-label is left as it is. */
static void test_no_label(void **state)
{
	static const char *const labels[] = {
		"xn--", "xn--a", "xn--abc-", "xn---", "xn--!", "xn--99999999",
		"xn--bcher-kv!", "xn--bcher-kvaa", "xn--zzzzzzzzzzzzzzzz",
		"xn", "xn-", "axn--bcher-kva", "xn--a b-9fa",
		"xn--" TEN TEN TEN TEN TEN TEN,
	};
	static const char *const bad[] = {
		"\xc3", "\xc3.a", "a\xff", "\xbc\xc3", "\xc0\x80", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
		/* what another standard would map */
		"B\xc3\x9c" "CHER", "\xef\xbd\x85xample", "\xe2\x84\xaa",
		"\xf0\x9f\x98\x80x", "bu\xcc\x88" "cher",
		"\xc3\xbc" TEN TEN TEN TEN TEN TEN, "\xf0\x9f\x98" "a",
	};
	char out[SIZE], back[SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(labels); i++) {
		assert_true(idn_to_utf8(labels[i], out, sizeof out));
		if (strcmp(out, labels[i]) == 0)
			continue;
		/* it was one after all: then it comes back */
		assert_true(idn_to_ascii(out, back, sizeof back));
		assert_string_equal(back, labels[i]);
	}
	assert_true(idn_to_utf8("xn--abc-", out, sizeof out));
	assert_string_equal(out, "xn--abc-");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(idn_to_ascii(bad[i], out, sizeof out));
}

/* Octets at random, both ways: within bounds, and there and back again. */
static void test_random(void **state)
{
	static const char set[] = "xn--.ab09z\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98"
	                          "\x80\xff";
	char in[80], out[SIZE], back[SIZE];
	unsigned r = 3;
	size_t n;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		n = (size_t)i % 75;
		memcpy(in, i % 2 ? "xn--" : "\0\0\0\0", 5);
		for (size_t k = strlen(in); k < n; k++) {
			r = r * 1103515245 + 12345;
			in[k] = set[(r >> 16) % (sizeof set - 1)];
			in[k + 1] = '\0';
		}
		if (idn_to_ascii(in, out, sizeof out)) {
			assert_false(idn_is_wide(out));
			assert_true(idn_to_ascii(out, back, sizeof back));
			assert_string_equal(out, back);
		}
		if (!idn_is_wide(in) && idn_to_utf8(in, out, sizeof out) &&
		    idn_to_ascii(out, back, sizeof back))
			assert_int_equal(strlen(back), strlen(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_no_label),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
