/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/policy.c and policy_tell.c: in which words it is said. */
#include "tests/unit/policy.h"

/* ---- words ---- */

static void assert_refused(const struct recipient *to, size_t n,
                           enum wish encrypt, const char *want)
{
	struct wishes w = { .encrypt = encrypt, .code = 7 };
	char words[POLICY_WORDS_MAX];

	assert_int_equal(policy_decide(to, n, &w, words), SEND_REFUSED);
	assert_string_equal(words, want);
}

static void test_words(void **state)
{
	struct recipient to[3] = {
		{ .addr = "eve@example.net", .policy = POLICY_ASK,
		  .state = KEY_NONE },
		{ .addr = "bob@example.org", .policy = POLICY_ASK,
		  .state = KEY_USABLE },
		{ .addr = "dan@example.com", .policy = POLICY_ASK,
		  .state = KEY_UNUSABLE },
	};

	(void)state;
	assert_refused(to, 2, WISH_NONE, NO_SEND "eve@example.net cannot read "
	               "sealed letters yet. Remove or invite that address, or "
	               "put [clear 0007] before the subject to send it "
	               "readable by anyone on the way");
	assert_refused(to, 3, WISH_YES, NO_SEND "eve@example.net and "
	               "dan@example.com cannot read sealed letters yet. Remove "
	               "or invite those addresses");
	to[1].state = KEY_NONE;
	to[1].sealed_before = true;
	assert_refused(to, 3, WISH_NONE, NO_SEND "eve@example.net, "
	               "bob@example.org and dan@example.com cannot read "
	               "sealed letters yet. Remove or invite those addresses");
	to[1].state = KEY_AMBIGUOUS;
	to[1].sealed_before = false;
	assert_refused(to + 1, 1, WISH_NONE, NO_SEND "bob@example.org has a "
	               "key that nobody has checked yet. Compare it by phone "
	               "and accept it (letterlock keys accept), then press "
	               "Send again, or put "
	               "[clear 0007] before the subject to send it readable "
	               "by anyone on the way");
	to[1].state = KEY_USABLE;
	to[1].policy = POLICY_ALWAYS;
	assert_refused(to + 1, 1, WISH_NONE, NO_SEND "bob@example.org has a "
	               "key that nobody has checked yet. Compare it by phone "
	               "and accept it (letterlock keys accept), then press "
	               "Send again");
	to[1].valid = true;
	assert_refused(to + 1, 1, WISH_NO, NO_SEND "letters to these people "
	               "have been sealed so far and stay sealed. Switch "
	               "sealing on again, then press Send");
}

/* None was found, and could not look, are not the same. */
static void test_words_looked(void **state)
{
	struct recipient to[2] = {
		{ .addr = "eve@example.net", .policy = POLICY_ALWAYS,
		  .state = KEY_NONE, .looked = LOOKED_NONE },
		{ .addr = "dan@example.com", .policy = POLICY_ALWAYS,
		  .state = KEY_NONE, .looked = LOOKED_NONE },
	};

	(void)state;
	assert_refused(to, 2, WISH_NONE, NO_SEND "eve@example.net and "
	               "dan@example.com cannot read sealed letters yet: no key "
	               "was found. Remove or invite those addresses");
	to[1].looked = LOOKED_FAILED;
	assert_refused(to, 2, WISH_NONE, NO_SEND "eve@example.net and "
	               "dan@example.com cannot read sealed letters yet: a key "
	               "could not be looked for now. Try again later, or remove "
	               "or invite those addresses");
	to[1].looked = LOOKED_NOT;
	assert_refused(to, 2, WISH_NONE, NO_SEND "eve@example.net and "
	               "dan@example.com cannot read sealed letters yet. Remove "
	               "or invite those addresses");
	/* who can read it has nothing to do with that */
	to[1].state = KEY_USABLE;
	to[1].valid = true;
	to[1].looked = LOOKED_FAILED;
	assert_refused(to, 2, WISH_NONE, NO_SEND "eve@example.net cannot read "
	               "sealed letters yet: no key was found. Remove or invite "
	               "that address");
	to[0].state = KEY_EXPIRED;
	to[0].expires = 1785542400;
	to[0].looked = LOOKED_FAILED;
	assert_refused(to, 2, WISH_NONE, NO_SEND "the key of eve@example.net "
	               "ended on 1 August 2026 and a newer one could not be "
	               "looked for now. Ask its owner to renew it and write to "
	               "you once, then press Send again");
}

static void test_words_expired(void **state)
{
	struct recipient to[2] = {
		{ .addr = "eve@example.net", .policy = POLICY_ASK,
		  .state = KEY_USABLE },
		{ .addr = "bob@example.org", .policy = POLICY_ASK,
		  .state = KEY_EXPIRED, .expires = 1785542400 },
	};

	(void)state;
	assert_refused(to, 2, WISH_NONE, NO_SEND "the key of bob@example.org "
	               "ended on 1 August 2026 and no newer one was found. Ask "
	               "its owner to renew it and write to you once, then "
	               "press Send again");
	to[1].expires = 1785542399 + 21 * 86400;
	assert_refused(to + 1, 1, WISH_NONE, NO_SEND "the key of "
	               "bob@example.org ended on 21 August 2026 and no newer "
	               "one was found. Ask its owner to renew it and write to "
	               "you once, then press Send again");
	/* one without any key says more */
	to[0].state = KEY_NONE;
	assert_refused(to, 2, WISH_YES, NO_SEND "eve@example.net and "
	               "bob@example.org cannot read sealed letters yet. Remove "
	               "or invite those addresses");
}

static void test_words_changed(void **state)
{
	struct recipient to[3] = {
		{ .addr = "eve@example.net", .policy = POLICY_WHEN_POSSIBLE,
		  .state = KEY_NONE },
		{ .addr = "bob@example.org", .policy = POLICY_WHEN_POSSIBLE,
		  .state = KEY_CHANGED, .sealed_before = true },
		{ .addr = "dan@example.com", .policy = POLICY_WHEN_POSSIBLE,
		  .state = KEY_CHANGED, .sealed_before = true },
	};

	(void)state;
	assert_refused(to, 2, WISH_NONE, NO_SEND "bob@example.org has a new "
	               "key, which means a new computer or somebody posing as "
	               "its owner. Ask by phone, then accept it with the "
	               "Letterlock button or: letterlock keys accept "
	               "bob@example.org");
	assert_refused(to, 3, WISH_NO, NO_SEND "bob@example.org and "
	               "dan@example.com have new keys, which means new "
	               "computers or somebody posing as their owners. Ask each "
	               "by phone, then accept them with the Letterlock button "
	               "or: letterlock keys accept ADDRESS");
}

/* However many there are, and however long, what to do is said. */
static void test_words_long(void **state)
{
	struct recipient to[POLICY_RECIPIENTS_MAX];
	char words[POLICY_WORDS_MAX + 1], addr[255];
	struct wishes w = { .code = 42 };

	(void)state;
	words[POLICY_WORDS_MAX] = '~';
	for (size_t len = 3; len < sizeof addr; len += 1 + len / 4) {
		memset(addr, 'a', len);
		addr[1] = '@';
		addr[len] = '\0';
		for (size_t i = 0; i < POLICY_RECIPIENTS_MAX; i++)
			to[i] = (struct recipient){
				.addr = addr, .policy = POLICY_ASK,
				.looked = LOOKED_FAILED,
				.state = len % 3 == 0 ? KEY_NONE
				         : len % 3 == 1 ? KEY_AMBIGUOUS
				         : KEY_CHANGED
			};
		for (size_t n = 1; n <= POLICY_RECIPIENTS_MAX; n++) {
			assert_int_equal(policy_decide(to, n, &w, words),
			                 SEND_REFUSED);
			assert_non_null(strstr(words, len % 3 == 2
				? "letterlock keys accept" : "anyone on the way"));
			assert_int_equal(words[POLICY_WORDS_MAX], '~');
		}
	}
	addr[60] = '\0';
	policy_decide(to, 13, &w, words);
	assert_non_null(strstr(words, "a, a@"));
	assert_non_null(strstr(words, "a and 3 more "));
}

/* ---- one recipient ---- */

static const struct {
	struct recipient r;
	enum policy strictest;
	const char *state, *words;
} told[] = {
	{ { .state = KEY_USABLE, .valid = true, .verified = true },
	  POLICY_ALWAYS, "sealed",
	  "x@y.example can read sealed letters, and the key was checked" },
	{ { .state = KEY_USABLE, .valid = true }, POLICY_ALWAYS, "sealed",
	  "x@y.example can read sealed letters, and you accepted the key" },
	{ { .state = KEY_USABLE }, POLICY_ASK, "sealed",
	  "x@y.example can read sealed letters. Nobody has checked the key yet: "
	  "compare it by phone if much depends on it" },
	{ { .state = KEY_USABLE, .sealed_before = true, .fpr = "A",
	    .used = "A" }, POLICY_ASK, "sealed",
	  "x@y.example can read sealed letters and has had some from you" },
	{ { .state = KEY_USABLE }, POLICY_ALWAYS, "unchecked",
	  "x@y.example has a key that nobody has checked yet. Compare it by "
	  "phone, then accept it" },
	{ { .state = KEY_AMBIGUOUS }, POLICY_NEVER, "unchecked",
	  "There are several keys of x@y.example, and nobody has checked which "
	  "is right. Compare by phone, then accept that one" },
	{ { .state = KEY_CHANGED, .sealed_before = true }, POLICY_ASK, "changed",
	  "x@y.example has a new key, which means a new computer or somebody who "
	  "poses as its owner. Ask by phone, then accept it" },
	{ { .state = KEY_EXPIRED, .expires = 1722513600 }, POLICY_ASK, "expired",
	  "The key of x@y.example ended on 1 August 2024. Ask its owner to renew "
	  "it and write to you once" },
	{ { .state = KEY_EXPIRED, .expires = INT64_MAX }, POLICY_ASK, "expired",
	  "The key of x@y.example has ended. Ask its owner to renew it and write "
	  "to you once" },
	{ { .state = KEY_UNUSABLE, .sealed_before = true }, POLICY_ASK,
	  "unusable", "The key of x@y.example was withdrawn, or is not made for "
	  "sealing. Ask its owner for a new one" },
	{ { .state = KEY_NONE }, POLICY_ASK, "no-key",
	  "x@y.example cannot read sealed letters yet. Send an invitation, or "
	  "import the key if you have it" },
	{ { .state = KEY_NONE, .clear_allowed = true }, POLICY_ASK, "no-key",
	  "x@y.example cannot read sealed letters yet, and you allowed letters "
	  "that anyone on the way can read" },
	{ { .state = KEY_NONE, .clear_allowed = true, .sealed_before = true },
	  POLICY_ASK, "no-key",
	  "There is no key of x@y.example on this computer any more, and letters "
	  "that were sealed once stay sealed. Import the key, or ask for it" },
};

static const struct {
	enum looked looked;
	const char *words;
} told_looked[] = {
	{ LOOKED_NONE, "x@y.example cannot read sealed letters yet: no key was "
	  "found. Send an invitation, or import the key if you have it" },
	{ LOOKED_FAILED, "x@y.example cannot read sealed letters yet: a key could "
	  "not be looked for now. Try again later, send an invitation, or import "
	  "the key if you have it" },
};

static void test_told_looked(void **state)
{
	char words[POLICY_WORDS_MAX];
	struct recipient r = { .addr = "x@y.example", .state = KEY_NONE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		r.looked = told_looked[i].looked;
		policy_tell(&r, POLICY_ASK, words);
		assert_string_equal(words, told_looked[i].words);
	}
}

static void test_told(void **state)
{
	char words[POLICY_WORDS_MAX];
	struct recipient r;

	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		r = told[i].r;
		r.addr = "x@y.example";
		policy_tell(&r, told[i].strictest, words);
		assert_string_equal(words, told[i].words);
		assert_string_equal(policy_state(&r, told[i].strictest),
		                    told[i].state);
	}
}

/* "sealed" is said where policy would seal, and the longest address fits. */
static void test_told_as_decided(void **state)
{
	char words[POLICY_WORDS_MAX], addr[ADDR_MAX + 1] = "";
	struct wishes w = { .encrypt = WISH_YES };

	(void)state;
	memset(addr, 'x', ADDR_MAX);
	for (unsigned i = 0; i < ALL_TO; i++) {
		struct recipient r = nth_to(i);
		bool sealed = policy_decide(&r, 1, &w, words) == SEND_SEALED;

		assert_int_equal(sealed, strcmp(policy_state(&r, r.policy),
		                                "sealed") == 0);
		r.addr = addr;
		policy_tell(&r, r.policy, words);
		assert_non_null(strstr(words, addr));
		assert_true(strlen(words) > ADDR_MAX + 20);
		assert_int_not_equal(words[strlen(words) - 1], '.');
	}
}

static void fill_fpr(char fpr[41], char c)
{
	memset(fpr, c, 40);
	fpr[40] = '\0';
}

/* It is the key that is known, not the address. */
static void test_trust(void **state)
{
	struct recipient r = { .state = KEY_USABLE };

	(void)state;
	assert_string_equal(policy_trust(&r), "new");
	fill_fpr(r.fpr, 'A');
	fill_fpr(r.used, 'B');
	r.sealed_before = true;
	assert_string_equal(policy_trust(&r), "new");
	fill_fpr(r.used, 'A');
	assert_string_equal(policy_trust(&r), "seen");
	r.used[0] = '\0';
	r.valid = true;
	assert_string_equal(policy_trust(&r), "seen");
	r.verified = true;
	assert_string_equal(policy_trust(&r), "verified");
}

static void test_own(void **state)
{
	char words[POLICY_WORDS_MAX] = "old";

	(void)state;
	policy_refuse_own(KEY_EXPIRED, "x@y.example", words);
	assert_string_equal(words, NO_SEND "your own key has ended. Renew it, "
	                    "then press Send again");
	policy_refuse_own(KEY_NONE, "x@y.example", words);
	assert_string_equal(words, NO_SEND "there is no usable key of your own "
	                    "for x@y.example on this computer");
}

static void test_signs(void **state)
{
	static const struct {
		enum sign sign;
		enum wish wish;
		bool sealed, clear;
	} t[] = {
		{ SIGN_SEALED, WISH_NONE, true, false },
		{ SIGN_SEALED, WISH_NO, false, false },
		{ SIGN_SEALED, WISH_YES, true, true },
		{ SIGN_ALWAYS, WISH_NONE, true, true },
		{ SIGN_ALWAYS, WISH_NO, false, false },
		{ SIGN_ALWAYS, WISH_YES, true, true },
		{ SIGN_NEVER, WISH_NONE, false, false },
		{ SIGN_NEVER, WISH_NO, false, false },
		{ SIGN_NEVER, WISH_YES, true, true },
	};
	struct account a = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		a.sign = t[i].sign;
		assert_int_equal(policy_signs(&a, t[i].wish, true), t[i].sealed);
		assert_int_equal(policy_signs(&a, t[i].wish, false),
		                 t[i].clear);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_looked),
		cmocka_unit_test(test_words_expired),
		cmocka_unit_test(test_words_changed),
		cmocka_unit_test(test_words_long),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_looked),
		cmocka_unit_test(test_told_as_decided),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
