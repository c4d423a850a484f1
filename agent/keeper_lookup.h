/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about look-ups: who wants keys to be looked for may wait. */
#ifndef AGENT_KEEPER_LOOKUP_H
#define AGENT_KEEPER_LOOKUP_H

#include "agent/chan.h"
#include "agent/keeper_answer.h"

struct asked;

/* A K_LOOKUP, whose look-ups begin: to be freed by free().  NULL: nonsense, or no
 * memory. */
struct asked *asked_take(struct kept *k, const struct frame *f);
/* True: p is its answer, since all is known or the time is over. */
bool asked_tell(const struct kept *k, const struct asked *a, struct pack *p);
/* ms until it is to be answered whatever there is. */
int asked_due(const struct asked *a, int64_t ms);

/* K_FOUND and K_UNFIT: as keeper_answer(). */
int keeper_found_answer(struct kept *k, unsigned type, struct unpack *u,
                        struct pack *p);

#endif
