/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/policy.c: the whole table of what is sealed, readable and
 * refused. */
#include "tests/unit/policy.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_lacks_keys),
		cmocka_unit_test(test_could_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
