/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One client's connection to the demo's mail provider: what its SMTP and its
 * POP3 side share. */
#ifndef AGENT_DEMO_SESSION_H
#define AGENT_DEMO_SESSION_H

#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>

#include "agent/demo_server.h"

struct demo_session {
	struct demo_server *server;
	pthread_t thread;
	int fd;
	FILE *in, *out;
	char *line;			/* the last one heard, no line end */
	size_t len, size;
	bool pop3;
	bool bye;			/* QUIT was said */
	const struct demo_user *user;	/* NULL until logged in */
};

/* A command and what does it; arg is what stands behind it, never NULL. */
struct demo_command {
	const char *name;
	void (*run)(struct demo_session *s, void *state, const char *arg);
};

/* The conversations, until QUIT or the end of the connection. */
void demo_session_smtp(struct demo_session *s);
void demo_session_pop3(struct demo_session *s);

/* Answer what was said so far, hear the next line: false at the end. */
bool demo_session_line(struct demo_session *s);
void demo_session_say(struct demo_session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hear commands and run them; unknown is said to all others. */
void demo_session_commands(struct demo_session *s, void *state,
                           const struct demo_command *table,
                           const char *unknown);

/* SASL (RFC 4616 and the LOGIN of old): decode the answers, look the user up,
 * set s->user or leave it NULL. */
void demo_session_plain(struct demo_session *s, const char *base64);
void demo_session_login(struct demo_session *s, const char *user,
                        const char *password);
/* Base64 to text: 0, or -1 if it is none or longer than size - 1. */
int demo_unbase64(const char *base64, char *out, size_t size, size_t *len);

/* Keep a letter: its strings are the server's now.  -1: the mailbox is full. */
int demo_server_keep(struct demo_server *s, struct demo_letter *l);

#endif
