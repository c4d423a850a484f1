/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lexical pieces of structured fields: comments, quoted-strings (RFC 5322
 * section 3.2), parameters (RFC 2045 section 5.1), encoded words (RFC 2047). */
#ifndef CRYPTO_LEX_H
#define CRYPTO_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/sink.h"

/* Everything here reads p to end and nothing beyond; folds may still be in it.
 *
 * Behind the comment, quoted-string or domain literal that begins at p; NULL
 * when it does not end. */
const char *lex_comment(const char *p, const char *end);
const char *lex_quoted(const char *p, const char *end);
const char *lex_literal(const char *p, const char *end);
/* Behind whichever of the three begins at p, else behind one octet. */
const char *lex_skip(const char *p, const char *end);
/* Behind blanks, line ends and comments; an unended comment is left alone. */
const char *lex_cfws(const char *p, const char *end);
/* The end without the blanks and line ends before it. */
const char *lex_trim(const char *p, const char *end);

struct param {
	const char *start;	/* its ';' */
	const char *end;	/* the next ';', or the end of the value */
	const char *name;
	size_t name_len;	/* 0: nothing between two ';' */
	const char *value;	/* as it is written, quotes included */
	size_t value_len;
	bool bad;		/* not name=value with nothing around it */
};

struct params {
	const char *pos, *end;
	bool open;		/* a comment or quoted-string never ended */
};

/* Walk the parameters of a value.  Gives the length of what stands before the
 * first ';'. */
size_t params_begin(struct params *it, const char *value, size_t len);
bool params_next(struct params *it, struct param *p);
/* The parameter's octets, unquoted and unfolded, appended at out, which has
 * room for value_len: their number.  False for a NUL, a bare CR, or bad. */
bool param_value(const struct param *p, char *out, size_t *out_len);

struct encword {
	const char *start;	/* "=?" */
	size_t len;		/* "?=" included */
	const char *charset;
	size_t charset_len;
	char encoding;		/* 'b' or 'q' */
	const char *text;
	size_t text_len;
};

/* The next encoded word between *p and end; *p goes behind it.  Blanks inside
 * the text are let pass, since some readers do. */
bool encword_next(const char **p, const char *end, struct encword *w);
/* Its octets in its own charset, at most text_len of them into out.  False:
 * base64 that readers may understand in different ways. */
bool encword_decode(const struct encword *w, char *out, size_t *out_len);
/* Append octets as base64 words of at most 75 octets (with a charset's name
 * of at most 20), one blank between them, UTF-8 sequences not cut. */
int encword_put(struct membuf *m, const char *charset, size_t charset_len,
                const char *buf, size_t len, struct err *e);

#endif
