/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The labels of a domain name, internationalized or as ASCII (RFC 5890, 5891). */
#ifndef CRYPTO_IDN_H
#define CRYPTO_IDN_H

#include <stdbool.h>
#include <stddef.h>

/* Has it octets that are not ASCII? */
bool idn_is_wide(const char *text);

/* A domain with A-labels for its U-labels; one of ASCII as it is.  Nothing but A
 * to Z is mapped: a U-label is lower case and in normal form C anyway.  False: it has no
 * such form, or that is longer than size - 1. */
bool idn_to_ascii(const char *domain, char *out, size_t size);
/* A domain with U-labels for its A-labels; as it is where it has none, or one that
 * would not come back.  False: longer than size - 1. */
bool idn_to_utf8(const char *domain, char *out, size_t size);

#endif
