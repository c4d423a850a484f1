/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packets at the head of an encrypted OpenPGP message (RFC 9580 section 4
 * and 5.1): for whom it is, before anything is done with it. */
#ifndef CRYPTO_PACKET_H
#define CRYPTO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

enum {
	PACKET_KEYS_MAX = 256,		/* session-key packets of one message */
	PACKET_HEAD_MAX = 256 << 10	/* octets of all of them */
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

#endif
