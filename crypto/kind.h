/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a letter is to us, by its top alone (RULES.md R1, R2, R5, R9). */
#ifndef CRYPTO_KIND_H
#define CRYPTO_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/header.h"

enum { KIND_PROBE_MAX = 64 << 10 };	/* octets of the body that are looked at */

enum letter_kind {
	KIND_UNDECIDED,		/* more of the body is needed */
	KIND_PLAIN,		/* nothing for us, or nothing we believe */
	KIND_SEALED,		/* multipart/encrypted for OpenPGP (RFC 3156 section 4) */
	KIND_MANGLED,		/* the same after Exchange: multipart/mixed of an empty
				 * text, application/pgp-encrypted and octet-stream */
	KIND_INLINE,		/* text/plain (or no type) whose body begins with the
				 * armor of a PGP MESSAGE */
	KIND_SIGNED		/* multipart/signed for OpenPGP (RFC 3156 section 5) */
};

/* By its header block and the first n octets of its body; whole: there are no
 * more.  Two Content-Type fields, or one that can't be read, are KIND_PLAIN; with
 * n >= KIND_PROBE_MAX it is never undecided.  Stateless: call again with more. */
enum letter_kind kind_of(const struct header *h, const char *body, size_t n,
                         bool whole);

#endif
