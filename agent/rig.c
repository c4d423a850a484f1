/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting mime, crypt and the keeper around a command. */
#include "agent/rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The configuration's text, with a bare account where it has none. */
static int take_conf(struct rig *r, const char *path, const char *address,
                     struct err *e)
{
	char *file = conf_path(path), *text = NULL;
	struct membuf all;
	size_t len = 0;
	int rc = -1;

	membuf_init(&all, CONF_MAX + 4096);
	if (file && (path || access(file, F_OK) == 0)
	    && !(text = conf_read(file, &len, e)))
		goto out;
	if (conf_parse(&r->conf, file ? file : "letterlock.conf",
	               text ? text : "", len, e)
	    || (len && sink_put(&all.sink, text, len, e)))
		goto out;
	if (address && !conf_account(&r->conf, address)) {
		conf_free(&r->conf);
		if (membuf_printf(&all, e, "\n[%s]\n", address)
		    || conf_parse(&r->conf, file, all.buf, all.len, e))
			goto out;
	}
	r->conf_fd = spawn_conf_fd(all.buf ? all.buf : "", all.len, e);
	rc = r->conf_fd == -1 ? -1 : 0;
out:
	membuf_free(&all);
	free(text);
	free(file);
	return rc;
}

static int start(struct child *c, enum session_kind kind, const int *fds,
                 unsigned n, struct err *e)
{
	uint32_t k = kind;

	return chan_send_fds(&c->leash, G_START, &k, sizeof k, fds, n, e);
}

static void close_all(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static void spools(int fd[2])
{
	struct err e;
	char *dir = conf_state_dir(&e);

	for (int i = 0; i < 2 && dir; i++)
		fd[i] = spawn_spool_fd(dir);
	free(dir);
}

enum { MF, FM, CF, FC, CM, MC, CK, KC, FK, KF, PR, PW, S0, S1, FDS };

/* Who asks the keeper by this socket. */
static int asker(struct rig *r, enum role role, enum session_kind kind, int fd,
                 struct err *e)
{
	const uint32_t who[4] = { role, 0, 0, kind };

	return chan_send_fds(&r->keeper.leash, G_ASKER, who, sizeof who, &fd, 1,
	                     e);
}

static int wire(struct rig *r, enum session_kind kind, int *fd, struct err *e)
{
	bool smtp = kind == SESSION_SMTP;
	int mime[3] = { fd[MF], fd[MC], fd[PR] };
	int crypt[5] = { fd[CF], fd[CM], fd[CK] };
	unsigned n = 3;

	if (smtp)
		crypt[n++] = fd[PW];
	else if (fd[S0] >= 0 && fd[S1] >= 0) {
		crypt[n++] = fd[S0];
		crypt[n++] = fd[S1];
	}
	if (asker(r, ROLE_CRYPT, kind, fd[KC], e)
	    || asker(r, ROLE_FRONT, kind, fd[KF], e)
	    || start(&r->mime, kind, mime, smtp ? 2 : 3, e)
	    || start(&r->crypt, kind, crypt, n, e))
		return -1;
	chan_init(&r->to_mime, fd[FM]);
	chan_init(&r->to_crypt, fd[FC]);
	chan_init(&r->to_keeper, fd[FK]);
	chan_init(&r->pipe, smtp ? fd[PR] : fd[PW]);
	fd[FM] = fd[FC] = fd[FK] = fd[smtp ? PR : PW] = -1;
	return 0;
}

int rig_start(struct rig *r, const char *path, const char *address,
              enum session_kind kind, struct err *e)
{
	int fd[FDS], rc = -1;

	memset(r, 0, sizeof *r);
	r->conf_fd = -1;
	chan_init(&r->to_mime, -1);
	chan_init(&r->to_crypt, -1);
	chan_init(&r->to_keeper, -1);
	chan_init(&r->pipe, -1);
	for (int i = 0; i < FDS; i++)
		fd[i] = -1;
	signal(SIGPIPE, SIG_IGN);
	if (take_conf(r, path, address, e)
	    || spawn_pair(fd + MF, e) || spawn_pair(fd + CF, e)
	    || spawn_pair(fd + CM, e) || spawn_asker(fd + CK, e)
	    || spawn_asker(fd + FK, e))
		goto out;
	if (pipe2(fd + PR, O_CLOEXEC)) {
		err_errno(e, "pipe");
		goto out;
	}
	if (kind == SESSION_POP3)
		spools(fd + S0);
	if (spawn_role(&r->keeper, ROLE_KEEPER, r->conf_fd, e)
	    || spawn_role(&r->mime, ROLE_MIME, r->conf_fd, e)
	    || spawn_role(&r->crypt, ROLE_CRYPT, r->conf_fd, e))
		goto out;
	rc = wire(r, kind, fd, e);
out:
	close_all(fd, FDS);
	if (rc)
		rig_stop(r);
	return rc;
}

static void child_stop(struct child *c)
{
	if (!c->pid)
		return;
	chan_close(&c->leash);
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

void rig_stop(struct rig *r)
{
	chan_close(&r->to_mime);
	chan_close(&r->to_crypt);
	chan_close(&r->to_keeper);
	chan_close(&r->pipe);
	child_stop(&r->mime);
	child_stop(&r->crypt);
	child_stop(&r->keeper);
	if (r->conf_fd != -1)
		close(r->conf_fd);
	r->conf_fd = -1;
	conf_free(&r->conf);
}
