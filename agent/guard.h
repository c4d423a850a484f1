/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: listens, starts the roles, reaps them. */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include <sys/stat.h>

#include "agent/conf.h"

/* Run until SIGTERM or SIGINT; text is the configuration's own, which SIGHUP has
 * read again from its path.  Returns an exit status of sysexits.h. */
int guard_run(const struct conf *conf, const char *text, size_t len);

/* The listening sockets: bound, or taken from LISTEN_FDS (sd_listen_fds(3): by
 * name "submission", "pop3" or "plugin", else by port 587, 1587, 110 or 1110; the
 * name "tls" says that these speak TLS from the start). */
struct listener {
	int fd;
	int kind;		/* enum session_kind */
	enum local_tls tls;
	bool remote;		/* not on loopback */
	bool inherited;
	struct listen want;	/* as the configuration says it */
	char name[112];		/* "127.0.0.1:587", or the plug-in socket's path */
	struct stat st;		/* of that path, as it was bound */
};
enum { LISTENERS_MAX = 2 * CONF_LISTEN_MAX + 1 };
int listen_all(const struct conf *conf, struct listener *l, unsigned *n,
               struct err *e);
/* Listen as another configuration says: what is wanted in both stays open, what is
 * new is bound first, and what systemd passed stays.  -1: all is as it was. */
int listen_again(const struct conf *conf, struct listener *l, unsigned *n,
                 struct err *e);
/* Close them; a plug-in socket of our own is removed. */
void listen_end(struct listener *l, unsigned n);

#endif
