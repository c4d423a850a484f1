/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking after gpg-agent from outside of any box. */
#include "agent/keeper_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/log.h"

enum {
	LOOK_MS = 1000,		/* between looks without a new session */
	GREETING_MS = 100,
	GPGCONF_MS = 3000	/* for an answer, or until it is launched */
};

struct gpg_agent {
	const char *home;	/* NULL: GnuPG's own */
	struct sockaddr_un addr;	/* sun_path "": nobody knows */
	pid_t asked;		/* gpgconf that told the socket; 0 = none */
	pid_t launch;		/* gpgconf, perhaps still at work; 0 = none */
	int64_t launch_until, look_at;	/* ms */
};

extern char **environ;

pid_t gpgconf_start(const char *home, const char *verb, const char *what,
                    int out)
{
	const char *plain[] = { "gpgconf", verb, what, NULL };
	const char *homed[] = {
		"gpgconf", "--homedir", home, verb, what, NULL
	};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (out == -1)
		posix_spawn_file_actions_addopen(&fa, 1, "/dev/null",
		                                 O_WRONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&at);
	sigemptyset(&none);	/* SIGCHLD comes to us by a descriptor */
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK);
	if (posix_spawnp(&pid, "gpgconf", &fa, &at,
	                 (char **)(home ? homed : plain), environ)) {
		log_error("gpgconf could not be started: is GnuPG installed?");
		pid = 0;
	}
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	return pid;
}

/* Only gpgconf knows where it listens: it may be in /run. */
static void find_socket(struct gpg_agent *g)
{
	int64_t until = now_ms() + GPGCONF_MS, left;
	char *path = g->addr.sun_path;
	const size_t size = sizeof g->addr.sun_path;
	struct pollfd p = { .events = POLLIN };
	size_t n = 0;
	ssize_t r = -1;
	int fd[2];

	g->addr.sun_family = AF_UNIX;
	if (pipe2(fd, O_CLOEXEC))
		return;
	g->asked = gpgconf_start(g->home, "--list-dirs", "agent-socket",
	                         fd[1]);
	close(fd[1]);
	p.fd = fd[0];
	while (n < size && (left = until - now_ms()) > 0
	       && poll(&p, 1, (int)left) > 0
	       && (r = read(fd[0], path + n, size - n)) > 0)
		n += (size_t)r;
	close(fd[0]);
	if (r == 0 && n && path[n - 1] == '\n')
		path[n - 1] = '\0';
	else
		path[0] = '\0';
}

/* A dying one takes a connection too, but does not greet.  One that stands still
 * is there all the same. */
static bool listens(const struct gpg_agent *g)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char greeting[256];
	bool yes = true;

	if (fd == -1)
		return true;
	if (connect(fd, (const struct sockaddr *)&g->addr, sizeof g->addr))
		yes = errno == EAGAIN;
	else if (poll(&p, 1, GREETING_MS) > 0)
		yes = read(fd, greeting, sizeof greeting) > 0;
	close(fd);
	return yes;
}

/* Does it run?  It is reaped once it does not. */
static bool runs(pid_t *pid)
{
	if (*pid && waitpid(*pid, NULL, WNOHANG) != 0)
		*pid = 0;
	return *pid != 0;
}

void gpg_agent_look(struct gpg_agent *g, bool wait)
{
	if (!g || (!wait && now_ms() < g->look_at))
		return;
	g->look_at = now_ms() + LOOK_MS;
	runs(&g->asked);
	runs(&g->launch);
	if (g->addr.sun_path[0] == '\0' || listens(g))
		return;
	if (!runs(&g->launch)) {
		g->launch = gpgconf_start(g->home, "--launch", "gpg-agent", -1);
		g->launch_until = now_ms() + GPGCONF_MS;
	}
	while (wait && runs(&g->launch) && now_ms() < g->launch_until)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

struct gpg_agent *gpg_agent_new(const struct conf *conf)
{
	struct gpg_agent *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->home = conf->gnupghome;
	find_socket(g);
	if (g->addr.sun_path[0])
		gpg_agent_look(g, false);
	else
		g->launch = gpgconf_start(g->home, "--launch", "gpg-agent", -1);
	return g;
}
