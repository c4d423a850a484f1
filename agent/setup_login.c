/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does this server take this password?  Asked by the role that would do it later,
 * in its box. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/setup.h"
#include "agent/spawn.h"

enum { REPLY_SECONDS = 20, TEXT_MAX = 2048 };

/* A configuration of this account alone; what it does not say as it was meant (a #
 * behind a blank) is refused. */
static int make_conf(const struct setup_login *l, enum session_kind kind,
                     struct membuf *text, struct err *e)
{
	const char *user = l->user ? l->user : l->address;
	const struct account *a;
	struct conf c;
	int rc = -1;

	if (membuf_printf(text, e, "[agent]\nconnect-timeout = %u\n"
	                  "greeting-timeout = %d\nreply-timeout = %d\n[%s]\n"
	                  "user = %s\n%s = %s\n", l->seconds, REPLY_SECONDS,
	                  REPLY_SECONDS, l->address, user,
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

static void end(struct child *c)
{
	if (!c->pid)
		return;
	chan_close(&c->leash);
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

static int send_login(struct chan *up, const struct setup_login *l,
                      struct err *e)
{
	struct pack p;
	int rc;

	pack_init(&p);
	pack_u32(&p, 0);
	pack_u32(&p, LOGIN_PASSWORD);
	pack_str(&p, l->user ? l->user : l->address);
	pack_str(&p, l->password_secret);
	rc = pack_send(&p, up, U_LOGIN, e);
	explicit_bzero(&p, sizeof p);
	return rc;
}

static enum outcome talk(struct chan *up, const struct setup_login *l,
                         struct err *e)
{
	char text[TEXT_MAX];
	struct unpack u;
	struct frame f;
	enum outcome o;
	uint32_t why;

	if (send_login(up, l, e) || chan_expect(up, U_DONE, &f, e))
		return DONE_FAILED;
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	why = unpack_u32(&u);
	unpack_str(&u, text, sizeof text);
	if (u.bad) {
		err_set(e, GPG_ERR_BAD_DATA, "no answer");
		return DONE_FAILED;
	}
	err_set(e, GPG_ERR_SERVER_FAILED, "%s", text);
	/* who did not prove it must not be asked for the password elsewhere */
	if (o == DONE_UNREACHABLE && why == UNREACHED_NO_PROOF)
		return DONE_FAILED;
	if (o == DONE_OK && chan_send(up, U_QUIT, NULL, 0, NULL) == 0)
		chan_expect(up, U_DONE, &f, NULL);
	return o;
}

enum outcome setup_login(const struct setup_login *l, enum session_kind kind,
                         struct err *e)
{
	enum { US, IT, READ, WRITE, FDS };
	int fd[FDS] = { -1, -1, -1, -1 }, conf_fd = -1;
	const uint32_t k = kind;
	struct child role = { 0 };
	struct membuf text;
	struct chan up;
	enum outcome o = DONE_FAILED;

	membuf_init(&text, TEXT_MAX * 4);
	chan_init(&up, -1);
	signal(SIGPIPE, SIG_IGN);
	if (make_conf(l, kind, &text, e)
	    || (conf_fd = spawn_conf_fd(text.buf, text.len, e)) == -1
	    || spawn_pair(fd, e))
		goto out;
	if (pipe2(fd + READ, O_CLOEXEC)) {
		err_errno(e, "pipe");
		goto out;
	}
	if (spawn_role(&role, ROLE_UPSTREAM, conf_fd, e)
	    || chan_send_fds(&role.leash, G_START, &k, sizeof k,
	                     (int[]){ fd[IT], fd[kind == SESSION_SMTP ? READ
	                                         : WRITE] }, 2, e))
		goto out;
	chan_init(&up, fd[US]);
	fd[US] = -1;
	close(fd[IT]);
	fd[IT] = -1;
	o = talk(&up, l, e);
out:
	chan_close(&up);
	end(&role);
	for (int i = 0; i < FDS; i++)
		if (fd[i] != -1)
			close(fd[i]);
	if (conf_fd != -1)
		close(conf_fd);
	membuf_free(&text);
	return o;
}
