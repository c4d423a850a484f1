/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Legacy display elements (RFC 9788 section 4.5.3, RULES.md I7): header fields
 * that a sender repeated in the text for readers without header protection. */
#ifndef CRYPTO_LEGACY_H
#define CRYPTO_LEGACY_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

/* May such elements be in a decrypted payload with this root: hp="cipher"? */
bool legacy_possible(const struct header *root);

enum { LEGACY_MAX = 64 << 10 };	/* decoded octets at the beginning of a part */

struct legacy;

/* A filter for the payload's body that takes them away from its main parts of type
 * text/plain or text/html with hp-legacy-display="1", and nowhere else: never from
 * an attachment or an attached message, nor where the root has no hp="cipher".  An
 * element that is not exactly of the form, or does not end within LEGACY_MAX, stays.
 * A base64 part that has one is written anew; all other octets pass unchanged.
 * root must outlive it; NULL: no memory. */
struct legacy *legacy_new(const struct header *root, struct sink *out,
                          struct err *e);
int legacy_put(struct legacy *l, const void *buf, size_t n, struct err *e);
int legacy_end(struct legacy *l, struct err *e);
void legacy_free(struct legacy *l);

#endif
