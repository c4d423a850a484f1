/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys as text from a real gpg, and from false ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/engine.h"

static char top[64], path[4096];
static struct engine *g;
static struct key alice, bob;

enum { STALL = 2 };

static int sh(const char *fmt, ...)
{
	char cmd[1500], all[1700];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof cmd, fmt, ap) < (int)sizeof cmd);
	va_end(ap);
	assert_true(snprintf(all, sizeof all, "cd %s && { %s ; } >>log 2>&1",
	                     top, cmd) < (int)sizeof all);
	return system(all);
}

/* Our gpg is a script that does this first, when it is to export. */
static void fake(const char *body)
{
	char name[100];
	FILE *f;

	assert_true(snprintf(name, sizeof name, "%s/body", top) < 100);
	f = fopen(name, "w");
	assert_non_null(f);
	fprintf(f, "S=$(echo \"$*\" | sed 's/.*--status-fd \\([0-9]*\\).*/\\1/')\n"
	        "case \"$*\" in *--export\\ *) %s;; esac\n", body);
	fclose(f);
}

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body ours/gpg.conf");
}

static void own(const char *addr, struct key *k)
{
	enum key_state is;
	struct err e;

	assert_int_equal(engine_find_secret(g, NULL, addr, k, &is, &e), 0);
	assert_int_equal(is, KEY_USABLE);
}

static int up(void **state)
{
	static const char gen[] = "gpg -q --batch --homedir ours "
		"--pinentry-mode loopback --passphrase '' --quick-gen-key "
		"'<%s@x.test>' future-default default 0";
	char home[100], *dirs;
	struct err e;

	(void)state;
	unsetenv("GNUPGHOME");
	strcpy(top, "/tmp/llexp.XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("HOME", top, 1);
	snprintf(path, sizeof path, "%s", getenv("PATH"));
	assert_int_equal(sh("mkdir -m 700 ours bin"), 0);
	assert_int_equal(sh(gen, "alice"), 0);
	assert_int_equal(sh(gen, "bob"), 0);
	assert_int_equal(sh("echo '#!/bin/sh\n[ -e %s/body ] && . %s/body\n"
	    "exec /usr/bin/gpg \"$@\"' > bin/gpg && chmod 700 bin/gpg", top,
	    top), 0);
	assert_true(asprintf(&dirs, "%s/bin:%s", top, path) > 0);
	setenv("PATH", dirs, 1);
	free(dirs);
	snprintf(home, sizeof home, "%s/ours", top);
	g = engine_new(home, STALL, &e);
	assert_non_null(g);
	own("alice@x.test", &alice);
	own("bob@x.test", &bob);
	return 0;
}

static int down(void **state)
{
	(void)state;
	engine_free(g);
	setenv("PATH", path, 1);
	sh("gpgconf --homedir ours --kill all");
	return sh("cd / && rm -rf %s", top);
}

static gpg_err_code_t get(const char *fpr, size_t most)
{
	struct err e = { .text = "" };
	struct membuf m;
	int r;

	membuf_init(&m, most);
	r = engine_export(g, fpr, &m, &e);
	if (r == 0) {
		assert_memory_equal(m.buf, "-----BEGIN PGP PUBLIC KEY BLOCK-----",
		                    36);
		membuf_free(&m);
		return 0;
	}
	assert_int_equal(m.len, 0);
	assert_true(e.code && e.text[0]);
	return gpg_err_code(e.code);
}

static void good(void **state)
{
	(void)state;
	assert_int_equal(get(alice.fpr, KEY_ARMOR_MAX), 0);
	assert_int_equal(get(bob.fpr, KEY_ARMOR_MAX), 0);
	assert_int_equal(get(alice.fpr, 400), GPG_ERR_TOO_LARGE);
	assert_int_equal(get(alice.fpr, KEY_ARMOR_MAX), 0);
	/* what comes next is binary again, and what was asked for */
	own("alice@x.test", &alice);
}

static void none(void **state)
{
	(void)state;
	assert_int_equal(get("0123456789012345678901234567890123456789",
	                     KEY_ARMOR_MAX), GPG_ERR_NO_PUBKEY);
}

static void broken(void **state)
{
	static const char *const body[] = {
		"exit 0", "exit 2", "kill -9 $$", "exec sleep 1000",
		"/usr/bin/gpg \"$@\" | head -c 300; exit 0",
		"/usr/bin/gpg \"$@\"; exit 2",
		"/usr/bin/gpg \"$@\"; kill -9 $$",
		"/usr/bin/gpg \"$@\"; echo more; exit 0",
		"echo before; exec /usr/bin/gpg \"$@\"",
		"exec /usr/bin/gpg \"$@\" '<bob@x.test>'",
		/* another's, or nobody's as far as it says */
		"set -- \"$@\"; exec /usr/bin/gpg --status-fd $S --batch "
		"--armor --export '<bob@x.test>'",
		"exec /usr/bin/gpg --batch --armor --export '<alice@x.test>'",
		"eval \"yes '[GNUPG:] EXPORTED x' | head -n 2000000 >&$S\"; exit 0",
		"exec yes",
	};

	(void)state;
	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		fake(body[i]);
		if (get(alice.fpr, KEY_ARMOR_MAX) == 0)
			fail_msg("exported with %s", body[i]);
	}
	heal(NULL);
	assert_int_equal(get(alice.fpr, KEY_ARMOR_MAX), 0);
}

/* What the user's gpg.conf says may make it fail, and never another text. */
static void conf_borne(void **state)
{
	static const char *const conf[] = {
		"armor", "no-armor", "comment hello", "emit-version",
		"export-options export-local-sigs,export-attributes",
		"export-filter drop-subkey=usage=~e", "no-verbose", "quiet",
		"default-key 0123456789012345678901234567890123456789",
		"output /dev/null"
	};

	(void)state;
	for (size_t i = 0; i < sizeof conf / sizeof *conf; i++) {
		assert_int_equal(sh("echo '%s' > ours/gpg.conf", conf[i]), 0);
		if (get(alice.fpr, KEY_ARMOR_MAX) && i != 9)
			fail_msg("not exported with %s", conf[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(none),
		cmocka_unit_test_teardown(broken, heal),
		cmocka_unit_test_teardown(conf_borne, heal),
	};

	return cmocka_run_group_tests(tests, up, down);
}
