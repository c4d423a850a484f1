/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's programs: started as one of its people, waited for, ended. */
#ifndef AGENT_DEMO_RUN_H
#define AGENT_DEMO_RUN_H

#include <signal.h>
#include <sys/types.h>

#include "crypto/err.h"
#include "crypto/sink.h"

/* Set by a signal: what waits gives up then (GPG_ERR_CANCELED). */
extern volatile sig_atomic_t demo_stopped;

/* Start a program (looked for in PATH) as the person whose folder is home: in
 * and out are descriptors or -1 (nothing), stderr goes to the end of the file
 * log.  It ends when we do, and gets no signal of the terminal.  Its pid, or
 * -1. */
pid_t demo_spawn(const char *home, const char *log, const char *const *argv,
                 int in, int out, struct err *e);
/* Wait for it: 0 when its status was 0; else e says what failed. */
int demo_wait(pid_t pid, const char *what, struct err *e);
/* SIGTERM, and SIGKILL to its process group after a while. */
void demo_end(pid_t pid);
void demo_sleep(long ms);

/* All of the file fd, with a NUL behind it, to out. */
int demo_slurp(int fd, struct membuf *out, struct err *e);
/* A file without a name that holds n octets, to be read from its start. */
int demo_memfd(const char *text, size_t n, struct err *e);

#endif
