/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of crypt share. */
#ifndef AGENT_CRYPT_H
#define AGENT_CRYPT_H

#include "agent/frames.h"
#include "agent/roles.h"
#include "crypto/engine.h"

struct crypt {
	const struct conf *conf;
	struct engine *engine;
	struct crypt_ends *ends;
	uint64_t stamp;		/* engine_stamp() for look-ups; 0: at each */
	struct membuf fields;	/* of ours, to go out above the next letter */
	struct membuf inside;	/* the same, sealed */
	struct ring *ring;	/* see crypt_ring.h; NULL: it can't be used */
	uint32_t account;	/* whose key is being used; UINT32_MAX: the session's */
	const struct account *renews;	/* whose key is to be renewed */
	bool unlocked;		/* somebody has given a passphrase for it just now */
};

/* A key with what was found out about it. */
struct found {
	enum key_state state;
	enum key_from from;
	struct key key;
};

/* The recipient's key, or our own for an account: remembered by the keeper
 * until something in GNUPGHOME changes.  -1: GnuPG failed. */
int crypt_find(struct crypt *c, const char *addr, struct found *f,
               struct err *e);
int crypt_find_own(struct crypt *c, const struct account *a, struct found *f,
                   struct err *e);

/* When our own ends, unix time; 0: never, or there is none. */
int64_t crypt_ends(const struct found *own);
/* What the user's own keyring has for it. */
int crypt_find_in_keyring(struct crypt *c, const char *addr,
                          const struct judgement *j, struct found *f,
                          struct err *e);
/* The keeper is told when a key ends that was looked up. */
void crypt_tell_lasts(struct crypt *c, const struct found *f);
/* Look-ups that the keeper remembers under a stamp. */
uint64_t crypt_stamp(struct crypt *c);
bool crypt_recall(struct crypt *c, uint64_t stamp, const char *name,
                  struct found *f);
void crypt_remember(struct crypt *c, uint64_t stamp, const char *name,
                    const struct found *f);

/* Sealing for front (crypt_out.c), opening for mime (crypt_in.c). */
int crypt_out(struct crypt *c);
int crypt_in(struct crypt *c);

#endif
