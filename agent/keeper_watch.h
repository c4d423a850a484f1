/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Those who are told of events: frames go to each without waiting, and who is too
 * slow for one is told how many it has missed. */
#ifndef AGENT_KEEPER_WATCH_H
#define AGENT_KEEPER_WATCH_H

#include <poll.h>

#include "agent/chan.h"

enum {
	WATCHERS_MAX = 32,	/* plug-ins' connections, some of them at their end */
	WATCH_QUEUE = 64 << 10	/* octets that wait for each; the kernel doubles it */
};

struct watchers;

struct watchers *watchers_new(void);	/* NULL: no memory */
void watchers_free(struct watchers *w);	/* w may be NULL */

/* One more: where it gets K_EVENT frames from, whole or not at all, for the caller
 * to hand on and close; -1: there are too many. */
int watchers_add(struct watchers *w);
bool watchers_any(const struct watchers *w);
/* One K_EVENT for all of them. */
void watchers_tell(struct watchers *w, const struct pack *event);

/* At most WATCHERS_MAX to wait for, and what is to do once that is over: who has
 * gone is forgotten, who has missed some hears of it. */
unsigned watchers_poll(const struct watchers *w, struct pollfd *p);
void watchers_work(struct watchers *w, const struct pollfd *p, unsigned n);

#endif
