/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An upstream without a session around it. */
#include "agent/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 2048, GOODBYE_MS = 1000 };

int probe_start(struct probe *p, int conf_fd, enum session_kind kind,
                struct err *e)
{
	enum { US, IT, READ, WRITE, FDS };
	const int its_pipe = kind == SESSION_SMTP ? READ : WRITE;
	int fd[FDS] = { -1, -1, -1, -1 }, rc = -1;
	const uint32_t k = kind;

	memset(p, 0, sizeof *p);
	p->pipe = -1;
	chan_init(&p->up, -1);
	if (spawn_pair(fd, e))
		goto out;
	if (pipe2(fd + READ, O_CLOEXEC)) {
		err_errno(e, "pipe");
		goto out;
	}
	if (spawn_role(&p->role, ROLE_UPSTREAM, conf_fd, e)
	    || chan_send_fds(&p->role.leash, G_START, &k, sizeof k,
	                     (int[]){ fd[IT], fd[its_pipe] }, 2, e))
		goto out;
	chan_init(&p->up, fd[US]);
	p->pipe = fd[READ + WRITE - its_pipe];
	fd[US] = fd[READ + WRITE - its_pipe] = -1;
	rc = 0;
out:
	for (int i = 0; i < FDS; i++)
		if (fd[i] != -1)
			close(fd[i]);
	return rc;
}

int probe_login(struct probe *p, uint32_t account, enum login_with with,
                const char *user, const char *secret, struct err *e)
{
	struct pack m;
	int rc;

	pack_init(&m);
	pack_u32(&m, account);
	pack_u32(&m, with);
	pack_str(&m, user);
	pack_str(&m, secret);
	rc = pack_send(&m, &p->up, U_LOGIN, e);
	explicit_bzero(&m, sizeof m);
	return rc;
}

enum outcome probe_answer(struct probe *p, int ms, enum unreachable *why,
                          struct err *e)
{
	char text[TEXT_MAX];
	struct unpack u;
	struct frame f;
	enum outcome o;

	*why = UNREACHED_NO_SESSION;
	if (!chan_wait(&p->up, ms)) {
		err_set(e, GPG_ERR_ETIMEDOUT, "there was no answer in time");
		return DONE_UNREACHABLE;
	}
	if (chan_expect(&p->up, U_DONE, &f, e))
		return DONE_FAILED;
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	*why = (enum unreachable)unpack_u32(&u);
	unpack_str(&u, text, sizeof text);
	if (u.bad) {
		err_set(e, GPG_ERR_BAD_DATA, "no answer");
		return DONE_FAILED;
	}
	err_set(e, GPG_ERR_SERVER_FAILED, "%s", text);
	p->greeted = o == DONE_OK;
	return o;
}

void probe_end(struct probe *p)
{
	struct frame f;

	if (!p->role.pid)
		return;
	if (p->greeted && chan_send(&p->up, U_QUIT, NULL, 0, NULL) == 0
	    && chan_wait(&p->up, GOODBYE_MS))
		chan_expect(&p->up, U_DONE, &f, NULL);
	chan_close(&p->up);
	if (p->pipe != -1)
		close(p->pipe);
	chan_close(&p->role.leash);
	kill(-p->role.pid, SIGKILL);
	waitpid(p->role.pid, NULL, 0);
	memset(p, 0, sizeof *p);
}
