/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fields made fit to stand outside a sealed letter. */
#include "crypto/refold.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/addr.h"
#include "crypto/ascii.h"
#include "crypto/idn.h"
#include "crypto/lex.h"

enum {
	REFOLD_TOKEN_MAX = 900,	/* with a name before it still a line */
	REFOLD_TEXT_MAX = 4 * HEADER_MAX
};

int refold_raw(struct membuf *m, const char *p, size_t len, struct err *e)
{
	const char *end = p + len, *lf, *text_end;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			return sink_put(&m->sink, p, (size_t)(end - p), e);
		text_end = lf > p && lf[-1] == '\r' ? lf - 1 : lf;
		if (sink_put(&m->sink, p, (size_t)(text_end - p), e) ||
		    sink_put(&m->sink, "\r\n", 2, e))
			return -1;
	}
	return 0;
}

int refold_copy(struct membuf *m, const struct field *f, struct err *e)
{
	if (refold_raw(m, f->raw, f->raw_len, e))
		return -1;
	if (f->raw_len && f->raw[f->raw_len - 1] == '\n')
		return 0;
	return sink_put(&m->sink, "\r\n", 2, e);
}

static bool is_ascii(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] & 0x80)
			return false;
	return true;
}

/* The octets of a line as they will be: its end is CRLF, whatever it was. */
static size_t line_octets(const char *p, const char *next)
{
	size_t n = (size_t)(next - p);

	if (n && p[n - 1] == '\n')
		n--;
	if (n && p[n - 1] == '\r')
		n--;
	return n + 2;
}

static bool is_fit(const struct field *f)
{
	const char *p = f->raw, *end = p + f->raw_len, *next, *text_end;
	bool first = true;

	if (!is_ascii(p, f->raw_len))
		return false;
	for (; p < end; p = next, first = false) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		text_end = lex_trim(p, next);
		if (line_octets(p, next) > REFOLD_LINE_MAX || (!first && text_end == p))
			return false;
	}
	return true;
}

static const char *token_end(const char *p, const char *end)
{
	while (p < end && !ascii_blank(*p))
		p++;
	return p;
}

/* Can it be folded at its blanks? */
static bool folds(const char *p, const char *end)
{
	const char *q;

	for (; p < end; p = q + (q < end)) {
		q = token_end(p, end);
		if (q - p > REFOLD_TOKEN_MAX)
			return false;
	}
	return true;
}

int refold_text(struct membuf *m, const char *name, size_t name_len,
                const char *text, size_t len, struct err *e)
{
	const char *p = text, *end = text + len, *q;
	size_t column = name_len + 1;
	bool first = true;

	if (sink_put(&m->sink, name, name_len, e) ||
	    sink_put(&m->sink, ":", 1, e))
		return -1;
	for (; p < end; p = q) {
		if (ascii_blank(*p)) {
			q = p + 1;
			continue;
		}
		q = token_end(p, end);
		/* Nothing but the name on the first line confuses some. */
		if (column + 1 + (size_t)(q - p) > REFOLD_COLUMNS &&
		    (!first || column + (size_t)(q - p) > REFOLD_LINE_MAX)) {
			if (sink_put(&m->sink, "\r\n", 2, e))
				return -1;
			column = 0;
		}
		if (sink_put(&m->sink, " ", 1, e) ||
		    sink_put(&m->sink, p, (size_t)(q - p), e))
			return -1;
		column += 1 + (size_t)(q - p);
		first = false;
	}
	return sink_put(&m->sink, "\r\n", 2, e);
}

/* The words of a display name, unquoted, without comments. */
static int phrase_words(struct membuf *m, const char *p, const char *end,
                        struct err *e)
{
	bool blank = false, quoted = false;
	const char *q;

	for (; p < end; p++) {
		if (*p == '(' && !quoted) {
			q = lex_comment(p, end);
			p = (q ? q : end) - 1;
			blank = true;
			continue;
		}
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (ascii_blank(*p)) {
			blank = true;
			continue;
		}
		if (*p == '\\' && quoted && p + 1 < end)
			p++;
		if (blank && m->len && sink_put(&m->sink, " ", 1, e))
			return -1;
		if (sink_put(&m->sink, p, 1, e))
			return -1;
		blank = false;
	}
	return 0;
}

static int put_phrase(struct membuf *m, const char *p, const char *end,
                      struct err *e)
{
	struct membuf words;
	int rc;

	if (is_ascii(p, (size_t)(end - p)) && end - p <= REFOLD_TOKEN_MAX)
		return sink_put(&m->sink, p, (size_t)(end - p), e);
	membuf_init(&words, REFOLD_TEXT_MAX);
	rc = phrase_words(&words, p, end, e);
	if (!rc)
		rc = encword_put(m, "utf-8", 5, words.buf, words.len, e);
	if (!rc)
		rc = sink_put(&m->sink, " ", 1, e);
	membuf_free(&words);
	return rc;
}

/* Words about an address must not hold it: they may get into a log. */
static int err_address(struct err *e)
{
	return err_set(e, GPG_ERR_ENCODING_PROBLEM,
	               "An address of this letter cannot be understood. Correct "
	               "it and press Send again");
}

/* There is nothing like A-labels for what is before the @. */
static int err_local_part(struct err *e)
{
	return err_set(e, GPG_ERR_NOT_SUPPORTED,
	               "An address of this letter has letters other than a to "
	               "z, digits and signs before its @, and can't stand on a "
	               "sealed or signed letter. Use another address, then "
	               "press Send again");
}

/* An address whose domain has U-labels, with A-labels in their place. */
static int put_a_labels(struct membuf *m, const char *p, const char *end,
                        struct err *e)
{
	const char *at = memrchr(p, '@', (size_t)(end - p)), *q;
	char u_labels[ADDR_MAX + 1], a_labels[ADDR_MAX + 1];

	if (!at)
		return err_address(e);
	if (!is_ascii(p, (size_t)(at - p)))
		return err_local_part(e);
	at++;
	for (q = at; q < end && !strchr(">() \t", *q); q++)
		;
	if (q - at > ADDR_MAX || !is_ascii(q, (size_t)(end - q)))
		return err_address(e);
	memcpy(u_labels, at, (size_t)(q - at));
	u_labels[q - at] = '\0';
	if (!idn_to_ascii(u_labels, a_labels, sizeof a_labels))
		return err_address(e);
	if (sink_put(&m->sink, p, (size_t)(at - p), e) ||
	    sink_put(&m->sink, a_labels, strlen(a_labels), e))
		return -1;
	return sink_put(&m->sink, q, (size_t)(end - q), e);
}

/* An address as it is; a comment that is not ASCII is left out. */
static int put_spec(struct membuf *m, const char *p, const char *end,
                    struct err *e)
{
	struct membuf t;
	const char *q;
	int rc = 0;

	membuf_init(&t, REFOLD_TEXT_MAX);
	for (; p < end && !rc; p = q) {
		q = lex_skip(p, end);
		if (!q) {
			rc = err_address(e);
			break;
		}
		if (*p != '(' || is_ascii(p, (size_t)(q - p)))
			rc = sink_put(&t.sink, p, (size_t)(q - p), e);
	}
	if (!rc && is_ascii(t.buf, t.len))
		rc = sink_put(&m->sink, t.buf, t.len, e);
	else if (!rc)
		rc = put_a_labels(m, t.buf, t.buf + t.len, e);
	membuf_free(&t);
	return rc;
}

static const char *to_any(const char *p, const char *end, const char *stop)
{
	while (p && p < end && !strchr(stop, *p))
		p = lex_skip(p, end);
	return p;
}

static int address_text(struct membuf *m, const char *p, const char *end,
                        struct err *e)
{
	const char *q;

	while (p < end) {
		q = to_any(p, end, ",;:<");
		if (!q)
			return err_address(e);
		if (q < end && (*q == '<' || *q == ':')) {
			if (put_phrase(m, p, q, e))
				return -1;
		} else if (put_spec(m, p, q, e)) {
			return -1;
		}
		p = q;
		if (q < end && *q == '<') {
			q = to_any(p, end, ">");
			if (!q || q == end)
				return err_address(e);
			if (put_spec(m, p, ++q, e))
				return -1;
		} else if (q < end) {
			q++;
			if (sink_put(&m->sink, p, 1, e) ||
			    sink_put(&m->sink, " ", 1, e))
				return -1;
		}
		p = q;
	}
	return 0;
}

enum kind { KIND_TEXT, KIND_ADDRESS, KIND_FIXED, KIND_LINKS };

static enum kind kind_of(const struct field *f)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = {
		{ "From", KIND_ADDRESS }, { "Sender", KIND_ADDRESS },
		{ "Reply-To", KIND_ADDRESS }, { "To", KIND_ADDRESS },
		{ "Cc", KIND_ADDRESS }, { "Resent-From", KIND_ADDRESS },
		{ "Resent-Sender", KIND_ADDRESS },
		{ "Resent-Reply-To", KIND_ADDRESS },
		{ "Resent-To", KIND_ADDRESS }, { "Resent-Cc", KIND_ADDRESS },
		{ "Mail-Followup-To", KIND_ADDRESS },
		{ "Mail-Reply-To", KIND_ADDRESS },
		{ "Disposition-Notification-To", KIND_ADDRESS },
		{ "Return-Receipt-To", KIND_ADDRESS },
		{ "Errors-To", KIND_ADDRESS },
		{ "Return-Path", KIND_FIXED }, { "Date", KIND_FIXED },
		{ "Message-ID", KIND_FIXED }, { "Resent-Date", KIND_FIXED },
		{ "Resent-Message-ID", KIND_FIXED },
		{ "References", KIND_LINKS }, { "In-Reply-To", KIND_LINKS }
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (field_is(f, kinds[i].name))
			return kinds[i].kind;
	return KIND_TEXT;
}

static int refold_unfit(struct membuf *m, const struct field *f,
                        const char *text, struct err *e)
{
	size_t len = strlen(text);
	const char *end = text + len;
	bool easy = is_ascii(text, len) && folds(text, end);
	struct membuf t;
	int rc = -1;

	if (easy)
		return refold_text(m, f->name, f->name_len, text, len, e);
	membuf_init(&t, REFOLD_TEXT_MAX);
	switch (kind_of(f)) {
	case KIND_LINKS:
		rc = 0;
		goto out;
	case KIND_FIXED:
		err_set(e, GPG_ERR_ENCODING_PROBLEM, "The %.*s line of this letter is "
		        "not what mail allows", (int)f->name_len, f->name);
		goto out;
	case KIND_ADDRESS:
		if (address_text(&t, text, end, e))
			goto out;
		break;
	case KIND_TEXT:
		if (encword_put(&t, "utf-8", 5, text, len, e))
			goto out;
		break;
	}
	if (t.len && !folds(t.buf, t.buf + t.len)) {
		err_address(e);
		goto out;
	}
	rc = refold_text(m, f->name, f->name_len, t.len ? t.buf : "", t.len, e);
out:
	membuf_free(&t);
	return rc;
}

int refold_ascii(struct membuf *m, const struct field *f, struct err *e)
{
	char *text;
	int rc;

	if (is_fit(f))
		return refold_copy(m, f, e);
	if (f->name_len > REFOLD_COLUMNS)
		return err_set(e, GPG_ERR_ENCODING_PROBLEM,
		               "The name of a header line is too long");
	text = field_text(f);
	if (!text)
		return err_errno(e, "Out of memory");
	rc = refold_unfit(m, f, text, e);
	free(text);
	return rc;
}
