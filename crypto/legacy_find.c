/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking for a legacy display element: strictly, since what is not exactly one
 * stays. */
#include "crypto/legacy_find.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/legacy.h"

#define CLASS "header-protection-legacy-display"

/* The lines up to and with the first empty one. */
static bool find_text(const char *p, size_t n, struct legacy_span *s)
{
	const char *at = p, *end = p + n, *lf;

	while ((lf = memchr(at, '\n', (size_t)(end - at)))) {
		if (lf == at || (lf == at + 1 && *at == '\r')) {
			*s = (struct legacy_span){ 0, (size_t)(lf + 1 - p) };
			return true;
		}
		at = lf + 1;
	}
	return false;
}

/* ---- HTML ---- */

static bool is_space(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n' || c == '\f';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* Behind this text (in lower case) if it is at p, else NULL. */
static const char *pass(const char *p, const char *end, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(end - p) >= n && ascii_same(p, text, n) ? p + n : NULL;
}

static bool is_tag(const char *p, const char *end, const char *name)
{
	p = pass(p, end, name);
	return p && p < end && (is_space(*p) || *p == '>' || *p == '/');
}

/* Behind the first such text from p on, or NULL. */
static const char *pass_until(const char *p, const char *end, const char *text)
{
	const char *q;

	for (; p < end && (p = memchr(p, *text, (size_t)(end - p))); p++)
		if ((q = pass(p, end, text)))
			return q;
	return NULL;
}

/* Behind the '>' of the tag at p, whose quoted values may hold one. */
static const char *pass_tag(const char *p, const char *end)
{
	char quote = '\0';

	for (; p < end; p++) {
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p + 1;
	}
	return NULL;
}

/* Behind one thing that may stand before a body, at p; NULL: it is none. */
static const char *pass_head(const char *p, const char *end)
{
	static const struct { const char *open, *close; } opaque[] = {
		{ "<title", "</title" }, { "<style", "</style" },
		{ "<script", "</script" }
	};
	static const char *const tags[] = {
		"<!doctype", "<html", "<head", "</head", "<meta", "<link",
		"<base"
	};

	if (pass(p, end, "<!--"))
		return pass_until(p + 2, end, "-->");
	for (size_t i = 0; i < sizeof opaque / sizeof *opaque; i++)
		if (is_tag(p, end, opaque[i].open)) {
			p = pass_tag(p, end);
			p = p ? pass_until(p, end, opaque[i].close) : NULL;
			return p ? pass_tag(p, end) : NULL;
		}
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (is_tag(p, end, tags[i]))
			return pass_tag(p, end);
	return NULL;
}

/* The first thing in the body, whose own tag may be left out. */
static const char *body_begin(const char *p, const char *end)
{
	const char *q = pass(p, end, "\xef\xbb\xbf");

	p = skip_space(q ? q : p, end);
	while (!is_tag(p, end, "<body")) {
		q = pass_head(p, end);
		if (!q)
			return p;
		p = skip_space(q, end);
	}
	p = pass_tag(p, end);
	return p ? skip_space(p, end) : end;
}

/* Behind the tag that begins the element, if that is what is at p. */
static const char *pass_open(const char *p, const char *end)
{
	const char *q = pass(p, end, "<div");
	char quote;

	if (!q || q == end || !is_space(*q))
		return NULL;
	q = pass(skip_space(q, end), end, "class=");
	if (!q || q == end || (*q != '"' && *q != '\''))
		return NULL;
	quote = *q++;
	if ((size_t)(end - q) <= strlen(CLASS)
	    || memcmp(q, CLASS, strlen(CLASS)) != 0)
		return NULL;
	q += strlen(CLASS);
	if (*q != quote)
		return NULL;
	q = skip_space(q + 1, end);
	return q < end && *q == '>' ? q + 1 : NULL;
}

/* Behind the tag that ends it, with nothing inside that could hide one. */
static const char *pass_close(const char *p, const char *end)
{
	static const char *const harmless[] = {
		"<pre>", "</pre>", "<p>", "</p>", "<b>", "</b>", "<br>",
		"<br/>", "<br />"
	};
	const char *q;
	size_t i;

	while ((p = memchr(p, '<', (size_t)(end - p)))) {
		if ((q = pass(p, end, "</div"))) {
			q = skip_space(q, end);
			return q < end && *q == '>' ? q + 1 : NULL;
		}
		for (q = NULL, i = 0; !q && i < sizeof harmless
		     / sizeof *harmless; i++)
			q = pass(p, end, harmless[i]);
		if (!q)
			return NULL;
		p = q;
	}
	return NULL;
}

/* The div element of the class, with no other attribute, that is the first thing in
 * the body element and holds nothing but text and plain pre, p, b and br. */
static bool find_html(const char *p, size_t n, struct legacy_span *s)
{
	const char *end = p + n, *from = body_begin(p, end);
	const char *to = pass_open(from, end);

	if (to)
		to = pass_close(to, end);
	if (to)
		*s = (struct legacy_span){ (size_t)(from - p),
		                           (size_t)(to - p) };
	return to;
}

/* ---- decoding, with an eye on where ---- */

struct text {
	struct sink sink;
	char *buf;		/* LEGACY_MAX octets at most */
	uint32_t *at;		/* where each begins in the raw ones (not base64) */
	size_t len;
};

static int hex(char c)
{
	c = ascii_lower(c);
	return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t line_end(const char *p, const char *end)
{
	if (p < end && *p == '\n')
		return 1;
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

/* Up to where readers do not agree: no escape, or blanks that a line ends with. */
static void qp_decode(struct text *t, const char *raw, size_t n)
{
	const char *p = raw, *end = p + n, *run = p;

	while (p < end && t->len < LEGACY_MAX) {
		if (*p == '=' && line_end(p + 1, end)) {
			p += 1 + line_end(p + 1, end);
			continue;
		}
		if (ascii_blank(*p) && p >= run) {
			for (run = p; run < end && ascii_blank(*run); run++)
				;
			if (run == end || line_end(run, end))
				return;
		}
		if (*p == '=' && (end - p < 3 || hex(p[1]) < 0 || hex(p[2]) < 0))
			return;
		t->at[t->len] = (uint32_t)(p - raw);
		t->buf[t->len++] = *p == '=' ? (char)(hex(p[1]) << 4 | hex(p[2]))
		                   : *p;
		p += *p == '=' ? 3 : 1;
	}
}

static int text_put(struct sink *sink, const void *buf, size_t n, struct err *e)
{
	struct text *t = (struct text *)sink;
	size_t room = LEGACY_MAX - t->len;

	(void)e;
	memcpy(t->buf + t->len, buf, n < room ? n : room);
	t->len += n < room ? n : room;
	return 0;
}

static void base64_decode(struct text *t, const char *raw, size_t n)
{
	const char *eq = memchr(raw, '=', n);
	struct untransfer u;

	t->sink.put = text_put;
	untransfer_init(&u, TRANSFER_BASE64, &t->sink);
	sink_put(&u.sink, raw, eq ? (size_t)(eq - raw) : n, NULL);
}

static bool find(bool html, const char *p, size_t n, struct legacy_span *s)
{
	if (n > LEGACY_MAX)
		n = LEGACY_MAX;
	return html ? find_html(p, n, s) : find_text(p, n, s);
}

int legacy_find(bool html, enum transfer how, const char *raw, size_t n,
                struct legacy_span *s, bool *found, struct err *e)
{
	struct text t = { .len = 0 };
	uint32_t last;
	int rc = 0;

	if (how == TRANSFER_NONE) {
		*found = find(html, raw, n, s);
		return 0;
	}
	t.buf = malloc(LEGACY_MAX);
	t.at = malloc(LEGACY_MAX * sizeof *t.at);
	if (!t.buf || !t.at) {
		rc = err_errno(e, "Out of memory");
		goto out;
	}
	if (how == TRANSFER_QP)
		qp_decode(&t, raw, n);
	else
		base64_decode(&t, raw, n);
	*found = find(html, t.buf, t.len, s);
	if (*found && how == TRANSFER_QP) {
		last = t.at[s->to - 1];
		s->to = last + (raw[last] == '=' ? 3 : 1);
		s->from = s->from ? t.at[s->from] : 0;
	}
out:
	free(t.buf);
	free(t.at);
	return rc;
}
