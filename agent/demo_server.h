/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail provider: submission and POP3 on loopback, mailboxes in
 * memory, and a record of every octet it was told.  Threads of the demo. */
#ifndef AGENT_DEMO_SERVER_H
#define AGENT_DEMO_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

enum {
	DEMO_LETTERS_MAX = 64,
	DEMO_LETTER_MAX = 1 << 20,	/* octets of one letter */
	DEMO_RCPTS_MAX = 16
};

struct demo_user {
	const char *address;		/* also the login */
	const char *password;
};

/* One transaction: what came between MAIL and the final dot. */
struct demo_letter {
	char *from;
	char *to[DEMO_RCPTS_MAX];
	size_t n_to;
	char *raw;			/* CRLF, dots unstuffed, NUL behind */
	size_t len;
};

struct demo_server;

/* Listen on two free ports of 127.0.0.1.  The users must outlive the server. */
struct demo_server *demo_server_start(const struct demo_user *user, size_t n,
                                      struct err *e);
void demo_server_stop(struct demo_server *s);

uint16_t demo_server_smtp(const struct demo_server *s);
uint16_t demo_server_pop3(const struct demo_server *s);

/* How many letters it has taken so far; they stay valid until it is stopped. */
size_t demo_server_count(struct demo_server *s);
const struct demo_letter *demo_server_letter(struct demo_server *s, size_t i);
bool demo_letter_for(const struct demo_letter *l, const char *address);

/* Did any client ever tell it these words, in a command or in a letter? */
bool demo_server_heard(struct demo_server *s, const char *words);

#endif
