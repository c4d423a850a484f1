/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of outgoing header protection share. */
#ifndef CRYPTO_PROTECT_PRIVATE_H
#define CRYPTO_PROTECT_PRIVATE_H

#include "crypto/protect.h"

/* Append a field as the client wrote it, but a Subject without the refusal code;
 * crlf: with CRLF line ends.  Its last line gets an end in any case. */
int protect_field(struct membuf *m, const struct field *f, bool crlf,
                  struct err *e);

#endif
