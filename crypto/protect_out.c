/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outgoing header blocks: what stays outside, what goes inside, what goes. */
#include "crypto/protect.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/lex.h"
#include "crypto/refold.h"

#define PROTECTION "hp=\"cipher\"; protected-headers=\"v1\""
#define HIDDEN_SUBJECT "Subject: [...]\r\n"

enum { CODE_LEN = sizeof "[clear 1234]" - 1 };

enum place { PLACE_BOTH, PLACE_INSIDE, PLACE_ROOT, PLACE_NOWHERE };

static bool is_any(const struct field *f, const char *const *names)
{
	for (; *names; names++)
		if (field_is(f, *names))
			return true;
	return false;
}

/* Never sent, sealed or not. */
static bool is_private(const struct field *f)
{
	return field_is(f, "Bcc") || field_is(f, "Resent-Bcc") ||
	       field_is(f, "X-Letterlock") || field_begins(f, "Letterlock-");
}

static enum place place_of(const struct field *f)
{
	static const char *const inside[] = {
		"Comments", "Keywords", "User-Agent", "X-Mailer",
		"X-Newsreader", "X-MimeOLE", "X-Operating-System",
		"X-Originating-IP", "Organization", NULL
	};
	static const char *const nowhere[] = {
		"MIME-Version", "Received", "Autocrypt", "Autocrypt-Gossip",
		"HP-Outer", NULL
	};

	if (is_private(f) || is_any(f, nowhere))
		return PLACE_NOWHERE;
	if (field_begins(f, "Content-"))
		return PLACE_ROOT;
	if (is_any(f, inside) || field_begins(f, "X-Mozilla-"))
		return PLACE_INSIDE;
	return PLACE_BOTH;
}

/* O12 and O17. */
static int header_check(const struct header *h, struct err *e)
{
	static const char *const once[] = {
		"Date", "Subject", "Message-ID", "Content-Type"
	};

	for (size_t i = 0; i < h->n; i++)
		if (h->field[i].odd)
			return err_set(e, GPG_ERR_INV_VALUE,
			               "A header line of this letter is not "
			               "what mail allows");
	if (header_count(h, "From") != 1)
		return err_set(e, GPG_ERR_INV_VALUE, "This letter has %s",
		               header_count(h, "From") ?
		               "more than one From line" : "no From line");
	for (size_t i = 0; i < sizeof once / sizeof *once; i++)
		if (header_count(h, once[i]) > 1)
			return err_set(e, GPG_ERR_INV_VALUE,
			               "This letter has more than one %s line",
			               once[i]);
	return 0;
}

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

/* A field as the client wrote it, but a Subject without the code. */
static int put_field(struct membuf *m, const struct field *f, bool crlf,
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

/* The fields every letter must have (O12), in out and, unless NULL, in too. */
static int put_missing(const struct header *h, const struct protect_new *add,
                       struct membuf *out, struct membuf *in, struct err *e)
{
	const char *const name[] = { "Date", "Message-ID" };
	const char *const value[] = { add->date, add->message_id };

	for (int i = 0; i < 2; i++) {
		if (header_count(h, name[i]))
			continue;
		if (membuf_printf(out, e, "%s: %s\r\n", name[i], value[i]) ||
		    (in && membuf_printf(in, e, "%s: %s\r\n", name[i],
		                         value[i])))
			return -1;
	}
	return 0;
}

static bool is_protection(const struct param *p)
{
	static const char *const names[] = { "hp", "protected-headers" };
	size_t n;

	for (int i = 0; i < 2; i++) {
		n = strlen(names[i]);
		if (p->name_len >= n && ascii_same(p->name, names[i], n) &&
		    (p->name_len == n || p->name[n] == '*'))
			return true;
	}
	return false;
}

/* The columns of the last line of m. */
static size_t column_of(const struct membuf *m)
{
	const char *lf = m->len ? memrchr(m->buf, '\n', m->len) : NULL;

	return lf ? (size_t)(m->buf + m->len - lf) - 1 : m->len;
}

static int put_content_type(struct membuf *m, const struct field *f,
                            struct err *e)
{
	const char *end = f->value, *fold;
	struct params it;
	struct param p;

	end += params_begin(&it, f->value, f->value_len);
	end = lex_trim(f->value, end);
	if (lex_cfws(f->value, end) == end)
		goto bad;
	if (refold_raw(m, f->raw, (size_t)(end - f->raw), e))
		return -1;
	while (params_next(&it, &p)) {
		if ((!p.name_len && p.bad && lex_cfws(p.start + 1, p.end) ==
		     p.end) || is_protection(&p))
			continue;
		end = lex_trim(p.start, p.end);
		if (refold_raw(m, p.start, (size_t)(end - p.start), e))
			return -1;
	}
	if (it.open)
		goto bad;
	fold = column_of(m) + sizeof PROTECTION > REFOLD_COLUMNS ? "\r\n" : "";
	return membuf_printf(m, e, ";%s %s\r\n", fold, PROTECTION);
bad:
	return err_set(e, GPG_ERR_INV_VALUE, "The Content-Type line of this "
	               "letter is not what mail allows");
}

/* One HP-Outer for each field that outer holds from start on. */
static int put_hp_outer(const struct membuf *outer, size_t start,
                        struct membuf *inner, struct err *e)
{
	struct header h;
	int rc;

	rc = header_cut(&h, outer->buf + start, outer->len - start, e);
	for (size_t i = 0; !rc && i < h.n; i++) {
		rc = sink_put(&inner->sink, "HP-Outer: ", 10, e);
		if (!rc)
			rc = sink_put(&inner->sink, h.field[i].raw,
			              h.field[i].raw_len, e);
	}
	header_free(&h);
	return rc;
}

/* The payload root's own fields and the empty line. */
static int put_root(const struct header *h, struct membuf *inner,
                    struct err *e)
{
	const struct field *f;
	int rc;

	if (!header_count(h, "Content-Type") &&
	    membuf_printf(inner, e, "Content-Type: text/plain; "
	                  "charset=us-ascii;\r\n %s\r\n", PROTECTION))
		return -1;
	for (size_t i = 0; i < h->n; i++) {
		f = &h->field[i];
		if (place_of(f) != PLACE_ROOT)
			continue;
		rc = field_is(f, "Content-Type") ?
		     put_content_type(inner, f, e) :
		     put_field(inner, f, true, e);
		if (rc)
			return rc;
	}
	return sink_put(&inner->sink, "\r\n", 2, e);
}

int protect_seal(const struct header *h, const struct protect_new *add,
                 struct membuf *outer, struct membuf *inner, struct err *e)
{
	const size_t start = outer->len;
	const struct field *f;
	enum place place;
	int rc;

	if (header_check(h, e))
		return -1;
	for (size_t i = 0; i < h->n; i++) {
		f = &h->field[i];
		place = place_of(f);
		if (place != PLACE_BOTH && place != PLACE_INSIDE)
			continue;
		if (put_field(inner, f, true, e))
			return -1;
		if (place == PLACE_INSIDE)
			continue;
		if (field_is(f, "Subject"))
			rc = sink_put(&outer->sink, HIDDEN_SUBJECT,
			              sizeof HIDDEN_SUBJECT - 1, e);
		else
			rc = refold_ascii(outer, f, e);
		if (rc)
			return -1;
	}
	if (put_missing(h, add, outer, inner, e) ||
	    put_hp_outer(outer, start, inner, e))
		return -1;
	return put_root(h, inner, e);
}

int protect_clear(const struct header *h, const struct protect_new *add,
                  struct membuf *out, struct err *e)
{
	if (header_check(h, e))
		return -1;
	for (size_t i = 0; i < h->n; i++)
		if (!is_private(&h->field[i]) &&
		    put_field(out, &h->field[i], false, e))
			return -1;
	if (put_missing(h, add, out, NULL, e))
		return -1;
	return sink_put(&out->sink, "\r\n", 2, e);
}
