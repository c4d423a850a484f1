/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has happened, from those who tell it to those who watch. */
#ifndef AGENT_KEEPER_EVENT_H
#define AGENT_KEEPER_EVENT_H

#include "agent/keeper_answer.h"
#include "agent/spawn.h"

/* Who asks or tells, as the guard said, and as the keeper has seen since. */
struct teller {
	enum role role;
	uint32_t generation;	/* of the configuration its session has */
	uint32_t session;	/* a number of its own; 0 = of a command */
	enum session_kind kind;
	int account;		/* a front's, once it has tried to log in, by its
				 * number in the configuration of now; -1 = none */
	bool proven;		/* its provider has let it in */
	bool watches;
};

/* After a K_LOGIN: a session is of the first account that did not turn it away. */
void event_login(const struct kept *k, struct teller *t, const struct frame *f);
/* The accounts have other numbers from now on: see logins_move(). */
void event_move(struct kept *k, const int *from, unsigned n);
int event_account(int account, const int *from, unsigned n);

/* A frame that tells of something: 0, or -1: nonsense.  head: the front or plugin of
 * its session, or NULL.  What it says of itself counts only as far as frames.h has
 * it: the account is the session's, a verdict has to have our MAC, and texts are
 * UTF-8 without controls. */
int event_tell(struct kept *k, const struct teller *t,
               const struct teller *head, const struct frame *f);
bool event_told_by(unsigned type);	/* is it such a frame? */

/* The beginning of an event. */
void event_begin(const struct kept *k, struct pack *p, enum event what,
                 int account);
/* An account's provider can't be reached, or does not take the password of its
 * command, as the logins have it now. */
void event_error(struct kept *k, uint32_t account, uint32_t kind);
/* What is known of these (at most EVENT_ADDRS_MAX of them) has changed: a plug-in
 * that shows it asks again. */
void event_changed(struct kept *k, const char *const *addr, size_t n);

#endif
