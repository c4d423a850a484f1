/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A gpg of the user's, fed and read by pipes. */
#include "agent/gpg_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN, OUT, SAID, PASS, PIPES, SAID_MAX = 4096, PASS_FD = 3 };

struct run {
	const struct gpg_run *r;
	int ours[PIPES], theirs[PIPES];
	const char *in;
	size_t n_in;
	struct membuf said;
	pid_t pid;
};

static void shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static int open_pipes(struct run *x, struct err *e)
{
	int fd[2];

	for (int i = 0; i < PIPES; i++)
		x->ours[i] = x->theirs[i] = -1;
	for (int i = 0; i < PIPES; i++) {
		bool to_it = i == IN || i == PASS;

		if (pipe2(fd, O_CLOEXEC))
			return err_errno(e, "pipe");
		x->ours[i] = fd[to_it];
		x->theirs[i] = fd[!to_it];
	}
	return 0;
}

static _Noreturn void child(const struct run *x, const char **argv)
{
	const char *tty = ttyname(STDIN_FILENO);
	int fd[PIPES];

	/* out of the way of 0 to 3 first */
	for (int i = 0; i < PIPES; i++)
		if ((fd[i] = fcntl(x->theirs[i], F_DUPFD_CLOEXEC, 10)) == -1)
			_exit(127);
	if (tty)		/* where a pinentry for terminals asks */
		setenv("GPG_TTY", tty, 0);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fd[IN], 0) == -1 || dup2(fd[OUT], 1) == -1
	    || dup2(fd[SAID], 2) == -1 || dup2(fd[PASS], PASS_FD) == -1)
		_exit(127);
	execvp("gpg", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int start(struct run *x, const char *const args[], struct err *e)
{
	const char *argv[GPG_ARGS_MAX + 8] = { "gpg", "--batch" };
	int n = 2;

	if (x->r->home) {
		argv[n++] = "--homedir";
		argv[n++] = x->r->home;
	}
	if (x->r->pass_secret) {
		argv[n++] = "--pinentry-mode=loopback";
		argv[n++] = "--passphrase-fd=3";
	}
	if (x->r->proof)
		argv[n++] = "--status-fd=2";
	for (int i = 0; args[i] && i < GPG_ARGS_MAX; i++)
		argv[n++] = args[i];
	fflush(NULL);
	x->pid = fork();
	if (x->pid == 0)
		child(x, argv);
	for (int i = 0; i < PIPES; i++)
		shut(&x->theirs[i]);
	return x->pid == -1 ? err_errno(e, "fork") : 0;
}

/* Who does not read any more has what it wants: its status tells. */
static void feed(struct run *x)
{
	ssize_t n = x->n_in ? write(x->ours[IN], x->in, x->n_in) : 0;

	if (n > 0) {
		x->in += n;
		x->n_in -= (size_t)n;
	}
	if (!x->n_in || (n == -1 && errno != EAGAIN && errno != EINTR))
		shut(&x->ours[IN]);
}

static int take(int *fd, struct membuf *m, struct err *e)
{
	char buf[8192];
	ssize_t n = read(*fd, buf, sizeof buf);
	int rc = 0;

	if (n > 0 && m)
		rc = sink_put(&m->sink, buf, (size_t)n, e);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		shut(fd);
	explicit_bzero(buf, sizeof buf);
	return rc;
}

/* What is more than there is room for is lost. */
static void take_said(struct run *x)
{
	if (take(&x->ours[SAID], &x->said, NULL))
		x->said.len = 0;
}

static int talk(struct run *x, struct err *e)
{
	struct pollfd p[3];

	for (int i = 0; i < PIPES; i++)
		fcntl(x->ours[i], F_SETFL, O_NONBLOCK);
	if (x->r->pass_secret && write(x->ours[PASS], x->r->pass_secret,
	                               strlen(x->r->pass_secret)) == -1)
		return err_errno(e, "pipe");
	shut(&x->ours[PASS]);
	while (x->ours[OUT] != -1 || x->ours[SAID] != -1) {
		for (int i = 0; i < 3; i++)
			p[i] = (struct pollfd){ .fd = x->ours[i],
			                        .events = i == IN ? POLLOUT
			                                          : POLLIN };
		if (poll(p, 3, -1) == -1 && errno != EINTR)
			return err_errno(e, "poll");
		if (p[IN].revents)
			feed(x);
		if (p[SAID].revents)
			take_said(x);
		if (p[OUT].revents && take(&x->ours[OUT], x->r->out, e))
			return -1;
	}
	return 0;
}

/* The last line of what it said, without anything a terminal could act on. */
static int failed(struct run *x, struct err *e)
{
	size_t end = x->said.len, from;

	while (end && x->said.buf[end - 1] == '\n')
		end--;
	for (from = end; from && x->said.buf[from - 1] != '\n'; from--)
		;
	for (size_t i = from; i < end; i++)
		if (x->said.buf[i] < ' ' || x->said.buf[i] > '~')
			x->said.buf[i] = '?';
	return err_set(e, gpg_error(GPG_ERR_GENERAL), "%.*s",
	               end > from ? (int)(end - from) : 10,
	               end > from ? x->said.buf + from : "gpg failed");
}

/* gpg writes a name from strangers' octets with its line ends escaped. */
static bool proven(const struct run *x)
{
	char line[80];
	int n = snprintf(line, sizeof line, "\n[GNUPG:] %s\n", x->r->proof);

	return n > 0 && n < (int)sizeof line
	       && memmem(x->said.buf, x->said.len, line, (size_t)n);
}

int gpg_run(const struct gpg_run *r, const char *const args[], struct err *e)
{
	struct run x = { .r = r, .in = r->in, .n_in = r->n_in };
	int status = 0, rc = -1;

	signal(SIGPIPE, SIG_IGN);
	membuf_init(&x.said, SAID_MAX);
	if (open_pipes(&x, e) || start(&x, args, e))
		goto out;
	rc = talk(&x, e);
	for (int i = 0; i < PIPES; i++)
		shut(&x.ours[i]);
	while (waitpid(x.pid, &status, 0) == -1 && errno == EINTR)
		;
	if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		rc = err_set(e, gpg_error(GPG_ERR_GENERAL),
		             "gpg could not be started");
	else if (rc == 0 && (status || (r->proof && !proven(&x))))
		rc = failed(&x, e);
out:
	for (int i = 0; i < PIPES; i++) {
		shut(&x.ours[i]);
		shut(&x.theirs[i]);
	}
	membuf_free(&x.said);
	return rc;
}
