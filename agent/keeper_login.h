/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper knows of logins, in memory only: who has been trying wrong
 * passwords, and what last came of each account. */
#ifndef AGENT_KEEPER_LOGIN_H
#define AGENT_KEEPER_LOGIN_H

#include "agent/chan.h"
#include "agent/conf.h"
#include "agent/frames.h"

enum {
	LOGINS_FREE = 5,		/* wrong ones in a row without a delay */
	LOGINS_WAIT_MS = 1000,		/* then, doubled by each further one */
	LOGINS_WAIT_MAX_MS = 60000,
	LOGINS_FORGET_MS = 900000,	/* after the last wrong one */
	LOGINS_UNPROVEN_MS = 900000,	/* after a provider gave no proof */
	LOGINS_PEERS_MAX = 256,		/* clients; the quietest goes first */
	LOGINS_WORDS_MAX = 200		/* octets of words that are kept */
};

struct logins;

struct logins *logins_new(void);	/* NULL: no memory.  To be freed by free(). */

/* How long the next login of a client has to wait, in ms; ms is a clock that only
 * grows. */
uint32_t logins_wait(struct logins *l, const char *peer, int64_t ms);

/* One login: see K_LOGIN.  DONE_DENIED and DONE_REFUSED are wrong passwords,
 * DONE_OK a right one.  now is unix time. */
struct logged {
	char peer[PEER_MAX];
	uint32_t account, kind;
	enum outcome outcome;
	unsigned code;
	char words[500];
	bool outage;		/* the account can't be used for now */
};
/* True where an outage begins: the last login went well, or there was none. */
bool logins_note(struct logins *l, const struct logged *in, int64_t ms,
                 int64_t now);
/* Why its last login failed. */
void logins_words(const struct logins *l, uint32_t account, uint32_t kind,
                  char words[LOGINS_WORDS_MAX]);

/* Did this account's provider give no proof lately, and has nobody logged in since?
 * False also where there is no such account. */
bool logins_unproven(const struct logins *l, uint32_t account, uint32_t kind,
                     int64_t ms);

/* The accounts have other numbers from now on: account i is the one that was
 * from[i], or (-1) a new one. */
void logins_move(struct logins *l, const int *from, unsigned n);

/* The answer to K_STATUS. */
void logins_status(const struct logins *l, uint32_t account, struct pack *p);

#endif
