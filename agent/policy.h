/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policy: sealed to all, readable to all, or refused (DESIGN: always, ask,
 * when-possible, never; the strictest of account, contact and domain wins). */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include "agent/conf.h"
#include "agent/frames.h"
#include "crypto/engine.h"

struct recipient {
	const char *addr;
	bool bcc;		/* in no To or Cc */
	enum policy policy;	/* the strictest that speaks of it */
	enum key_state state;
	bool valid;		/* its key is valid to GnuPG, or accepted */
	bool verified;		/* ... or accepted after it was compared */
	int64_t expires;	/* of its key, for KEY_EXPIRED; unix time */
	char fpr[41];		/* of its key, or "" */
	enum key_from from;	/* where that is from */
	char used[41];		/* the key last sealed to, or "" */
	int64_t used_since;	/* when that was first sealed to; unix time */
	bool sealed_before;	/* ever sealed to */
	bool clear_allowed;	/* the user once allowed readable letters to it */
	enum looked looked;	/* for a key, which there was none of */
	bool looking;		/* it has not ended yet */
};

enum decision { SEND_SEALED, SEND_CLEAR, SEND_REFUSED };

struct wishes {
	enum wish encrypt;	/* X-Letterlock */
	bool code_right;	/* the refusal's code stood before the subject */
	unsigned code;		/* the one to offer */
	bool answers_sealed;	/* it answers or forwards a letter that came sealed */
};

enum { POLICY_WORDS_MAX = 900, POLICY_RECIPIENTS_MAX = CONF_RECIPIENTS_MAX };

/* Decide for a letter to these (at most POLICY_RECIPIENTS_MAX); words are filled for a refusal (without the
 * reply code). */
enum decision policy_decide(const struct recipient *to, size_t n,
                            const struct wishes *w,
                            char words[POLICY_WORDS_MAX]);
/* Is it keys alone that it lacks to go sealed? */
bool policy_lacks_keys(const struct recipient *to, size_t n,
                       const struct wishes *w);
/* The strictest policy of these, which is that of the letter, and whether one of
 * them can read it sealed. */
enum policy policy_strictest(const struct recipient *to, size_t n);
bool policy_can_read(const struct recipient *r, enum policy strictest);
/* The words of a refusal for want of our own key (not KEY_USABLE) for from. */
void policy_refuse_own(enum key_state own, const char *from,
                       char words[POLICY_WORDS_MAX]);
/* Is a letter that goes sealed, or clear, to be signed? */
bool policy_signs(const struct account *a, enum wish wish, bool sealed);
/* Could a letter of this account have to be signed, whoever it goes to and
 * whatever it wishes not (so that the key is needed)? */
bool policy_could_sign(const struct conf *c, const struct account *a);

/* policy_tell.c: one recipient, for programs ("sealed", "no-key" ...: PROTOCOL.md)
 * and in a plain sentence: why, and what can be done. */
const char *policy_state(const struct recipient *r, enum policy strictest);
void policy_tell(const struct recipient *r, enum policy strictest,
                 char words[POLICY_WORDS_MAX]);
/* How far its key, a usable one, is known: "verified", "seen" or "new". */
const char *policy_trust(const struct recipient *r);
struct contact_known;
struct peer_known;
/* And of any key of an address ("rejected", "changed", too), which GnuPG calls valid
 * or not, by what is remembered. */
const char *policy_key_trust(const struct contact_known *c,
                             const struct peer_known *peer, const char *fpr,
                             bool valid);
/* Where a key is from: "keyring", "autocrypt" ... */
const char *policy_from(enum key_from from);

enum { POLICY_DAY_MAX = 40 };
/* "1 August 2024": false where there is no such day. */
bool policy_day(int64_t t, char day[POLICY_DAY_MAX]);

#endif
