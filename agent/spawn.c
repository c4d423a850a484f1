/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting a role, and arriving as one. */
#include "agent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/conf.h"
#include "agent/log.h"

const char *const role_name[ROLES] = {
	"keeper", "front", "mime", "crypt", "upstream", "plugin"
};

extern char **environ;

enum {
	LEASH_MS = 100,		/* a role takes at once what the guard says */
	ANSWER_MS = 10000	/* the keeper answers at once, or is none */
};

/* How long a read or a write on this end of a socketpair may block. */
static void patience(int fd, int ms)
{
	const struct timeval t = {
		.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000
	};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

int spawn_pair(int pair[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return err_errno(e, "socketpair");
	return 0;
}

int spawn_asker(int pair[2], struct err *e)
{
	if (spawn_pair(pair, e))
		return -1;
	patience(pair[0], ANSWER_MS);
	return 0;
}

int spawn_spool_fd(const char *dir)
{
	static bool said;
	char *name = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd != -1)
		return fd;
	/* NFS and FUSE have no O_TMPFILE */
	if (asprintf(&name, "%s/spool.XXXXXX", dir) == -1)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd != -1)
		unlink(name);
	else if (!said)
		log_error("no spool in %s (%s), so sealed letters over 256 KB "
		          "can not be opened", dir, strerror(errno));
	said |= fd == -1;
	free(name);
	return fd;
}

int spawn_conf_fd(const char *text, size_t len, struct err *e)
{
	int fd = memfd_create("letterlock.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return err_errno(e, "memfd_create");
	if (write(fd, text, len) != (ssize_t)len
	    || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW
	             | F_SEAL_SHRINK | F_SEAL_SEAL) == -1) {
		err_errno(e, "memfd");
		close(fd);
		return -1;
	}
	return fd;
}

/* Descriptors above the two that a role gets, so that dup2 can't collide. */
static int high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

/* This program again, in a group of its own and with these two descriptors. */
static int execute(pid_t *pid, char **argv, int leash, int conf, struct err *e)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP
	                         | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawn_file_actions_adddup2(&fa, leash, LEASH_FD);
	posix_spawn_file_actions_adddup2(&fa, conf, CONF_FD);
	r = posix_spawn(pid, "/proc/self/exe", &fa, &at, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	if (!r)
		return 0;
	errno = r;
	return err_errno(e, "starting a part of the agent");
}

int spawn_role(struct child *child, enum role role, int conf_fd, struct err *e)
{
	char arg[32], level[16];
	char *argv[6] = { "letterlockd", arg, level, NULL };
	int n = 3;
	int pair[2] = { -1, -1 }, leash = -1, conf = -1, rc = -1;
	pid_t pid;

	if (log_addresses)
		argv[n++] = "--log-addresses";
	if (log_syslog)
		argv[n] = "--syslog";
	snprintf(arg, sizeof arg, "--role=%s", role_name[role]);
	snprintf(level, sizeof level, "--level=%d", log_level);
	if (log_key_give()) {
		err_errno(e, "the environment");
		goto out;
	}
	if (spawn_pair(pair, e) == -1)
		goto out;
	leash = high(pair[1]);
	conf = high(conf_fd);
	if (leash == -1 || conf == -1) {
		err_errno(e, "descriptors");
		goto out;
	}
	if (execute(&pid, argv, leash, conf, e))
		goto out;
	child->pid = pid;
	patience(pair[0], LEASH_MS);
	chan_init(&child->leash, pair[0]);
	pair[0] = -1;
	rc = 0;
out:
	for (int i = 0; i < 2; i++)
		if (pair[i] != -1)
			close(pair[i]);
	if (leash != -1)
		close(leash);
	if (conf != -1)
		close(conf);
	return rc;
}

int spawn_arrive(enum role role, struct chan *leash, struct conf *conf,
                 struct err *e)
{
	pid_t guard = getppid();
	char *text;
	size_t len;
	int rc;

	log_role = role_name[role];
	prctl(PR_SET_NAME, log_role);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != guard)
		return err_set(e, gpg_error(GPG_ERR_EOF), "the guard is gone");
	box_hide();
	log_key_take();
	/* what these name would get letters in the clear, or TLS's secrets */
	unsetenv("GPGME_DEBUG");
	unsetenv("SSLKEYLOGFILE");
	/* what the starter of the guard left open is nothing to us */
	closefrom(CONF_FD + 1);
	log_open();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	fcntl(LEASH_FD, F_SETFD, FD_CLOEXEC);
	chan_init(leash, LEASH_FD);
	if (!(text = conf_read("/proc/self/fd/4", &len, e)))
		return -1;
	close(CONF_FD);
	rc = conf_parse(conf, "letterlock.conf", text, len, e);
	free(text);
	return rc;
}
