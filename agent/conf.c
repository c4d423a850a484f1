/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: sections and lines.  libinih splits the entries; lines and
 * sections are ours, because libinih cuts long ones silently (a section's name
 * at 49 octets) and does not tell line numbers. */
#include "agent/conf_key.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LINE_MAX_LEN = 4096,	/* octets of one line and its end */
	CONTACTS_MAX = 10000
};

struct reader {
	struct conf *c;
	const char *path;
	const char *next, *end;		/* of the text */
	unsigned line;
	enum conf_section section;
	unsigned section_line;
	unsigned agent_line;		/* where [agent] was, 0: nowhere yet */
	unsigned account_line[CONF_ACCOUNTS_MAX];
	unsigned *contact_line;
	unsigned seen[CONF_KEYS_MAX];	/* lines of its keys, 0: none */
	bool failed;
	struct err *e;
};

/* "path:line: words" for what is no entry. */
static int reader_bad(struct reader *r, const char *words)
{
	r->failed = true;
	return err_set(r->e, GPG_ERR_CONFIGURATION, "%s:%u: %s", r->path,
	               r->line, words);
}

static int reader_twice(struct reader *r, const char *what, unsigned line)
{
	r->failed = true;
	return err_set(r->e, GPG_ERR_CONFIGURATION,
	               "%s:%u: %s was there before, on line %u: one of them is "
	               "wanted", r->path, r->line, what, line);
}

static int reader_no_memory(struct reader *r)
{
	r->failed = true;
	return err_errno(r->e, r->path);
}

static int open_account(struct reader *r, const char *address)
{
	struct account *a;

	for (unsigned i = 0; i < r->c->n_accounts; i++)
		if (addr_same(r->c->account[i].address, address))
			return reader_twice(r, "this account",
			                    r->account_line[i]);
	if (r->c->n_accounts == CONF_ACCOUNTS_MAX)
		return reader_bad(r, "too many accounts, 64 are possible");
	a = &r->c->account[r->c->n_accounts];
	a->address = strdup(address);
	if (!a->address)
		return reader_no_memory(r);
	a->encrypt = POLICY_ASK;
	a->sign = SIGN_SEALED;
	a->autocrypt = a->renew = true;
	r->account_line[r->c->n_accounts++] = r->line;
	r->section = SECTION_ACCOUNT;
	return 0;
}

static int open_contact(struct reader *r, const char *address)
{
	size_t n = r->c->n_contacts;
	struct contact *list;
	unsigned *lines;

	if (*address == '*' ||
	    (!addr_ok(address) && !conf_value_is_domain(address)))
		return reader_bad(r, "[to ADDRESS] or [to @DOMAIN] is wanted");
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(r->c->contact[i].address, address))
			return reader_twice(r, "this contact",
			                    r->contact_line[i]);
	if (n == CONTACTS_MAX)
		return reader_bad(r, "too many contacts, 10000 are possible");
	list = reallocarray(r->c->contact, n + 1, sizeof *list);
	if (!list)
		return reader_no_memory(r);
	r->c->contact = list;
	lines = reallocarray(r->contact_line, n + 1, sizeof *lines);
	if (!lines)
		return reader_no_memory(r);
	r->contact_line = lines;
	list[n].encrypt = POLICY_UNSET;
	list[n].address = strdup(address);
	if (!list[n].address)
		return reader_no_memory(r);
	lines[n] = r->line;
	r->c->n_contacts++;
	r->section = SECTION_CONTACT;
	return 0;
}

/* Where this key of the section that ends was. */
static unsigned line_of(const struct reader *r, const char *key)
{
	const struct conf_key *k = conf_keys(r->section);
	size_t i = 0;

	while (k[i].name && strcmp(k[i].name, key))
		i++;
	return k[i].name ? r->seen[i] : r->section_line;
}

/* Whoever comes from elsewhere comes by TLS. */
static int check_remote(struct reader *r, const char *key,
                        const struct listen *l, unsigned n)
{
	char words[200];

	for (; n--; l++) {
		if (!l->remote
		    || (r->c->allow_remote && l->tls != LOCAL_OFFERED))
			continue;
		r->line = line_of(r, key);
		snprintf(words, sizeof words, "%s: an address that is not this "
		         "machine's own is listed, so %s", key,
		         r->c->allow_remote ? "tls or starttls is wanted behind it"
		         : "127.0.0.1 or [::1] is wanted (or allow-remote = yes)");
		return reader_bad(r, words);
	}
	return 0;
}

/* A section that says nothing is one whose line was lost, and some keys need
 * another. */
static int close_section(struct reader *r)
{
	const struct conf *c = r->c;

	if (r->section == SECTION_AGENT)
		return check_remote(r, "submission", c->submission,
		                    c->n_submission)
		       || check_remote(r, "pop3", c->pop3, c->n_pop3) ? -1 : 0;
	if (r->section == SECTION_ACCOUNT &&
	    c->account[c->n_accounts - 1].pin_only &&
	    !c->account[c->n_accounts - 1].n_pins) {
		r->line = line_of(r, "pin-only");
		return reader_bad(r, "pin-only: a pin is wanted in this section");
	}
	if (r->section == SECTION_CONTACT &&
	    c->contact[c->n_contacts - 1].encrypt == POLICY_UNSET) {
		r->line = r->section_line;
		return reader_bad(r, "encrypt is missing here: one of always, "
		                  "ask, when-possible, never is wanted");
	}
	return 0;
}

/* line: "[...]", trimmed. */
static int open_section(struct reader *r, char *line)
{
	size_t n = strlen(line);
	char *name = line + 1;

	if (close_section(r) < 0)
		return -1;
	if (line[n - 1] != ']')
		return reader_bad(r, "the ] that ends the section's name is "
		                  "missing");
	line[n - 1] = '\0';
	memset(r->seen, 0, sizeof r->seen);
	r->section_line = r->line;
	if (!strcmp(name, "agent")) {
		if (r->agent_line)
			return reader_twice(r, "[agent]", r->agent_line);
		r->agent_line = r->line;
		r->section = SECTION_AGENT;
		return 0;
	}
	if (!strncmp(name, "to ", 3))
		return open_contact(r, name + 3 + strspn(name + 3, " \t"));
	if (addr_ok(name))
		return open_account(r, name);
	return reader_bad(r, "no such section: one of [agent], [ADDRESS], "
	                  "[to ADDRESS], [to @DOMAIN] is wanted");
}

/* Take the next line's text, without comment and blanks around it. */
static int cut_line(struct reader *r, char out[LINE_MAX_LEN])
{
	const char *p = r->next;
	const char *nl = memchr(p, '\n', (size_t)(r->end - p));
	const char *end = nl ? nl : r->end;
	size_t n = 0;
	bool quoted = false;

	r->line++;
	r->next = nl ? nl + 1 : r->end;
	if (end > p && end[-1] == '\r')
		end--;
	for (; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	for (; p < end; p++) {
		unsigned char ch = (unsigned char)*p;

		if ((ch < 0x20 && ch != '\t') || ch == 0x7f)
			return reader_bad(r, "a control character, only text is "
			                  "wanted");
		quoted ^= ch == '"';
		if (!quoted && (ch == '#' || ch == ';') &&
		    (!n || out[n - 1] == ' ' || out[n - 1] == '\t'))
			break;
		if (n == LINE_MAX_LEN - 1)
			return reader_bad(r, "this line is too long, at most "
			                  "4095 octets are wanted");
		out[n++] = *p;
	}
	while (n && (out[n - 1] == ' ' || out[n - 1] == '\t'))
		n--;
	out[n] = '\0';
	return 0;
}

/* Gives libinih one line after the other (its ini_reader). */
static char *read_line(char *out, int size, void *arg)
{
	struct reader *r = arg;
	char line[LINE_MAX_LEN];

	if (r->failed || r->next == r->end)
		return NULL;
	if (cut_line(r, line) < 0)
		return NULL;
	if (*line == '[') {
		if (open_section(r, line) < 0)
			return NULL;
		*line = '\0';
	} else if (*line && (*line == '=' || !strchr(line, '='))) {
		reader_bad(r, "this is no \"key = value\"");
		return NULL;
	}
	if (size < 1 || strlen(line) >= (size_t)size) {
		reader_bad(r, "this line is too long for libinih");
		return NULL;
	}
	return memcpy(out, line, strlen(line) + 1);
}

/* An entry (libinih's ini_handler; its idea of the section is not used). */
static int take_entry(void *arg, const char *section, const char *key,
                      const char *text)
{
	struct reader *r = arg;
	struct conf_value v = { r->path, r->line, key, text, true };
	const struct conf_key *k = conf_keys(r->section);
	size_t i = 0;

	(void)section;
	if (r->failed)
		return 0;
	r->failed = true;
	if (!k) {
		conf_value_bad(&v, r->e, "a section such as [agent] is wanted "
		               "before the first key");
		return 0;
	}
	while (k[i].name && strcmp(k[i].name, key))
		i++;
	if (!k[i].name) {
		if (!strcmp(key, "password"))
			conf_value_bad(&v, r->e, "no password is kept here, the "
			               "mail client has it");
		else
			conf_value_bad(&v, r->e, "unknown key, one of %s is wanted",
			               conf_key_names(r->section));
		return 0;
	}
	if (r->seen[i]) {
		conf_value_bad(&v, r->e, "was there before, on line %u: one of "
		               "them is wanted", r->seen[i]);
		return 0;
	}
	r->seen[i] = r->line;
	v.private = k[i].private;
	r->failed = k[i].set(r->c, &v, r->e) < 0;
	return !r->failed;
}

/* The client names an account by its login alone, so it must be one's own. */
static int check_logins(const struct reader *r)
{
	const struct conf *c = r->c;

	for (unsigned i = 0; i < c->n_accounts; i++)
		for (unsigned j = 0; j < c->n_accounts; j++) {
			const struct account *a = &c->account[i];
			const struct account *b = &c->account[j];

			if (i == j || (strcmp(a->user, b->user) &&
			               !addr_same(a->user, b->address)))
				continue;
			return err_set(r->e, GPG_ERR_CONFIGURATION,
			               "%s:%u: user: this account and that on "
			               "line %u have the same login, a user of "
			               "its own is wanted", r->path,
			               r->account_line[i], r->account_line[j]);
		}
	return 0;
}

static int check_listeners(struct reader *r)
{
	const struct conf *c = r->c;

	for (unsigned i = 0; i < c->n_submission; i++)
		for (unsigned j = 0; j < c->n_pop3; j++)
			if (conf_listen_same(&c->submission[i], &c->pop3[j])) {
				r->line = r->agent_line;
				return reader_bad(r, "submission and pop3 have "
				                  "the same address, another port "
				                  "is wanted for one of them");
			}
	return 0;
}

static int read_all(struct reader *r)
{
	int line;

	/* Where libinih's limits can be set (Debian), its buffer takes any of
	 * our lines; elsewhere read_line() heeds the size it is told. */
	ini_use_stack = ini_allow_inline_comments = false;	/* cut_line() does */
	ini_max_line = ini_initial_alloc = LINE_MAX_LEN + 3;
	line = ini_parse_stream(read_line, r, take_entry, r);
	if (r->failed)
		return -1;
	if (line) {
		r->line = line > 0 ? (unsigned)line : r->line;
		return reader_bad(r, "libinih cannot read this");
	}
	if (close_section(r) < 0)
		return -1;
	for (unsigned i = 0; i < r->c->n_accounts; i++) {
		struct account *a = &r->c->account[i];

		if (!a->user && !(a->user = strdup(a->address)))
			return reader_no_memory(r);
	}
	if (!r->c->max_sessions_per_user)
		r->c->max_sessions_per_user = r->c->max_sessions;
	if (check_listeners(r) < 0)
		return -1;
	return check_logins(r);
}

int conf_parse(struct conf *c, const char *path, const char *text, size_t len,
               struct err *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader r = { .c = c, .path = path, .next = text,
	                    .end = text + len, .e = e };
	int ret = -1;

	memset(c, 0, sizeof *c);
	if (len > CONF_MAX) {
		err_set(e, GPG_ERR_CONFIGURATION, "%s: too long, at most 1M is "
		        "wanted", path);
		goto out;
	}
	if (len >= 3 && !memcmp(text, bom, 3))
		r.next += 3;
	if (conf_defaults(c, path, e) < 0 || read_all(&r) < 0)
		goto out;
	ret = 0;
out:
	free(r.contact_line);
	if (ret < 0)
		conf_free(c);
	return ret;
}
