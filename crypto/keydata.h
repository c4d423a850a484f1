/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A public key as it is sent along: an OpenPGP transferable public key (RFC 9580
 * section 10.1) in binary, looked at before gpg gets it, and cut to what Autocrypt
 * wants. */
#ifndef CRYPTO_KEYDATA_H
#define CRYPTO_KEYDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/addr.h"
#include "crypto/sink.h"

enum {
	KEYDATA_MAX = 256 << 10,	/* octets of one key */
	KEYDATA_PACKETS_MAX = 4000,
	KEYDATA_MERGE_MAX = 1000	/* packets of two copies put together */
};

struct keydata {
	char fpr[41];		/* of its primary key: 40 upper-case hex digits */
	int64_t created;	/* unix time */
	bool has_uid;		/* at least one user ID */
};

/* Is it one public key of version 4 and nothing else: 0, and k is filled; -1:
 * GPG_ERR_INV_PACKET (secret keys, several keys, what is no key),
 * GPG_ERR_UNSUPPORTED_ALGORITHM (another version), GPG_ERR_TOO_LARGE.  No
 * signature is checked here. */
int keydata_read(struct keydata *k, const void *buf, size_t n, struct err *e);

/* The octets of the first of several keys that follow each other, 0: it does not
 * begin by one.  To be read by keydata_read(). */
size_t keydata_first(const void *buf, size_t n);

/* Of a key that is ours: its primary key, the user ID for this address (else the
 * first), the newest of its self-signatures, the newest subkey that is to encrypt,
 * neither revoked nor ended at the time now, and its binding signature (Autocrypt
 * Level 1, "OpenPGP Based key data"); out gets their packets, byte for byte.  -1:
 * GPG_ERR_NO_USER_ID, and what keydata_read() says; GPG_ERR_UNUSABLE_PUBKEY where
 * nothing of it encrypts. */
int keydata_minimal(const void *buf, size_t n, const char *addr, int64_t now,
                    struct sink *out, struct err *e);

/* Of somebody else's, both with each packet byte for byte, and without pictures and
 * what keyrings note of trust; that it is withdrawn stands right behind the primary
 * key.  -1: what keydata_read() says.
 * One that is large: what it says of itself (by what its signatures claim), and no
 * user IDs but those for this address. */
int keydata_cut(const void *buf, size_t n, const char *addr, struct sink *out,
                struct err *e);
/* One that gpg has looked at: no user IDs but those for addresses that gpg found
 * signed by the key itself. */
int keydata_clean(const void *buf, size_t n, const struct addrs *found,
                  struct sink *out, struct err *e);

/* Two copies of one key put together: each of the old one's packets but those that
 * keydata_clean() leaves out, byte for byte, and what the new one has besides.  So
 * nothing that was known is undone by a copy that lacks it.  -1: what keydata_read()
 * says; GPG_ERR_BAD_DATA (two keys); GPG_ERR_TOO_LARGE. */
int keydata_merge(const void *old, size_t on, const void *new, size_t nn,
                  struct sink *out, struct err *e);
/* Would keydata_merge() find nothing in old that new has not? */
bool keydata_holds(const void *new, size_t nn, const void *old, size_t on);

#endif
