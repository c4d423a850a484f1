/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers' keys that came by letters and look-ups: what is known of each address, and
 * the keys themselves.  In contacts.db, and never in the user's keyring. */
#ifndef AGENT_PEERS_H
#define AGENT_PEERS_H

#include "agent/contacts.h"
#include "agent/frames.h"
#include "crypto/autocrypt.h"

enum {
	PEER_KEY_MAX = 60 << 10,	/* octets of a key, which goes in one frame */
	PEER_KEYS_MAX = 2000,		/* then those unused for longest go */
	PEERS_MAX = 4000,		/* addresses; the same */
	PEER_OCTETS_MAX = 24 << 20,	/* of all the keys */
	PEER_REFS_MAX = 6		/* keys of one address */
};

/* A key of an address, without its octets. */
struct peer_ref {
	enum key_from from;
	char fpr[41];
	int64_t learnt;		/* when it first came; unix time */
	int64_t expires;	/* 0 = never */
	bool revoked;
};

/* All that is known of one; nothing known is nothing but zeros. */
struct peer_known {
	char addr[ADDR_MAX + 1];	/* as addr_fold() has it */
	struct autocrypt_peer autocrypt;
	int64_t wkd_timestamp;
	char own[41];			/* the first key that came with letters of its
					 * own, or "": another is a change */
	unsigned n;
	struct peer_ref key[PEER_REFS_MAX];	/* in the order in which they
				 * count: import, autocrypt, gossip, wkd; at last,
				 * if they are here and none of these, own and the
				 * one that was sealed to last */
};

/* What came.  The key was judged by gpg before (its user ID is for the address, it
 * is fit to encrypt, or it is revoked). */
struct peer_news {
	enum key_from from;	/* not KEY_FROM_KEYRING */
	const char *addr;
	int64_t date;		/* of the letter or look-up; a later one than now
				 * counts as now */
	bool mutual;		/* prefer-encrypt=mutual */
	const char *fpr;	/* ""; of AUTOCRYPT: a letter without a field came */
	int64_t expires;
	bool revoked;
	const void *key;	/* binary OpenPGP */
	size_t n;
};

/* A key with its octets. */
struct peer_key {
	struct peer_ref ref;
	unsigned char data[PEER_KEY_MAX];
	size_t n;		/* 0: there is none */
};

struct peer_serial {
	uint64_t serial;	/* grows with each key that is new or changed */
	char fpr[41];
};

/* As in contacts.h: errors, and what is on the disk when.  Those that change
 * something stand between contacts_begin() and contacts_end(). */
int peers_get(struct contacts *c, const char *addr, struct peer_known *known,
              struct err *e);
int peers_key(struct contacts *c, const char *fpr, struct peer_key *key,
              struct err *e);
/* The first address behind this one ("": of all) of which there is a key, or "". */
int peers_next(struct contacts *c, const char *after, char addr[ADDR_MAX + 1],
               struct err *e);
/* *taken: the key is now the address's own of this kind, by the rules of
 * autocrypt.h; of one that is revoked: that is known now.  A revoked one that is
 * not here is never taken. */
int peers_learn(struct contacts *c, const struct peer_news *news, int64_t now,
                bool *taken, struct err *e);
/* The last serial that was given, and how many keys there are. */
int peers_count(struct contacts *c, uint64_t *last, unsigned *keys,
                struct err *e);
/* The first of those behind a serial: as many as there are, at most max. */
int peers_after(struct contacts *c, uint64_t serial, struct peer_serial *list,
                size_t max, size_t *n, struct err *e);

#endif
