/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policy: one decision for a whole letter, and the words of a refusal. */
#include "agent/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NO_SEND "Letterlock did not send this: "

/* So many octets of names that the advice behind them has room. */
enum { NAMES_MAX = POLICY_WORDS_MAX - 220 };

/* Allowed once by an explicit act, and nothing has changed since. */
static bool may_read_clear(const struct recipient *r)
{
	return r->clear_allowed && r->state == KEY_NONE && !r->sealed_before;
}

bool policy_can_read(const struct recipient *r, enum policy strictest)
{
	if (r->state != KEY_USABLE)
		return false;
	return strictest != POLICY_ALWAYS || r->valid;
}

/* ---- words ---- */

static void add(char *words, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(char *words, const char *fmt, ...)
{
	size_t len = strlen(words);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words + len, POLICY_WORDS_MAX - len, fmt, ap);
	va_end(ap);
}

/* "a", "a and b", "a, b and c", "a, b and 9 more": those picked. */
static size_t add_names(char *words, const struct recipient *to, size_t n,
                        const bool *pick)
{
	size_t total = 0, done = 0;

	for (size_t i = 0; i < n; i++)
		total += pick[i];
	for (size_t i = 0; i < n; i++)
		if (pick[i]) {
			if (done && strlen(words) + strlen(to[i].addr)
			            > NAMES_MAX) {
				add(words, " and %zu more", total - done);
				break;
			}
			done++;
			add(words, "%s%s", done == 1 ? ""
			    : done == total ? " and " : ", ", to[i].addr);
		}
	return total;
}

bool policy_day(int64_t t, char day[POLICY_DAY_MAX])
{
	time_t then = (time_t)t;
	char text[POLICY_DAY_MAX];
	struct tm tm;

	if (!gmtime_r(&then, &tm)
	    || !strftime(text, sizeof text, "%e %B %Y", &tm))
		return false;
	snprintf(day, POLICY_DAY_MAX, "%s", text + (text[0] == ' '));
	return true;
}

/* One that names a date of its own. */
static bool refuse_expired(const struct recipient *to, size_t n,
                           enum policy strictest, char *words)
{
	char day[POLICY_DAY_MAX];

	for (size_t i = 0; i < n; i++) {
		if (policy_can_read(&to[i], strictest))
			continue;
		if (to[i].state != KEY_EXPIRED)
			return false;	/* no key at all says more */
	}
	for (size_t i = 0; i < n; i++) {
		if (to[i].state != KEY_EXPIRED)
			continue;
		if (!policy_day(to[i].expires, day))
			return false;
		add(words, "Letterlock did not send this: the key of %s ended "
		    "on %s and %s. Ask its owner to renew "
		    "it and write to you once, then press Send again", to[i].addr,
		    day, to[i].looked == LOOKED_FAILED
		    ? "a newer one could not be looked for now"
		    : "no newer one was found");
		return true;
	}
	return false;
}

/* It comes first: who is behind a new key has to be known before all else. */
static bool refuse_changed(const struct recipient *to, size_t n, char *words)
{
	bool pick[POLICY_RECIPIENTS_MAX] = { false }, any = false;
	const char *one = NULL;

	for (size_t i = 0; i < n; i++) {
		pick[i] = to[i].state == KEY_CHANGED;
		any = any || pick[i];
		if (pick[i])
			one = to[i].addr;
	}
	if (!any)
		return false;
	add(words, "%s", NO_SEND);
	if (add_names(words, to, n, pick) == 1)
		add(words, " has a new key, which means a new computer or "
		    "somebody posing as its owner. Ask by phone, then accept it "
		    "with the Letterlock button or: letterlock keys accept %s",
		    one);
	else
		add(words, " have new keys, which means new computers or "
		    "somebody posing as their owners. Ask each by phone, then "
		    "accept them with the Letterlock button or: letterlock "
		    "keys accept ADDRESS");
	return true;
}

/* What came of looking for the keys of these.  Where one could not be looked for,
 * that is what to try again. */
static const char *looked(const struct recipient *to, size_t n, const bool *pick)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		if (pick[i] && to[i].looked == LOOKED_FAILED)
			return ": a key could not be looked for now. Try again "
			       "later, or remove or invite";
		all = all && (!pick[i] || to[i].looked == LOOKED_NONE);
	}
	return all ? ": no key was found. Remove or invite"
	       : ". Remove or invite";
}

static void refuse(const struct recipient *to, size_t n, enum policy strictest,
                   bool may_clear, unsigned code, char *words)
{
	bool pick[POLICY_RECIPIENTS_MAX] = { false }, unjudged = false;
	size_t many;

	if (refuse_changed(to, n, words)
	    || refuse_expired(to, n, strictest, words))
		return;
	for (size_t i = 0; i < n; i++) {
		pick[i] = !policy_can_read(&to[i], strictest);
		if (pick[i] && (to[i].state == KEY_USABLE
		                || to[i].state == KEY_AMBIGUOUS))
			unjudged = true;
	}
	add(words, "%s", NO_SEND);
	many = add_names(words, to, n, pick);
	if (unjudged)
		add(words, many == 1
		    ? " has a key that nobody has checked yet. Compare it by "
		      "phone and accept it (letterlock keys accept), then "
		      "press Send again"
		    : " have no key that was checked yet. Compare theirs by "
		      "phone and accept them (letterlock keys accept), then "
		      "press Send again");
	else
		add(words, " cannot read sealed letters yet%s %s",
		    looked(to, n, pick), many == 1 ? "that address"
		    : "those addresses");
	if (may_clear)
		add(words, ", or put [clear %04u] before the subject to send "
		    "it readable by anyone on the way", code);
}

void policy_refuse_own(enum key_state own, const char *from,
                       char words[POLICY_WORDS_MAX])
{
	words[0] = '\0';
	if (own == KEY_EXPIRED)
		add(words, "Letterlock did not send this: your own key has "
		    "ended. Renew it, then press Send again");
	else
		add(words, "Letterlock did not send this: there is no usable "
		    "key of your own for %s on this computer", from);
}

/* ---- the decision ---- */

enum policy policy_strictest(const struct recipient *to, size_t n)
{
	enum policy strictest = POLICY_NEVER;

	for (size_t i = 0; i < n; i++)
		if (to[i].policy > strictest)
			strictest = to[i].policy;
	return strictest;
}

enum decision policy_decide(const struct recipient *to, size_t n,
                            const struct wishes *w,
                            char words[POLICY_WORDS_MAX])
{
	enum policy strictest = policy_strictest(to, n);
	bool all_can = n > 0, all_may = n > 0, ratchet = false;
	bool bound = w->answers_sealed;
	bool wish_clear, may_clear;

	words[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		bool can = policy_can_read(&to[i], strictest);

		ratchet = ratchet || to[i].sealed_before;
		bound = bound || to[i].state == KEY_CHANGED;
		all_can = all_can && can;
		all_may = all_may && (can || may_read_clear(&to[i]));
	}
	/* what came sealed is not quoted in the clear, and who makes a key known
	 * can't make a letter readable by that */
	if (bound && strictest == POLICY_WHEN_POSSIBLE)
		strictest = POLICY_ASK;
	ratchet = ratchet || bound;
	may_clear = strictest != POLICY_ALWAYS
	            && (strictest < POLICY_ASK || !ratchet);
	wish_clear = w->encrypt == WISH_NO
	             || (w->code_right && w->encrypt != WISH_YES);

	if (wish_clear && may_clear)
		return SEND_CLEAR;
	if (wish_clear && w->encrypt == WISH_NO && all_can) {
		add(words, "Letterlock did not send this: letters to these "
		    "people have been sealed so far and stay sealed. Switch "
		    "sealing on again, then press Send");
		return SEND_REFUSED;
	}
	if (all_can && (strictest > POLICY_NEVER || w->encrypt == WISH_YES))
		return SEND_SEALED;
	if ((strictest < POLICY_ASK || (may_clear && all_may))
	    && w->encrypt != WISH_YES)
		return SEND_CLEAR;
	refuse(to, n, strictest, may_clear && w->encrypt != WISH_YES, w->code,
	       words);
	return SEND_REFUSED;
}

bool policy_lacks_keys(const struct recipient *to, size_t n,
                       const struct wishes *w)
{
	static struct recipient with[POLICY_RECIPIENTS_MAX];
	char words[POLICY_WORDS_MAX];

	if (policy_decide(to, n, w, words) == SEND_SEALED)
		return false;
	memcpy(with, to, n * sizeof *to);
	for (size_t i = 0; i < n; i++) {
		with[i].state = KEY_USABLE;
		with[i].valid = true;
	}
	return policy_decide(with, n, w, words) == SEND_SEALED;
}

bool policy_signs(const struct account *a, enum wish wish, bool sealed)
{
	if (wish != WISH_NONE)
		return wish == WISH_YES;
	return a->sign == SIGN_ALWAYS || (sealed && a->sign == SIGN_SEALED);
}

bool policy_could_sign(const struct conf *c, const struct account *a)
{
	if (a->sign != SIGN_SEALED)
		return a->sign == SIGN_ALWAYS;
	if (a->encrypt != POLICY_NEVER)
		return true;
	for (size_t i = 0; i < c->n_contacts; i++)
		if (c->contact[i].encrypt != POLICY_NEVER)
			return true;
	return false;
}
