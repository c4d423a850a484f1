/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session with a server, spoken by the role that would do it later, in its box:
 * the provider's, or our own agent's as a mail program has it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

static int send_login(struct chan *up, const struct setup_login *l,
                      struct err *e)
{
	struct pack p;
	int rc;

	pack_init(&p);
	pack_u32(&p, 0);
	pack_u32(&p, l->oauth ? LOGIN_OAUTH : LOGIN_PASSWORD);
	pack_str(&p, l->user ? l->user : l->address);
	pack_str(&p, l->password_secret);
	rc = pack_send(&p, up, U_LOGIN, e);
	explicit_bzero(&p, sizeof p);
	return rc;
}

/* The reason of DONE_UNREACHABLE in why, which may be NULL. */
static enum outcome answer(struct setup_session *t, char *text, size_t size,
                           uint32_t *why, struct err *e)
{
	struct unpack u;
	struct frame f;
	enum outcome o;
	uint32_t code;

	if (chan_expect(&t->up, U_DONE, &f, e))
		return DONE_FAILED;
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	code = unpack_u32(&u);
	unpack_str(&u, text, size);
	if (u.bad) {
		err_set(e, GPG_ERR_BAD_DATA, "no answer");
		return DONE_FAILED;
	}
	err_set(e, GPG_ERR_SERVER_FAILED, "%s", text);
	if (why)
		*why = code;
	return o;
}

enum outcome setup_session_answer(struct setup_session *t, char *text,
                                  size_t size, struct err *e)
{
	return answer(t, text, size, NULL, e);
}

static enum outcome login(struct setup_session *t, const struct setup_login *l,
                          struct err *e)
{
	char text[TEXT_MAX];
	enum outcome o;
	uint32_t why = 0;

	if (send_login(&t->up, l, e))
		return DONE_FAILED;
	o = answer(t, text, sizeof text, &why, e);
	/* who did not prove it must not be asked for the password elsewhere */
	if (o == DONE_UNREACHABLE && why == UNREACHED_NO_PROOF)
		return DONE_FAILED;
	return o;
}

/* The role, with its ends of our two channels; theirs are closed here. */
static int start(struct setup_session *t, enum session_kind kind, int conf_fd,
                 struct err *e)
{
	const uint32_t k = kind;
	int pair[2], fd[2], rc;
	bool smtp = kind == SESSION_SMTP;

	if (spawn_pair(pair, e))
		return -1;
	if (pipe2(fd, O_CLOEXEC)) {
		close(pair[0]);
		close(pair[1]);
		return err_errno(e, "pipe");
	}
	chan_init(&t->up, pair[0]);
	chan_init(&t->pipe, fd[smtp]);
	rc = spawn_role(&t->role, ROLE_UPSTREAM, conf_fd, e)
	     || chan_send_fds(&t->role.leash, G_START, &k, sizeof k,
	                      (int[]){ pair[1], fd[!smtp] }, 2, e);
	close(pair[1]);
	close(fd[!smtp]);
	return rc ? -1 : 0;
}

enum outcome setup_session_open(struct setup_session *t,
                                const struct setup_login *l,
                                enum session_kind kind, struct err *e)
{
	enum outcome o = DONE_FAILED;
	struct membuf text;
	int conf_fd = -1;

	memset(t, 0, sizeof *t);
	chan_init(&t->up, -1);
	chan_init(&t->pipe, -1);
	membuf_init(&text, TEXT_MAX * 4);
	signal(SIGPIPE, SIG_IGN);
	if (make_conf(l, kind, &text, e) == 0
	    && (conf_fd = spawn_conf_fd(text.buf, text.len, e)) != -1
	    && start(t, kind, conf_fd, e) == 0)
		o = login(t, l, e);
	if (conf_fd != -1)
		close(conf_fd);
	membuf_free(&text);
	if (o != DONE_OK)
		chan_close(&t->up);
	return o;
}

void setup_session_close(struct setup_session *t)
{
	struct frame f;

	if (chan_open(&t->up)
	    && chan_send(&t->up, U_QUIT, NULL, 0, NULL) == 0)
		chan_expect(&t->up, U_DONE, &f, NULL);
	chan_close(&t->up);
	chan_close(&t->pipe);
	if (!t->role.pid)
		return;
	chan_close(&t->role.leash);
	kill(-t->role.pid, SIGKILL);
	waitpid(t->role.pid, NULL, 0);
	t->role.pid = 0;
}

enum outcome setup_login(const struct setup_login *l, enum session_kind kind,
                         struct err *e)
{
	struct setup_session t;
	enum outcome o = setup_session_open(&t, l, kind, e);

	setup_session_close(&t);
	return o;
}
