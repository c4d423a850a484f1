/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail provider, POP3 side (RFC 1939): each user's letters in the
 * order they came; DELE hides a letter for this session only. */
#include "agent/demo_session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pop3 {
	char user[512];			/* what USER said */
	const struct demo_letter *letter[DEMO_LETTERS_MAX];
	bool gone[DEMO_LETTERS_MAX];
	size_t uid[DEMO_LETTERS_MAX];
	size_t n;
};

static void pop3_open(struct demo_session *s, struct pop3 *p)
{
	size_t n = demo_server_count(s->server);

	if (!s->user) {
		demo_session_say(s, "-ERR [AUTH] wrong user or password");
		return;
	}
	p->n = 0;
	for (size_t i = 0; i < n; i++) {
		p->letter[p->n] = demo_server_letter(s->server, i);
		p->gone[p->n] = false;
		p->uid[p->n] = i;
		if (demo_letter_for(p->letter[p->n], s->user->address))
			p->n++;
	}
	demo_session_say(s, "+OK %zu letters", p->n);
}

static void pop3_user(struct demo_session *s, void *state, const char *arg)
{
	struct pop3 *p = state;
	int n = snprintf(p->user, sizeof p->user, "%s", arg);

	if (n < 0 || (size_t)n >= sizeof p->user)
		demo_session_say(s, "-ERR too long");
	else
		demo_session_say(s, "+OK the password?");
}

static void pop3_pass(struct demo_session *s, void *state, const char *arg)
{
	struct pop3 *p = state;

	s->user = NULL;
	demo_session_login(s, p->user, arg);
	pop3_open(s, p);
}

static void pop3_auth(struct demo_session *s, void *state, const char *arg)
{
	if (!*arg) {
		demo_session_say(s, "+OK\r\nPLAIN\r\n.");
		return;
	}
	if (strncasecmp(arg, "PLAIN", 5)) {
		demo_session_say(s, "-ERR PLAIN");
		return;
	}
	arg += 5 + strspn(arg + 5, " ");
	if (!*arg) {
		demo_session_say(s, "+ ");
		if (!demo_session_line(s))
			return;
		arg = s->line;
	}
	s->user = NULL;
	demo_session_plain(s, arg);
	pop3_open(s, state);
}

static bool pop3_in(struct demo_session *s)
{
	if (!s->user)
		demo_session_say(s, "-ERR log in first");
	return s->user != NULL;
}

static void pop3_capa(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	demo_session_say(s, "+OK\r\nUSER\r\nSASL PLAIN\r\nTOP\r\nUIDL\r\n"
	                    "PIPELINING\r\nRESP-CODES\r\n.");
}

/* The letter that arg names, its index in *i; says -ERR where there is none. */
static bool pop3_pick(struct demo_session *s, const struct pop3 *p,
                      const char *arg, size_t *i, const char **rest)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 10);

	if (!pop3_in(s))
		return false;
	*i = v - 1;
	if (rest)
		*rest = end;
	if (v >= 1 && v <= p->n && !p->gone[*i])
		return true;
	demo_session_say(s, "-ERR no such letter");
	return false;
}

static void pop3_stat(struct demo_session *s, void *state, const char *arg)
{
	const struct pop3 *p = state;
	size_t n = 0, octets = 0;

	(void)arg;
	if (!pop3_in(s))
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (p->gone[i])
			continue;
		n++;
		octets += p->letter[i]->len;
	}
	demo_session_say(s, "+OK %zu %zu", n, octets);
}

static void pop3_item(struct demo_session *s, const struct pop3 *p, size_t i,
                      const char *before, bool uid)
{
	if (uid)
		demo_session_say(s, "%s%zu demo%zu", before, i + 1, p->uid[i]);
	else
		demo_session_say(s, "%s%zu %zu", before, i + 1,
		                 p->letter[i]->len);
}

static void pop3_scan(struct demo_session *s, const struct pop3 *p,
                      const char *arg, bool uid)
{
	size_t i;

	if (!pop3_in(s))
		return;
	if (*arg) {
		if (pop3_pick(s, p, arg, &i, NULL))
			pop3_item(s, p, i, "+OK ", uid);
		return;
	}
	demo_session_say(s, "+OK");
	for (i = 0; i < p->n; i++)
		if (!p->gone[i])
			pop3_item(s, p, i, "", uid);
	demo_session_say(s, ".");
}

static void pop3_list(struct demo_session *s, void *state, const char *arg)
{
	pop3_scan(s, state, arg, false);
}

static void pop3_uidl(struct demo_session *s, void *state, const char *arg)
{
	pop3_scan(s, state, arg, true);
}

/* The header block and at most so many lines of the body. */
static void pop3_send(struct demo_session *s, const struct demo_letter *l,
                      unsigned long lines)
{
	const char *p = l->raw, *end = l->raw + l->len;
	bool body = false;

	demo_session_say(s, "+OK %zu octets", l->len);
	while (p < end && (!body || lines-- > 0)) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl + 1 : end) - p);

		if (*p == '.')
			putc('.', s->out);
		fwrite(p, 1, n, s->out);
		body |= n == 2;
		p += n;
	}
	demo_session_say(s, ".");
}

static void pop3_retr(struct demo_session *s, void *state, const char *arg)
{
	const struct pop3 *p = state;
	size_t i;

	if (pop3_pick(s, p, arg, &i, NULL))
		pop3_send(s, p->letter[i], (unsigned long)-1);
}

static void pop3_top(struct demo_session *s, void *state, const char *arg)
{
	const struct pop3 *p = state;
	const char *lines;
	size_t i;

	if (pop3_pick(s, p, arg, &i, &lines))
		pop3_send(s, p->letter[i], strtoul(lines, NULL, 10));
}

static void pop3_dele(struct demo_session *s, void *state, const char *arg)
{
	struct pop3 *p = state;
	size_t i;

	if (!pop3_pick(s, p, arg, &i, NULL))
		return;
	p->gone[i] = true;
	demo_session_say(s, "+OK gone");
}

static void pop3_rset(struct demo_session *s, void *state, const char *arg)
{
	struct pop3 *p = state;

	(void)arg;
	memset(p->gone, 0, sizeof p->gone);
	demo_session_say(s, "+OK");
}

static void pop3_noop(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	demo_session_say(s, "+OK");
}

static void pop3_quit(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	demo_session_say(s, "+OK bye");
	s->bye = true;
}

static const struct demo_command pop3_commands[] = {
	{ "USER", pop3_user }, { "PASS", pop3_pass }, { "AUTH", pop3_auth },
	{ "CAPA", pop3_capa }, { "STAT", pop3_stat }, { "LIST", pop3_list },
	{ "UIDL", pop3_uidl }, { "RETR", pop3_retr }, { "TOP", pop3_top },
	{ "DELE", pop3_dele }, { "RSET", pop3_rset }, { "NOOP", pop3_noop },
	{ "QUIT", pop3_quit }, { NULL, NULL }
};

void demo_session_pop3(struct demo_session *s)
{
	struct pop3 p = { 0 };

	demo_session_say(s, "+OK provider.example");
	demo_session_commands(s, &p, pop3_commands, "-ERR unknown");
}
