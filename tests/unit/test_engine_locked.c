/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine and keys that are locked, or whose gpg-agent says nothing. */
#include "tests/unit/engine.h"

static void locked(void **state)
{
	struct membuf in, out;
	struct opened o;
	struct err e;

	cold(state);
	sh("$gpg --homedir theirs -r carol@x.test -e -o letter hello");
	assert_int_equal(engine_warm(g, carol.grip_sign, &e), 0);
	assert_int_equal(engine_warm(g, alice.grip_sign, &e), 1);
	assert_int_equal(engine_warm(g,
	    "0000000000000000000000000000000000000000", &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_NO_SECKEY);
	assert_int_equal(engine_warm(g, "x\nRESET", &e), -1);
	o = opened_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked);
	/* a Cancel, and then the right word */
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_CANCELED);
	in = file("letter");
	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	assert_true(o.encryption == ENC_FAILED && o.locked);
	membuf_free(&out);
	sh("touch secret");
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), 0);
	assert_int_equal(engine_warm(g, carol.grip_sign, &e), 1);
	sh("rm secret");
	o = opened_of("letter");	/* with the signing key's passphrase */
	assert_true(o.encryption == ENC_OK && !o.locked);
	opened_free(&o);
	cold(state);
	sh("touch secret");
	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	sh("rm secret");
	o = opened_of("letter");	/* the signing key is cold */
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	membuf_free(&in);
	membuf_free(&out);
}

/* Hidden recipients and passwords never raise a prompt, whatever ask says. */
static void never_prompts(void **state)
{
	static const char *const how[] = { "-R carol@x.test -e",
		"-r carol@x.test -c -e --pinentry-mode loopback --passphrase x" };
	struct membuf in, out;
	struct opened o;

	cold(state);
	sh("touch secret; rm -f prompted");
	for (int i = 0; i < 2; i++) {
		sh("$gpg --homedir theirs %s -o letter hello", how[i]);
		in = file("letter");
		assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
		assert_int_equal(o.encryption, ENC_FAILED);
		assert_int_equal(o.locked, i == 1);
		assert_int_equal(sh("test -e prompted") != 0, 1);
		membuf_free(&in);
		membuf_free(&out);
	}
	sh("rm secret");
}

static struct opened asked_of(const char *name)
{
	struct membuf in = file(name), out;
	struct opened o;

	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	membuf_free(&in);
	membuf_free(&out);
	return o;
}

/* It is asked for the key the letter is for, whatever else is unlocked. */
static void asks_for_its_own(void **state)
{
	static const char dora[] = "gpg -q --batch --homedir ours "
		"--pinentry-mode loopback --passphrase '' --quick-gen-key "
		"'<dora@x.test>' ed25519 sign 0 && f=$(gpg -q --homedir ours "
		"--with-colons -K dora@x.test | sed -n 's/^fpr:*\\([^:]*\\):/"
		"\\1/p;T;q') && gpg -q --batch --homedir ours --pinentry-mode "
		"loopback --passphrase secret --quick-add-key $f cv25519 encr 0";
	struct opened o;
	struct err e;

	assert_int_equal(sh(dora), 0);
	assert_int_equal(sh("$gpg --homedir ours -r dora@x.test -e -o letter "
	    "hello"), 0);
	/* its sister is unlocked, and has another passphrase */
	cold(state);
	sh("rm -f prompted");
	o = opened_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked && !o.asked);
	assert_int_not_equal(sh("test -e prompted"), 0);
	o = asked_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked && o.asked);
	assert_int_equal(sh("test -e prompted && touch secret"), 0);
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* once is enough */
	sh("rm -f prompted secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* its sister is unlocked, and has the same one */
	cold(state);
	sh("touch secret; $gpg --homedir theirs -r carol@x.test -e -o letter "
	   "hello");
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), 0);
	sh("rm -f prompted secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* one of two is unlocked */
	cold(state);
	sh("$gpg --homedir theirs -r carol@x.test -r alice@x.test -e "
	   "-o letter hello; touch secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	assert_int_not_equal(sh("test -e prompted"), 0);
	sh("rm -f secret");
}

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body; [ ! -e pid ] || kill -CONT $(cat pid); rm -f pid");
}

static void stopped_agent(void **state)
{
	struct membuf sealed, out;
	struct opened o;
	double t = now();
	struct err e;

	(void)state;
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &sealed, &e), 0);
	/* at the end of a connection it sends itself a SIGCONT */
	assert_int_equal(sh("gpg-connect-agent --homedir ours 'getinfo pid' "
	    "/bye | sed -n 's/^D //p' > pid && cd /proc/$(cat pid) && "
	    "until [ $(ls task | wc -l) = 1 ]; do sleep 0.01; done && "
	    "kill -STOP ${PWD##*/} && "
	    "until grep -q '^State:.T' status; do sleep 0.01; done"), 0);
	assert_int_equal(engine_warm(g, alice.grip_sign, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TIMEOUT);
	/* the letter must wait where it is */
	assert_int_equal(open_(g, false, sealed.buf, sealed.len, &out, &o), 0);
	assert_int_equal(o.reason, REASON_NO_SECRET_KEY);
	assert_true(o.locked);
	membuf_free(&out);
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &out, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TIMEOUT);
	assert_int_equal(out.len, 0);
	no_children();
	heal(state);
	assert_true(now() - t < 4 * STALL);
	assert_int_equal(open_(g, false, sealed.buf, sealed.len, &out, &o), 0);
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	membuf_free(&out);
	membuf_free(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locked),
		cmocka_unit_test(never_prompts),
		cmocka_unit_test(asks_for_its_own),
		cmocka_unit_test_teardown(stopped_agent, heal),
	};

	return cmocka_run_group_tests(tests, up, homes_end);
}
