/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header blocks: finding their end, cutting them, reading their values. */
#include "crypto/header.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/lex.h"

enum { HEADER_FIRST = 32, PARAM_SECTIONS_MAX = 10000 };

size_t header_span(const char *buf, size_t len, size_t *from)
{
	size_t p = *from;
	const char *lf;

	for (;;) {
		if (p == 0 || buf[p - 1] == '\n') {
			*from = p;
			if (p < len && buf[p] == '\n')
				return p + 1;
			if (p == len || (buf[p] == '\r' && p + 1 == len))
				return 0;	/* an empty line may come */
			if (buf[p] == '\r' && buf[p + 1] == '\n')
				return p + 2;
		}
		lf = memchr(buf + p, '\n', len - p);
		if (!lf) {
			*from = len;
			return 0;
		}
		p = (size_t)(lf - buf) + 1;
	}
}

static const char *next_line(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

static bool ends_header(const char *p, const char *end)
{
	return *p == '\n' || (end - p >= 2 && p[0] == '\r' && p[1] == '\n');
}

static bool has_bare_cr(const char *p, const char *end)
{
	while ((p = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		if (++p == end || *p != '\n')
			return true;
	}
	return false;
}

static bool name_is_odd(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 33 || (unsigned char)name[i] > 126)
			return true;
	return len == 0;
}

static void field_cut(struct field *f, const char *p, const char *first_end,
                      const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(first_end - p));

	*f = (struct field){ .raw = p, .raw_len = (size_t)(end - p),
	                     .name = p, .value = end, .odd = true };
	if (!colon)
		return;
	f->value = colon + 1;
	f->value_len = (size_t)(end - f->value);
	f->name_len = (size_t)(colon - p);
	while (f->name_len && (ascii_blank(p[f->name_len - 1]) ||
	                       p[f->name_len - 1] == '\0'))
		f->name_len--;
	f->odd = p + f->name_len != colon || name_is_odd(p, f->name_len) ||
	         has_bare_cr(p, end) || memchr(p, '\0', f->raw_len);
}

static int header_grow(struct header *h, size_t *size, struct err *e)
{
	struct field *more;

	if (h->n == HEADER_FIELDS_MAX)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The letter has more than %d header fields",
		               HEADER_FIELDS_MAX);
	if (h->n < *size)
		return 0;
	*size = *size ? 2 * *size : HEADER_FIRST;
	more = realloc(h->field, *size * sizeof *more);
	if (!more)
		return err_errno(e, "Out of memory");
	h->field = more;
	return 0;
}

int header_cut(struct header *h, const char *buf, size_t len, struct err *e)
{
	const char *p = buf, *end = buf + len, *first_end, *q;
	size_t size = 0;

	*h = (struct header){ 0 };
	if (len > HEADER_MAX)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The letter's header is larger than %d octets",
		               HEADER_MAX);
	while (p < end && !ends_header(p, end)) {
		first_end = q = next_line(p, end);
		while (q < end && ascii_blank(*q))
			q = next_line(q, end);
		if (header_grow(h, &size, e))
			return -1;
		field_cut(&h->field[h->n++], p, first_end, q);
		p = q;
	}
	return 0;
}

void header_free(struct header *h)
{
	free(h->field);
	*h = (struct header){ 0 };
}

bool field_is(const struct field *f, const char *name)
{
	return f->name_len == strlen(name) &&
	       ascii_same(f->name, name, f->name_len);
}

bool field_begins(const struct field *f, const char *prefix)
{
	size_t n = strlen(prefix);

	return f->name_len >= n && ascii_same(f->name, prefix, n);
}

size_t header_count(const struct header *h, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < h->n; i++)
		count += field_is(&h->field[i], name);
	return count;
}

const struct field *header_get(const struct header *h, const char *name,
                               size_t nth)
{
	for (size_t i = 0; i < h->n; i++)
		if (field_is(&h->field[i], name) && nth-- == 0)
			return &h->field[i];
	return NULL;
}

char *field_text(const struct field *f)
{
	const char *p = f->value, *end = p + f->value_len;
	char *text = malloc(f->value_len + 1);
	size_t n = 0;

	if (!text)
		return NULL;
	for (; p < end; p++) {
		if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
			continue;
		text[n] = *p == '\0' || *p == '\r' ? ' ' : *p;
		if (n || !ascii_blank(text[n]))
			n++;
	}
	while (n && ascii_blank(text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

enum { SECTION_OTHER = -1, SECTION_WHOLE = -2, SECTION_BAD = -3 };

/* Is p this parameter, or which section of it (RFC 2231 section 3)?  The
 * percent-encoded kind (section 4) has no business in what we must read. */
static int section_of(const struct param *p, const char *name)
{
	size_t n = strlen(name);
	int k = 0;

	if (p->name_len < n || !ascii_same(p->name, name, n))
		return SECTION_OTHER;
	if (p->name_len == n)
		return SECTION_WHOLE;
	if (p->name[n] != '*')
		return SECTION_OTHER;
	if (++n == p->name_len || (p->name[n] == '0' && n + 1 < p->name_len))
		return SECTION_BAD;
	for (; n < p->name_len; n++) {
		if (!ascii_digit(p->name[n]))
			return SECTION_BAD;
		k = 10 * k + (p->name[n] - '0');
		if (k >= PARAM_SECTIONS_MAX)
			return SECTION_BAD;
	}
	return k;
}

char *field_param(const struct field *f, const char *param, bool *twice)
{
	bool whole = false, bad = false, again = false;
	size_t n = 0, got;
	struct params it;
	struct param p;
	char *text;
	int k, next = 0;

	if (twice)
		*twice = false;
	text = malloc(f->value_len + 1);
	if (!text)
		return NULL;
	params_begin(&it, f->value, f->value_len);
	while (params_next(&it, &p)) {
		k = section_of(&p, param);
		if (k == SECTION_OTHER)
			continue;
		if (whole || (next && (k == SECTION_WHOLE ||
		                       (k >= 0 && k < next))))
			again = true;
		if (again || (k != SECTION_WHOLE && k != next) ||
		    !param_value(&p, text + n, &got)) {
			bad = true;
			continue;
		}
		n += got;
		whole = k == SECTION_WHOLE;
		next++;
	}
	if (twice)
		*twice = again;
	if (bad || !next) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

char *field_token(const struct field *f)
{
	const char *p = f->value, *end, *q;
	struct params it;
	char *token;
	size_t n = 0;

	end = p + params_begin(&it, p, f->value_len);
	token = it.open ? NULL : malloc((size_t)(end - p) + 1);
	if (!token)
		return NULL;
	while ((p = lex_cfws(p, end)) < end)
		for (q = *p == '"' ? lex_quoted(p, end) : p + 1; p < q; p++)
			token[n++] = ascii_lower(*p);
	token[n] = '\0';
	if (n == 0 || memchr(token, '\0', n)) {
		free(token);
		return NULL;
	}
	return token;
}
