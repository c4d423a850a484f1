/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outgoing header blocks: what stays outside, what goes inside, what goes. */
#include <stdlib.h>
#include <string.h>

#include "crypto/addr.h"
#include "crypto/ascii.h"
#include "crypto/lex.h"
#include "crypto/protect_private.h"
#include "crypto/refold.h"

#define PROTECTED_SEALED "hp=\"cipher\"; protected-headers=\"v1\""
#define PROTECTED_SIGNED "hp=\"clear\"; protected-headers=\"v1\""
#define HIDDEN_SUBJECT "Subject: [...]\r\n"
#define CTE "Content-Transfer-Encoding"

enum { LINE_OCTETS = 998 };

enum place {
	PLACE_BOTH,
	PLACE_HIDDEN,		/* inside, and outside too if nothing is hidden */
	PLACE_INSIDE,
	PLACE_ROOT,
	PLACE_NOWHERE
};

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
	static const char *const names[] = {
		"Bcc", "Resent-Bcc", "X-Letterlock", "Autocrypt",
		"Autocrypt-Gossip", NULL
	};

	return is_any(f, names) || field_begins(f, "Letterlock-");
}

static enum place place_of(const struct field *f)
{
	static const char *const hidden[] = { "Comments", "Keywords", NULL };
	static const char *const inside[] = {
		"User-Agent", "X-Mailer", "X-Newsreader", "X-MimeOLE",
		"X-Operating-System", "X-Originating-IP", "Organization", NULL
	};
	static const char *const nowhere[] = {
		"MIME-Version", "Received", "HP-Outer", NULL
	};

	if (is_private(f) || is_any(f, nowhere))
		return PLACE_NOWHERE;
	if (field_begins(f, "Content-"))
		return PLACE_ROOT;
	if (is_any(f, hidden))
		return PLACE_HIDDEN;
	if (is_any(f, inside) || field_begins(f, "X-Mozilla-"))
		return PLACE_INSIDE;
	return PLACE_BOTH;
}

/* A group in From has no key that could sign for it (R6). */
static int from_check(const struct header *h, struct err *e)
{
	char *text = field_text(header_get(h, "From", 0));
	struct addrs list = { 0 };
	int rc;

	if (!text)
		return err_errno(e, "Out of memory");
	rc = addrs_parse(&list, text, e);
	if (!rc && list.group)
		rc = err_set(e, GPG_ERR_INV_VALUE,
		             "The From line of this letter names a group");
	addrs_free(&list);
	free(text);
	return rc;
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
	return from_check(h, e);
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

static int err_field(const struct field *f, struct err *e)
{
	return err_set(e, GPG_ERR_INV_VALUE, "The %.*s line of this letter is "
	               "not what mail allows", (int)f->name_len, f->name);
}

static int put_content_type(struct membuf *m, const struct field *f,
                            const char *protection, struct err *e)
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
	fold = column_of(m) + strlen(protection) + 1 > REFOLD_COLUMNS ? "\r\n"
	                                                              : "";
	return membuf_printf(m, e, ";%s %s\r\n", fold, protection);
bad:
	return err_field(f, e);
}

/* ---- sealed ---- */

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

static int put_no_type(struct membuf *m, const char *protection,
                       struct err *e)
{
	return membuf_printf(m, e, "Content-Type: text/plain; "
	                     "charset=us-ascii;\r\n %s\r\n", protection);
}

/* The payload root's own fields and the empty line. */
static int put_root(const struct header *h, struct membuf *inner,
                    struct err *e)
{
	const struct field *f;
	int rc;

	if (!header_count(h, "Content-Type") &&
	    put_no_type(inner, PROTECTED_SEALED, e))
		return -1;
	for (size_t i = 0; i < h->n; i++) {
		f = &h->field[i];
		if (place_of(f) != PLACE_ROOT)
			continue;
		rc = field_is(f, "Content-Type") ?
		     put_content_type(inner, f, PROTECTED_SEALED, e) :
		     protect_field(inner, f, true, e);
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
		if (place == PLACE_ROOT || place == PLACE_NOWHERE)
			continue;
		if (protect_field(inner, f, true, e))
			return -1;
		if (place != PLACE_BOTH)
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

/* ---- signed only ---- */

/* Append a written field without blanks at line ends, which a signature would
 * not outlive (RFC 3156 section 5), and without lines of blanks. */
static int put_trimmed(struct membuf *m, const struct membuf *from,
                       const struct field *f, struct err *e)
{
	const char *p = from->len ? from->buf : "", *end = p + from->len;
	const char *next, *text_end;

	for (; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		text_end = lex_trim(p, next);
		if (text_end == p)
			continue;
		if (text_end - p > LINE_OCTETS)
			return err_field(f, e);
		for (const char *q = p; q < text_end; q++)
			if (*q & 0x80)
				return err_field(f, e);
		if (sink_put(&m->sink, p, (size_t)(text_end - p), e) ||
		    sink_put(&m->sink, "\r\n", 2, e))
			return -1;
	}
	return 0;
}

/* A Subject without the code, fit to stand outside. */
static int put_subject(struct membuf *m, const struct field *f, struct err *e)
{
	struct membuf t;
	struct header h;
	int rc;

	membuf_init(&t, 2 * HEADER_MAX);
	rc = protect_field(&t, f, true, e);
	if (!rc) {
		rc = header_cut(&h, t.buf, t.len, e);
		if (!rc)
			rc = refold_ascii(m, &h.field[0], e);
		header_free(&h);
	}
	membuf_free(&t);
	return rc;
}

/* One field of a signed letter into tmp, as it is written inside and out. */
static int put_signed(struct membuf *tmp, const struct field *f, struct err *e)
{
	tmp->len = 0;
	if (field_is(f, "Subject"))
		return put_subject(tmp, f, e);
	if (field_is(f, "Content-Type"))
		return put_content_type(tmp, f, PROTECTED_SIGNED, e);
	/* encoded words have no place in the others' parameters */
	if (field_begins(f, "Content-") && !field_is(f, "Content-Description"))
		return refold_copy(tmp, f, e);
	return refold_ascii(tmp, f, e);
}

/* The root's own fields, its encoding in its place or last. */
static int sign_root(const struct header *h, const char *cte,
                     struct membuf *tmp, struct membuf *inner, struct err *e)
{
	const struct field *f;
	bool done = !cte;

	if (!header_count(h, "Content-Type") &&
	    put_no_type(inner, PROTECTED_SIGNED, e))
		return -1;
	for (size_t i = 0; i < h->n; i++) {
		f = &h->field[i];
		if (place_of(f) != PLACE_ROOT)
			continue;
		if (cte && field_is(f, CTE)) {
			if (!done && membuf_printf(inner, e, CTE ": %s\r\n",
			                           cte))
				return -1;
			done = true;
		} else if (put_signed(tmp, f, e) ||
		           put_trimmed(inner, tmp, f, e)) {
			return -1;
		}
	}
	if (!done && membuf_printf(inner, e, CTE ": %s\r\n", cte))
		return -1;
	return sink_put(&inner->sink, "\r\n", 2, e);
}

int protect_sign(const struct header *h, const struct protect_new *add,
                 const char *cte, struct membuf *outer, struct membuf *inner,
                 struct err *e)
{
	const struct field *f;
	struct membuf tmp;
	enum place place;
	int rc = -1;

	membuf_init(&tmp, 4 * HEADER_MAX);
	if (header_check(h, e))
		goto out;
	for (size_t i = 0; i < h->n; i++) {
		f = &h->field[i];
		place = place_of(f);
		if (place == PLACE_ROOT || place == PLACE_NOWHERE)
			continue;
		if (put_signed(&tmp, f, e) || put_trimmed(inner, &tmp, f, e) ||
		    (place != PLACE_INSIDE && put_trimmed(outer, &tmp, f, e)))
			goto out;
	}
	if (!put_missing(h, add, outer, inner, e))
		rc = sign_root(h, cte, &tmp, inner, e);
out:
	membuf_free(&tmp);
	return rc;
}

/* ---- readable ---- */

int protect_clear(const struct header *h, const struct protect_new *add,
                  struct membuf *out, struct err *e)
{
	if (header_check(h, e))
		return -1;
	for (size_t i = 0; i < h->n; i++)
		if (!is_private(&h->field[i]) &&
		    protect_field(out, &h->field[i], false, e))
			return -1;
	if (put_missing(h, add, out, NULL, e))
		return -1;
	return sink_put(&out->sink, "\r\n", 2, e);
}
