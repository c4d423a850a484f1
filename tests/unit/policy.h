/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of what is sealed, written down a second time, and all there is to
 * decide, for units. */
#ifndef TESTS_POLICY_H
#define TESTS_POLICY_H

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

static inline bool reads_sealed(const struct recipient *r, enum policy p)
{
	return r->state == KEY_USABLE && (p != POLICY_ALWAYS || r->valid);
}

static inline bool allowed(const struct recipient *r)
{
	return r->clear_allowed && r->state == KEY_NONE && !r->sealed_before;
}

static inline enum decision as_never(const struct wishes *w, bool sealable)
{
	if (w->encrypt != WISH_YES)
		return SEND_CLEAR;
	return sealable ? SEND_SEALED : SEND_REFUSED;
}

static inline enum decision as_when_possible(const struct wishes *w, bool sealable)
{
	if (w->encrypt == WISH_YES)
		return sealable ? SEND_SEALED : SEND_REFUSED;
	if (w->encrypt == WISH_NO || w->code_right)
		return SEND_CLEAR;
	return sealable ? SEND_SEALED : SEND_CLEAR;
}

/* bound: to a contact ever sealed to, or about a letter that came sealed. */
static inline enum decision as_ask(const struct wishes *w, bool sealable, bool bound,
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

static inline enum decision as_always(const struct wishes *w, bool sealable)
{
	return sealable && w->encrypt != WISH_NO ? SEND_SEALED : SEND_REFUSED;
}

static inline enum decision rules(const struct recipient *to, size_t n,
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

static inline struct recipient nth_to(unsigned i)
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

static inline struct wishes nth_wishes(unsigned i)
{
	return (struct wishes){ .encrypt = (enum wish)(i % 3),
	                        .code_right = i / 3 % 2,
	                        .answers_sealed = i / 6 % 2, .code = 42 };
}

#endif
