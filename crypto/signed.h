/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A multipart/signed body (RFC 3156 section 5, RFC 1847): where what is signed
 * stands, and its signature; streaming. */
#ifndef CRYPTO_SIGNED_H
#define CRYPTO_SIGNED_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/header.h"
#include "crypto/sink.h"

enum { SIGNATURE_MAX = 32 << 10 };	/* octets of a signature, binary */

struct signed_scan;

/* Does the header block say multipart/signed for OpenPGP (or without a
 * protocol), once and clearly? */
bool signed_is(const struct header *h);

/* A reader for its body; h must outlive it.  NULL with e filled: no memory, or no
 * boundary (GPG_ERR_BAD_DATA). */
struct signed_scan *signed_new(const struct header *h, struct err *e);
/* Body octets, any cutting.  -1 only when no memory is left. */
int signed_put(struct signed_scan *s, const void *buf, size_t n, struct err *e);
/* True when there were exactly two parts, the second application/pgp-signature
 * with exactly one armored PGP SIGNATURE (R5), closed. */
bool signed_end(struct signed_scan *s);
void signed_free(struct signed_scan *s);

/* After signed_end() said true.  What is signed is so many octets from so many
 * octets behind the beginning of the body: the first part, its header included,
 * without the line end before the delimiter (RFC 3156 section 5). */
uint64_t signed_from(const struct signed_scan *s);
uint64_t signed_len(const struct signed_scan *s);
/* The first part's header block (borrowed, cut into fields). */
const struct header *signed_header(const struct signed_scan *s);
/* The signature, binary OpenPGP (borrowed). */
const struct membuf *signed_signature(const struct signed_scan *s);

#endif
