/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POP3 (RFC 1939, 2449, 5034) for the client; numbers, sizes and UIDLs are the
 * provider's, the letters come opened from mime. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/log.h"
#include "agent/pop3.h"

enum {
	COMMANDS_MAX = 1000000,
	ERRORS_MAX = 20
};

/* ---- AUTHORIZATION ---- */

/* A failed login would raise a password dialog, so that it is said later. */
static void note_unreachable(struct pop3 *s, bool asked)
{
	const struct lane *l = &s->lane;
	const char *host = s->who.account->pop3.host;

	log_note("the provider of %s could not be reached",
	         log_addr(s->who.account->address));
	if (asked)
		snprintf(s->unreachable, sizeof s->unreachable, "[SYS/TEMP] "
		         "Letterlock cannot reach %.100s. Check the connection "
		         "and fetch again%s%.200s%s", host, l->code ? " (" : "",
		         l->code ? l->text : "", l->code ? ")" : "");
	else
		snprintf(s->unreachable, sizeof s->unreachable,
		         "[SYS/TEMP] %.480s", l->text);
}

static int try_login(struct pop3 *s)
{
	struct lane *l = &s->lane;
	char words[500];
	bool asked = false;
	int rc = login_begin(&s->entry, l);

	if (rc == 0)
		asked = login_secret(&s->entry, l) == 0
		        && (lane_login(l, &s->who), true);
	login_end(&s->entry, l);
	explicit_bzero(s->who.password_secret, SECRET_MAX);
	explicit_bzero(s->who.token_secret, SECRET_MAX);
	if (!asked && l->outcome == DONE_LOST)
		return -1;
	if (login_denied(&s->entry, l, words, sizeof words)) {
		s->auth_failures++;
		return client_say(&s->client, "-ERR [AUTH] %s", words);
	}
	s->authed = true;
	if (l->outcome != DONE_OK)
		note_unreachable(s, asked);
	return client_say(&s->client, "+OK Welcome");
}

static int cmd_user(struct pop3 *s, char *arg)
{
	if (strlen(arg) >= sizeof s->who.user)
		return client_say(&s->client, "-ERR This name is too long");
	memcpy(s->who.user, arg, strlen(arg) + 1);
	s->has_user = true;
	return client_say(&s->client, "+OK Now the password");
}

static int cmd_pass(struct pop3 *s, char *arg)
{
	if (!s->has_user)
		return client_say(&s->client, "-ERR USER comes first");
	if (strlen(arg) >= SECRET_MAX)
		return client_say(&s->client, "-ERR This is too long");
	memcpy(s->who.password_secret, arg, strlen(arg) + 1);
	explicit_bzero(arg, strlen(arg));
	s->has_user = false;
	s->who.with = LOGIN_PASSWORD;
	return try_login(s);
}

static int cmd_auth(struct pop3 *s, char *arg)
{
	switch (login_take(&s->client, "+ ", arg, &s->who)) {
	case LOGIN_TAKEN:
		return try_login(s);
	case LOGIN_ENDED:
		return client_say(&s->client, "-ERR Authentication ended");
	case LOGIN_MALFORMED:
		return client_say(&s->client, "-ERR This is not what AUTH %s "
		                  "takes", arg);
	case LOGIN_UNKNOWN:
		return client_say(&s->client, "-ERR Letterlock understands "
		                  "these after AUTH: %s",
		                  login_mechs(s->conf, s->ends->remote));
	case LOGIN_GONE:
		break;
	}
	return -1;
}

static int cmd_capa(struct pop3 *s, char *arg)
{
	(void)arg;
	client_say(&s->client, "+OK What Letterlock can do");
	if (client_offers_tls(&s->client))
		client_say(&s->client, "STLS");
	if (!client_wants_tls(&s->client, "AUTH")) {
		client_say(&s->client, "USER");
		client_say(&s->client, "SASL %s",
		           login_mechs(s->conf, s->ends->remote));
	}
	client_say(&s->client, "TOP");
	client_say(&s->client, "UIDL");
	client_say(&s->client, "RESP-CODES");
	client_say(&s->client, "AUTH-RESP-CODE");
	client_say(&s->client, "PIPELINING");
	client_say(&s->client, "IMPLEMENTATION Letterlock");
	return client_say(&s->client, ".");
}

/* ---- the provider's answers ---- */

int pop3_say_err(struct pop3 *s)
{
	struct lane *l = &s->lane;

	if (l->outcome == DONE_REFUSED)
		return client_say(&s->client, "-ERR %s", l->text);
	client_say(&s->client, "-ERR [SYS/TEMP] Letterlock: %s. Fetch again",
	           l->text);
	client_flush(&s->client);
	return -1;
}

int pop3_ask(struct pop3 *s, unsigned type, const uint32_t *n, unsigned k)
{
	struct pack p;

	if (ahead_settle(s))
		return -1;
	pack_init(&p);
	for (unsigned i = 0; i < k; i++)
		pack_u32(&p, n[i]);
	if (lane_ask(&s->lane, type, &p))
		return -1;
	return s->lane.outcome == DONE_OK ? 0 : -1;
}

int pop3_numbers(char *arg, uint32_t *n, unsigned k, uint32_t max)
{
	unsigned long v;
	char *end;

	for (unsigned i = 0; i < k; i++) {
		if (!isdigit((unsigned char)*arg) || strspn(arg, "0123456789") > 9)
			return -1;
		v = strtoul(arg, &end, 10);
		if (v > max || (i == 0 && v == 0))
			return -1;
		n[i] = (uint32_t)v;
		if (i + 1 < k && *end != ' ')
			return -1;
		arg = end + strspn(end, " ");
	}
	return *arg ? -1 : 0;
}

int pop3_bad_number(struct pop3 *s)
{
	return client_say(&s->client, "-ERR This is no message number");
}

static int cmd_stat(struct pop3 *s, char *arg)
{
	(void)arg;
	if (pop3_ask(s, U_STAT, NULL, 0))
		return pop3_say_err(s);
	return client_say(&s->client, "+OK %s", s->lane.text);
}

static int cmd_dele(struct pop3 *s, char *arg)
{
	uint32_t n;

	if (pop3_numbers(arg, &n, 1, MESSAGE_MAX))
		return pop3_bad_number(s);
	if (pop3_ask(s, U_DELE, &n, 1))
		return pop3_say_err(s);
	ahead_forget(s, n);
	return client_say(&s->client, "+OK Deleted at QUIT");
}

static int cmd_noop(struct pop3 *s, char *arg)
{
	(void)arg;
	if (pop3_ask(s, U_NOOP, NULL, 0))
		return pop3_say_err(s);
	return client_say(&s->client, "+OK");
}

static int cmd_rset(struct pop3 *s, char *arg)
{
	(void)arg;
	if (pop3_ask(s, U_RESET, NULL, 0))
		return pop3_say_err(s);
	return client_say(&s->client, "+OK Nothing is deleted");
}

static int cmd_quit(struct pop3 *s, char *arg)
{
	(void)arg;
	s->quit = true;
	if (!s->authed || s->unreachable[0])
		return client_say(&s->client, "+OK Goodbye");
	if (pop3_ask(s, U_QUIT, NULL, 0))
		return pop3_say_err(s);
	return client_say(&s->client, "+OK Goodbye");
}

/* ---- commands ---- */

enum when { ANYTIME, BEFORE_LOGIN, AFTER_LOGIN };

static const struct command {
	const char *name;
	int (*run)(struct pop3 *s, char *arg);	/* -1: end the connection */
	enum when when;
	bool arg;
} commands[] = {
	{ "CAPA", cmd_capa, ANYTIME, false },
	{ "QUIT", cmd_quit, ANYTIME, false },
	{ "STLS", pop3_stls, BEFORE_LOGIN, false },
	{ "USER", cmd_user, BEFORE_LOGIN, true },
	{ "PASS", cmd_pass, BEFORE_LOGIN, true },
	{ "AUTH", cmd_auth, BEFORE_LOGIN, true },
	{ "STAT", cmd_stat, AFTER_LOGIN, false },
	{ "LIST", pop3_list, AFTER_LOGIN, false },
	{ "UIDL", pop3_uidl, AFTER_LOGIN, false },
	{ "RETR", pop3_retr, AFTER_LOGIN, true },
	{ "TOP", pop3_top, AFTER_LOGIN, true },
	{ "DELE", cmd_dele, AFTER_LOGIN, true },
	{ "NOOP", cmd_noop, AFTER_LOGIN, false },
	{ "RSET", cmd_rset, AFTER_LOGIN, false },
};

static int run_command(struct pop3 *s, const struct command *c, char *arg)
{
	if (client_wants_tls(&s->client, c->name))
		return client_say(&s->client, "-ERR This port wants TLS first. "
		                  "Choose STARTTLS as connection security in "
		                  "your mail program");
	if (c->when == AFTER_LOGIN && !s->authed)
		return client_say(&s->client, "-ERR Log in first");
	if (c->when == BEFORE_LOGIN && s->authed)
		return client_say(&s->client, "-ERR You are logged in");
	if (c->arg && !*arg)
		return client_say(&s->client, "-ERR %s wants an argument",
		                  c->name);
	if (c->when == AFTER_LOGIN && s->unreachable[0])
		return client_say(&s->client, "-ERR %s", s->unreachable);
	return c->run(s, arg);
}

static int dispatch(struct pop3 *s, char *line, unsigned *errors)
{
	char *arg = line + strcspn(line, " ");

	if (client_is_browser(line))
		return -1;
	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcasecmp(line, commands[i].name) == 0)
			return run_command(s, &commands[i], arg);
	(*errors)++;
	return client_say(&s->client, "-ERR This command is not known");
}

static void converse(struct pop3 *s)
{
	char line_secret[CLIENT_LINE_MAX];
	unsigned errors = 0;
	int n;

	if (client_begin(&s->client, s->ends))
		return;
	client_say(&s->client, "+OK Letterlock POP3");
	for (unsigned i = 0; i < COMMANDS_MAX && !s->quit; i++) {
		if (i == BEFORE_LOGIN_COMMANDS && !s->authed) {
			client_say(&s->client, "-ERR Too many commands before "
			           "the login");
			break;
		}
		n = client_line(&s->client, line_secret, sizeof line_secret);
		if (n == -1)
			break;
		if (n == -2) {
			errors++;
			client_say(&s->client,
			           "-ERR This line is too long or no text");
		} else if (dispatch(s, line_secret, &errors)) {
			break;
		}
		if (s->authed)
			client_known(&s->client);
		if (errors > ERRORS_MAX
		    || s->auth_failures >= LOGIN_FAILURES_MAX) {
			client_say(&s->client, "-ERR Too many errors");
			break;
		}
	}
	explicit_bzero(line_secret, sizeof line_secret);
	client_end(&s->client);
}

int front_pop3(const struct conf *conf, struct front_ends *ends)
{
	static struct pop3 s;

	memset(&s, 0, sizeof s);
	s.conf = conf;
	s.ends = ends;
	s.entry = (struct entry){ conf, ends, &s.client, SESSION_POP3, &s.who };
	client_init(&s.client, ends->client, conf->client_timeout);
	s.lane.crypt = ends->crypt;
	s.lane.upstream = ends->upstream;
	converse(&s);
	ahead_end(&s);
	lane_close(&s.lane);
	explicit_bzero(&s.who, sizeof s.who);
	return 0;
}
