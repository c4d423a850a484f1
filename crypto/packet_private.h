/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that walk over OpenPGP packets share. */
#ifndef CRYPTO_PACKET_PRIVATE_H
#define CRYPTO_PACKET_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

enum packet_tag {		/* RFC 9580 section 5 */
	TAG_PKESK = 1,
	TAG_SIGNATURE = 2,
	TAG_SKESK = 3,
	TAG_SECRET_KEY = 5,
	TAG_KEY = 6,
	TAG_SECRET_SUBKEY = 7,
	TAG_SED = 9,
	TAG_MARKER = 10,
	TAG_TRUST = 12,
	TAG_USER_ID = 13,
	TAG_SUBKEY = 14,
	TAG_USER_ATTRIBUTE = 17,
	TAG_SEIPD = 18,
	TAG_AEAD = 20,
	TAG_PADDING = 21
};

/* n octets as a number, the first the highest. */
uint64_t packet_be(const unsigned char *p, size_t n);
/* The tag by a packet's first octet, 0: it begins none. */
unsigned packet_tag(unsigned char c);
/* The octets of tag and length at p, and the length of the body: 1, 0 if more
 * octets are needed, -1 if the length is not definite. */
int packet_length(const unsigned char *p, size_t len, size_t *head,
                  uint64_t *body);

#endif
