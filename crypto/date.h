/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Date field (RFC 5322 section 3.3). */
#ifndef CRYPTO_DATE_H
#define CRYPTO_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/header.h"

/* A date-time, with comments and folds, in the obsolete forms too (years of two or
 * three digits, names of zones; section 4.3): seconds since 1970.  False: it is
 * none, names a day or time that there isn't, or is before 1970 or after 9999.
 * The day of the week is not compared. */
bool date_parse(const char *text, int64_t *out);
/* Of a header block with exactly one Date that can be read: 0 where there is
 * none. */
int64_t date_of(const struct header *h);

#endif
