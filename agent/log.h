/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines to stderr: "letterlockd[PID] role: text".  Never a secret, an
 * address, a subject or anything of a letter. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

extern const char *log_role;	/* "guard", "front" ... */
extern int log_level;		/* 0 errors, 1 notices (default), 2 debug */

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
