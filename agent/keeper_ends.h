/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper knows of the ends of keys: our own, and those of contacts. */
#ifndef AGENT_KEEPER_ENDS_H
#define AGENT_KEEPER_ENDS_H

#include "agent/keeper_event.h"

/* K_ENDS, K_RENEWED, K_LASTS: as event_tell(). */
int ends_tell(struct kept *k, const struct teller *t, unsigned type,
              struct unpack *u);
bool ends_told_by(unsigned type);	/* is it such a frame? */
/* K_RENEWAL, K_ENDING: as keeper_answer(). */
int ends_answer(struct kept *k, unsigned type, struct unpack *u,
                struct pack *p, uint32_t generation);
/* Keys that end within 30, 7 or 1 days are told of, once for each of these, when
 * somebody watches. */
void event_ends(struct kept *k, int64_t now);
/* As event_move(). */
void ends_move(struct kept *k, const int *from, unsigned n);

#endif
