/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys as text from a real gpg, and from false ones. */
#include "tests/unit/homes.h"

static struct key alice, bob;

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body ours/gpg.conf");
}

static int up(void **state)
{
	static const char gen[] = "gpg -q --batch --homedir ours "
		"--pinentry-mode loopback --passphrase '' --quick-gen-key "
		"'<%s@x.test>' future-default default 0";

	(void)state;
	homes_make();
	assert_int_equal(sh(gen, "alice"), 0);
	assert_int_equal(sh(gen, "bob"), 0);
	homes_start();
	own("alice@x.test", &alice);
	own("bob@x.test", &bob);
	return 0;
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
		fake_for("*--export\\ *", body[i]);
		if (get(alice.fpr, KEY_ARMOR_MAX) == 0)
			fail_msg("exported with %s", body[i]);
	}
	heal(NULL);
	assert_int_equal(get(alice.fpr, KEY_ARMOR_MAX), 0);
}

/* What the user's gpg.conf says may make it fail, and never another text. */
static void conf_borne(void **state)
{
	static const char *const line[] = {
		"armor", "no-armor", "comment hello", "emit-version",
		"export-options export-local-sigs,export-attributes",
		"export-filter drop-subkey=usage=~e", "no-verbose", "quiet",
		"default-key 0123456789012345678901234567890123456789",
		"output /dev/null"
	};

	(void)state;
	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		assert_int_equal(sh("echo '%s' > ours/gpg.conf", line[i]), 0);
		if (get(alice.fpr, KEY_ARMOR_MAX) && i != 9)
			fail_msg("not exported with %s", line[i]);
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

	return cmocka_run_group_tests(tests, up, homes_end);
}
