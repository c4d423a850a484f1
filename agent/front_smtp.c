/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submission (RFC 6409, 5321): the commands a mail client sends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/log.h"
#include "agent/smtp.h"

enum { COMMANDS_MAX = 10000, ERRORS_MAX = 20 };

/* ---- hello ---- */

static int cmd_ehlo(struct smtp *s, char *arg)
{
	(void)arg;
	smtp_reset(s);
	s->greeted = true;
	client_say(&s->client, "250-Letterlock");
	client_say(&s->client, "250-SIZE %llu",
	           (unsigned long long)s->conf->max_message_size);
	client_say(&s->client, "250-8BITMIME");
	client_say(&s->client, "250-SMTPUTF8");
	client_say(&s->client, "250-PIPELINING");
	if (client_offers_tls(&s->client))
		client_say(&s->client, "250-STARTTLS");
	if (!client_wants_tls(&s->client, "AUTH"))
		client_say(&s->client, "250-AUTH %s",
		           login_mechs(s->conf, s->ends->remote));
	return client_say(&s->client, "250 ENHANCEDSTATUSCODES");
}

static int cmd_helo(struct smtp *s, char *arg)
{
	(void)arg;
	smtp_reset(s);
	s->greeted = true;
	return client_say(&s->client, "250 Letterlock");
}

/* ---- AUTH ---- */

/* The credentials are tried on the account's own provider, now. */
static int try_login(struct smtp *s)
{
	struct lane *l = &s->lane[0];
	char words[500];

	if (login_begin(&s->entry, l) == 0)
		smtp_lane(s, 0);
	else if (l->outcome == DONE_LOST)
		return -1;
	else
		login_end(&s->entry, l);
	if (login_denied(&s->entry, l, words, sizeof words)) {
		s->auth_failures++;
		return client_say(&s->client, "535 5.7.8 %s", words);
	}
	if (l->outcome != DONE_OK)
		log_note("the provider of %s could not be reached",
		         log_addr(s->who.account->address));
	/* unreachable is no wrong password: it is told at DATA */
	s->authed = true;
	s->auth_failures = 0;
	return client_say(&s->client, "235 2.7.0 Welcome");
}

static int cmd_auth(struct smtp *s, char *arg)
{
	int rc = 0;

	if (s->authed)
		return client_say(&s->client, "503 5.5.1 You are logged in");
	if (s->has_from)
		return client_say(&s->client, "503 5.5.1 Not inside a letter");
	switch (login_take(&s->client, "334 ", arg, &s->who)) {
	case LOGIN_TAKEN:
		rc = try_login(s);
		break;
	case LOGIN_ENDED:
		rc = client_say(&s->client, "501 5.7.0 Authentication ended");
		break;
	case LOGIN_MALFORMED:
		rc = client_say(&s->client, "501 5.5.2 This is not what AUTH "
		                "%s takes", arg);
		break;
	case LOGIN_UNKNOWN:
		rc = client_say(&s->client, "504 5.5.4 Letterlock understands "
		                "these after AUTH: %s",
		                login_mechs(s->conf, s->ends->remote));
		break;
	case LOGIN_GONE:
		return -1;
	}
	if (s->auth_failures >= LOGIN_FAILURES_MAX) {
		client_say(&s->client, "421 4.7.0 Too many wrong passwords");
		s->quit = true;
	}
	return rc;
}

/* ---- the letter ---- */

static int cmd_data(struct smtp *s, char *arg)
{
	int rc;

	(void)arg;
	if (!s->has_from || s->to.n == 0)
		return client_say(&s->client, "503 5.5.1 MAIL and RCPT come "
		                  "first");
	rc = letter_take(s);
	smtp_reset(s);
	return rc;
}

/* ---- the small ones ---- */

static int cmd_rset(struct smtp *s, char *arg)
{
	(void)arg;
	smtp_reset(s);
	return client_say(&s->client, "250 2.0.0 Forgotten");
}

static int cmd_noop(struct smtp *s, char *arg)
{
	(void)arg;
	return client_say(&s->client, "250 2.0.0 Fine");
}

static int cmd_vrfy(struct smtp *s, char *arg)
{
	(void)arg;
	return client_say(&s->client, "252 2.1.5 Send and see");
}

static int cmd_help(struct smtp *s, char *arg)
{
	(void)arg;
	return client_say(&s->client, "214 2.0.0 Letterlock seals what you "
	                  "send. See letterlockd(8)");
}

static int cmd_quit(struct smtp *s, char *arg)
{
	(void)arg;
	s->quit = true;
	return client_say(&s->client, "221 2.0.0 Goodbye");
}

static const struct command {
	const char *name;
	int (*run)(struct smtp *s, char *arg);	/* -1: end the connection */
	bool arg;		/* wants one */
	bool greeted;		/* only after EHLO or HELO */
} commands[] = {
	{ "EHLO", cmd_ehlo, true, false },
	{ "HELO", cmd_helo, true, false },
	{ "STARTTLS", smtp_starttls, false, true },
	{ "AUTH", cmd_auth, true, true },
	{ "MAIL", smtp_mail, true, true },
	{ "RCPT", smtp_rcpt, true, true },
	{ "DATA", cmd_data, false, true },
	{ "RSET", cmd_rset, false, false },
	{ "NOOP", cmd_noop, false, false },
	{ "VRFY", cmd_vrfy, false, false },
	{ "HELP", cmd_help, false, false },
	{ "QUIT", cmd_quit, false, false },
};

static int dispatch(struct smtp *s, char *line, unsigned *errors)
{
	char *arg = line + strcspn(line, " ");

	if (client_is_browser(line))
		return -1;
	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];

		if (strcasecmp(line, c->name) != 0)
			continue;
		if (client_wants_tls(&s->client, c->name))
			return client_say(&s->client, "530 5.7.0 Must issue a "
			                  "STARTTLS command first. Choose "
			                  "STARTTLS as connection security in "
			                  "your mail program");
		if (c->greeted && !s->greeted)
			return client_say(&s->client,
			                  "503 5.5.1 Say EHLO first");
		if (c->arg && !*arg)
			return client_say(&s->client, "501 5.5.4 %s wants an "
			                  "argument", c->name);
		return c->run(s, arg);
	}
	(*errors)++;
	return client_say(&s->client, "500 5.5.1 This command is not known");
}

/* 0, or -1 when the connection ends without a further word. */
static int take_command(struct smtp *s, unsigned *errors)
{
	char line_secret[CLIENT_LINE_MAX];	/* AUTH may bring a password */
	int rc = client_line(&s->client, line_secret, sizeof line_secret);

	if (rc >= 0) {
		rc = dispatch(s, line_secret, errors);
	} else if (rc == -2) {
		++*errors;
		rc = client_say(&s->client,
		                "500 5.5.2 This line is too long or no text");
	}
	explicit_bzero(line_secret, sizeof line_secret);
	return rc;
}

static void converse(struct smtp *s)
{
	unsigned errors = 0;

	if (client_begin(&s->client, s->ends))
		return;
	client_say(&s->client, "220 Letterlock ESMTP");
	for (unsigned i = 0; !s->quit; i++) {
		if (i == COMMANDS_MAX
		    || (i == BEFORE_LOGIN_COMMANDS && !s->authed)) {
			client_say(&s->client, "421 4.7.0 Too many commands%s",
			           s->authed ? "" : " before the login");
			break;
		}
		if (take_command(s, &errors))
			break;
		if (s->authed)
			client_known(&s->client);
		if (errors > ERRORS_MAX) {
			client_say(&s->client, "421 4.7.0 Too many errors");
			break;
		}
	}
	if (s->client.silent)
		client_say(&s->client, "421 4.4.2 Letterlock has waited too "
		           "long");
	client_end(&s->client);
}

int front_smtp(const struct conf *conf, struct front_ends *ends)
{
	static struct smtp s;

	memset(&s, 0, sizeof s);
	s.conf = conf;
	s.ends = ends;
	s.entry = (struct entry){ conf, ends, &s.client, SESSION_SMTP, &s.who };
	client_init(&s.client, ends->client, conf->client_timeout);
	for (unsigned i = 0; i < LANES; i++) {
		chan_init(&s.lane[i].crypt, -1);
		chan_init(&s.lane[i].upstream, -1);
	}
	s.lane[0].crypt = ends->crypt;
	s.lane[0].upstream = ends->upstream;
	s.lane_known[0] = true;
	converse(&s);
	smtp_reset(&s);
	if (s.lane[0].logged_in)
		chan_send(&s.lane[0].upstream, U_QUIT, NULL, 0, NULL);
	for (unsigned i = 0; i < LANES; i++)
		lane_close(&s.lane[i]);
	explicit_bzero(&s.who, sizeof s.who);
	return 0;
}
