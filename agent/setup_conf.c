/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes in the text of a configuration that leave alone what others wrote. */
#include <string.h>

#include "agent/setup.h"

struct place {			/* offsets in the text */
	size_t from;		/* the section's line */
	size_t last;		/* behind its last entry */
	size_t key, key_end;	/* the key's line, if from < key */
};

static size_t line_end(const char *text, size_t n, size_t at)
{
	const char *nl = memchr(text + at, '\n', n - at);

	return nl ? (size_t)(nl - text) + 1 : n;
}

static size_t blanks(const char *text, size_t at, size_t end)
{
	while (at < end && (text[at] == ' ' || text[at] == '\t'
	                    || text[at] == '\r' || text[at] == '\n'))
		at++;
	return at;
}

/* Is this line the beginning of this section? */
static bool begins(const char *line, size_t n, const char *section)
{
	char name[ADDR_MAX + 8];
	const char *end = memchr(line, ']', n);

	if (!end || (size_t)(end - line) > sizeof name)
		return false;
	memcpy(name, line + 1, (size_t)(end - line - 1));
	name[end - line - 1] = '\0';
	return strcmp(name, section) == 0 || addr_same(name, section);
}

/* Is this line an entry with this key? */
static bool has_key(const char *line, size_t n, const char *key)
{
	size_t len = strlen(key), at;

	if (n <= len || memcmp(line, key, len) != 0)
		return false;
	at = blanks(line, len, n);
	return at < n && line[at] == '=';
}

static bool find(const char *text, size_t n, const char *section,
                 const char *key, struct place *p)
{
	bool in = false, found = false;
	size_t at, end, from;

	memset(p, 0, sizeof *p);
	for (at = 0; at < n; at = end) {
		end = line_end(text, n, at);
		from = blanks(text, at, end);
		if (from == end || text[from] == '#' || text[from] == ';')
			continue;
		if (text[from] == '[') {
			in = begins(text + from, end - from, section);
			if (in) {
				found = true;
				p->from = at;
			}
		} else if (in && key && has_key(text + from, end - from, key)) {
			p->key = at;
			p->key_end = end;
		}
		if (in)
			p->last = end;
	}
	return found;
}

int setup_conf_set(struct membuf *out, const char *text, size_t n,
                   const char *section, const char *key, const char *value,
                   struct err *e)
{
	struct place p;
	size_t to, from;

	if (!find(text, n, section, key, &p)) {
		if (sink_put(&out->sink, text, n, e))
			return -1;
		return membuf_printf(out, e, "%s%s[%s]\n%s = %s\n",
		                     n && text[n - 1] != '\n' ? "\n" : "",
		                     n ? "\n" : "", section, key, value);
	}
	to = p.key_end ? p.key : p.last;
	from = p.key_end ? p.key_end : p.last;
	if (sink_put(&out->sink, text, to, e)
	    || membuf_printf(out, e, "%s%s = %s\n",
	                     to && text[to - 1] != '\n' ? "\n" : "", key, value))
		return -1;
	return sink_put(&out->sink, text + from, n - from, e);
}

int setup_conf_remove(struct membuf *out, const char *text, size_t n,
                      const char *section, struct err *e)
{
	struct place p;

	if (!find(text, n, section, NULL, &p))
		return 1;
	if (sink_put(&out->sink, text, p.from, e))
		return -1;
	return sink_put(&out->sink, text + p.last, n - p.last, e);
}
