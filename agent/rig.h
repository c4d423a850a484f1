/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's own roles around one letter from a pipe, without guard, front or
 * upstream: what the commands seal and open are made of. */
#ifndef AGENT_RIG_H
#define AGENT_RIG_H

#include "agent/roles.h"
#include "agent/spawn.h"

struct rig {
	struct conf conf;
	int conf_fd;
	struct child keeper, mime, crypt;
	/* our ends, as front has them */
	struct chan to_mime, to_crypt, to_keeper;
	struct chan pipe;	/* SMTP: sealed letter to read; POP3: to write */
};

/* Read the configuration (path NULL: the default one, which may be absent) and
 * have an account for address (NULL: none wanted), then start the roles. */
int rig_start(struct rig *r, const char *path, const char *address,
              enum session_kind kind, struct err *e);
void rig_stop(struct rig *r);

#endif
