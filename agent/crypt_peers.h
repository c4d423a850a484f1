/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: peers' keys, judged by gpg before the keeper remembers them. */
#ifndef AGENT_CRYPT_PEERS_H
#define AGENT_CRYPT_PEERS_H

#include "agent/crypt.h"
#include "agent/peers.h"

/* What came with a letter or from a look-up, where w->fpr, expires and revoked are
 * found out here; w->key NULL (of AUTOCRYPT): a letter without a field came.
 * 1: the key is the address's own of this kind from now on; 0: it is not: an older
 * letter's, not fit, not for the address ... (why, in e); -1: the keeper or GnuPG
 * failed. */
int crypt_learn(struct crypt *c, const struct peer_news *w, struct err *e);

#endif
