/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The labels of a domain name, internationalized or as ASCII (RFC 5890, and
 * Punycode: RFC 3492). */
#ifndef CRYPTO_IDN_H
#define CRYPTO_IDN_H

#include <stdbool.h>
#include <stddef.h>

enum { IDN_LABEL_MAX = 63 };	/* octets, RFC 1035 section 2.3.4 */

/* Has it octets that are not ASCII? */
bool idn_is_wide(const char *text);

/* A domain with A-labels for its U-labels; other labels as they are.  Nothing is
 * mapped: a U-label is lower case and in normal form C anyway (RFC 5891).  False:
 * it isn't UTF-8, a label gets too long, or all of it longer than size - 1. */
bool idn_to_ascii(const char *domain, char *out, size_t size);
/* A domain with U-labels for its A-labels, where these are such. */
bool idn_to_utf8(const char *domain, char *out, size_t size);

#endif
