/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A POP3 session: what its commands and its letters share. */
#ifndef AGENT_POP3_H
#define AGENT_POP3_H

#include "agent/front_login.h"

enum {
	MESSAGE_MAX = 10000000,	/* message numbers */
	OPENERS_MAX = 16,
	AHEAD_OCTETS = 1 << 20,	/* larger letters are not fetched ahead */
	AHEAD_SIZES = 1 << 20	/* messages whose size is remembered */
};

/* A mime and a crypt that open a letter the client will ask for next. */
struct opener {
	struct chan mime;
	int pipe;		/* which upstream writes, mime reads */
	uint32_t n;		/* the message, 0 = none */
	bool refused;		/* the provider has no such letter */
};

struct pop3 {
	const struct conf *conf;
	struct front_ends *ends;
	struct client client;
	struct lane lane;
	struct login who;
	struct entry entry;
	bool has_user, authed, quit;
	unsigned auth_failures;
	char unreachable[500];	/* words for every command after login */
	/* looking ahead */
	struct opener opener[OPENERS_MAX];
	unsigned n_openers;
	unsigned asked[OPENERS_MAX];	/* openers whose U_DONE is to come, in order */
	unsigned n_asked;
	uint32_t last;		/* message of the last RETR */
	uint32_t *size;		/* by message number, octets, 0 = unknown */
	uint32_t n_sizes;
};

/* What went wrong with the last command, in words; -1 ends the session where
 * the provider or a part of ours has gone. */
int pop3_say_err(struct pop3 *s);
/* A command with k numbers to upstream, and its answer: 0, or -1. */
int pop3_ask(struct pop3 *s, unsigned type, const uint32_t *n, unsigned k);
/* "3" or "3 20": k numbers into n.  0, or -1. */
int pop3_numbers(char *arg, uint32_t *n, unsigned k, uint32_t max);
int pop3_bad_number(struct pop3 *s);

/* front_tls.c: STLS (RFC 2595 section 4). */
int pop3_stls(struct pop3 *s, char *arg);

/* front_list.c: 0, or -1 to end the connection. */
int pop3_list(struct pop3 *s, char *arg);
int pop3_uidl(struct pop3 *s, char *arg);

/* front_retr.c */
int pop3_retr(struct pop3 *s, char *arg);
int pop3_top(struct pop3 *s, char *arg);
/* A letter from a mime to the client: 0, -1 to end the connection; with quiet
 * 1 when mime has none to give and nothing was said to the client. */
int pop3_hand_over(struct pop3 *s, struct chan *mime, bool quiet);

/* ahead.c: once a client asks for letters in a row, the next few are fetched
 * and opened before it asks, on all cores. */
/* Take upstream's answers that are still to come: before any other command. */
int ahead_settle(struct pop3 *s);
void ahead_size(struct pop3 *s, uint32_t n, const char *octets);
/* Hand over message n if it was fetched ahead: 1 done, 0 it wasn't, -1 end. */
int ahead_retr(struct pop3 *s, uint32_t n);
/* Message n was handed over: fetch those behind it. */
void ahead_more(struct pop3 *s, uint32_t n);
/* Message n is deleted: it is not to be had from here either. */
void ahead_forget(struct pop3 *s, uint32_t n);
void ahead_end(struct pop3 *s);

#endif
