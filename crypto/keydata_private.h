/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files share that walk over the packets of a public key. */
#ifndef CRYPTO_KEYDATA_PRIVATE_H
#define CRYPTO_KEYDATA_PRIVATE_H

#include "crypto/keydata.h"
#include "crypto/packet_private.h"

enum {
	KEYDATA_KEY_MIN = 6,	/* octets: version, time, algorithm */
	KEYDATA_UID_MAX = 1000
};

struct keydata_packet {
	unsigned tag;
	const unsigned char *p;	/* the whole, n octets */
	size_t n;
	const unsigned char *body;
	size_t len;
};

struct keydata_walk {
	const unsigned char *p;
	size_t left;
	unsigned packets;
};

/* What a signature of version 4 says. */
struct keydata_signature {
	unsigned type;
	int64_t created, expires;	/* expires: of the key, in seconds, 0 never */
	unsigned flags;
	bool own;		/* by this primary key */
};

/* 1, 0 at the end, -1: that is no whole packet. */
int keydata_next(struct keydata_walk *w, struct keydata_packet *k);
/* The first packet of a key, and its fingerprint: 0, or -1. */
int keydata_primary(struct keydata_walk *w, struct keydata_packet *k,
                    unsigned char fpr[20], struct err *e);
/* May it stand behind that in a key? */
bool keydata_may_follow(unsigned tag);
/* It is no public key; returns -1. */
int keydata_none(struct err *e);
/* Of a key of version 4 (RFC 9580 section 5.5.4.2: SHA-1 over 0x99, the length, and
 * the packet's body): 0, or -1. */
int keydata_fpr(const struct keydata_packet *k, unsigned char out[20]);
/* The address that a user ID names. */
bool keydata_uid_addr(const struct keydata_packet *k, char of[ADDR_MAX + 1]);
/* False where it is none of version 4, or cut off. */
bool keydata_signature(struct keydata_signature *s,
                       const struct keydata_packet *k,
                       const unsigned char fpr[20]);

#endif
