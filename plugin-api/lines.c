/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines on the plug-in socket, out and in, none of them endless. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin-api/private.h"

enum { CHUNK = 64 << 10 };	/* octets that are read at once */

static int lost(struct letterlock_error *e)
{
	return error_set(e, LETTERLOCK_LOST, "Letterlock has hung up");
}

/* Room for a chunk: what was taken goes, or the buffer grows. */
static int make_room(struct letterlock *l, struct letterlock_error *e)
{
	size_t size = l->size ? 2 * l->size : 2 * CHUNK;
	char *in;

	if (l->from) {
		memmove(l->in, l->in + l->from, l->len - l->from);
		l->len -= l->from;
		l->seen -= l->from;
		l->from = 0;
	}
	if (l->size - l->len >= CHUNK)
		return 0;
	if (!(in = realloc(l->in, size)))
		return error_memory(e);
	l->in = in;
	l->size = size;
	return 0;
}

/* What has come: 0, also where that is nothing, or -1. */
static int take_in(struct letterlock *l, struct letterlock_error *e)
{
	ssize_t r;

	if (l->len - l->from >= ANSWER_MAX)
		return error_set(e, LETTERLOCK_BAD_ANSWER,
		                 "Letterlock says more than a line can have");
	if (make_room(l, e))
		return -1;
	r = recv(l->fd, l->in + l->len, CHUNK, MSG_DONTWAIT);
	if (r > 0)
		l->len += (size_t)r;
	else if (r == 0 || (errno != EAGAIN && errno != EINTR))
		return lost(e);
	return 0;
}

/* A whole line that is there: 1, 0, or -1. */
static int find_line(struct letterlock *l, const char **line, size_t *n,
                     struct letterlock_error *e)
{
	char *lf = l->len > l->seen ? memchr(l->in + l->seen, '\n',
	                                     l->len - l->seen) : NULL;

	l->seen = l->len;
	if (!lf)
		return 0;
	*line = l->in + l->from;
	*n = (size_t)(lf - *line);
	if (*n >= ANSWER_MAX)
		return error_set(e, LETTERLOCK_BAD_ANSWER,
		                 "Letterlock says more than a line can have");
	l->from = l->seen = (size_t)(lf + 1 - l->in);
	return 1;
}

/* Until one of these: 1, 0 (not in time), or -1. */
static int wait_for(struct letterlock *l, short events, int64_t until,
                    struct letterlock_error *e)
{
	struct pollfd p = { .fd = l->fd, .events = events };
	int n;

	do
		n = poll(&p, 1, time_left(until));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return error_set(e, LETTERLOCK_SYSTEM, "poll: %s",
		                 strerror(errno));
	return n ? p.revents : 0;
}

int lines_get(struct letterlock *l, const char **line, size_t *n,
              int64_t until, struct letterlock_error *e)
{
	int rc;

	if (l->fd == -1)
		return lost(e);
	while ((rc = find_line(l, line, n, e)) == 0) {
		rc = wait_for(l, POLLIN, until, e);
		if (rc <= 0)
			return rc;
		if (take_in(l, e))
			return -1;
	}
	return rc;
}

/* The events that came go where they wait: true; false, and an answer was left
 * for lines_get(). */
static bool take_events(struct letterlock *l)
{
	size_t from = l->from, n;
	bool event = true;
	const char *line;

	while (event && find_line(l, &line, &n, NULL) == 1) {
		event = events_put(l, line, n, NULL);
		if (event)
			from = l->from;
	}
	if (!event)
		l->from = l->seen = from;
	return event;
}

/* Reads, too: Letterlock may be writing events, and wait for us.  What it said
 * before it hung up is still to be read, so that is no error here. */
int lines_put(struct letterlock *l, const char *line, size_t n, int64_t until,
              struct letterlock_error *e)
{
	short events = POLLOUT | POLLIN;
	size_t done = 0;
	ssize_t r;
	int rc;

	if (l->fd == -1)
		return lost(e);
	while (done < n) {
		r = send(l->fd, line + done, n - done,
		         MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r > 0)
			done += (size_t)r;
		else if (errno != EAGAIN && errno != EINTR)
			break;
		if (done == n)
			break;
		rc = wait_for(l, events, until, e);
		if (rc == 0)
			return error_set(e, LETTERLOCK_TIMEOUT,
			                 "Letterlock does not listen");
		if (rc < 0 || (rc & events & POLLIN && take_in(l, e)))
			return -1;
		if (!take_events(l))
			events = POLLOUT;
	}
	return 0;
}
