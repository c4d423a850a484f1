/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/utf8.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/utf8.h"

/* A number written in so many octets, whether it may be or not. */
static void write_as(char *out, uint32_t c, size_t octets)
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = octets; --i > 0; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(first[octets] | c);
}

/* Every number in every length that can hold it; cut and with more behind. */
static void test_all(void **state)
{
	static const uint32_t limit[] = { 0, 0x80, 0x800, 0x10000, 0x200000 };
	char text[6] = "";

	(void)state;
	for (size_t n = 1; n <= 4; n++)
		for (uint32_t c = 0; c < limit[n]; c++) {
			bool is = c >= (n > 1 ? limit[n - 1] : 0)
			          && c < 0x110000
			          && (c < 0xd800 || c > 0xdfff);

			write_as(text, c, n);
			text[n] = 'x';
			if (utf8_ok(text, n) != is
			    || utf8_ok(text, n + 1) != is
			    || (n > 1 && utf8_ok(text, n - 1)))
				fail_msg("U+%04X in %zu", c, n);
		}
}

/* Every octet behind the beginning of a character, and alone. */
static void test_octets(void **state)
{
	static const char *const begun[] = { "", "\xc3", "\xe1", "\xe1\x80",
		"\xf1", "\xf1\x80", "\xf1\x80\x80" };
	static const size_t lack[] = { 0, 1, 2, 1, 3, 2, 1 };
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof lack / sizeof *lack; i++)
		for (unsigned c = 0; c < 256; c++) {
			size_t n = 0;
			bool is = lack[i] ? c >= 0x80 && c < 0xc0 : c < 0x80;

			for (const char *p = begun[i]; *p; p++)
				text[n++] = *p;
			text[n++] = (char)c;
			for (size_t k = 1; k < lack[i]; k++)
				text[n++] = '\x80';
			if (utf8_ok(text, n) != is)
				fail_msg("%02x behind %zu", c, i);
		}
	assert_true(utf8_ok("", 0));
	assert_true(utf8_ok("a\0\xc3\xa4", 4));
	assert_false(utf8_ok("a\0\xa4", 3));
}

/* Each number: itself, or as many ? as it has octets. */
static void test_plain(void **state)
{
	char text[8], want[8];

	(void)state;
	for (uint32_t c = 1; c < 0x11000; c++) {
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool bad = c < 0x20 || (c >= 0x7f && c < 0xa0)
		           || (c >= 0xd800 && c <= 0xdfff);

		write_as(text, c, n);
		memcpy(text + n, "x\xc3", 3);
		memcpy(want, text, n);
		if (bad)
			memset(want, '?', n);
		memcpy(want + n, "x?", 3);
		utf8_plain(text);
		if (strcmp(text, want) != 0)
			fail_msg("U+%04X", c);
	}
	text[0] = '\0';
	utf8_plain(text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
