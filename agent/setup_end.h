/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of letterlock setup: the agent runs, and a letter to oneself shows it. */
#ifndef AGENT_SETUP_END_H
#define AGENT_SETUP_END_H

#include "agent/probe.h"
#include "agent/setup.h"

/* ---- a session with a server, by an upstream of our own: setup_session.c ---- */

struct setup_session {
	struct probe probe;
	struct chan pipe;	/* letters: to it by SMTP, else from it */
};
/* Connect and log in: as setup_login().  To be closed in any case. */
enum outcome setup_session_open(struct setup_session *t,
                                const struct setup_login *l,
                                enum session_kind kind, struct err *e);
/* Log out, if all is well, and end it. */
void setup_session_close(struct setup_session *t);

/* ---- one letter: setup_mail.c ---- */

/* Send it (CRLF line ends) from address to address: 0, or -1 with the words of who
 * refused it. */
int setup_mail_send(const struct setup_login *l, const char *letter,
                    struct err *e);
/* Fetch the letter with this Message-ID, which is among the newest: 1 with it in
 * out, 0 it is not there, -1. */
int setup_mail_fetch(const struct setup_login *l, const char *id,
                     struct membuf *out, struct err *e);

/* ---- the agent that runs: setup_agent.c ---- */

/* The letterlockd of this user, or 0. */
pid_t setup_agent_pid(void);
/* Has this one that configuration, as far as can be told? */
bool setup_agent_reads(pid_t pid, const char *path);
/* Start one that outlives us and wait until it listens: 0, or -1. */
int setup_agent_start(const struct setup *s, struct err *e);
/* End it, and wait for its end: 0, or -1 where it lives on. */
int setup_agent_stop(pid_t pid);
/* Where it listens, into s->conf, as it says itself; without its word it is as it
 * is configured. */
void setup_agent_places(struct setup *s);

/* ---- the steps: 0, or the exit status (said) ---- */

/* The ports by systemd, where that can be: before the configuration is written,
 * which has to name them.				setup_units.c */
int setup_units(struct setup *s);
/* It runs, with the configuration as it is now. */
int setup_run_agent(struct setup *s);
/* Stop and disable what runs for this user. */
void setup_units_undo(const struct setup *s);

/* A letter to oneself, and back.			setup_welcome.c */
int setup_welcome(const struct setup *s);

/* Sending alone, where Thunderbird has an IMAP account for the address, or where it
 * was chosen before, and nothing else is said.		setup_imap.c */
void setup_imap(struct setup *s);
/* Has Thunderbird an account of the address?		setup_thunderbird.c */
bool setup_thunderbird_has(const struct setup *s);
/* A backup, if it is wanted.				setup_backup.c */
int setup_backup(const struct setup *s);

#endif
