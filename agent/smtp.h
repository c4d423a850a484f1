/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A submission session: what its commands and its letters share. */
#ifndef AGENT_SMTP_H
#define AGENT_SMTP_H

#include "agent/front_login.h"
#include "agent/policy.h"

enum {
	RCPT_MAX = POLICY_RECIPIENTS_MAX,
	LANES = 33		/* one, and at most max-bcc more */
};

struct smtp {
	const struct conf *conf;
	struct front_ends *ends;
	struct client client;
	bool greeted, authed, quit;
	unsigned auth_failures;
	struct login who;
	struct entry entry;
	/* the transaction */
	bool has_from;
	char from[ADDR_MAX + 1];
	bool utf8;		/* it said SMTPUTF8 */
	uint64_t size;		/* as the client said, 0 = it didn't */
	struct addrs to;
	size_t to_octets;	/* that they have in a frame */
	/* lane[0] outlives a letter, the others are for Bcc */
	struct lane lane[LANES];
	bool lane_known[LANES];	/* mime holds its end to this lane's crypt */
};

/* front_envelope.c: MAIL and RCPT with what stands behind the verb, and the
 * transaction as it was before them.  -1: the client is gone. */
int smtp_mail(struct smtp *s, char *arg);
int smtp_rcpt(struct smtp *s, char *arg);
void smtp_reset(struct smtp *s);

/* front_tls.c: STARTTLS (RFC 3207). */
int smtp_starttls(struct smtp *s, char *arg);

/* front_lane.c: a lane that is logged in: a new one from the guard if need be,
 * also where the provider has closed an idle one.  0, or -1 with the outcome
 * and words in the lane. */
int smtp_lane(struct smtp *s, unsigned n);
/* Get a lane from the guard and tell mime of it, without logging in. */
int smtp_lane_open(struct smtp *s, unsigned n);

/* DATA: answers the client.  -1: the connection must end. */
int letter_take(struct smtp *s);

#endif
