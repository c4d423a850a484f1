/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpg-agent, which has to run before a session's gpg wants it: what gpg starts
 * from a session's box would stay in that box for the user's whole log-in. */
#ifndef AGENT_KEEPER_AGENT_H
#define AGENT_KEEPER_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/conf.h"

struct gpg_agent;

/* Find out where it listens and launch it if need be.  SIGCHLD must not be ignored.
 * NULL: no memory.  To be freed by free(). */
struct gpg_agent *gpg_agent_new(const struct conf *conf);
/* Launch it if it is gone; wait: until it is there, 3 seconds a launch at most.
 * Without wait it looks once a second only.  g may be NULL. */
void gpg_agent_look(struct gpg_agent *g, bool wait);

/* Start gpgconf for a home (NULL: GnuPG's own); out: where it writes, -1: nowhere.
 * 0: it can't be started, which the log says. */
pid_t gpgconf_start(const char *home, const char *verb, const char *what,
                    int out);

#endif
