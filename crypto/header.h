/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header block of a message or MIME part (RFC 5322 section 2.2): fields
 * as spans of one buffer, in order, never re-serialised. */
#ifndef CRYPTO_HEADER_H
#define CRYPTO_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

enum {
	HEADER_MAX = 4 << 20,		/* octets of one header block */
	HEADER_FIELDS_MAX = 20000
};

struct field {
	const char *raw;	/* the whole field, its line ends included */
	size_t raw_len;
	const char *name;	/* == raw */
	size_t name_len;	/* without blanks before the colon */
	const char *value;	/* just behind the colon, folds and last line end included */
	size_t value_len;
	bool odd;		/* no colon, or a name outside 33..126, or a
				 * blank or NUL before the colon, or a bare CR
				 * or a NUL in it; name_len may be 0 */
};

struct header {
	struct field *field;
	size_t n;
};

/* Length of the header block at the start of buf, the empty line included:
 * the octets up to and including the first empty line (CRLF or LF line ends);
 * 0 if it has not ended within len octets.  *from is where the search goes on
 * after more octets came (start with 0), so that the whole is linear. */
size_t header_span(const char *buf, size_t len, size_t *from);

/* Cut a header block (with or without its final empty line) into fields.
 * A line without colon is a field of its own with odd set.  The spans point
 * into buf, which must outlive h.  Errors: GPG_ERR_TOO_LARGE, GPG_ERR_ENOMEM.
 * Free with header_free(), also after a failure. */
int header_cut(struct header *h, const char *buf, size_t len, struct err *e);
void header_free(struct header *h);

/* Case-insensitive: does field f have this name? */
bool field_is(const struct field *f, const char *name);
/* Does its name begin with this prefix (case-insensitive)? */
bool field_begins(const struct field *f, const char *prefix);

/* How many fields have this name; the n-th of them (0 = first) or NULL. */
size_t header_count(const struct header *h, const char *name);
const struct field *header_get(const struct header *h, const char *name,
                               size_t nth);

/* The value unfolded (RFC 5322 section 2.2.3: line ends dropped, the blank
 * kept), trimmed of blanks at both ends, NUL-terminated, malloced.  NULs and
 * bare CR become blanks.  NULL only when out of memory. */
char *field_text(const struct field *f);

/* One parameter of a structured value such as Content-Type or
 * Content-Disposition (RFC 2045 section 5.1, quoted-strings and comments
 * understood; RFC 2231 name*0= continuations joined): malloced text, or NULL
 * where it is absent, malformed or given twice (*twice tells). */
char *field_param(const struct field *f, const char *param, bool *twice);
/* The value before the first ';' in lower case without blanks and comments,
 * "multipart/encrypted" or "base64" say; malloced, or NULL when empty or when
 * a comment or quoted-string in it does not end. */
char *field_token(const struct field *f);

#endif
