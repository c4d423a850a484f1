/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: peers' keys, judged by gpg before the keeper remembers them. */
#ifndef AGENT_CRYPT_PEERS_H
#define AGENT_CRYPT_PEERS_H

#include "agent/crypt.h"
#include "agent/peers.h"

/* Is a key fit for this address, by gpg: 1, or 0, why not in e; -1: GnuPG failed.
 * A revoked one is fit to be told so.  w->key NULL is fit. */
int crypt_judge(struct crypt *c, const struct peer_news *w,
                struct judged_key *j, struct err *e);
/* What came with a letter or from a look-up, where w->fpr, expires and revoked are
 * found out here; w->key NULL (of AUTOCRYPT): a letter without a field came.
 * 1: the key is the address's own of this kind from now on; 0: it is not: an older
 * letter's, not fit, not for the address ... (why, in e); -1: the keeper or GnuPG
 * failed. */
int crypt_learn(struct crypt *c, const struct peer_news *w, struct err *e);

/* f is what the user's keyring has for an address, and becomes the key to be used:
 * the user's word first, then the keyring, then what came by letters and look-ups,
 * in the order of peers.h; another than before is KEY_CHANGED, unless the user or
 * the key before it vouches for it.  -1: GnuPG failed, or a key that is there can't
 * be used. */
int crypt_find_peer(struct crypt *c, const char *addr,
                    const struct judgement *j, struct found *f, struct err *e);
/* A signature of a key that nobody has judged, for who says the letter is from
 * them: the trust is TRUST_SEEN where that key is the one they have been using. */
int crypt_seen(struct crypt *c, const char *addr, const struct judgement *j,
               struct opened *o, struct err *e);

#endif
