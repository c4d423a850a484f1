/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys as people send them: ASCII armor, with other text around it. */
#ifndef CRYPTO_PUBLIC_H
#define CRYPTO_PUBLIC_H

#include "crypto/sink.h"

enum { PUBLIC_BLOCKS_MAX = 16 };

/* The octets of each "PGP PUBLIC KEY BLOCK" in a text (RFC 9580 section 6.2), which
 * begins and ends at the beginning of a line, into out: nothing but public keys.
 * 0, or -1: GPG_ERR_FORBIDDEN: a secret key is in it; GPG_ERR_NO_DATA: no key at
 * all; GPG_ERR_TOO_MANY; else one that is damaged. */
int public_read(const char *text, size_t n, struct membuf *out, struct err *e);

#endif
