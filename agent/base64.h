/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base64 (RFC 4648 section 4) as our own protocols carry it: strictly. */
#ifndef AGENT_BASE64_H
#define AGENT_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Octets that n octets become, without a NUL. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* n octets of text into out: how many octets they were, or -1: it does not have room
 * for them, or it is not the one right form (no blanks, no line ends, padded, the
 * bits that nobody reads are 0). */
ssize_t base64_decode(const char *text, size_t n, void *out, size_t size);
/* The text of n octets, BASE64_LEN(n) of them and no NUL; returns that. */
size_t base64_encode(const void *in, size_t n, char *text);

#endif
