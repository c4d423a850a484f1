/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Setup: changes in a configuration's text, and what may be a domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/setup.h"

static void assert_set(const char *text, const char *section, const char *key,
                       const char *value, const char *want)
{
	struct membuf m;
	struct err e;

	membuf_init(&m, 4096);
	assert_int_equal(0, setup_conf_set(&m, text, strlen(text), section, key,
	                                   value, &e));
	assert_int_equal(strlen(want), m.len);
	assert_memory_equal(want, m.buf, m.len);
	membuf_free(&m);
}

static void test_set(void **state)
{
	(void)state;
	assert_set("", "a@b.c", "smtp", "x", "[a@b.c]\nsmtp = x\n");
	assert_set("# x", "agent", "k", "v", "# x\n\n[agent]\nk = v\n");
	assert_set("[agent]\nk = 1 # one\nkk = 2\n", "agent", "k", "3",
	           "[agent]\nk = 3\nkk = 2\n");
	assert_set("[agent]\nkk = 2", "agent", "k", "3",
	           "[agent]\nkk = 2\nk = 3\n");
	assert_set("[A@B.c] # me\nsmtp=x\n# end\n\n[d@e.f]\nsmtp = y\n",
	           "a@b.c", "pop3", "z",
	           "[A@B.c] # me\nsmtp=x\npop3 = z\n# end\n\n[d@e.f]\n"
	           "smtp = y\n");
	/* another section's key is not ours */
	assert_set("[to a@b.c]\nencrypt = ask\n[a@b.c]\nsmtp = x\n", "a@b.c",
	           "encrypt", "always", "[to a@b.c]\nencrypt = ask\n[a@b.c]\n"
	           "smtp = x\nencrypt = always\n");
	/* a comment is no section, and no key */
	assert_set("#[a@b.c]\n", "a@b.c", "k", "v",
	           "#[a@b.c]\n\n[a@b.c]\nk = v\n");
	assert_set("[a@b.c]\n;k = 1\nj = 2\n", "a@b.c", "k", "v",
	           "[a@b.c]\n;k = 1\nj = 2\nk = v\n");
}

static void test_remove(void **state)
{
	static const char text[] = "# mine\n[agent]\nk = 1\n\n[a@b.c]\n"
		"smtp = x\n# of it\npop3 = y\n\n# theirs\n[d@e.f]\nsmtp = z\n";
	static const char want[] = "# mine\n[agent]\nk = 1\n\n\n# theirs\n"
		"[d@e.f]\nsmtp = z\n";
	struct membuf m;
	struct err e;

	(void)state;
	membuf_init(&m, 4096);
	assert_int_equal(1, setup_conf_remove(&m, text, strlen(text), "x@b.c",
	                                      &e));
	assert_int_equal(0, m.len);
	assert_int_equal(0, setup_conf_remove(&m, text, strlen(text), "A@b.c",
	                                      &e));
	assert_int_equal(strlen(want), m.len);
	assert_memory_equal(want, m.buf, m.len);
	membuf_free(&m);
}

/* Cut anywhere, each change keeps all octets that are not its own. */
static void test_cut(void **state)
{
	static const char text[] = "[agent]\nk = 1\n[ a@b.c\n[a@b.c]x\n=\n\0k\n"
		"[a@b.c]\r\nk = 2\r\n]";
	struct membuf m;
	struct err e;

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		membuf_init(&m, 4096);
		assert_int_equal(0, setup_conf_set(&m, text, n, "a@b.c", "new",
		                                   "v", &e));
		assert_true(m.len >= n + strlen("new = v\n"));
		assert_non_null(memmem(m.buf, m.len, "new = v\n", 8));
		membuf_free(&m);
		membuf_init(&m, 4096);
		assert_true(setup_conf_remove(&m, text, n, "a@b.c", &e) >= 0);
		assert_true(m.len <= n);
		membuf_free(&m);
	}
}

static void test_domain(void **state)
{
	static const char *const good[] = { "example.org", "a", "x-1.b.c", NULL };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "../x",
		"a/b", "-a", "a b", "\xc3\xa4.de", "a:1", NULL };
	char large[300];

	(void)state;
	for (int i = 0; good[i]; i++)
		assert_true(setup_domain_ok(good[i]));
	for (int i = 0; bad[i]; i++)
		assert_false(setup_domain_ok(bad[i]));
	memset(large, 'a', sizeof large);
	large[254] = '\0';
	assert_false(setup_domain_ok(large));
}

static void test_usual(void **state)
{
	struct setup_guesses g = { .n = 0 };

	(void)state;
	setup_usual(&g, "example.org", SESSION_SMTP);
	assert_int_equal(4, g.n);
	assert_string_equal("smtp.example.org:465 tls", g.guess[0].server);
	setup_usual(&g, "example.org", SESSION_SMTP);
	assert_int_equal(4, g.n);
	for (int i = 0; i < 3 * SETUP_GUESSES_MAX; i++)
		setup_usual(&g, (char[]){ 'a' + i % 26, 'a' + i / 26, 0 },
		            SESSION_POP3);
	assert_int_equal(SETUP_GUESSES_MAX, g.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
