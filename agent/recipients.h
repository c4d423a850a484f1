/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a letter's recipients: by the configuration and the keeper, by
 * crypt, which looks for their keys, and the code that belongs to them all. */
#ifndef AGENT_RECIPIENTS_H
#define AGENT_RECIPIENTS_H

#include "agent/chan.h"
#include "agent/policy.h"

enum { RECIPIENTS_OCTETS_MAX = 60000 };	/* of all of them: they go in one frame */
/* The octets that one of them has there. */
size_t recipients_octets(const char *addr);

/* A recipient as it is known to all: its domain in A-labels, so that what is not
 * ASCII then is its local part.  NULL, or why addr is none, in words. */
const char *recipients_addr(const char *addr, char out[ADDR_MAX + 1]);

/* Each of these takes n of them (at most POLICY_RECIPIENTS_MAX, of at most
 * RECIPIENTS_OCTETS_MAX), of which addr is set, and fills what it knows.  0, or -1:
 * a part of the agent is gone, or went wrong. */

/* policy, sealed_before, clear_allowed, used, used_since. */
int recipients_know(const struct conf *conf, const struct account *a,
                    struct chan *keeper, struct recipient *to, size_t n,
                    struct err *e);
/* state, valid, verified, expires, fpr, from; and *own, of the account's own key.  In two steps
 * for who waits in between: crypt may be looking for long.  GPG_ERR_NO_PUBKEY: it
 * could not look, and goes on; why, in words. */
int recipients_ask_keys(struct chan *crypt, uint32_t account,
                        const struct recipient *to, size_t n, struct err *e);
int recipients_take_keys(struct chan *crypt, struct recipient *to, size_t n,
                         enum key_state *own, struct err *e);
/* Have keys looked for where they are all that a letter lacks to go sealed: looked
 * and looking of those, of LOOKUP_ADDRS_MAX at most.  *found: some were; ask for the
 * keys once more. */
int recipients_look_up(const struct conf *conf, struct chan *keeper,
                       unsigned how, struct recipient *to, size_t n,
                       const struct wishes *w, bool *found, struct err *e);
/* The code to offer, and whether it is this one (-1: none was given). */
int recipients_code(struct chan *keeper, const struct recipient *to, size_t n,
                    int code, struct wishes *w, struct err *e);

#endif
