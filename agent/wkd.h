/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys looked for by WKD, for letters that are to be sent: a few look-ups at once,
 * each by dirmngr, while the keeper goes on answering; and what came of them. */
#ifndef AGENT_WKD_H
#define AGENT_WKD_H

#include <poll.h>

#include "agent/conf.h"
#include "agent/frames.h"

enum {
	WKD_KNOWN_MAX = 100,	/* addresses, also those that wait */
	WKD_RUNS_MAX = 4,	/* look-ups at once */
	WKD_POLL_MAX = WKD_RUNS_MAX + 1,
	WKD_START_MS = 3000,	/* for gpgconf, which knows and starts dirmngr */
	WKD_RUN_MS = 20000,	/* for one look-up, though a letter waits less */
	WKD_NO_NAME_MS = 4000,	/* who is told so only then, was told by nobody */
	WKD_QUEUE_MS = 30000,	/* for one that others are before */
	WKD_FOUND_MS = 24 * 3600 * 1000,
	WKD_NONE_MS = 3600 * 1000,
	WKD_FAILED_MS = 120 * 1000,
	WKD_AGAIN_MS = 2000	/* until the same may be asked anew */
};

struct wkd;

/* conf must outlive it.  Nothing is started before somebody wants something, and
 * with "discover = none" never.  SIGCHLD must not be ignored.  NULL: no memory. */
struct wkd *wkd_new(const struct conf *conf);
void wkd_free(struct wkd *w);

/* A key for this address is wanted: what is known, or LOOKED_NOT, a look-up runs
 * now.  An address that no domain could have a key for is LOOKED_NONE.  ms: a clock
 * that only grows, in milliseconds, as everywhere here. */
enum looked wkd_want(struct wkd *w, const char *addr, int64_t ms);
/* Forget that there was none, unless that is news of the last WKD_AGAIN_MS. */
void wkd_again(struct wkd *w, const char *addr, int64_t ms);
/* What has come of it; LOOKED_FAILED also where nobody has asked. */
enum looked wkd_known(const struct wkd *w, const char *addr);
/* What was found: one public key by its packets, of which nothing was checked, and
 * when (unix time).  NULL: nothing was. */
const void *wkd_key(const struct wkd *w, const char *addr, size_t *n,
                    int64_t *when);
/* gpg says that it is of no use: as if none had been found. */
void wkd_unfit(struct wkd *w, const char *addr, int64_t ms);
/* The next address for which one has ended since this was last asked, or NULL. */
const char *wkd_ended(struct wkd *w);

/* At most WKD_POLL_MAX to wait for; ms until something is due, or -1. */
unsigned wkd_poll(const struct wkd *w, struct pollfd *p);
int wkd_due(const struct wkd *w, int64_t ms);
/* Go on with all that can go on. */
void wkd_work(struct wkd *w, int64_t ms);

#endif
