/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper answers to each K_ frame, and what it answers from. */
#ifndef AGENT_KEEPER_ANSWER_H
#define AGENT_KEEPER_ANSWER_H

#include "agent/chan.h"
#include "agent/conf.h"
#include "agent/contacts.h"
#include "agent/keeper_login.h"
#include "agent/keeper_secret.h"
#include "agent/keeper_watch.h"
#include "agent/memory.h"
#include "agent/spawn.h"

enum { RENEWAL_WHY = 200 };	/* octets of words, with the NUL */

/* Opened and ended by the loop (keeper.c). */
struct kept {
	const struct conf *conf;
	uint32_t generation;	/* of that */
	char *dir;		/* the state folder */
	struct memory *memory;
	struct contacts *contacts;
	struct secrets *secrets;
	struct logins *logins;
	struct watchers *watchers;
	struct wkd *wkd;
	/* by account, and one for who knows: 0, or 1 + enum key_is, as last told */
	unsigned char key_is[CONF_ACCOUNTS_MAX + 1];
	struct key_end {
		int64_t at;	/* unix time; 0 = never, or not known */
		unsigned told;	/* days before it that were told last; 0 = none */
	} key_end[CONF_ACCOUNTS_MAX];
	struct renewal {
		int64_t at, until;	/* unix time; at 0: none */
		char why[RENEWAL_WHY];	/* it could not be, or "" */
	} renewal[CONF_ACCOUNTS_MAX];
	int64_t ends_look;	/* when contacts are looked at next; unix time */
};

enum { KEEPER_LATER = 2 };	/* what is asked is not known yet */

/* Milliseconds of the clock that secrets and logins are asked by. */
int64_t keeper_now(void);

/* May this role of such a session ask this?  A verdict's MAC is for crypt alone, and
 * who fetches has no recipients. */
bool keeper_may(enum role role, enum session_kind kind, unsigned type);
/* One request of an asker whose session has the configuration of this
 * generation: 1 to be answered with p, 0 without answer, -1 nonsense, or
 * KEEPER_LATER: by secrets_tell(), once the command of *account has ended. */
int keeper_answer(struct kept *k, const struct frame *f, struct pack *p,
                  uint32_t generation, uint32_t *account);

#endif
