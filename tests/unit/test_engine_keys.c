/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which keys the engine takes, and whose it takes a signature for. */
#include "tests/unit/engine.h"

/* Signatures. */

static void signatures(void **state)
{
	static const struct {
		const char *how, *from;
		enum verdict_signature is;
	} t[] = {
		{ "-u bob@y.test", "bob@y.test", SIG_UNTRUSTED },
		{ "-u bob@y.test", "alice@x.test", SIG_MISMATCH },
		{ "-u ev@y.test", "ev@y.test", SIG_UNKNOWN_KEY },
		{ "-u bob@y.test -u ev@y.test", "bob@y.test", SIG_UNTRUSTED },
		{ "-u bob@y.test --digest-algo SHA1", "bob@y.test", SIG_WEAK },
		{ "-u bob@y.test --digest-algo RIPEMD160", "bob@y.test",
		  SIG_WEAK },
		{ "-u bob@y.test --default-sig-expire seconds=1 ; sleep 2",
		  "bob@y.test", SIG_EXPIRED },
	};
	struct opened o;
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		sh("echo hello | $gpg --homedir theirs -r alice@x.test -o "
		   "letter -se %s", t[i].how);
		o = opened_of("letter");
		v = judged(&o, t[i].from);
		if (o.encryption != ENC_OK || v.signature != t[i].is)
			fail_msg("%s: %d %d", t[i].how, o.encryption,
			         v.signature);
		if (v.signature == SIG_UNTRUSTED)
			assert_string_equal(v.fpr, bob.fpr);
		assert_int_equal(v.trust, TRUST_NONE);
		opened_free(&o);
	}
}

/* A key valid for one user ID must not vouch for another one on it. */
static void other_uid(void **state)
{
	struct opened o;

	(void)state;
	sh("gpg -q --batch --homedir theirs --quick-add-uid ev@y.test "
	   "'Alice <alice@x.test>'; gpg --homedir theirs --export ev@y.test | "
	   "gpg -q --batch --homedir ours --import");
	sh("F=$(gpg --homedir ours --with-colons -k ev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "gpg -q --batch --homedir ours -u alice@x.test --quick-lsign-key $F "
	   "'Eve <ev@y.test>'");
	sh("echo hello | $gpg --homedir theirs -u ev@y.test -r "
	   "alice@x.test -o letter -se");
	o = opened_of("letter");
	assert_int_equal(o.signature, SIG_GOOD);
	assert_int_equal(judged(&o, "ev@y.test").signature, SIG_GOOD);
	assert_int_equal(judged(&o, "alice@x.test").signature, SIG_MISMATCH);
	opened_free(&o);
	sh("F=$(gpg --homedir ours --with-colons -k ev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "gpg -q --batch --yes --homedir ours --delete-key $F");
}

static void revoked_key(void **state)
{
	struct opened o;
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	sh("gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'Rev <rev@y.test>' future-default default 0; "
	   "echo hello | $gpg --homedir theirs -u rev@y.test -r alice@x.test "
	   "-o letter -se; "
	   "F=$(gpg --homedir theirs --with-colons -k rev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "sed 's/^:---/---/' theirs/openpgp-revocs.d/$F.rev | "
	   "gpg -q --batch --homedir theirs --import; "
	   "gpg --homedir theirs --export rev@y.test | "
	   "gpg -q --batch --homedir ours --import");
	o = opened_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	assert_int_equal(o.signature, SIG_REVOKED);
	opened_free(&o);
	assert_int_equal(engine_find(g, "rev@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_UNUSABLE);
}

static void judge(void **state)
{
	char *mine[] = { "a@x.test", "b@x.test" }, *from[] = { "A@X.test",
		"b@x.test" };
	struct addrs f = { from, 1, false, false };
	struct opened o = { .encryption = ENC_OK, .signature = SIG_GOOD,
		.trust = TRUST_VERIFIED, .fpr = "F", .uids = { mine, 2, 0, 0 } };
	struct verdict v;

	(void)state;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_string_equal(v.signer, "A@X.test");
	f.n = 2;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	assert_string_equal(v.signer, "");
	f.n = 0;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f = (struct addrs){ from, 1, true, false };
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f = (struct addrs){ from, 1, false, true };
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f.bad = false;
	o.signature = SIG_UNTRUSTED;
	o.trust = TRUST_NONE;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_UNTRUSTED);
	assert_int_equal(v.trust, TRUST_NONE);
	o.trust = TRUST_SEEN;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_int_equal(v.trust, TRUST_SEEN);
	for (int s = SIG_NONE; s <= SIG_MISMATCH; s++) {
		o.signature = (enum verdict_signature)s;
		opened_judge(&o, &f, &v);
		assert_true(v.signature != SIG_GOOD || s == SIG_GOOD ||
		            s == SIG_UNTRUSTED);
	}
	/* signed by another too, who is the one in From */
	o.signature = SIG_GOOD;
	o.trust = TRUST_VERIFIED;
	o.uids.n = 0;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	assert_string_equal(v.fpr, "F");
	o.also[0] = (struct opened_signer){ "G", { mine + 1, 1, 0, 0 } };
	o.also[1] = (struct opened_signer){ "H", { mine, 1, 0, 0 } };
	o.n_also = 2;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_string_equal(v.fpr, "H");
	assert_string_equal(v.signer, "A@X.test");
	o.encryption = ENC_FAILED;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_NONE);
	assert_string_equal(v.fpr, "");
}

/* What the user says of the keys that signed. */
static void accept(void **state)
{
	static const enum verdict_trust trust[] = {
		[JUDGED_NOT] = TRUST_NONE, [JUDGED_ACCEPTED] = TRUST_SEEN,
		[JUDGED_VERIFIED] = TRUST_VERIFIED,
		[JUDGED_REJECTED] = TRUST_NONE
	};
	struct judgement j = { .n = 1, .key = { { "F", JUDGED_NOT } } };
	struct opened o = { .fpr = "F" };

	(void)state;
	for (int i = JUDGED_NOT; i <= JUDGED_REJECTED; i++) {
		o.signature = SIG_UNTRUSTED;
		j.key[0].is = (enum judged)i;
		opened_accept(&o, &j);
		assert_int_equal(o.trust, trust[i]);
		/* no word makes another signature good */
		o.signature = SIG_BAD;
		o.trust = TRUST_NONE;
		opened_accept(&o, &j);
		assert_int_equal(o.trust, TRUST_NONE);
		assert_int_equal(o.signature, SIG_BAD);
	}
	/* of several good ones those that are left */
	for (int rejected = 0; rejected < 8; rejected++) {
		const char *const name[] = { "F", "G", "H" }, *first = NULL;

		o = (struct opened){ .signature = SIG_GOOD, .fpr = "F",
			.trust = TRUST_VERIFIED, .n_also = 2,
			.also = { { .fpr = "G" }, { .fpr = "H" } } };
		j.n = 0;
		for (int i = 2; i >= 0; i--)
			if (rejected & 1 << i) {
				snprintf(j.key[j.n].fpr, 41, "%s", name[i]);
				j.key[j.n++].is = JUDGED_REJECTED;
			} else {
				first = name[i];
			}
		opened_accept(&o, &j);
		assert_int_equal(o.signature, first ? SIG_GOOD : SIG_UNTRUSTED);
		assert_int_equal(o.trust, first ? TRUST_VERIFIED : TRUST_NONE);
		assert_int_equal(o.n_also, first ? 2 - j.n : 0);
		assert_string_equal(o.fpr, first ? first : "F");
	}
}

/* Keys. */

static void find(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	assert_int_equal(engine_find(g, "Bob@Y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
	assert_false(k.valid);
	assert_int_equal(k.n_enc, 1);
	assert_int_equal(k.expires, 0);
	assert_int_equal(engine_find(g, "alice@x.test", NULL, &k, &st, &e), 0);
	assert_true(st == KEY_USABLE && k.valid);
	assert_int_equal(engine_find(g, "ob@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "--x@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "a>@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find_secret(g, NULL, "bob@y.test", &k, &st, &e),
	                 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find_secret(g, carol.fpr, NULL, &k, &st, &e),
	                 0);
	assert_int_equal(st, KEY_USABLE);
	assert_int_equal(strlen(k.grip_sign), 40);
}

/* A key the user called bad is none to seal to. */
static void find_distrusted(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	assert_int_equal(sh("gpg -q --batch --homedir ours --trust-model tofu "
	    "--tofu-policy bad %s", bob.fpr), 0);
	conf("trust-model tofu\\n");
	assert_int_equal(engine_find(g, "bob@y.test", NULL, &k, &st, &e), 0);
	conf("");
	assert_int_equal(st, KEY_UNUSABLE);
	assert_int_equal(engine_find(g, "bob@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

static void find_odd_ones(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	sh("for i in 1 2; do gpg -q --batch --yes --homedir theirs --passphrase "
	   "'' --quick-gen-key \"Two $i <two@y.test>\" future-default default "
	   "0; done; gpg -q --batch --homedir theirs --passphrase '' "
	   "--faked-system-time 20200101T000000 --quick-gen-key "
	   "'Old <old@y.test>' future-default default 20210101T000000; "
	   "gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'Sig <sig@y.test>' ed25519 sign 0; "
	   "gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'two@angles.test <a@angles.test> <b@angles.test>' future-default "
	   "default 0; gpg -q --batch --homedir theirs --passphrase '' "
	   "--quick-gen-key bare@y.test future-default default 0; "
	   "gpg --homedir theirs --export two@y.test old@y.test sig@y.test "
	   "angles.test bare@y.test | gpg -q --batch --homedir ours --import");
	assert_int_equal(engine_find(g, "two@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_AMBIGUOUS);
	assert_int_equal(engine_find(g, "old@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_EXPIRED);
	assert_true(k.expires > 1609000000 && k.expires < 1609600000);
	assert_int_equal(engine_find(g, "sig@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_UNUSABLE);
	assert_int_equal(engine_find(g, "b@angles.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "bare@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

static enum key_state found_for(struct judgement *j, const char *used,
                             const char *fpr, enum judged is, struct key *k)
{
	enum key_state st;
	struct err e;

	memset(j, 0, sizeof *j);
	snprintf(j->used, sizeof j->used, "%s", used);
	if (fpr) {
		snprintf(j->key[0].fpr, sizeof j->key[0].fpr, "%s", fpr);
		j->key[0].is = is;
		j->n = 1;
	}
	assert_int_equal(engine_find(g, "two@y.test", j, k, &st, &e), 0);
	return st;
}

/* Of the two that find_odd_ones() left, the user's word picks. */
static void find_judged(void **state)
{
	char one[41], other[41];
	struct judgement j;
	struct key k;

	(void)state;
	assert_int_equal(found_for(&j, "", NULL, JUDGED_NOT, &k), KEY_AMBIGUOUS);
	/* never used: none.  One was used: no other goes before it is accepted */
	assert_int_equal(found_for(&j, bob.fpr, NULL, JUDGED_NOT, &k),
	                 KEY_CHANGED);
	memcpy(one, k.fpr, sizeof one);
	assert_int_equal(found_for(&j, one, NULL, JUDGED_NOT, &k), KEY_USABLE);
	assert_false(k.valid);
	assert_int_equal(found_for(&j, "", one, JUDGED_REJECTED, &k), KEY_USABLE);
	assert_string_not_equal(k.fpr, one);
	memcpy(other, k.fpr, sizeof other);
	assert_int_equal(found_for(&j, one, one, JUDGED_REJECTED, &k),
	                 KEY_CHANGED);
	assert_string_equal(k.fpr, other);
	assert_int_equal(found_for(&j, one, other, JUDGED_ACCEPTED, &k),
	                 KEY_USABLE);
	assert_string_equal(k.fpr, other);
	assert_true(k.valid && !k.verified);
	assert_int_equal(found_for(&j, "", one, JUDGED_VERIFIED, &k), KEY_USABLE);
	assert_string_equal(k.fpr, one);
	assert_true(k.valid && k.verified);
	/* the last that was accepted, whichever is newer or was compared */
	for (int i = 0; i < 2; i++) {
		struct err e;
		enum key_state st;

		j.n = 2;
		memcpy(j.key[i].fpr, one, sizeof one);
		j.key[i].is = JUDGED_VERIFIED;
		memcpy(j.key[!i].fpr, other, sizeof other);
		j.key[!i].is = JUDGED_ACCEPTED;
		assert_int_equal(engine_find(g, "two@y.test", &j, &k, &st, &e),
		                 0);
		assert_int_equal(st, KEY_USABLE);
		assert_string_equal(k.fpr, i ? other : one);
		assert_int_equal(k.verified, !i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(other_uid),
		cmocka_unit_test(revoked_key),
		cmocka_unit_test(judge),
		cmocka_unit_test(accept),
		cmocka_unit_test(find),
		cmocka_unit_test(find_distrusted),
		cmocka_unit_test(find_odd_ones),
		cmocka_unit_test(find_judged),
	};

	return cmocka_run_group_tests(tests, up, homes_end);
}
