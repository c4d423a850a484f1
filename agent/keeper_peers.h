/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about peers' keys. */
#ifndef AGENT_KEEPER_PEERS_H
#define AGENT_KEEPER_PEERS_H

#include "agent/chan.h"
#include "agent/keeper_answer.h"
#include "agent/peers.h"

/* One request of those kinds: as keeper_answer(). */
int keeper_peers_answer(struct kept *k, unsigned type, struct unpack *u,
                        struct pack *p);
/* u32 (enum key_from), str fpr if it is to be named, u64 learnt, u64 expires, u32
 * revoked */
void pack_peer_ref(struct pack *p, const struct peer_ref *r, bool named);

#endif
