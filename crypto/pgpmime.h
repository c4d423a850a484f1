/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenPGP octets of a letter that is encrypted at its top and nowhere else
 * (RFC 3156 section 4), streaming. */
#ifndef CRYPTO_PGPMIME_H
#define CRYPTO_PGPMIME_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

enum {
	BOUNDARY_MAX = 70,		/* RFC 2046 section 5.1.1 */
	PART_HEADER_MAX = 16 << 10	/* octets of the header of a part */
};

struct pgpmime;

/* Does the header block say multipart/encrypted for OpenPGP, once and clearly?
 * (S/MIME and all else: no.) */
bool pgpmime_is(const struct header *h);

/* A reader for its body, binary OpenPGP into out.  NULL with e filled when the
 * boundary is missing or no memory is left. */
struct pgpmime *pgpmime_new(const struct header *h, struct sink *out,
                            struct err *e);
/* Body octets, any cutting.  -1 only when out failed; a body that is not of
 * the one right form is only told by pgpmime_end(). */
int pgpmime_put(struct pgpmime *m, const void *buf, size_t n, struct err *e);
/* True when there were exactly two parts, application/pgp-encrypted and then
 * application/octet-stream with exactly one armor block (R1). */
bool pgpmime_end(struct pgpmime *m);
void pgpmime_free(struct pgpmime *m);

#endif
