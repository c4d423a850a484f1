/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens: made, checked, replaced, taken back; a file that is not as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/token.h"

static char dir[64], path[80];

static int begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/lltokenXXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/tokens", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static bool right(const char *address, const char *text)
{
	struct err e;
	bool yes;

	assert_int_equal(token_check(dir, address, text, &yes, &e), 0);
	return yes;
}

static void test_make_and_check(void **state)
{
	char one[TOKEN_TEXT], two[TOKEN_TEXT], wrong[TOKEN_TEXT + 2];
	struct err e;
	struct stat st;

	(void)state;
	assert_false(right("a@b.example", ""));
	assert_int_equal(token_make(dir, "a@b.example", 7, one, &e), 0);
	assert_int_equal(token_make(dir, "c@d.example", 8, two, &e), 0);
	assert_int_equal(strlen(one), TOKEN_TEXT - 1);
	assert_string_not_equal(one, two);
	assert_true(right("a@b.example", one));
	assert_true(right("A@B.Example.", one));
	assert_true(right("c@d.example", two));
	assert_false(right("a@b.example", two));
	assert_false(right("c@d.example", one));
	assert_false(right("e@f.example", one));
	assert_false(right("a@b.example", ""));
	for (int i = 0; i < TOKEN_TEXT - 1; i++) {
		memcpy(wrong, one, TOKEN_TEXT);
		wrong[i] ^= 1;
		assert_false(right("a@b.example", wrong));
		wrong[i] = '\0';
		assert_false(right("a@b.example", wrong));
	}
	snprintf(wrong, sizeof wrong, "%sA", one);
	assert_false(right("a@b.example", wrong));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_replace_and_remove(void **state)
{
	char one[TOKEN_TEXT], two[TOKEN_TEXT], other[TOKEN_TEXT];
	struct tokens t;
	struct err e;
	bool had;

	(void)state;
	assert_int_equal(token_remove(dir, "a@b.example", &had, &e), 0);
	assert_false(had);
	assert_int_equal(token_make(dir, "a@b.example", 7, one, &e), 0);
	assert_int_equal(token_make(dir, "c@d.example", 8, other, &e), 0);
	assert_int_equal(token_make(dir, "A@B.example", 9, two, &e), 0);
	assert_false(right("a@b.example", one));
	assert_true(right("a@b.example", two));
	assert_int_equal(tokens_read(dir, &t, &e), 0);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.token[0].address, "A@B.example");
	assert_int_equal(t.token[0].since, 9);
	assert_int_equal(t.token[1].since, 8);
	tokens_free(&t);
	assert_int_equal(token_remove(dir, "a@B.example", &had, &e), 0);
	assert_true(had);
	assert_false(right("a@b.example", two));
	assert_true(right("c@d.example", other));
	assert_int_equal(token_make(dir, "a\nb@c", 7, one, &e), -1);
	assert_int_equal(token_make(dir, "", 7, one, &e), -1);
}

static void put(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Cut anywhere, or with any octet changed, it is damaged or lets nobody in who
 * was not in before. */
static void test_damaged(void **state)
{
	static char text[1000], bad[1000];
	char one[TOKEN_TEXT];
	struct tokens t;
	struct err e;
	size_t n;
	FILE *f;

	(void)state;
	assert_int_equal(token_make(dir, "a@b.example", 7, one, &e), 0);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	assert_true(n > 100 && text[n - 1] == '\n');
	for (size_t i = 1; i < n; i++) {
		put(text, i);
		assert_int_equal(tokens_read(dir, &t, &e), -1);
		memcpy(bad, text, n);
		bad[i] = i == n - 1 ? 'x' : '\0';
		put(bad, n);
		assert_int_equal(tokens_read(dir, &t, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
	}
	put("", 0);
	assert_int_equal(tokens_read(dir, &t, &e), 0);
	assert_int_equal(t.n, 0);
	tokens_free(&t);
	put("\n", 1);
	assert_int_equal(tokens_read(dir, &t, &e), -1);
}

/* Nor by somebody else's file, or under another account's name. */
static void test_moved(void **state)
{
	static char text[1000];
	char one[TOKEN_TEXT], other[100];
	struct tokens t;
	struct err e;
	size_t n;
	FILE *f;

	(void)state;
	assert_int_equal(token_make(dir, "a@b.example", 7, one, &e), 0);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	memcpy(strstr(text, "a@b"), "c@d", 3);
	put(text, n);
	assert_false(right("a@b.example", one));
	assert_false(right("c@d.example", one));
	snprintf(other, sizeof other, "%s.other", path);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(tokens_read(dir, &t, &e), -1);
	unlink(other);
}

static void test_too_many(void **state)
{
	char address[40], text[TOKEN_TEXT];
	struct err e;

	(void)state;
	for (int i = 0; i < TOKENS_MAX; i++) {
		snprintf(address, sizeof address, "a%d@b.example", i);
		assert_int_equal(token_make(dir, address, 7, text, &e), 0);
	}
	assert_int_equal(token_make(dir, "x@b.example", 7, text, &e), -1);
	assert_int_equal(token_make(dir, "a9@b.example", 7, text, &e), 0);
	assert_true(right("a9@b.example", text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_make_and_check, begin, end),
		cmocka_unit_test_setup_teardown(test_replace_and_remove, begin,
		                                end),
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
		cmocka_unit_test_setup_teardown(test_moved, begin, end),
		cmocka_unit_test_setup_teardown(test_too_many, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
