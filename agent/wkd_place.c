/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where dirmngr listens, and its start. */
#include "agent/wkd_place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper_agent.h"
#include "agent/log.h"
#include "agent/wkd.h"

enum { AGAIN_MS = 10000 };	/* between two starts */

void place_init(struct place *p, const char *home)
{
	memset(p, 0, sizeof *p);
	p->home = home;
	p->out = -1;
	p->at.sun_family = AF_UNIX;
}

static void close_out(struct place *p)
{
	if (p->out != -1)
		close(p->out);
	p->out = -1;
}

void place_end(struct place *p)
{
	close_out(p);
	if (p->pid) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	p->pid = 0;
}

/* It takes no longer, or is given up. */
static void failed(struct place *p, const char *why)
{
	log_note("keys can't be looked up: %s", why);
	place_end(p);
	p->is = PLACE_FAILED;
}

void place_want(struct place *p, int64_t ms)
{
	int fd[2];

	if (p->is != PLACE_UNKNOWN && p->is != PLACE_FAILED)
		return;
	p->is = PLACE_ASKED;
	p->n = 0;
	p->until = ms + WKD_START_MS;
	if (pipe2(fd, O_CLOEXEC)) {
		failed(p, strerror(errno));
		return;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	p->out = fd[0];
	p->pid = gpgconf_start(p->home, "--list-dirs", "dirmngr-socket", fd[1]);
	close(fd[1]);
	if (!p->pid)
		failed(p, "gpgconf can't be started");
}

void place_launch(struct place *p, int64_t ms)
{
	if (p->is != PLACE_KNOWN)
		return;
	if (p->launched && ms < p->launched + AGAIN_MS) {
		p->is = PLACE_FAILED;
		return;
	}
	p->launched = ms;
	p->until = ms + WKD_START_MS;
	p->is = PLACE_LAUNCHED;
	p->pid = gpgconf_start(p->home, "--launch", "dirmngr", -1);
	if (!p->pid)
		failed(p, "gpgconf can't be started");
}

/* One line, the path; what does not fit is none. */
static void read_path(struct place *p)
{
	char *path = p->at.sun_path;
	ssize_t r = 0;

	while (p->n < sizeof p->at.sun_path
	       && (r = read(p->out, path + p->n,
	                    sizeof p->at.sun_path - p->n)) > 0)
		p->n += (size_t)r;
	if (r == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	place_end(p);	/* it has said all */
	if (r == 0 && p->n > 1 && path[0] == '/' && path[p->n - 1] == '\n') {
		path[p->n - 1] = '\0';
		p->is = PLACE_KNOWN;
	} else {
		failed(p, "gpgconf does not say where dirmngr listens");
	}
}

void place_work(struct place *p, int64_t ms)
{
	if (p->is == PLACE_ASKED)
		read_path(p);
	if (p->is == PLACE_LAUNCHED && waitpid(p->pid, NULL, WNOHANG) != 0) {
		p->pid = 0;
		p->is = PLACE_KNOWN;
	}
	if (place_runs(p) && ms >= p->until)
		failed(p, "gpgconf does not end");
}

bool place_runs(const struct place *p)
{
	return p->is == PLACE_ASKED || p->is == PLACE_LAUNCHED;
}
