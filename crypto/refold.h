/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fields written again: with CRLF line ends, and as ASCII in lines that every
 * server takes. */
#ifndef CRYPTO_REFOLD_H
#define CRYPTO_REFOLD_H

#include "crypto/header.h"
#include "crypto/sink.h"

enum {
	REFOLD_COLUMNS = 78,
	REFOLD_LINE_MAX = 988	/* 998, and "HP-Outer: " fits before it */
};

/* Append octets of a field with every line end as CRLF. */
int refold_raw(struct membuf *m, const char *p, size_t len, struct err *e);
/* Append the whole field with every line end as CRLF, the last one included. */
int refold_copy(struct membuf *m, const struct field *f, struct err *e);
/* Append "name: text" of ASCII, folded at blanks at 78 columns where it can be;
 * runs of blanks become one. */
int refold_text(struct membuf *m, const char *name, size_t name_len,
                const char *text, size_t len, struct err *e);
/* Append the field as it may stand outside (RFC 5322 section 2.1.1, RFC 6152,
 * RULES.md O13 and O14): ASCII, lines of at most REFOLD_LINE_MAX octets,
 * none of blanks alone; octet for octet if it is like that already.  Display
 * names and free text become encoded words, the U-labels of addresses A-labels;
 * References and In-Reply-To that
 * can't be written are left out.  GPG_ERR_NOT_SUPPORTED for an address with a
 * local part that is not ASCII, GPG_ERR_ENCODING_PROBLEM for another address, a
 * Date or Message-ID that can't be. */
int refold_ascii(struct membuf *m, const struct field *f, struct err *e);

#endif
