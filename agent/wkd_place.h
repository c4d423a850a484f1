/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where dirmngr listens, and its start, by gpgconf: without waiting for it. */
#ifndef AGENT_WKD_PLACE_H
#define AGENT_WKD_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

struct place {
	const char *home;	/* NULL: GnuPG's own */
	enum {
		PLACE_UNKNOWN, PLACE_ASKED, PLACE_KNOWN, PLACE_LAUNCHED,
		PLACE_FAILED	/* nobody knows, or it does not start */
	} is;
	struct sockaddr_un at;
	pid_t pid;		/* gpgconf; 0 = none */
	int out;		/* what it prints, -1 = nothing */
	size_t n;		/* octets of it in at.sun_path */
	int64_t until;		/* its deadline */
	int64_t launched;	/* the last time; 0 = never */
};

void place_init(struct place *p, const char *home);
void place_end(struct place *p);
/* It is wanted: begin to find out, unless that runs. */
void place_want(struct place *p, int64_t ms);
/* Nobody listens there: start dirmngr.  PLACE_FAILED, if it was started just now. */
void place_launch(struct place *p, int64_t ms);
/* See what gpgconf has done. */
void place_work(struct place *p, int64_t ms);
/* Is gpgconf at work? */
bool place_runs(const struct place *p);

#endif
