/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session with a server, spoken by the role that would do it later, in its box:
 * the provider's, or our own agent's as a mail program has it. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent/setup_end.h"

enum { REPLY_SECONDS = 20, TEXT_MAX = 2048 };

/* A configuration of this account alone; what it does not say as it was meant (a #
 * behind a blank) is refused. */
static int make_conf(const struct setup_login *l, enum session_kind kind,
                     struct membuf *text, struct err *e)
{
	const char *user = l->user ? l->user : l->address;
	const unsigned reply = l->reply_seconds ? l->reply_seconds
	                                        : REPLY_SECONDS;
	const struct account *a;
	struct conf c;
	int rc = -1;

	if (membuf_printf(text, e, "[agent]\nconnect-timeout = %u\n"
	                  "greeting-timeout = %u\nreply-timeout = %u\n[%s]\n"
	                  "user = %s\n%s = %s\n", l->seconds, reply, reply,
	                  l->address, user,
	                  kind == SESSION_SMTP ? "smtp" : "pop3", l->server)
	    || (l->ca_file && membuf_printf(text, e, "ca-file = %s\n",
	                                    l->ca_file)))
		return -1;
	if (conf_parse(&c, l->address, text->buf, text->len, e))
		return -1;
	a = c.account;
	if (c.n_accounts != 1 || strcmp(a->user, user) != 0
	    || (l->ca_file && (!a->ca_file
	                       || strcmp(a->ca_file, l->ca_file) != 0)))
		err_set(e, GPG_ERR_CONFIGURATION, "the user name or a path can't "
		        "stand in a configuration");
	else
		rc = 0;
	conf_free(&c);
	return rc;
}

enum outcome setup_session_open(struct setup_session *t,
                                const struct setup_login *l,
                                enum session_kind kind, struct err *e)
{
	const char *user = l->user ? l->user : l->address;
	enum unreachable why = UNREACHED_NO_SESSION;
	enum outcome o = DONE_FAILED;
	struct membuf text;
	int conf_fd = -1;

	memset(t, 0, sizeof *t);
	chan_init(&t->pipe, -1);
	membuf_init(&text, TEXT_MAX * 4);
	signal(SIGPIPE, SIG_IGN);
	if (make_conf(l, kind, &text, e) == 0
	    && (conf_fd = spawn_conf_fd(text.buf, text.len, e)) != -1
	    && probe_start(&t->probe, conf_fd, kind, e) == 0
	    && probe_login(&t->probe, 0, l->oauth ? LOGIN_OAUTH
	                   : LOGIN_PASSWORD, user, l->password_secret, e) == 0)
		o = probe_answer(&t->probe, -1, &why, e);
	if (conf_fd != -1)
		close(conf_fd);
	membuf_free(&text);
	chan_init(&t->pipe, t->probe.role.pid ? t->probe.pipe : -1);
	t->probe.pipe = -1;
	/* who did not prove it must not be asked for the password elsewhere */
	return o == DONE_UNREACHABLE && why == UNREACHED_NO_PROOF ? DONE_FAILED
	                                                          : o;
}

void setup_session_close(struct setup_session *t)
{
	probe_end(&t->probe);
	chan_close(&t->pipe);
}

enum outcome setup_login(const struct setup_login *l, enum session_kind kind,
                         struct err *e)
{
	struct setup_session t;
	enum outcome o = setup_session_open(&t, l, kind, e);

	setup_session_close(&t);
	return o;
}
