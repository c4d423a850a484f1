/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about contacts. */
#ifndef AGENT_KEEPER_CONTACTS_H
#define AGENT_KEEPER_CONTACTS_H

#include "agent/keeper_answer.h"

/* One request of those kinds: as keeper_answer(). */
int keeper_contacts_answer(struct kept *k, unsigned type, struct unpack *u,
                           struct pack *p);
/* str addr, u64 first, u64 last sealed to, u32 readable, u32 policy, str used, str
 * waits, u32 n, then n of: str fpr, u64 first, u64 last, u32 (enum judged) */
void pack_contact(struct pack *p, const struct contact_known *k);

#endif
