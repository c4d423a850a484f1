/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: listens, starts the roles, reaps them. */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include "agent/conf.h"

/* Run until SIGTERM or SIGINT; text is the configuration's own.  Returns an
 * exit status of sysexits.h. */
int guard_run(const struct conf *conf, const char *text, size_t len);

/* The listening sockets: bound, or taken from LISTEN_FDS (sd_listen_fds(3):
 * by name "submission" or "pop3", else by port 587 or 110). */
struct listener {
	int fd;
	int kind;		/* enum session_kind */
	enum local_tls tls;
	bool remote;		/* not on loopback */
};
enum { LISTENERS_MAX = 2 * CONF_LISTEN_MAX };
int listen_all(const struct conf *conf, struct listener *l, unsigned *n,
               struct err *e);

#endif
