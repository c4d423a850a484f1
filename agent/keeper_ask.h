/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the keeper's askers share. */
#ifndef AGENT_KEEPER_ASK_H
#define AGENT_KEEPER_ASK_H

#include "agent/keeper.h"

/* Send p and begin to read the answer: 0, or -1: the keeper is gone. */
int keeper_ask(struct chan *k, struct pack *p, unsigned type,
               struct unpack *u, struct err *e);
/* Was that all of it, and sound? */
int keeper_answered(const struct unpack *u, struct err *e);
/* One text, without an answer. */
int keeper_tell(struct chan *k, unsigned type, const char *text,
                struct err *e);
/* As pack_peer_ref() wrote it. */
void unpack_peer_ref(struct unpack *u, struct peer_ref *r, bool named);

#endif
