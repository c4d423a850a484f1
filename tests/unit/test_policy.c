/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/policy.c: the whole table of what is sealed, readable and
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy.h"

enum { ALL_TO = 4 * 6 * 2 * 2 * 2, ALL_WISHES = 3 * 2 * 2 };

#define NO_SEND "Letterlock did not send this: "

/* ---- the rules, policy by policy ---- */

static bool reads_sealed(const struct recipient *r, enum policy p)
{
	return r->state == KEY_USABLE && (p != POLICY_ALWAYS || r->valid);
}

static bool allowed(const struct recipient *r)
{
	return r->clear_allowed && r->state == KEY_NONE && !r->sealed_before;
}

static enum decision as_never(const struct wishes *w, bool sealable)
{
	if (w->encrypt != WISH_YES)
		return SEND_CLEAR;
	return sealable ? SEND_SEALED : SEND_REFUSED;
}

static enum decision as_when_possible(const struct wishes *w, bool sealable)
{
	if (w->encrypt == WISH_YES)
		return sealable ? SEND_SEALED : SEND_REFUSED;
	if (w->encrypt == WISH_NO || w->code_right)
		return SEND_CLEAR;
	return sealable ? SEND_SEALED : SEND_CLEAR;
}

/* bound: to a contact ever sealed to, or about a letter that came sealed. */
static enum decision as_ask(const struct wishes *w, bool sealable, bool bound,
                            bool each_may)
{
	if (w->encrypt == WISH_NO)
		return bound ? SEND_REFUSED : SEND_CLEAR;
	if (w->encrypt == WISH_NONE && w->code_right && !bound)
		return SEND_CLEAR;
	if (sealable)
		return SEND_SEALED;
	if (w->encrypt == WISH_NONE && !bound && each_may)
		return SEND_CLEAR;
	return SEND_REFUSED;
}

static enum decision as_always(const struct wishes *w, bool sealable)
{
	return sealable && w->encrypt != WISH_NO ? SEND_SEALED : SEND_REFUSED;
}

static enum decision rules(const struct recipient *to, size_t n,
                           const struct wishes *w)
{
	bool sealable = true, each_may = true, bound = w->answers_sealed;
	bool changed = false;
	enum policy p = POLICY_NEVER;

	for (size_t i = 0; i < n; i++)
		if (to[i].policy > p)
			p = to[i].policy;
	for (size_t i = 0; i < n; i++) {
		sealable = sealable && reads_sealed(&to[i], p);
		each_may = each_may && (reads_sealed(&to[i], p)
		                        || allowed(&to[i]));
		bound = bound || to[i].sealed_before;
		changed = changed || to[i].state == KEY_CHANGED;
	}
	bound = bound || changed;
	switch (p) {
	case POLICY_ALWAYS: return as_always(w, sealable);
	case POLICY_NEVER: return as_never(w, sealable);
	case POLICY_WHEN_POSSIBLE:
		if (!w->answers_sealed && !changed)
			return as_when_possible(w, sealable);
		break;
	default: break;
	}
	return as_ask(w, sealable, bound, each_may);
}

/* ---- all there is ---- */

static struct recipient nth_to(unsigned i)
{
	struct recipient r = { .addr = "bob@example.org",
	                       .expires = 1785542400 };

	r.policy = (enum policy)(POLICY_NEVER + i % 4);
	r.state = (enum key_state)(i / 4 % 6);
	r.valid = i / 24 % 2;
	r.sealed_before = i / 48 % 2;
	r.clear_allowed = i / 96 % 2;
	return r;
}

static struct wishes nth_wishes(unsigned i)
{
	return (struct wishes){ .encrypt = (enum wish)(i % 3),
	                        .code_right = i / 3 % 2,
	                        .answers_sealed = i / 6 % 2, .code = 42 };
}

static bool any_expired(const struct recipient *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (to[i].state == KEY_EXPIRED)
			return true;
	return false;
}

/* The words are there for a refusal, and offer the code where it would do. */
static void check_words(const struct recipient *to, size_t n,
                        const struct wishes *w, const char *words)
{
	struct wishes with = *w;
	bool offers = strstr(words, ", or put [clear 0042] before the subject "
	                     "to send it readable by anyone on the way");
	bool helps;

	assert_memory_equal(words, NO_SEND, strlen(NO_SEND));
	assert_int_not_equal(words[strlen(words) - 1], '.');
	assert_int_equal(offers, strstr(words, "clear") != NULL);
	with.code_right = true;
	helps = rules(to, n, &with) == SEND_CLEAR;
	if (!any_expired(to, n))
		assert_int_equal(offers, helps);
	else if (offers)
		assert_true(helps);
}

static void check(const struct recipient *to, size_t n,
                  const struct wishes *w)
{
	char words[POLICY_WORDS_MAX] = "old";
	enum decision want = rules(to, n, w), got;

	got = policy_decide(to, n, w, words);
	if (got != want)
		fail_msg("policy %d state %d valid %d before %d allowed %d "
		         "(of %zu), wish %d code %d answers %d: %d, not %d",
		         to[0].policy, to[0].state, to[0].valid,
		         to[0].sealed_before, to[0].clear_allowed, n,
		         w->encrypt, w->code_right, w->answers_sealed, got,
		         want);
	if (got == SEND_REFUSED)
		check_words(to, n, w, words);
	else
		assert_string_equal(words, "");
}

static void test_one(void **state)
{
	(void)state;
	for (unsigned k = 0; k < ALL_WISHES; k++)
		for (unsigned i = 0; i < ALL_TO; i++) {
			struct recipient to = nth_to(i);
			struct wishes w = nth_wishes(k);

			check(&to, 1, &w);
			to.bcc = true;		/* makes no difference */
			check(&to, 1, &w);
		}
}

static void test_two(void **state)
{
	(void)state;
	for (unsigned k = 0; k < ALL_WISHES; k++)
		for (unsigned i = 0; i < ALL_TO; i++)
			for (unsigned j = 0; j < ALL_TO; j++) {
				struct recipient to[2] = { nth_to(i),
				                           nth_to(j) };
				struct wishes w = nth_wishes(k);

				check(to, 2, &w);
			}
}

/* One of many is enough, wherever it stands. */
static void test_many(void **state)
{
	struct recipient to[POLICY_RECIPIENTS_MAX], was;
	struct wishes w = { .code = 42 };

	(void)state;
	for (size_t i = 0; i < POLICY_RECIPIENTS_MAX; i++)
		to[i] = (struct recipient){ .addr = "bob@example.org",
		                            .policy = POLICY_ASK };
	check(to, POLICY_RECIPIENTS_MAX, &w);
	for (size_t i = 0; i < POLICY_RECIPIENTS_MAX; i += 33)
		for (unsigned k = 0; k < ALL_TO; k++) {
			was = to[i];
			to[i] = nth_to(k);
			check(to, POLICY_RECIPIENTS_MAX, &w);
			to[i] = was;
		}
}

/* What is promised, said once more without the rules above. */
static void test_promises(void **state)
{
	char words[POLICY_WORDS_MAX];
	enum decision d;

	(void)state;
	for (unsigned k = 0; k < ALL_WISHES; k++)
		for (unsigned i = 0; i < ALL_TO; i++) {
			struct recipient to = nth_to(i);
			struct wishes w = nth_wishes(k);

			d = policy_decide(&to, 1, &w, words);
			if (d == SEND_SEALED)
				assert_int_equal(to.state, KEY_USABLE);
			if (d != SEND_CLEAR)
				continue;
			assert_int_not_equal(w.encrypt, WISH_YES);
			assert_int_not_equal(to.policy, POLICY_ALWAYS);
			if (to.policy == POLICY_ASK)
				assert_false(to.sealed_before);
			if (w.answers_sealed)
				assert_int_equal(to.policy, POLICY_NEVER);
		}
}

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

/* Keys are looked for where they would change what becomes of the letter. */
static void test_lacks_keys(void **state)
{
	char words[POLICY_WORDS_MAX];
	unsigned lacking = 0;

	(void)state;
	for (unsigned i = 0; i < ALL_TO; i++)
		for (unsigned j = 0; j < ALL_WISHES; j++) {
			struct recipient to = nth_to(i), with = to;
			struct wishes w = nth_wishes(j);
			bool lacks;

			with.state = KEY_USABLE;
			with.valid = true;
			lacks = rules(&to, 1, &w) != SEND_SEALED
			        && rules(&with, 1, &w) == SEND_SEALED;
			assert_int_equal(policy_lacks_keys(&to, 1, &w), lacks);
			lacking += lacks;
			if (w.encrypt == WISH_NO)
				assert_false(lacks);
			if (policy_decide(&to, 1, &w, words) == SEND_SEALED)
				assert_false(lacks);
		}
	assert_true(lacking > 100);
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

/* ---- is the key needed? ---- */

static void test_could_sign(void **state)
{
	static struct conf c;
	struct account *a = &c.account[0];
	struct contact contact[3];
	bool could;

	(void)state;
	c.contact = contact;
	for (int sign = SIGN_SEALED; sign <= SIGN_NEVER; sign++)
	for (int own = POLICY_NEVER; own <= POLICY_ALWAYS; own++)
		for (int p = POLICY_NEVER; p <= POLICY_ALWAYS; p++)
			for (size_t n = 0; n <= 3; n++) {
				for (size_t i = 0; i < n; i++)
					contact[i].encrypt = POLICY_NEVER;
				if (n)
					contact[n - 1].encrypt = (enum policy)p;
				c.n_contacts = n;
				a->encrypt = (enum policy)own;
				a->sign = (enum sign)sign;
				could = own != POLICY_NEVER
				        || (n && p != POLICY_NEVER);
				assert_int_equal(policy_could_sign(&c, a),
				                 sign == SIGN_ALWAYS
				                 || (sign == SIGN_SEALED
				                     && could));
			}
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
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_looked),
		cmocka_unit_test(test_lacks_keys),
		cmocka_unit_test(test_words_expired),
		cmocka_unit_test(test_words_changed),
		cmocka_unit_test(test_words_long),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_looked),
		cmocka_unit_test(test_told_as_decided),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_could_sign),
		cmocka_unit_test(test_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
