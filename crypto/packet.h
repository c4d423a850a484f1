/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packets of OpenPGP octets (RFC 9580 section 4 and 5) as far as they must be
 * known before gpg gets them: for whom a message is, that a signature is one, and that
 * a public key is no secret one. */
#ifndef CRYPTO_PACKET_H
#define CRYPTO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sink.h"

enum {
	PACKET_KEYS_MAX = 256,		/* session-key packets of one message */
	PACKET_HEAD_MAX = 256 << 10,	/* octets of all of them */
	PACKET_SIGS_MAX = 16		/* signatures of one text */
};

struct packet_head {
	uint64_t key[PACKET_KEYS_MAX];	/* key IDs of PKESK v3 packets, 0 = hidden */
	unsigned n;
	bool symmetric;			/* an SKESK packet was there */
	bool unknown;			/* a PKESK of another version was there */
	bool encrypted;			/* head ends in tag 9, 18 or 20 */
	unsigned tag;			/* of the packet that ended the head */
};

/* Read the head from the first len octets of a binary message.  1: the head is
 * complete (a packet other than 1, 3, 10 and 12 began), 0: more octets are
 * needed, -1: not OpenPGP, too long, or too many keys (e filled).  Stateless:
 * call again with the longer buffer.  Old and new packet formats; a partial or
 * indeterminate length for a session-key packet is an error. */
int packet_head(struct packet_head *h, const void *buf, size_t len,
                struct err *e);

/* Is a detached signature nothing but whole signature packets, 1 to
 * PACKET_SIGS_MAX of them, each of definite length?  0 or -1.  Those of version 3
 * and 4 go to known, as they are, and are counted in *n; gpg 2.2 stops at others. */
int packet_signatures(const void *buf, size_t len, struct sink *known,
                      unsigned *n, struct err *e);

/* Is it nothing but public keys: whole packets, each of definite length, which may
 * stand in such (RFC 9580 section 10.1)?  0, or -1: GPG_ERR_FORBIDDEN where a secret
 * key is among them. */
int packet_public(const void *buf, size_t len, struct err *e);

#endif
