/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses: lists of them read out of header fields, and compared. */
#include "crypto/addr.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/idn.h"
#include "crypto/lex.h"

/* What stands between two delimiters. */
struct unit {
	char spec[ADDR_MAX + 2];	/* without blanks and comments */
	size_t len;			/* may be larger than spec */
	bool phrase;			/* two words side by side */
	bool at;
	bool bad;
};

int addrs_add(struct addrs *list, const char *addr, struct err *e)
{
	char **more;

	if (list->n >= ADDRS_MAX)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The letter names more than %d addresses",
		               ADDRS_MAX);
	if ((list->n & (list->n - 1)) == 0) {	/* 0, 1, 2, 4, 8 ... are full */
		more = realloc(list->addr, (list->n ? 2 * list->n : 1) *
		                           sizeof *more);
		if (!more)
			return err_errno(e, "Out of memory");
		list->addr = more;
	}
	list->addr[list->n] = strdup(addr);
	if (!list->addr[list->n])
		return err_errno(e, "Out of memory");
	list->n++;
	return 0;
}

void addrs_free(struct addrs *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->addr[i]);
	free(list->addr);
	*list = (struct addrs){ 0 };
}

bool addrs_have(const struct addrs *list, const char *addr)
{
	for (size_t i = 0; i < list->n; i++)
		if (addr_same(list->addr[i], addr))
			return true;
	return false;
}

static void unit_put(struct unit *u, const char *p, size_t n)
{
	if (u->len + n < sizeof u->spec)
		memcpy(u->spec + u->len, p, n);
	u->len += n;
}

static bool is_atext(char c)
{
	return !ascii_hidden(c) && !strchr("()<>[]:;@\\,.\"", c);
}

/* Read up to a delimiter or the end; what does not end on its own takes the
 * rest of the text with it, lest each of many openings be searched again. */
static const char *unit_read(struct unit *u, const char *p, const char *end)
{
	bool word = false;	/* the last thing was a word */
	const char *q;

	memset(u, 0, sizeof *u);
	while (p < end && !strchr(",;:<>", *p)) {
		q = p;
		if (*p == '.' || *p == '@') {
			u->at |= *p == '@';
			word = false;
			unit_put(u, p++, 1);
		} else if (*p == '"' || is_atext(*p)) {
			u->phrase |= word;
			word = true;
			if (*p == '"')
				p = lex_quoted(p, end);
			else
				while (p < end && is_atext(*p))
					p++;
			if (p)
				unit_put(u, q, (size_t)(p - q));
		} else if (*p == '[') {
			p = lex_literal(p, end);
			if (p)
				unit_put(u, q, (size_t)(p - q));
		} else if (*p == '(') {
			p = lex_comment(p, end);
		} else {
			u->bad |= !ascii_blank(*p++);
		}
		if (!p) {
			u->bad = true;
			p = end;
		}
	}
	return p;
}

/* "<...>" behind a phrase, with an old route perhaps; p is at "<".  To behind
 * ">" and what blanks and comments follow. */
static const char *angle_read(struct unit *u, const char *p, const char *end)
{
	bool wrong = u->bad || u->at;	/* a@b <c@d>: whose is it? */
	bool route = false;

	for (;;) {
		p = unit_read(u, p + 1, end);
		if (p == end || (*p != ',' && *p != ':') ||
		    u->spec[0] != '@' || u->bad)
			break;
		route = *p == ',';
	}
	u->bad |= wrong || route || !u->len || p == end || *p != '>';
	return p < end && *p == '>' ? lex_cfws(p + 1, end) : p;
}

static const char *to_comma(const char *p, const char *end)
{
	while (p && p < end && *p != ',')
		p = lex_skip(p, end);
	return p ? p : end;
}

static int unit_add(struct addrs *list, struct unit *u, struct err *e)
{
	if (u->bad || u->phrase || u->len > ADDR_MAX)
		goto bad;
	u->spec[u->len] = '\0';
	if (!addr_ok(u->spec))
		goto bad;
	return addrs_add(list, u->spec, e);
bad:
	list->bad = true;
	return 0;
}

int addrs_parse(struct addrs *list, const char *text, struct err *e)
{
	const char *p = text, *end = text + strlen(text);
	bool group = false, closes;
	struct unit u;

	while (p < end) {
		p = unit_read(&u, p, end);
		if (p < end && *p == ':' && !group && u.len && !u.bad &&
		    !u.at) {
			list->group = group = true;
			p++;
			continue;
		}
		if (p < end && *p == '<')
			p = angle_read(&u, p, end);
		closes = group && p < end && *p == ';';
		u.bad |= p < end && *p != ',' && !closes;
		if ((u.len || u.bad) && unit_add(list, &u, e))
			return -1;
		if (closes) {
			group = false;
			p = lex_cfws(p + 1, end);
			list->bad |= p < end && *p != ',';
		}
		p = to_comma(p, end);
		p += p < end;
	}
	list->bad |= group;
	return 0;
}

/* Behind the local part of addr, at its '@'; NULL if there is none. */
static const char *local_end(const char *p)
{
	bool quoted = false;
	const char *start = p;

	for (; *p; p++) {
		if (*p == '\\' && quoted && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '@')
			return p == start ? NULL : p;
		else if (!quoted && !is_atext(*p) && *p != '.')
			return NULL;
	}
	return NULL;
}

static bool domain_ok(const char *p)
{
	size_t n = strlen(p);

	if (*p == '[')
		return n > 2 && strcspn(p, "]\\\"()@,;") == n - 1 &&
		       p[n - 1] == ']';
	for (; *p; p++)
		if (!is_atext(*p) && *p != '.')
			return false;
	return n > 0;
}

bool addr_ok(const char *addr)
{
	const char *at;

	if (strnlen(addr, ADDR_MAX + 1) > ADDR_MAX)
		return false;
	for (const char *p = addr; *p; p++)
		if (ascii_hidden(*p) || *p == '<' || *p == '>')
			return false;
	at = local_end(addr);
	return at && domain_ok(at + 1);
}

/* Without the dot that may end a domain. */
static size_t addr_len(const char *addr)
{
	size_t n = strlen(addr);

	return n > 1 && addr[n - 1] == '.' ? n - 1 : n;
}

/* addr with its domain written by idn_to_ascii() or idn_to_utf8(). */
static bool rewrite(const char *addr, char out[ADDR_MAX + 1],
                    bool (*domain)(const char *, char *, size_t))
{
	const char *at = strrchr(addr, '@');	/* no domain has another */
	size_t n = at ? (size_t)(at - addr) + 1 : 0;

	if (!at || n > ADDR_MAX)
		return false;
	memcpy(out, addr, n);
	return domain(at + 1, out + n, ADDR_MAX + 1 - n);
}

bool addr_to_ascii(const char *addr, char out[ADDR_MAX + 1])
{
	return rewrite(addr, out, idn_to_ascii);
}

bool addr_to_utf8(const char *addr, char out[ADDR_MAX + 1])
{
	return rewrite(addr, out, idn_to_utf8);
}

bool addr_same(const char *a, const char *b)
{
	char a_label[ADDR_MAX + 1], b_label[ADDR_MAX + 1];
	size_t n;

	if (idn_is_wide(a) && addr_to_ascii(a, a_label))
		a = a_label;
	if (idn_is_wide(b) && addr_to_ascii(b, b_label))
		b = b_label;
	n = addr_len(a);
	return n == addr_len(b) && ascii_same(a, b, n);
}

bool addr_match(const char *pattern, const char *addr)
{
	const char *at;

	if (pattern[0] == '*' && pattern[1] == '@')
		pattern++;
	if (pattern[0] != '@')
		return addr_same(pattern, addr);
	at = local_end(addr);
	return at && addr_same(pattern, at);
}

char *addr_fold(const char *addr)
{
	char a_label[ADDR_MAX + 1], *key;
	size_t n;

	if (idn_is_wide(addr) && addr_to_ascii(addr, a_label))
		addr = a_label;
	n = addr_len(addr);
	key = malloc(n + 1);
	if (!key)
		return NULL;
	for (size_t i = 0; i < n; i++)
		key[i] = ascii_lower(addr[i]);
	key[n] = '\0';
	return key;
}

bool addr_of_uid(const char *uid, char *out)
{
	const char *p = uid, *end = lex_trim(uid, uid + strlen(uid));
	const char *open = strchr(uid, '<'), *close = strchr(uid, '>');

	if (open) {
		p = open + 1;
		if (!close || close != --end)
			return false;
	} else {
		while (p < end && ascii_blank(*p))
			p++;
	}
	if ((size_t)(end - p) > ADDR_MAX)
		return false;
	memcpy(out, p, (size_t)(end - p));
	out[end - p] = '\0';
	return addr_ok(out);
}
