/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines to stderr: "letterlockd[PID] role: text", or to syslog(3).  Never a
 * secret, an address (but as log_addr() tells it), a subject or anything of a
 * letter. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <stdbool.h>

extern const char *log_role;	/* "guard", "front" ... */
extern int log_level;		/* 0 errors, 1 notices (default), 2 debug */
extern bool log_addresses;	/* as they are: for the user's own eyes */

extern bool log_syslog;		/* --syslog */

/* To be called when log_syslog is known and before a box is entered, where no
 * socket to syslog can be opened any more.  It also finds out whether stderr leads
 * to systemd's journal, which is then told the levels ("<3>role: text"). */
void log_open(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An address as it may stand in a line: "<a1b2c3>", the same all through one run
 * of the agent, whatever its case, and another in the next.  It lives until the
 * next call. */
const char *log_addr(const char *addr);
/* What these are made with, passed on in the environment: the starter of roles
 * gives it (0, or -1 with errno), a role takes it away from there. */
int log_key_give(void);
void log_key_take(void);

#endif
