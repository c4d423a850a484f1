/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comments, quoted-strings and parameters of structured fields. */
#include "crypto/lex.h"

#include "crypto/ascii.h"

static bool is_space(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n';
}

const char *lex_comment(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '\\') {
			if (++p == end)
				break;
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

static const char *closed_by(char close, const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\') {
			if (++p == end)
				break;
		} else if (*p == close) {
			return p + 1;
		}
	}
	return NULL;
}

const char *lex_quoted(const char *p, const char *end)
{
	return closed_by('"', p, end);
}

const char *lex_literal(const char *p, const char *end)
{
	return closed_by(']', p, end);
}

const char *lex_skip(const char *p, const char *end)
{
	switch (*p) {
	case '(':
		return lex_comment(p, end);
	case '"':
		return lex_quoted(p, end);
	case '[':
		return lex_literal(p, end);
	default:
		return p + 1;
	}
}

const char *lex_cfws(const char *p, const char *end)
{
	const char *q;

	while (p < end) {
		if (is_space(*p)) {
			p++;
		} else if (*p == '(') {
			q = lex_comment(p, end);
			if (!q)
				break;
			p = q;
		} else {
			break;
		}
	}
	return p;
}

const char *lex_trim(const char *p, const char *end)
{
	while (end > p && is_space(end[-1]))
		end--;
	return end;
}

/* To the next ';' outside comments and quoted-strings. */
static const char *to_semicolon(struct params *it, const char *p)
{
	while (p < it->end && *p != ';') {
		if (*p == '(')
			p = lex_comment(p, it->end);
		else if (*p == '"')
			p = lex_quoted(p, it->end);
		else
			p++;
		if (!p) {
			it->open = true;
			return it->end;
		}
	}
	return p;
}

size_t params_begin(struct params *it, const char *value, size_t len)
{
	*it = (struct params){ .pos = value, .end = value + len };
	it->pos = to_semicolon(it, value);
	return (size_t)(it->pos - value);
}

/* An attribute or an unquoted value.  The tspecials that careless writers
 * leave unquoted ("=", "/", ":" ...) are let pass. */
static const char *word_end(const char *p, const char *end, bool name)
{
	while (p < end && !is_space(*p) && *p != '(' && *p != '"' &&
	       !(name && *p == '='))
		p++;
	return p;
}

bool params_next(struct params *it, struct param *p)
{
	const char *s, *q, *end;

	if (it->pos >= it->end)
		return false;
	*p = (struct param){ .start = it->pos, .bad = true };
	end = p->end = it->pos = to_semicolon(it, it->pos + 1);

	p->name = lex_cfws(p->start + 1, end);
	s = word_end(p->name, end, true);
	p->name_len = (size_t)(s - p->name);
	p->value = s = lex_cfws(s, end);
	if (it->open || s == end || *s != '=')
		return true;
	p->value = s = lex_cfws(s + 1, end);
	if (s < end && *s == '"')
		q = lex_quoted(s, end);
	else
		q = word_end(s, end, false);
	if (!q)
		return true;
	p->value_len = (size_t)(q - s);
	p->bad = !p->name_len || !p->value_len || lex_cfws(q, end) != end;
	return true;
}

bool param_value(const struct param *p, char *out, size_t *out_len)
{
	const char *s = p->value, *end = s + p->value_len;
	bool quoted;

	*out_len = 0;
	if (p->bad)
		return false;
	quoted = *s == '"';
	if (quoted) {
		s++;
		end--;
	}
	for (; s < end; s++) {
		if (*s == '\n' || (*s == '\r' && s + 1 < end && s[1] == '\n'))
			continue;
		if (*s == '\\' && quoted)
			s++;
		if (*s == '\0' || *s == '\r' || *s == '\n')
			return false;
		out[(*out_len)++] = *s;
	}
	return true;
}
