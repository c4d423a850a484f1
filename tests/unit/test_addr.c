/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/addr.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/addr.h"
#include "crypto/header.h"
#include "tests/unit/slow.h"

enum { SECONDS_MAX = 10, BIG = HEADER_MAX };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
	const char *text;
	const char *want;	/* joined with blanks */
	bool bad, group;
} lists[] = {
	{ "", "", false, false },
	{ " , ,", "", false, false },
	{ "a@b", "a@b", false, false },
	{ "<a@b>", "a@b", false, false },
	{ "A.B@C.d, e@f", "A.B@C.d e@f", false, false },
	{ "Alice <a@b>,Bob<c@d>", "a@b c@d", false, false },
	{ "\"Doe, J. <x@y>\" <a@b>", "a@b", false, false },
	{ "\"x\\\"@y\" <a@b>", "a@b", false, false },
	{ "J. Doe <a@b>", "a@b", false, false },
	{ "=?utf-8?Q?J=C3=BCrgen?= <a@b>", "a@b", false, false },
	{ "J\xc3\xbcrgen <a@b>", "a@b", false, false },
	{ "j\xc3\xbcrgen@b", "j\xc3\xbcrgen@b", false, false },
	{ "a@b (Alice), (x (y)) c@d (z\\))", "a@b c@d", false, false },
	{ "a (x) @ (y) b . (z) c", "a@b.c", false, false },
	{ "(<x@y>) Alice <(c)a@b(d)> (e)", "a@b", false, false },
	{ "\"a\"@b", "\"a\"@b", false, false },
	{ "\"a\\@x\"@b", "\"a\\@x\"@b", false, false },
	{ "a@[127.0.0.1], <b@[IPv6:::1]>", "a@[127.0.0.1] b@[IPv6:::1]",
	  false, false },
	{ "<@x,@y:a@b>", "a@b", false, false },
	{ "<@x:a@b>", "a@b", false, false },
	{ "friends: a@b, C <c@d>;, e@f", "a@b c@d e@f", false, true },
	{ "undisclosed-recipients:;", "", false, true },
	{ "\"my: friends\" (x;):a@b;", "a@b", false, true },
	{ "x: a@b; , y: c@d;", "a@b c@d", false, true },
	/* bad, and the rest still read */
	{ "undisclosed-recipients", "", true, false },
	{ "Doe, John <a@b>", "a@b", true, false },
	{ "a@b <c@d>", "", true, false },
	{ "a@b <c@d>, e@f", "e@f", true, false },
	{ "<a@b> <c@d>, e@f", "e@f", true, false },
	{ "<a@b> c, e@f", "e@f", true, false },
	{ "a@b c@d, e@f", "e@f", true, false },
	{ "a b@c, e@f", "e@f", true, false },
	{ "a@b@c, e@f", "e@f", true, false },
	{ "@b, e@f", "e@f", true, false },
	{ "a@, e@f", "e@f", true, false },
	{ "<>, e@f", "e@f", true, false },
	{ "A <>, e@f", "e@f", true, false },
	{ "a@b>, e@f", "e@f", true, false },
	{ "<a@b, e@f", "e@f", true, false },
	{ "<a@b; e@f", "", true, false },
	{ "<<a@b>>, e@f", "e@f", true, false },
	{ "<@x a@b>, e@f", "e@f", true, false },
	{ "<@x,a@b>, e@f", "e@f", true, false },
	{ "<:a@b>, e@f", "e@f", true, false },
	{ "<x:a@b>, e@f", "e@f", true, false },
	{ "a@b; c@d, e@f", "e@f", true, false },
	{ "x: a@b", "a@b", true, true },
	{ "x: a@b; c@d, e@f", "a@b e@f", true, true },
	{ "x: y: a@b; , e@f", "e@f", true, true },
	{ ": a@b; , e@f", "e@f", true, false },
	{ "a@x: b@c; , e@f", "e@f", true, false },
	{ "\"a b\"@c, e@f", "e@f", true, false },
	{ "\"a<b\"@c, e@f", "e@f", true, false },
	{ "a\"b\"@c, e@f", "e@f", true, false },
	{ "\"a@b, e@f", "", true, false },
	{ "e@f, (a@b, c@d", "e@f", true, false },
	{ "a@[b, e@f", "", true, false },
	{ "a@b) , e@f", "e@f", true, false },
	{ "a\\@b, e@f", "e@f", true, false },
	{ "a\x01@b, e@f", "e@f", true, false },
	{ "a@b\x7f, e@f", "e@f", true, false },
	{ "a@b\r\nRCPT TO:<x@y>, e@f", "e@f", true, false },
};

static char *joined(const struct addrs *list)
{
	static char out[4096];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		int m = snprintf(out + n, sizeof out - n, "%s%s",
		                 i ? " " : "", list->addr[i]);

		assert_in_range(m, 0, sizeof out - n - 1);
		n += (size_t)m;
	}
	return out;
}

static void test_parse(void **state)
{
	struct addrs list;
	struct err e;
	char *text;

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		list = (struct addrs){ 0 };
		text = strdup(lists[i].text);
		assert_int_equal(addrs_parse(&list, text, &e), 0);
		if (strcmp(joined(&list), lists[i].want) != 0 ||
		    list.bad != lists[i].bad || list.group != lists[i].group)
			fail_msg("\"%s\": \"%s\"%s%s", lists[i].text,
			         joined(&list), list.bad ? " bad" : "",
			         list.group ? " group" : "");
		addrs_free(&list);
		/* Cut anywhere: nothing but what may go into an envelope. */
		for (size_t n = strlen(text); n-- > 0; ) {
			text[n] = '\0';
			assert_int_equal(addrs_parse(&list, text, &e), 0);
			for (size_t k = 0; k < list.n; k++)
				assert_true(addr_ok(list.addr[k]));
			addrs_free(&list);
		}
		free(text);
	}
}

static void test_parse_adds(void **state)
{
	struct addrs list = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(addrs_parse(&list, "a@b", &e), 0);
	assert_int_equal(addrs_parse(&list, "junk", &e), 0);
	assert_int_equal(addrs_parse(&list, "c@d", &e), 0);
	assert_string_equal(joined(&list), "a@b c@d");
	assert_true(list.bad);
	assert_true(addrs_have(&list, "C@D."));
	assert_false(addrs_have(&list, "c@dd"));
	addrs_free(&list);
	addrs_free(&list);
}

static void test_limits(void **state)
{
	struct addrs list = { 0 };
	char text[5 * (ADDRS_MAX + 1) + 1], addr[ADDR_MAX + 2];
	struct err e;

	(void)state;
	for (int i = 0; i <= ADDRS_MAX; i++)
		memcpy(text + 5 * i, "a@b, ", 5);
	text[5 * ADDRS_MAX] = '\0';
	assert_int_equal(addrs_parse(&list, text, &e), 0);
	assert_int_equal(list.n, ADDRS_MAX);
	assert_int_equal(addrs_add(&list, "x@y", &e), -1);
	addrs_free(&list);
	text[5 * ADDRS_MAX] = 'a';
	text[5 * ADDRS_MAX + 5] = '\0';
	assert_int_equal(addrs_parse(&list, text, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	addrs_free(&list);

	memset(addr, 'a', sizeof addr);
	addr[1] = '@';
	addr[ADDR_MAX + 1] = '\0';
	assert_false(addr_ok(addr));
	assert_int_equal(addrs_parse(&list, addr, &e), 0);
	assert_true(list.bad && list.n == 0);
	addrs_free(&list);
	addr[ADDR_MAX] = '\0';
	assert_true(addr_ok(addr));
	assert_int_equal(addrs_parse(&list, addr, &e), 0);
	assert_true(!list.bad && list.n == 1);
	addrs_free(&list);
}

static void test_linear(void **state)
{
	const char *pattern[] = {
		"(", "\"", "\\\"", "\"\\", "[", "<", ">", ",", ";", ":", "@", ".",
		"a", " ", "()", "(\"", "<@a,", "a:;", "a:", "a b ", "<(", "a<[",
		"\"a\"", "\\",
	};
	clock_t start = clock();
	char *p = malloc(BIG + 1);
	struct addrs list = { 0 };
	struct err e;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < COUNT(pattern); i++) {
		for (size_t n = 0; n < BIG; n++)
			p[n] = pattern[i][n % strlen(pattern[i])];
		p[BIG] = '\0';
		assert_int_equal(addrs_parse(&list, p, &e), 0);
		assert_int_equal(list.n, 0);
		addrs_free(&list);
	}
	free(p);
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

static void test_ok(void **state)
{
	const char *good[] = {
		"a@b", "a.b+c=d!#$%&'*/?^_`{|}~-@b-c.d", "\"a\\\"b\"@c",
		"\"@\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]", "a@b.",
		"\xc3\xa4@\xc3\xa4",
	};
	const char *bad[] = {
		"", "@", "a", "a@", "@b", "a@b@c", "a b@c", "a@b c", " a@b",
		"a@b ", "a@b\n", "a\t@b", "a@b\r\n", "<a@b>", "a@b>", "a<@b",
		"\"a b\"@c", "\"<\"@c", "\"a@b", "a\"@b", "\"a\\\"@b",
		"\"a\"b", "a@b\x7f", "a@\x01", "a,b@c", "a@b,c", "a;b@c",
		"a@b;c", "a:b@c", "a@b:c", "(a)b@c", "a@b(c)", "a\\b@c",
		"a@b\\", "a@\"b\"", "a@[b", "a@[b]c", "a@[]", "a@[b]]",
		"@x:a@b", "a@[b@c]", "[a]@b",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!addr_ok(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (addr_ok(bad[i]))
			fail_msg("accepted: %s", bad[i]);
}

static void test_labels(void **state)
{
	char out[ADDR_MAX + 1], *key;

	(void)state;
	assert_true(addr_to_ascii("\xc3\xa4@b.\xc3\xa4", out));
	assert_string_equal(out, "\xc3\xa4@b.xn--4ca");
	assert_true(addr_to_ascii("\"a@\xc3\xa4\"@b", out));
	assert_string_equal(out, "\"a@\xc3\xa4\"@b");
	assert_true(addr_to_utf8("xn--4ca@b.xn--4ca", out));
	assert_string_equal(out, "xn--4ca@b.\xc3\xa4");
	assert_false(addr_to_ascii("a@\xa4", out));
	assert_false(addr_to_ascii("a", out));
	key = addr_fold("A@\xc3\xa4.C.");
	assert_non_null(key);
	assert_string_equal(key, "a@xn--4ca.c");
	free(key);
	key = addr_fold("a@B\xc3\xa4.C");
	assert_non_null(key);
	assert_string_equal(key, "a@xn--b-0fa.c");
	free(key);
}

static void test_same(void **state)
{
	(void)state;
	assert_true(addr_same("a@b.c", "A@B.C"));
	assert_true(addr_same("a@b.c.", "a@b.c"));
	assert_true(addr_same("a@b.c", "a@b.c."));
	assert_false(addr_same("a@b.c", "a@b.cd"));
	assert_false(addr_same("a@b.c..", "a@b.c"));
	assert_false(addr_same("an@b.c", "ivan@b.c"));
	assert_false(addr_same("a@b[c", "a@b{c"));
	assert_false(addr_same("\xc3\xa4@b", "\xc3\x84@b"));
	assert_true(addr_same("a@\xc3\xa4.c", "A@XN--4CA.C."));
	assert_true(addr_same("a@b.\xc3\xa4", "a@B.\xc3\xa4."));
	assert_false(addr_same("\xc3\xa4@b", "xn--4ca@b"));
	assert_false(addr_same("a@\xa4", "a@xn--4ca"));
	assert_true(addr_match("*@\xc3\xa4.c", "a@xn--4ca.c"));
	assert_true(addr_match("@xn--4ca.c", "a@\xc3\xa4.c"));
	assert_true(addr_same("a@B\xc3\xa4.C", "a@b\xc3\xa4.c"));
	assert_false(addr_same("", "a"));
	assert_true(addr_same("", ""));
}

static void test_match(void **state)
{
	(void)state;
	assert_true(addr_match("a@b", "A@b."));
	assert_false(addr_match("a@b", "c@b"));
	assert_true(addr_match("*@b.c", "x@B.C"));
	assert_true(addr_match("@b.c", "x@b.c"));
	assert_false(addr_match("@b.c", "x@a.b.c"));
	assert_false(addr_match("*@b.c", "x@ab.c"));
	assert_false(addr_match("*@b.c", "xb.c"));
	assert_false(addr_match("*", "x@b"));
	assert_false(addr_match("", "x@b"));
	assert_true(addr_match("@b", "\"x@c\"@b"));
	assert_false(addr_match("@c\"@b", "\"x@c\"@b"));
}

static void test_fold(void **state)
{
	const struct { const char *in, *out; } folds[] = {
		{ "A@B.C.", "a@b.c" }, { "\xc3\x84@[X]", "\xc3\x84@[x]" },
		{ "", "" }, { ".", "." },
	};
	char *key;

	(void)state;
	for (size_t i = 0; i < COUNT(folds); i++) {
		key = addr_fold(folds[i].in);
		assert_non_null(key);
		assert_string_equal(key, folds[i].out);
		free(key);
	}
}

static void test_uid(void **state)
{
	const struct { const char *uid, *addr; } uids[] = {
		{ "a@b", "a@b" }, { " a@b ", "a@b" }, { "A <a@b>", "a@b" },
		{ "A (x) <a@b> ", "a@b" }, { "<a@b>", "a@b" },
		{ "", NULL }, { " ", NULL }, { "A", NULL }, { "<", NULL },
		{ ">", NULL }, { "<>", NULL }, { "A <>", NULL },
		{ "<a@b> <c@d>", NULL }, { "<a@b>, <c@d>", NULL },
		{ "<a@b> c@d", NULL }, { "a@b <c@d", NULL },
		{ "a> <c@d>", NULL }, { "<<a@b>>", NULL }, { "A a@b", NULL },
		{ "a@b, c@d", NULL }, { "A <a@b> x", NULL },
		{ "A < a@b>", NULL }, { "A <a@b >", NULL },
		{ "A <a@b@c>", NULL }, { "A <a b@c>", NULL },
	};
	char out[ADDR_MAX + 1], big[ADDR_MAX + 4];

	(void)state;
	for (size_t i = 0; i < COUNT(uids); i++) {
		if (addr_of_uid(uids[i].uid, out) != (uids[i].addr != NULL))
			fail_msg("\"%s\"", uids[i].uid);
		if (uids[i].addr)
			assert_string_equal(out, uids[i].addr);
	}
	memset(big, 'a', sizeof big);
	big[0] = '<';
	big[2] = '@';
	big[ADDR_MAX + 1] = '>';
	big[ADDR_MAX + 2] = '\0';
	assert_true(addr_of_uid(big, out));
	big[ADDR_MAX + 1] = 'a';
	big[ADDR_MAX + 2] = '>';
	big[ADDR_MAX + 3] = '\0';
	assert_false(addr_of_uid(big, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_adds),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_uid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
