/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Detached signatures by a real gpg, checked by a plain one. */
#include "tests/unit/homes.h"

/* alice and carol (passphrase "secret", which nobody says) are ours. */
static struct key alice, carol;

enum { BIG = 600000 };
static char big[BIG];

static int heal(void **state)
{
	(void)state;
	conf("");
	return sh("rm -f body");
}

/* What is to be signed, and what was told meanwhile. */
struct job {
	struct source s;
	const char *p;
	size_t n, given, fails_at;
	bool ended;
	char name[20];
	unsigned told;
	size_t told_at;		/* octets given by then */
	bool told_after_end;
	bool says_no;
	struct membuf sig;
	struct err e;
};

static ssize_t job_get(struct source *s, void *buf, size_t n, struct err *e)
{
	struct job *j = (struct job *)s;

	if (j->fails_at && j->given >= j->fails_at)
		return err_set(e, GPG_ERR_EPIPE, "source broke");
	if (n > 5000)
		n = 5000;
	if (n > j->n - j->given)
		n = j->n - j->given;
	if (n == 0)
		j->ended = true;
	else
		memcpy(buf, j->p + j->given, n);
	j->given += n;
	return (ssize_t)n;
}

static int job_micalg(void *arg, const char *name, struct err *e)
{
	struct job *j = arg;

	j->told++;
	j->told_at = j->given;
	j->told_after_end = j->ended;
	snprintf(j->name, sizeof j->name, "%s", name);
	return j->says_no ? err_set(e, GPG_ERR_EIO, "pipe broke") : 0;
}

static struct job job(const char *p, size_t n)
{
	struct job j = { .s.get = job_get, .p = p, .n = n };

	membuf_init(&j.sig, 100000);
	return j;
}

static int sign(struct job *j, const struct key *k)
{
	int r = engine_sign(g, k, &j->s, job_micalg, j, &j->sig, &j->e);

	if (r) {
		assert_true(j->e.code && j->e.text[0]);
		assert_int_equal(j->sig.len, 0);
	}
	return r;
}

/* One good binary signature by alice with this digest, says plain gpg. */
static void verified(const struct job *j, const char *digest)
{
	write_file("sig", j->sig.buf, j->sig.len);
	write_file("text", j->p, j->n);
	if (sh("gpg -q --batch --homedir ours --status-fd 1 --verify sig text "
	       "> said && cat said && [ $(grep -c VALIDSIG said) = 1 ] && "
	       "grep -q 'VALIDSIG .* %s 00 %s$' said", digest, alice.fpr))
		fail_msg("not as wanted: see %s/log", top);
}

/* ---- set-up ---- */

static int up(void **state)
{
	static const char gen[] = "gpg -q --batch --homedir ours "
		"--pinentry-mode loopback --passphrase '%s' --quick-gen-key "
		"'%s' future-default default 0";

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i % 71 == 70 ? '\n' : 'a' + i * i % 26);
	homes_make();
	assert_int_equal(sh(gen, "", "Alice <alice@x.test>"), 0);
	assert_int_equal(sh(gen, "secret", "<carol@x.test>"), 0);
	homes_start();
	own("alice@x.test", &alice);
	own("carol@x.test", &carol);
	return 0;
}

/* ---- what it should be ---- */

static void short_and_long(void **state)
{
	static const size_t sizes[] = { 0, 1, 5, 4096, 65536, 65537, 200001, BIG };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct job j = job(big, sizes[i]);

		assert_int_equal(sign(&j, &alice), 0);
		assert_int_equal(j.told, 1);
		assert_true(j.ended);
		assert_true(!strncmp(j.name, "pgp-sha", 7));
		verified(&j, !strcmp(j.name, "pgp-sha256") ? "8" :
		         !strcmp(j.name, "pgp-sha384") ? "9" : "10");
		if (sizes[i] > 200000) {
			assert_false(j.told_after_end);
			/* what must be held until then */
			assert_true(j.told_at <= 384 << 10);
		}
		membuf_free(&j.sig);
	}
}

/* A gpg that says nothing before the letter has ended. */
static void late(void **state)
{
	struct job j = job(big, 4096);

	fake("I=${*##*-&}; A=${0%/*}/all; "
	     "eval \"cat <&$I >$A; exec $I<$A\"");
	assert_int_equal(sign(&j, &alice), 0);
	assert_int_equal(j.told, 1);
	assert_true(j.told_after_end);
	heal(state);
	verified(&j, "[0-9]*");
	membuf_free(&j.sig);
}

static void the_users_digest(void **state)
{
	struct job j = job("hello\r\n", 7);

	(void)state;
	conf("digest-algo SHA512\\n");
	assert_int_equal(sign(&j, &alice), 0);
	assert_string_equal(j.name, "pgp-sha512");
	verified(&j, "10");
	membuf_free(&j.sig);
	conf("personal-digest-preferences SHA384\\n");
	j = job("hello\r\n", 7);
	assert_int_equal(sign(&j, &alice), 0);
	assert_string_equal(j.name, "pgp-sha384");
	verified(&j, "9");
	membuf_free(&j.sig);
}

static void conf_borne(void **state)
{
	static const char *const fine[] = {
		"default-key carol@x.test\\n", "encrypt-to carol@x.test\\n",
		"compress-algo zip\\n", "no-emit-version\\n", "comment hello\\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		struct job j = job(big, 3000);

		conf(fine[i]);
		if (sign(&j, &alice))
			fail_msg("%s: %s", fine[i], j.e.text);
		verified(&j, "[0-9]*");
		membuf_free(&j.sig);
	}
}

/* ---- what is refused ---- */

/* A weak digest is never told. */
static void weak(void **state)
{
	static const char *const bad[] = { "digest-algo SHA1\\n",
		"digest-algo RIPEMD160\\n", "digest-algo SHA224\\n" };
	static const size_t sizes[] = { 7, BIG };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
		struct job j = job(big, sizes[i % 2]);

		conf(bad[i / 2]);
		if (sign(&j, &alice) == 0)
			fail_msg("signed with %s", bad[i / 2]);
		assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_FORBIDDEN);
		assert_non_null(strstr(j.e.text, "digest-algo"));
		assert_int_equal(j.told, 0);
		assert_true(j.ended);
	}
}

static void another_signer(void **state)
{
	static const size_t sizes[] = { 7, BIG };

	(void)state;
	assert_int_equal(sh("gpg -q --batch --homedir ours --pinentry-mode "
	    "loopback --passphrase '' --quick-gen-key '<dan@x.test>' "
	    "future-default default 0"), 0);
	conf("local-user dan@x.test\\n");
	for (size_t i = 0; i < 2; i++) {
		struct job j = job(big, sizes[i]);

		assert_int_equal(sign(&j, &alice), -1);
		assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_FORBIDDEN);
		assert_non_null(strstr(j.e.text, "local-user"));
		assert_true(j.ended);
	}
}

static void another_kind(void **state)
{
	static const char *const bad[] = { "armor\\n", "textmode\\n" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct job j = job("hello\r\n", 7);

		conf(bad[i]);
		if (sign(&j, &alice) == 0)
			fail_msg("signed with %s", bad[i]);
		assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_FORBIDDEN);
	}
}

static void our_failures(void **state)
{
	static const size_t at[] = { 1, 100000, 400000 };
	struct job j;

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		j = job(big, BIG);
		j.fails_at = at[i];
		assert_int_equal(sign(&j, &alice), -1);
		assert_string_equal(j.e.text, "source broke");
	}
	for (size_t i = 0; i < 2; i++) {
		j = job(big, i ? BIG : 7);
		j.says_no = true;
		assert_int_equal(sign(&j, &alice), -1);
		assert_string_equal(j.e.text, "pipe broke");
		assert_int_equal(j.told, 1);
	}
	j = job(big, BIG);
	j.sig.max = 20;
	assert_int_equal(sign(&j, &alice), -1);
	assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_TOO_LARGE);
	/* and it works again */
	j = job(big, BIG);
	assert_int_equal(sign(&j, &alice), 0);
	verified(&j, "[0-9]*");
	membuf_free(&j.sig);
}

static void cold_key(void **state)
{
	static const size_t sizes[] = { 7, BIG };

	(void)state;
	sh("gpgconf --homedir ours --kill gpg-agent; "
	   "gpg-connect-agent --homedir ours /bye");
	for (size_t i = 0; i < 2; i++) {
		struct job j = job(big, sizes[i]);

		assert_int_equal(sign(&j, &carol), -1);
		assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_NO_PIN_ENTRY);
		assert_true(j.ended);
	}
}

static void no_key(void **state)
{
	struct key none = alice;
	struct job j = job(big, BIG);

	(void)state;
	memset(none.fpr, '0', 40);
	assert_int_equal(sign(&j, &none), -1);
	assert_int_equal(gpg_err_code(j.e.code), GPG_ERR_NO_SECKEY);
	assert_true(j.ended);
	assert_int_equal(j.told, 0);
}

/* ---- somebody else's gpg ---- */

static void broken_gpg(void **state)
{
	static const char *const body[] = {
		"exit 0", "exit 2", "kill -9 $$", "exec sleep 1000",
		"cat >/dev/null; exit 0",
		"head -c 300000 /dev/urandom; cat >/dev/null; exit 0",
		"eval \"yes '[GNUPG:] BEGIN_SIGNING H8' >&$S\"; exit 0",
		"eval \"echo '[GNUPG:] BEGIN_SIGNING H8' >&$S\"; exit 0",
		"eval \"echo '[GNUPG:] BEGIN_SIGNING H8' >&$S\"; exec sleep 1000",
		"eval \"echo '[GNUPG:] BEGIN_SIGNING H8 H8' >&$S\"; exit 0",
		/* it says nothing, or something else, of what it did */
		"eval \"/usr/bin/gpg \\\"\\$@\\\" $S>/dev/null\"; exit 0",
		"/usr/bin/gpg \"$@\"; exit 3",
		"/usr/bin/gpg \"$@\"; kill -9 $$",
		"eval \"echo '[GNUPG:] BEGIN_SIGNING H10' >&$S\"; exec "
		"/usr/bin/gpg \"$@\"",
		"eval \"/usr/bin/gpg \\\"\\$@\\\" $S>&1 >$HOME/said | sed -u "
		"'s/BEGIN_SIGNING .*/BEGIN_SIGNING H9/' >&$S\"; cat $HOME/said; exit 0",
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof body / sizeof *body; i++) {
		struct job j = job(big, i % 2 ? BIG : 7);

		fake(body[i / 2]);
		if (sign(&j, &alice) == 0)
			fail_msg("signed with %s", body[i / 2]);
		assert_true(j.told <= 1);
	}
}

/* It signs, and well, what is not all of the letter. */
static void half_read(void **state)
{
	struct job j = job(big, BIG);

	(void)state;
	fake("I=$(echo \"$*\" | sed 's/.*-&\\([0-9]*\\).*/\\1/'); "
	     "eval \"head -c 100000 <&$I >$HOME/half\"; "
	     "eval \"exec /usr/bin/gpg \\\"\\$@\\\" $I<$HOME/half\"");
	assert_int_equal(sign(&j, &alice), -1);
	assert_non_null(strstr(j.e.text, "stopped before"));
	assert_int_equal(sh("test -s half"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_and_long),
		cmocka_unit_test_teardown(late, heal),
		cmocka_unit_test_teardown(the_users_digest, heal),
		cmocka_unit_test_teardown(conf_borne, heal),
		cmocka_unit_test_teardown(weak, heal),
		cmocka_unit_test_teardown(another_signer, heal),
		cmocka_unit_test_teardown(another_kind, heal),
		cmocka_unit_test(our_failures),
		cmocka_unit_test(cold_key),
		cmocka_unit_test(no_key),
		cmocka_unit_test_teardown(broken_gpg, heal),
		cmocka_unit_test_teardown(half_read, heal),
	};

	return cmocka_run_group_tests(tests, up, homes_end);
}
