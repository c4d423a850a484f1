/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boxes: what a role may still do once its set-up is done. */
#ifndef AGENT_BOX_H
#define AGENT_BOX_H

#include <stdbool.h>

enum box { BOX_FRONT, BOX_MIME, BOX_CRYPT, BOX_UPSTREAM };

/* Which walls stand. */
struct walls {
	bool no_new_privs, seccomp;
	int landlock;		/* the version of its ABI, 0: none */
};

/* What this kernel (and build: with sanitizers nothing) has; enters nothing. */
void box_probe(struct walls *w);
bool box_whole(const struct walls *w);
/* "no new privileges, seccomp, Landlock 7", or what there is of it, or "none".
 * It lives until the next call. */
const char *box_words(const struct walls *w);

/* Once at start: say what lacks, or (required) refuse to go on without it: -1,
 * said in the log. */
int box_check(bool required);

/* For all of the agent, as soon as it runs: no core, and nobody of the same user
 * looks into it. */
void box_hide(void);

/* What the box of crypt leaves open: GnuPG. */
struct box_gpg {
	const char *home;	/* read and write, as gpg does */
	const char *program;	/* the only one that may be run */
	const char *ring_program;	/* but this one, which runs that, or NULL; */
	const char *ring;	/* a folder to read and write, or NULL */
	const char *socket;	/* of gpg-agent: its folder, to read */
	int door;		/* made: a descriptor for keeper_door(), or -1 where
				 * the kernel or nobody tells sockets apart */
};

/* Enter it for good: 0, or -1 (said in the log).  gpg: for BOX_CRYPT, else NULL.
 * What the kernel has not got is left out in silence, unless it is required; a door
 * that could not be made is told of. */
int box_enter(enum box box, struct box_gpg *gpg, bool required);

#endif
