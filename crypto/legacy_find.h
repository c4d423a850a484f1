/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the legacy display element of a part is (RFC 9788 sections 4.5.3.2 and
 * 4.5.3.3). */
#ifndef CRYPTO_LEGACY_FIND_H
#define CRYPTO_LEGACY_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"
#include "crypto/transfer.h"

struct legacy_span {
	size_t from, to;	/* octets; to is behind it */
};

/* Look at the beginning of a part's body, as it is on the wire: *found, and where:
 * in decoded octets of base64, else in those of raw.  Fails without memory only. */
int legacy_find(bool html, enum transfer how, const char *raw, size_t n,
                struct legacy_span *s, bool *found, struct err *e);

#endif
