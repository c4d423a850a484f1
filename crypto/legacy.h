/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Legacy display elements (RFC 9788 section 4.5.3, MAIL-RULES I7): header fields
 * that a sender repeated in the text for readers without header protection. */
#ifndef CRYPTO_LEGACY_H
#define CRYPTO_LEGACY_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

/* May such elements be in a decrypted payload with this root: hp="cipher"? */
bool legacy_possible(const struct header *root);

struct legacy;

/* A filter for the payload's body that takes them away from its main parts of type
 * text/plain or text/html with hp-legacy-display="1", and nowhere else: never from
 * an attachment or an attached message.  All other octets pass unchanged. */
struct legacy *legacy_new(const struct header *root, struct sink *out,
                          struct err *e);
int legacy_put(struct legacy *l, const void *buf, size_t n, struct err *e);
int legacy_end(struct legacy *l, struct err *e);
void legacy_free(struct legacy *l);

#endif
