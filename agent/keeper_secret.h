/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The accounts' commands that print a password or token: run outside of any box,
 * each in a session and group of its own, while the keeper goes on answering. */
#ifndef AGENT_KEEPER_SECRET_H
#define AGENT_KEEPER_SECRET_H

#include <poll.h>

#include "agent/chan.h"
#include "agent/conf.h"

enum {
	SECRET_OCTETS = 8191,		/* of a password or token */
	SECRET_RUN_MS = 60000,		/* for a command: it may ask a person */
	SECRET_ASK_MS = SECRET_RUN_MS + 5000,	/* an asker's patience */
	/* What was printed is kept, in memory alone: a client that looks for mail
	 * each minute must not have a passphrase asked for each minute. */
	SECRET_KEEP_MS = 300000,
	/* A failure too: one Send asks at the login and again at the letter. */
	SECRET_FAIL_MS = 3000,
	SECRET_OUTPUT_MAX = 1 << 20	/* octets of all that it may print */
};

struct secrets;

/* conf must outlive it.  SIGCHLD must not be ignored.  NULL: no memory. */
struct secrets *secrets_new(const struct conf *conf);
/* Kill what runs and wipe what is known. */
void secrets_end(struct secrets *s);

/* The secret of an account with a command is wanted: true if there is one, or a
 * failure, to be told; false if the command runs now.  ms: a clock that only
 * grows, in milliseconds. */
bool secrets_want(struct secrets *s, uint32_t account, int64_t ms);
bool secrets_run(const struct secrets *s, uint32_t account);
/* The answer to K_SECRET: what came of it. */
void secrets_tell(const struct secrets *s, uint32_t account, struct pack *p);
/* The provider does not take it: it is asked for anew. */
void secrets_drop(struct secrets *s, uint32_t account);

/* At most CONF_ACCOUNTS_MAX to wait for; ms until something is due, or -1. */
unsigned secrets_poll(const struct secrets *s, struct pollfd *p);
int secrets_due(const struct secrets *s, int64_t ms);
/* Read, reap, kill what is late and forget what is old.  True: some command has
 * ended. */
bool secrets_work(struct secrets *s, int64_t ms);

#endif
