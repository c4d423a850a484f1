/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The refusal code at the start of a Subject: read, and taken away. */
#include <stdlib.h>

#include "crypto/ascii.h"
#include "crypto/lex.h"
#include "crypto/protect_private.h"
#include "crypto/refold.h"

enum { CODE_LEN = sizeof "[clear 1234]" - 1 };

/* The number in "[clear 1234]" at p, or -1. */
static int code_at(const char *p, const char *end)
{
	int code = 0;

	if (end - p < CODE_LEN || !ascii_same(p, "[clear ", 7) || p[11] != ']')
		return -1;
	for (int i = 7; i < 11; i++) {
		if (!ascii_digit(p[i]))
			return -1;
		code = 10 * code + (p[i] - '0');
	}
	return code;
}

/* A Subject that begins with the refusal code. */
struct coded {
	int code;
	const char *start;	/* of the code, or of its encoded word */
	const char *rest;	/* where the octets go on that are kept */
	struct encword word;	/* if it is an encoded word ... */
	char *kept;		/* ... its octets behind the code */
	size_t kept_len;
};

/* end is lex_trim()med: blanks and folds, never the field's line end. */
static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (ascii_blank(*p) || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* Clients that have any letter to encode encode the whole Subject. */
static void coded_word(struct coded *c, const char *end)
{
	const char *p = c->start;
	char *octets;
	size_t n;

	if (!encword_next(&p, end, &c->word) || c->word.start != c->start)
		return;
	octets = malloc(c->word.text_len + 1);
	if (!octets)
		return;
	if (encword_decode(&c->word, octets, &n))
		c->code = code_at(octets, octets + n);
	if (c->code < 0) {
		free(octets);
		return;
	}
	c->kept = octets;
	for (size_t i = CODE_LEN; i < n; i++)
		if (c->kept_len || !ascii_blank(octets[i]))
			octets[c->kept_len++] = octets[i];
	c->rest = p;
	if (!c->kept_len)
		c->rest = skip_blanks(p, end);
}

/* Fill c, whose kept is to be freed; c->code is -1 if there is no code. */
static void coded_read(struct coded *c, const struct field *f)
{
	const char *end = lex_trim(f->value, f->value + f->value_len);

	*c = (struct coded){ .code = -1 };
	c->start = skip_blanks(f->value, end);
	c->code = code_at(c->start, end);
	if (c->code >= 0)
		c->rest = skip_blanks(c->start + CODE_LEN, end);
	else
		coded_word(c, end);
}

int protect_code(const struct header *h)
{
	struct coded c;

	if (header_count(h, "Subject") != 1)
		return -1;
	coded_read(&c, header_get(h, "Subject", 0));
	free(c.kept);
	return c.code;
}

static int put_octets(struct membuf *m, const char *p, const char *end,
                      bool crlf, struct err *e)
{
	if (crlf)
		return refold_raw(m, p, (size_t)(end - p), e);
	return sink_put(&m->sink, p, (size_t)(end - p), e);
}

int protect_field(struct membuf *m, const struct field *f, bool crlf,
                  struct err *e)
{
	const char *p = f->raw, *end = p + f->raw_len;
	struct coded c = { .code = -1 };
	int rc = -1;

	if (field_is(f, "Subject"))
		coded_read(&c, f);
	if (c.code >= 0) {
		if (put_octets(m, p, c.start, crlf, e) ||
		    encword_put(m, c.word.charset, c.word.charset_len, c.kept,
		                c.kept_len, e))
			goto out;
		p = c.rest;
	}
	if (put_octets(m, p, end, crlf, e))
		goto out;
	rc = end[-1] == '\n' ? 0 : sink_put(&m->sink, "\r\n", 2, e);
out:
	free(c.kept);
	return rc;
}
