/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking one provider's server from the command line, by an upstream of its own in
 * its box: does it answer, is it the right one, does it take this password? */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "agent/conf.h"
#include "agent/frames.h"
#include "agent/spawn.h"

struct probe {
	struct child role;
	struct chan up;
	int pipe;		/* letters would go here; -1: none */
	bool greeted;		/* it wants a QUIT */
};

/* Start one for the configuration in this descriptor (spawn_conf_fd()), which stays
 * the caller's.  SIGPIPE must be ignored.  Several may be under way at once. */
int probe_start(struct probe *p, int conf_fd, enum session_kind kind,
                struct err *e);
/* Have it connect to this account's server and log in; with LOGIN_NONE it comes as
 * far as that only, and nobody is named. */
int probe_login(struct probe *p, uint32_t account, enum login_with with,
                const char *user, const char *secret, struct err *e);
/* What came of it, within ms (-1: as long as the configuration allows).  e has words
 * for all but DONE_OK; why: see U_DONE, of DONE_UNREACHABLE. */
enum outcome probe_answer(struct probe *p, int ms, enum unreachable *why,
                          struct err *e);
/* Say goodbye and end it.  Also of one that was never started, if zeroed. */
void probe_end(struct probe *p);

#endif
