/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gpg that GPGME started: which process it is, and how it ended. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t engine_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)1000 + t.tv_nsec / 1000000;
}

/* Children: GPGME forks twice, so gpg would become a child of init.  We are the
 * subreaper while it starts (and only then: a gpg-agent that gpg launches is
 * none of ours), which tells us its process ID and later how it ended. */

static void kids_read(pid_t parent, char *buf, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children",
	         (long)parent, (long)parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

static bool kids_have(const char *kids, long pid)
{
	char *end;
	long one;

	for (; (one = strtol(kids, &end, 10)) > 0; kids = end)
		if (one == pid)
			return true;
	return false;
}

/* The next of the children in *now that is not in before; 0: no more. */
static pid_t kids_new(const char **now, const char *before)
{
	char *end;
	long pid;

	while ((pid = strtol(*now, &end, 10)) > 0) {
		*now = end;
		if (!kids_have(before, pid))
			return (pid_t)pid;
	}
	return 0;
}

void engine_child_before(struct engine *g)
{
	kids_read(getpid(), g->kids, sizeof g->kids);
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
}

void engine_child_find(struct engine *g)
{
	char now[sizeof g->kids];
	const char *p = now;

	kids_read(getpid(), now, sizeof now);
	prctl(PR_SET_CHILD_SUBREAPER, 0L, 0L, 0L, 0L);
	/* a daemon of its own session is a gpg-agent that gpg was quick to
	 * start, and not to be waited for or killed */
	while ((g->pid = kids_new(&p, g->kids)) && getsid(g->pid) != getsid(0))
		continue;
}

/* gpg has closed its pipes: let it end, at most ms milliseconds. */
bool engine_child_wait(struct engine *g, int64_t ms)
{
	const struct timespec nap = { 0, 100000 };
	int64_t end = engine_now() + ms;
	bool killed = false;
	int status = 0;
	pid_t r;

	g->exited = -2;
	if (!g->pid)
		return true;
	while (!(r = waitpid(g->pid, &status, killed ? 0 : WNOHANG)) ||
	       (r < 0 && errno == EINTR)) {
		if (!killed && engine_now() >= end) {
			kill(g->pid, SIGKILL);
			killed = true;
		} else if (!killed) {
			nanosleep(&nap, NULL);
		}
	}
	if (r == g->pid)
		g->exited = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	g->pid = 0;
	return !killed;
}

/* gpgme_new() runs "gpg --version" and waits for it without limit: somebody
 * else must look at the clock. */
pid_t engine_child_watch(struct engine *g)
{
	char now[sizeof g->kids];
	const char *p;
	pid_t parent = getpid(), me = fork(), pid;

	if (me)
		return me;
	me = getpid();
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	while (getppid() == parent) {
		sleep(g->stall);
		kids_read(parent, now, sizeof now);
		for (p = now; (pid = kids_new(&p, g->kids)); )
			if (pid != me)
				kill(pid, SIGKILL);
	}
	_exit(0);
}

void engine_child_unwatch(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
