/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenPGP octets of a letter that is encrypted at its top and nowhere else
 * (RFC 3156 section 4, RULES.md R1 and R2), streaming. */
#ifndef CRYPTO_PGPMIME_H
#define CRYPTO_PGPMIME_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/kind.h"
#include "crypto/sink.h"

struct pgpmime;

/* A reader for the body of a letter of this kind (KIND_SEALED, KIND_MANGLED or
 * KIND_INLINE), binary OpenPGP into out.  h must outlive it.  NULL with e filled
 * when the boundary is missing (GPG_ERR_BAD_DATA) or no memory is left. */
struct pgpmime *pgpmime_new(const struct header *h, enum letter_kind kind,
                            struct sink *out, struct err *e);
/* Body octets, any cutting.  -1 only when out failed or no memory is left; a body
 * that is not of the one right form is only told by pgpmime_end(). */
int pgpmime_put(struct pgpmime *m, const void *buf, size_t n, struct err *e);
/* True when all of it, transfer encodings decoded, was of the form of its kind:
 * SEALED: exactly two parts, application/pgp-encrypted with "Version: 1", then
 * application/octet-stream with exactly one armored PGP MESSAGE.
 * MANGLED: the same behind a first part of text/plain or text/html with nothing
 * but blanks and line ends.
 * INLINE: exactly one armored PGP MESSAGE.
 * Whatever parts_odd() tells is of no right form. */
bool pgpmime_end(struct pgpmime *m);
void pgpmime_free(struct pgpmime *m);

#endif
