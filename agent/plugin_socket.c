/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plug-in socket's file: where it is, who may have put it there, and who is
 * at the other end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/plugin_socket.h"

enum { BACKLOG = 64 };

int plugin_socket_addr(struct sockaddr_un *a, struct err *e)
{
	const char *path = getenv("LETTERLOCK_SOCKET");
	const char *run = getenv("XDG_RUNTIME_DIR");
	const size_t size = sizeof a->sun_path;
	int n;

	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	if (path && *path)
		n = snprintf(a->sun_path, size, "%s", path);
	else if (run && *run == '/')
		n = snprintf(a->sun_path, size, "%s/letterlock/agent.sock", run);
	else
		return err_set(e, gpg_error(GPG_ERR_NOT_FOUND),
		               "XDG_RUNTIME_DIR is not set");
	if (n < 0 || (size_t)n >= size || a->sun_path[0] != '/')
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "the plug-in socket's path has to begin with / "
		               "and have less than %zu octets", size);
	return 0;
}

/* The folder must be ours alone: else anybody could put another socket there. */
static int own_folder(const struct sockaddr_un *a, struct err *e)
{
	char dir[sizeof a->sun_path];
	struct stat st;

	memcpy(dir, a->sun_path, sizeof dir);
	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_errno(e, dir);
	if (lstat(dir, &st) == -1)
		return err_errno(e, dir);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "%s: a folder of your own that nobody else can "
		               "enter is wanted (chmod 700)", dir);
	return 0;
}

/* What is there already: nothing, or a socket that nobody listens at. */
static int nobody_there(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : err_errno(e, a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "%s: something is there that is no socket",
		               a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_errno(e, a->sun_path);
	rc = connect(fd, (const struct sockaddr *)a, sizeof *a);
	if (rc == -1 && errno == ECONNREFUSED)
		rc = 0;
	else
		rc = err_set(e, gpg_error(GPG_ERR_EADDRINUSE),
		             "another letterlockd runs: it listens at %s",
		             a->sun_path);
	close(fd);
	return rc;
}

/* Bound under a name of its own first, so that the path never leads to a socket
 * that does not listen yet. */
static int bound(const struct sockaddr_un *a, struct err *e)
{
	struct sockaddr_un b = *a;
	mode_t mask;
	int fd, n, rc;

	n = snprintf(b.sun_path, sizeof b.sun_path, "%.*s/.%d",
	             (int)(strrchr(a->sun_path, '/') - a->sun_path),
	             a->sun_path, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof b.sun_path)
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "%s: too long", a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_errno(e, a->sun_path);
	unlink(b.sun_path);
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)&b, sizeof b);
	umask(mask);
	if (rc == 0 && listen(fd, BACKLOG) == 0
	    && rename(b.sun_path, a->sun_path) == 0)
		return fd;
	err_errno(e, a->sun_path);
	unlink(b.sun_path);
	close(fd);
	return -1;
}

int plugin_socket_bind(const struct sockaddr_un *a, struct stat *st,
                       struct err *e)
{
	int fd;

	if (own_folder(a, e) || nobody_there(a, e) || (fd = bound(a, e)) == -1)
		return -1;
	if (lstat(a->sun_path, st) == 0)
		return fd;
	err_errno(e, a->sun_path);
	close(fd);
	return -1;
}

void plugin_socket_remove(const char *path, const struct stat *st)
{
	struct stat now;

	if (lstat(path, &now) == 0 && now.st_dev == st->st_dev
	    && now.st_ino == st->st_ino)
		unlink(path);
}

bool plugin_socket_trusts(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0
	       && n == sizeof peer && peer.uid == geteuid();
}
