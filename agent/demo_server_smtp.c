/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail provider, submission side (RFC 6409): takes letters for
 * everyone, so that one that should not have come would be seen. */
#include "agent/demo_session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/sink.h"

struct smtp {
	struct demo_letter letter;	/* from is NULL outside a transaction */
};

static void smtp_forget(struct smtp *m)
{
	free(m->letter.from);
	free(m->letter.raw);
	for (size_t i = 0; i < m->letter.n_to; i++)
		free(m->letter.to[i]);
	memset(&m->letter, 0, sizeof m->letter);
}

static void smtp_helo(struct demo_session *s, void *state, const char *arg)
{
	(void)arg;
	smtp_forget(state);
	demo_session_say(s, "250 provider.example");
}

static void smtp_ehlo(struct demo_session *s, void *state, const char *arg)
{
	(void)arg;
	smtp_forget(state);
	demo_session_say(s, "250-provider.example");
	demo_session_say(s, "250-PIPELINING");
	demo_session_say(s, "250-SIZE %d", DEMO_LETTER_MAX);
	demo_session_say(s, "250-8BITMIME");
	demo_session_say(s, "250-ENHANCEDSTATUSCODES");
	demo_session_say(s, "250 AUTH PLAIN LOGIN");
}

static void auth_plain(struct demo_session *s, const char *first)
{
	if (*first) {
		demo_session_plain(s, first);
		return;
	}
	demo_session_say(s, "334 ");
	if (demo_session_line(s))
		demo_session_plain(s, s->line);
}

static void auth_login(struct demo_session *s)
{
	char user[512], password[512];
	size_t n;

	demo_session_say(s, "334 VXNlcm5hbWU6");
	if (!demo_session_line(s) ||
	    demo_unbase64(s->line, user, sizeof user, &n) < 0)
		return;
	demo_session_say(s, "334 UGFzc3dvcmQ6");
	if (!demo_session_line(s) ||
	    demo_unbase64(s->line, password, sizeof password, &n) < 0)
		return;
	demo_session_login(s, user, password);
}

static void smtp_auth(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	s->user = NULL;
	if (!strncasecmp(arg, "PLAIN", 5)) {
		auth_plain(s, arg + 5 + strspn(arg + 5, " "));
	} else if (!strcasecmp(arg, "LOGIN")) {
		auth_login(s);
	} else {
		demo_session_say(s, "504 5.5.4 PLAIN or LOGIN");
		return;
	}
	if (s->user)
		demo_session_say(s, "235 2.7.0 welcome");
	else
		demo_session_say(s, "535 5.7.8 wrong user or password");
}

/* What stands between the first < and the > behind it: malloced, or NULL. */
static char *smtp_path(const char *arg)
{
	const char *p = strchr(arg, '<');

	return p ? strndup(p + 1, strcspn(p + 1, ">")) : NULL;
}

static void smtp_mail(struct demo_session *s, void *state, const char *arg)
{
	struct smtp *m = state;

	if (!s->user) {
		demo_session_say(s, "530 5.7.0 log in first");
		return;
	}
	smtp_forget(m);
	m->letter.from = smtp_path(arg);
	demo_session_say(s, m->letter.from ? "250 2.1.0 sender ok" :
	                                     "501 5.5.4 MAIL FROM:<...>");
}

static void smtp_rcpt(struct demo_session *s, void *state, const char *arg)
{
	struct demo_letter *l = &((struct smtp *)state)->letter;
	char *to = NULL;

	if (!l->from)
		demo_session_say(s, "503 5.5.1 MAIL first");
	else if (l->n_to == DEMO_RCPTS_MAX)
		demo_session_say(s, "452 4.5.3 too many recipients");
	else if (!(to = smtp_path(arg)))
		demo_session_say(s, "501 5.5.4 RCPT TO:<...>");
	else
		demo_session_say(s, "250 2.1.5 recipient ok");
	if (to)
		l->to[l->n_to++] = to;
}

/* Keep what m holds as the letter's text: 0, or -1 where memory is out. */
static int smtp_text(struct demo_letter *l, const struct membuf *m)
{
	l->raw = malloc(m->len + 1);
	if (!l->raw)
		return -1;
	if (m->len)
		memcpy(l->raw, m->buf, m->len);
	l->raw[m->len] = '\0';
	l->len = m->len;
	return 0;
}

/* The letter to its final dot (RFC 5321 section 4.5.2).  0, -1: it is too
 * large, -2: the connection ended before. */
static int smtp_take(struct demo_session *s, struct demo_letter *l)
{
	struct membuf m;
	int rc = 0, ended = -2;

	membuf_init(&m, DEMO_LETTER_MAX);
	while (ended && demo_session_line(s)) {
		size_t dot = s->line[0] == '.';

		if (dot && s->len == 1)
			ended = 0;
		else if (sink_put(&m.sink, s->line + dot, s->len - dot, NULL) ||
		         sink_put(&m.sink, "\r\n", 2, NULL))
			rc = -1;
	}
	if (!ended && rc == 0)
		rc = smtp_text(l, &m);
	membuf_free(&m);
	return ended ? ended : rc;
}

static void smtp_data(struct demo_session *s, void *state, const char *arg)
{
	struct smtp *m = state;
	int rc;

	(void)arg;
	if (m->letter.n_to == 0) {
		demo_session_say(s, "503 5.5.1 RCPT first");
		return;
	}
	demo_session_say(s, "354 go ahead");
	rc = smtp_take(s, &m->letter);
	if (rc == -1)
		demo_session_say(s, "552 5.3.4 too large");
	else if (rc == 0 && demo_server_keep(s->server, &m->letter) < 0)
		demo_session_say(s, "452 4.2.2 mailbox full");
	else if (rc == 0)
		demo_session_say(s, "250 2.0.0 kept");
	smtp_forget(m);
}

static void smtp_rset(struct demo_session *s, void *state, const char *arg)
{
	(void)arg;
	smtp_forget(state);
	demo_session_say(s, "250 2.0.0 forgotten");
}

static void smtp_noop(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	demo_session_say(s, "250 2.0.0 ok");
}

static void smtp_quit(struct demo_session *s, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	demo_session_say(s, "221 2.0.0 bye");
	s->bye = true;
}

static const struct demo_command smtp_commands[] = {
	{ "HELO", smtp_helo }, { "EHLO", smtp_ehlo }, { "AUTH", smtp_auth },
	{ "MAIL", smtp_mail }, { "RCPT", smtp_rcpt }, { "DATA", smtp_data },
	{ "RSET", smtp_rset }, { "NOOP", smtp_noop }, { "QUIT", smtp_quit },
	{ NULL, NULL }
};

void demo_session_smtp(struct demo_session *s)
{
	struct smtp m = { 0 };

	demo_session_say(s, "220 provider.example ESMTP");
	demo_session_commands(s, &m, smtp_commands, "500 5.5.2 unknown");
	smtp_forget(&m);
}
