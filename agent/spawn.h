/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting a role: this program again, with an address layout of its own, a
 * leash to the guard and the configuration's text. */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <sys/types.h>

#include "agent/chan.h"

enum role {
	ROLE_KEEPER, ROLE_FRONT, ROLE_MIME, ROLE_CRYPT, ROLE_UPSTREAM,
	ROLE_PLUGIN,		/* started when it is wanted: no spares of it */
	ROLES
};

enum { LEASH_FD = 3, CONF_FD = 4 };	/* in the role */

extern const char *const role_name[ROLES];

struct child {
	pid_t pid;		/* also its process group; 0 = none */
	struct chan leash;
};

/* 0, or -1 with e filled and child untouched.  What is sent and received over
 * our end of the leash fails after 100 ms. */
int spawn_role(struct child *child, enum role role, int conf_fd, struct err *e);
/* In the role: take the leash and the configuration, keep nothing else open but
 * 0 to 2, die with the guard. */
struct conf;
int spawn_arrive(enum role role, struct chan *leash, struct conf *conf,
                 struct err *e);
/* A socketpair, close-on-exec. */
int spawn_pair(int pair[2], struct err *e);
/* The same for an asker of the keeper: what [0] waits for it fails after 10 s. */
int spawn_asker(int pair[2], struct err *e);
/* An unlinked file for a spool in the state folder, or -1: then a spool stays in
 * memory.  The first failure is logged. */
int spawn_spool_fd(const char *dir);
/* The sealed memfd that holds the configuration's text, or -1. */
int spawn_conf_fd(const char *text, size_t len, struct err *e);

#endif
