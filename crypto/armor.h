/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ASCII armor (RFC 9580 section 6), streaming both ways, faster than gpg's. */
#ifndef CRYPTO_ARMOR_H
#define CRYPTO_ARMOR_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/sink.h"

/* Encoder: octets in, "-----BEGIN PGP MESSAGE-----" (or another label) ... with
 * CRLF line ends, 64 columns and the CRC24 out. */
struct armor {
	struct sink sink;
	struct sink *out;
	const char *label;
	uint32_t crc;
	unsigned char rest[48];
	unsigned rest_len;
	bool begun;
};

void armor_init(struct armor *a, struct sink *out);
/* The same with a label of at most 20 octets, which must outlive it:
 * "PGP SIGNATURE". */
void armor_init_label(struct armor *a, const char *label, struct sink *out);
int armor_end(struct armor *a, struct err *e);

/* Decoder: text in (any cutting), the octets of exactly one block out, whose label
 * ("PGP MESSAGE"; not copied) is the one wanted.  Before BEGIN and after END only blanks and line ends are allowed; armor
 * headers are skipped; a wrong or ill-placed CRC, text around the block, a
 * second block, illegal characters, a line over 4096 octets or a missing END
 * are GPG_ERR_INV_ARMOR, and all that is put after an error.  A missing CRC is
 * allowed (RFC 9580 section 6.1). */
struct dearmor;
struct dearmor *dearmor_new(const char *label, struct sink *out);
int dearmor_put(struct dearmor *d, const void *buf, size_t n, struct err *e);
/* Tell the end of the text; fails unless the block was complete. */
int dearmor_end(struct dearmor *d, struct err *e);
void dearmor_free(struct dearmor *d);

#endif
