/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A POP3 provider's replies, for its login and for what comes behind it. */
#ifndef AGENT_UPSTREAM_POP3_H
#define AGENT_UPSTREAM_POP3_H

#include "agent/upstream.h"

extern const struct protocol upstream_pop3_protocol;

/* One line, "+OK", "-ERR" or "+": a reply_fn. */
int upstream_pop3_reply(struct upstream *up, struct reply *r, struct err *e);
/* What the provider sent can't be read: words for it; returns -1. */
int upstream_pop3_nonsense(struct upstream *up, const char *what,
                           struct err *e);

/* A command is sent and answered, in r.  -1: the connection broke, or the
 * answer is none. */
#define POP3_ASK(up, r, e, ...) \
	(wire_send(&(up)->wire, e, __VA_ARGS__) || \
	 upstream_pop3_reply(up, r, e) ? -1 : 0)

#endif
