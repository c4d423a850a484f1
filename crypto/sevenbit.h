/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A MIME body made fit to be signed (RFC 3156 section 3 and 5, RULES.md O2):
 * 7bit, with nothing at a line's end or beginning that a server might change. */
#ifndef CRYPTO_SEVENBIT_H
#define CRYPTO_SEVENBIT_H

#include "crypto/header.h"
#include "crypto/sink.h"

/* What Content-Transfer-Encoding an entity with this header block gets:
 * "quoted-printable" for unencoded text, "base64" for other unencoded leaves,
 * "7bit" where a multipart or message must claim no more, NULL: its own stays. */
const char *sevenbit_encoding(const struct header *h);

struct sevenbit;

/* A filter for the body (CRLF line ends) of an entity with this header block, which
 * must outlive it.  Unencoded text leaves become quoted-printable, other unencoded
 * leaves base64, with their Content-Transfer-Encoding field replaced; leaves that
 * are encoded keep their octets but for blanks at line ends, and "From " at the
 * beginning of a quoted-printable line becomes "=46rom "; preambles and epilogues
 * go; boundaries and part headers stay but for blanks at line ends.  Errors, in
 * words for the sender: GPG_ERR_INV_VALUE for octets over 126 or lines over 998
 * octets in what can't be encoded again (a part header, message/rfc822, a leaf that
 * is or claims to be encoded), a multipart that does not close or that is encoded. */
struct sevenbit *sevenbit_new(const struct header *root, struct sink *out,
                              struct err *e);
int sevenbit_put(struct sevenbit *s, const void *buf, size_t n, struct err *e);
int sevenbit_end(struct sevenbit *s, struct err *e);
void sevenbit_free(struct sevenbit *s);

#endif
