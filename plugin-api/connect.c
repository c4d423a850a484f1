/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connecting: where the socket is, whose it is, and hello. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin-api/private.h"

enum { AGAIN_MS = 20 };		/* where very many connect at once */

static int find_path(struct sockaddr_un *a, const char *path,
                     struct letterlock_error *e)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const size_t size = sizeof a->sun_path;
	int n;

	if (!path)
		path = getenv("LETTERLOCK_SOCKET");
	a->sun_family = AF_UNIX;
	if (path && *path)
		n = snprintf(a->sun_path, size, "%s", path);
	else if (run && *run == '/')
		n = snprintf(a->sun_path, size, "%s/letterlock/agent.sock", run);
	else
		return error_set(e, LETTERLOCK_USE,
		                 "XDG_RUNTIME_DIR is not set");
	if (n < 0 || (size_t)n >= size || a->sun_path[0] != '/')
		return error_set(e, LETTERLOCK_USE, "The socket's path has to "
		                 "begin with / and have less than %zu octets",
		                 size);
	return 0;
}

static int try_connect(int fd, const struct sockaddr_un *a, int64_t until,
                       struct letterlock_error *e)
{
	while (connect(fd, (const struct sockaddr *)a, sizeof *a) == -1) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return error_set(e, LETTERLOCK_NOT_RUNNING,
			                 "Letterlock is not running (nobody "
			                 "listens at %s)", a->sun_path);
		if (errno != EAGAIN && errno != EINTR)
			return error_set(e, LETTERLOCK_SYSTEM, "%s: %s",
			                 a->sun_path, strerror(errno));
		if (time_left(until) == 0)
			return error_set(e, LETTERLOCK_TIMEOUT,
			                 "Letterlock does not answer");
		poll(NULL, 0, AGAIN_MS);
	}
	return 0;
}

static int is_ours(int fd, const struct sockaddr_un *a,
                   struct letterlock_error *e)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1
	    || n != sizeof peer || peer.uid != geteuid())
		return error_set(e, LETTERLOCK_STRANGER,
		                 "%s: another user listens there", a->sun_path);
	return 0;
}

int connect_hello(struct letterlock *l, int64_t until,
                  struct letterlock_error *e)
{
	json_t *hello = call_make(l, "hello", json_pack(
		"{s:i}", "version", PROTOCOL_VERSION), until, e);

	if (!hello)
		return -1;
	json_decref(l->hello);
	l->hello = hello;
	return 0;
}

static int connect_now(struct letterlock *l, int64_t until,
                       struct letterlock_error *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return error_set(e, LETTERLOCK_SYSTEM, "socket: %s",
		                 strerror(errno));
	if (try_connect(fd, &l->addr, until, e) || is_ours(fd, &l->addr, e)) {
		close(fd);
		return -1;
	}
	pthread_mutex_lock(&l->lock);
	l->fd = fd;
	pthread_mutex_unlock(&l->lock);
	if (connect_hello(l, until, e)) {
		handle_hang_up(l);
		return -1;
	}
	return 0;
}

int letterlock_reconnect(struct letterlock *l, int ms,
                         struct letterlock_error *e)
{
	int64_t until = time_until(ms);
	int rc;

	if (handle_take(l, until, e))
		return -1;
	handle_hang_up(l);
	rc = connect_now(l, until, e);
	handle_give(l);
	return rc;
}

int letterlock_connect(struct letterlock **l, const char *path, int ms,
                       struct letterlock_error *e)
{
	*l = handle_new();
	if (!*l)
		return error_memory(e);
	if (find_path(&(*l)->addr, path, e) == 0
	    && letterlock_reconnect(*l, ms, e) == 0)
		return 0;
	letterlock_close(*l);
	*l = NULL;
	return -1;
}

int letterlock_hello(struct letterlock *l, char **ok,
                     struct letterlock_error *e)
{
	*ok = NULL;
	if (handle_take(l, INT64_MAX, e))
		return -1;
	*ok = read_text(l->hello);
	handle_give(l);
	return *ok ? 0 : error_memory(e);
}

bool letterlock_can(struct letterlock *l, const char *call)
{
	bool found = false;
	json_t *name;
	size_t i;

	if (handle_take(l, INT64_MAX, NULL))
		return false;
	json_array_foreach(json_object_get(l->hello, "capabilities"), i, name)
		if (json_is_string(name)
		    && strcmp(json_string_value(name), call) == 0)
			found = true;
	handle_give(l);
	return found;
}
