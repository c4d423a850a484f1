/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which servers are the provider's: by the user's word, by what others know, by
 * their usual names; and each has to take the password. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/setup.h"

enum { CONNECT_SECONDS = 20, GUESS_SECONDS = 6 };

static const char *const what[] = {
	[SESSION_SMTP] = "sending", [SESSION_POP3] = "fetching"
};

static void add(struct setup_guesses *g, const char *server, const char *from)
{
	struct setup_guess one = { .from = from };

	if (server && snprintf(one.server, sizeof one.server, "%s", server)
	              < (int)sizeof one.server)
		setup_guess_add(g, &one);
}

static void of_provider(const struct setup *s, enum session_kind kind,
                        struct setup_guesses *g)
{
	const struct setup_provider *p = s->provider;
	const char *server = kind == SESSION_SMTP ? p->smtp : p->pop3;
	size_t n = (size_t)(strrchr(s->address, '@') - s->address);

	add(g, server, p->name);
	if (!g->n)
		return;
	g->guess[0].token = p->works == SETUP_NOT_YET;
	if (p->local_part && n < sizeof g->guess[0].user)
		memcpy(g->guess[0].user, s->address, n);
}

/* What the user said goes alone; what is known comes before what is guessed. */
static void gather(struct setup *s, enum session_kind kind,
                   struct setup_guesses *g)
{
	const struct setup_provider *p = s->provider;
	const struct server *old = !s->old ? NULL : kind == SESSION_SMTP
	                           ? &s->old->smtp : &s->old->pop3;
	char text[SETUP_SERVER_MAX];

	g->n = 0;
	if (s->server[kind]) {
		add(g, s->server[kind], "as you say");
		return;
	}
	if (old && old->host) {
		setup_server_text(old, text);
		add(g, text, "as it is configured");
		return;
	}
	if (p && !s->by_mx) {
		of_provider(s, kind, g);
		return;
	}
	if (!setup_domain_ok(s->ascii))
		return;
	if (!s->no_isp)
		setup_isp(g, s->isp_dir, s->address, s->ascii, kind);
	if (!g->n && !s->no_autoconfig)
		setup_autoconfig(g, s, kind);
	if (!g->n && p && (p->works != SETUP_NOT_YET || s->oauth))
		of_provider(s, kind, g);
	else if (!g->n && p && p->smtp)		/* unless there is another */
		snprintf(s->token_only, sizeof s->token_only, "%s", p->smtp);
	if (g->n)
		return;
	if (!s->no_dns)
		setup_dns(g, s->ascii, kind);
	if (!s->no_guess)
		setup_usual(g, s->ascii, kind);
}

/* The login, NULL: the address.  There is one for both servers, as the first has
 * it. */
static const char *login_of(const struct setup *s)
{
	return s->user ? s->user : s->old ? s->old->user
	       : *s->login ? s->login : NULL;
}

static enum outcome try(const struct setup *s, enum session_kind kind,
                        const struct setup_guess *g, struct err *e)
{
	const struct setup_login l = {
		.address = s->address, .user = login_of(s),
		.server = g->server, .ca_file = s->ca_file ? s->ca_file
		          : s->old ? s->old->ca_file : NULL,
		.password_secret = s->password_secret, .oauth = s->oauth,
		.seconds = g->usual ? GUESS_SECONDS : CONNECT_SECONDS
	};

	printf("  %s (%s) ... ", g->server, g->from);
	fflush(stdout);
	return setup_login(&l, kind, e);
}

static int denied(const struct setup *s, const struct err *e)
{
	const struct setup_provider *p = s->provider;

	printf("says no\n");
	if (s->oauth)
		return setup_fail(EX_NOPERM, "the provider does not take this "
		                  "token. It says: %s\nSee what the command "
		                  "prints: it has to be an access token for mail "
		                  "(SMTP and POP), and nothing else", e->text);
	return setup_fail(EX_NOPERM, "the provider does not take this password. It "
	                  "says: %s\n%s", e->text, p && p->todo ? p->todo :
	                  "Try again. Where you log in by a second step, too, make "
	                  "an app password at your provider's web page; where the "
	                  "login is not your address, give it by --user");
}

/* why: what the first that was no mere guess said, or "". */
static int none(const struct setup *s, enum session_kind kind, const char *why)
{
	if (*s->token_only)
		return setup_fail(EX_UNAVAILABLE, "the server for %s, %s, takes "
		                  "no passwords from mail programs, only tokens "
		                  "(OAuth). " SETUP_TOKENS, what[kind],
		                  s->token_only);
	if (*why)
		return setup_fail(EX_UNAVAILABLE, "the server for %s can't be "
		                  "used: %s", what[kind], why);
	return setup_fail(EX_UNAVAILABLE, "no server for %s was found at %s. Your "
	                  "provider's help tells its name: give it by %s "
	                  "'HOST:PORT tls'%s", what[kind], s->domain,
	                  kind == SESSION_SMTP ? "--smtp" : "--pop3",
	                  kind == SESSION_POP3 ? ", or say --sending-only" : "");
}

/* Anybody on the way could have said so: is it to be left out? */
static bool doubtful(const struct setup *s, enum session_kind kind,
                     const struct setup_guess *g)
{
	if (!g->elsewhere
	    || (!s->yes && setup_ask(s, "DNS says that it is %s. Is that your "
	                             "provider's?", g->server)))
		return false;
	printf("  %s (%s) is left out: DNS alone says so. If it is right, give it "
	       "by %s\n", g->server, g->from,
	       kind == SESSION_SMTP ? "--smtp" : "--pop3");
	return true;
}

static int find(struct setup *s, enum session_kind kind)
{
	struct setup_guesses g;
	struct err e, why = { .text = "" };

	gather(s, kind, &g);
	printf("The server for %s:\n", what[kind]);
	for (unsigned i = 0; i < g.n; i++) {
		const struct setup_guess *one = &g.guess[i];

		if (one->token && !s->oauth) {
			memcpy(s->token_only, one->server, sizeof one->server);
			continue;
		}
		if (doubtful(s, kind, one))
			continue;
		s->found[kind] = *one;
		if (kind == SESSION_SMTP)
			memcpy(s->login, one->user, sizeof s->login);
		if (s->no_login) {
			if (one->usual)
				continue;
			printf("  %s (%s), not tried\n", one->server, one->from);
			return 0;
		}
		switch (try(s, kind, one, &e)) {
		case DONE_OK:
			printf("logged in\n");
			return 0;
		case DONE_DENIED:
			return denied(s, &e);
		case DONE_UNREACHABLE:
			printf("no: %s\n", e.text);
			if (!one->usual && !*why.text)
				why = e;
			break;
		default:
			printf("no\n");
			return setup_fail(EX_UNAVAILABLE, "%s", e.text);
		}
	}
	return none(s, kind, why.text);
}

int setup_servers(struct setup *s)
{
	int rc = find(s, SESSION_SMTP);

	return rc || s->sending_only ? rc : find(s, SESSION_POP3);
}
