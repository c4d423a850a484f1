/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A command of the user's that tells the password or an OAuth token: run once, to
 * try it, as the agent will. */
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/frames.h"
#include "agent/keeper_secret.h"
#include "agent/setup.h"

enum { TEXT_MAX = 4096, POLL_MS = 50 };

/* It as it stands in a configuration, where it is to come back as it was meant. */
static int make_conf(const struct setup *s, struct conf *c, struct err *e)
{
	struct membuf text;
	int rc;

	membuf_init(&text, TEXT_MAX);
	rc = membuf_printf(&text, e, "[%s]\nsmtp = localhost:465 tls\n"
	                   "credentials = command \"%s\"\n", s->address,
	                   s->command)
	     || conf_parse(c, s->oauth ? "--token-command"
	                   : "--password-command", text.buf, text.len, e) ? -1 : 0;
	membuf_free(&text);
	if (rc)
		return -1;
	if (c->n_accounts == 1 && c->account[0].command
	    && strcmp(c->account[0].command, s->command) == 0)
		return 0;
	conf_free(c);
	return err_set(e, GPG_ERR_CONFIGURATION, "that command can't "
	               "stand in a configuration");
}

static int take(struct setup *s, struct secrets *run, struct err *e)
{
	char text_secret[SECRET_OCTETS + 1];
	struct unpack u;
	struct frame f;
	struct pack p;
	uint32_t ok;

	pack_init(&p);
	secrets_tell(run, 0, &p);
	f = (struct frame){ .data = p.buf, .len = p.len };
	unpack_init(&u, &f);
	ok = unpack_u32(&u);
	unpack_str(&u, text_secret, sizeof text_secret);
	if (ok != SECRET_OK || u.bad)
		err_set(e, GPG_ERR_GENERAL, "%s", text_secret);
	else if (!(s->password_secret = strdup(text_secret)))
		err_errno(e, "memory");
	explicit_bzero(text_secret, sizeof text_secret);
	explicit_bzero(&p, sizeof p);
	return s->password_secret ? 0 : -1;
}

static int run(struct setup *s, const struct conf *c, struct err *e)
{
	struct secrets *all = secrets_new(c);
	struct pollfd p[CONF_ACCOUNTS_MAX];
	int rc;

	if (!all)
		return err_errno(e, "memory");
	secrets_want(all, 0, now_ms());
	while (secrets_run(all, 0)) {
		poll(p, secrets_poll(all, p), POLL_MS);
		secrets_work(all, now_ms());
	}
	rc = take(s, all, e);
	secrets_end(all);
	return rc;
}

int setup_command(struct setup *s)
{
	struct conf c;
	struct err e;
	int rc;

	if (make_conf(s, &c, &e))
		return setup_fail(EX_USAGE, "%s", e.text);
	rc = s->no_login ? 0 : run(s, &c, &e);
	conf_free(&c);
	return rc ? setup_fail(EX_NOPERM, "the command that tells the %s: %s",
	                       s->oauth ? "token" : "password", e.text) : 0;
}
