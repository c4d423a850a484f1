/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Autocrypt Level 1: its fields, what they change in what is known of a peer, and
 * what it recommends from that.  Sections are those of the specification 1.1. */
#ifndef CRYPTO_AUTOCRYPT_H
#define CRYPTO_AUTOCRYPT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/addr.h"
#include "crypto/header.h"
#include "crypto/sink.h"

#define AUTOCRYPT_NAME "Autocrypt"
#define AUTOCRYPT_GOSSIP "Autocrypt-Gossip"

enum {
	AUTOCRYPT_FIELD_MAX = 10 << 10,	/* octets of a field, its name and folds
					 * included */
	AUTOCRYPT_GOSSIP_MAX = 100,	/* such fields of one letter */
	AUTOCRYPT_OLD = 35 * 24 * 3600	/* seconds; see autocrypt_advise() */
};

/* What a field says. */
struct autocrypt {
	char addr[ADDR_MAX + 1];
	bool mutual;		/* prefer-encrypt=mutual */
	char fpr[41];		/* of the key */
	unsigned char *key;	/* binary OpenPGP, malloced */
	size_t n;
};

/* A field of either name: 1 it is valid and a is filled, 0 it is not (to be
 * discarded: a bad or critical attribute, an address that is none, no key, too
 * large), -1 no memory.  To be freed after 1. */
int autocrypt_read(const struct field *f, struct autocrypt *a, struct err *e);
void autocrypt_free(struct autocrypt *a);

/* The one that counts for a letter from this address (section "Updating Autocrypt
 * Peer State"): 1, or 0 where there is none, more than one valid one, or one for
 * another address; -1. */
int autocrypt_of(const struct header *h, const char *from, struct autocrypt *a,
                 struct err *e);
/* Is a letter to be passed over: written by a machine, or a report? */
bool autocrypt_ignores(const struct header *h);

/* The whole field, folded in lines of at most 76 octets, with its CRLF.
 * GPG_ERR_TOO_LARGE beyond AUTOCRYPT_FIELD_MAX, GPG_ERR_INV_VALUE for an address
 * that can't stand there. */
int autocrypt_write(struct sink *out, const char *name, const char *addr,
                    bool mutual, const void *key, size_t n, struct err *e);

/* ---- peers ---- */

/* What is known of a peer (section "Communication Peers"); times are seconds since
 * 1970, 0 = never.  The keys themselves are kept beside it. */
struct autocrypt_peer {
	int64_t last_seen, timestamp, gossip_timestamp;
	bool mutual, has_key, has_gossip;
};

/* A letter of this effective date came, with a field or without (NULL): the state
 * is changed, and true is returned where the field's key is now the peer's. */
bool autocrypt_update(struct autocrypt_peer *p, int64_t date,
                      const struct autocrypt *a);
/* The same for gossip about the peer: true where its key is now the gossip's. */
bool autocrypt_update_gossip(struct autocrypt_peer *p, int64_t date);
/* The date that counts: the letter's, or now where it has none (0) or a later
 * one. */
int64_t autocrypt_date(int64_t date, int64_t now);

enum autocrypt_advice {
	AUTOCRYPT_DISABLE, AUTOCRYPT_DISCOURAGE, AUTOCRYPT_AVAILABLE,
	AUTOCRYPT_ENCRYPT
};

struct autocrypt_advised {
	enum autocrypt_advice advice;
	bool gossip;		/* the key to use is the gossip's */
};

/* For one recipient.  NULL: nothing is known of it.  key, gossip: these keys, if
 * there are such, are usable; reply: to a sealed letter; mutual: our own
 * preference. */
struct autocrypt_advised autocrypt_advise(const struct autocrypt_peer *p,
                                          bool key, bool gossip, bool mutual,
                                          bool reply);
/* For all of a letter's recipients. */
enum autocrypt_advice autocrypt_advise_all(const enum autocrypt_advice *each,
                                           size_t n);

#endif
