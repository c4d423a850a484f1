/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A socket in clear as a low stream of libetpan's, with our deadlines. */
#include "agent/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t stream_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Each minute of waiting is looked at when it is over. */
static bool too_slow(struct stream *s)
{
	bool slow = s->moved < s->least;

	if (!s->least || s->waited < STREAM_MINUTE)
		return false;
	s->moved = 0;
	s->waited = 0;
	if (slow)
		s->error = ETIME;
	return slow;
}

int stream_wait(struct stream *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int64_t since = stream_clock(), now = since, end = s->deadline, left;
	int r;

	if (s->silence && end > now + s->silence)
		end = now + s->silence;
	do {
		left = end - now;
		if (left <= 0) {
			s->error = ETIMEDOUT;
			return -1;
		}
		if (s->least && left > STREAM_MINUTE - s->waited)
			left = STREAM_MINUTE - s->waited;
		r = poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);
		now = stream_clock();
		s->waited += now - since;
		since = now;
		if (too_slow(s))
			return -1;
	} while (r == 0 || (r == -1 && errno == EINTR));
	if (r == -1)
		s->error = errno;
	return r > 0 ? 0 : -1;
}

/* After a call that failed: 0 when it is to be tried again. */
static int low_again(struct stream *s, short events)
{
	if (errno == EINTR)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return stream_wait(s, events);
	s->error = errno;
	return -1;
}

static ssize_t low_read(mailstream_low *low, void *buf, size_t n)
{
	struct stream *s = low->data;
	ssize_t got;

	while ((got = recv(s->fd, buf, n, 0)) == -1)
		if (low_again(s, POLLIN))
			return -1;
	if (got > 0) {
		s->moved += (uint64_t)got;
		return got;
	}
	s->error = 0;
	return -1;
}

static ssize_t low_write(mailstream_low *low, const void *buf, size_t n)
{
	struct stream *s = low->data;
	ssize_t put;

	while ((put = send(s->fd, buf, n, MSG_NOSIGNAL)) == -1)
		if (low_again(s, POLLOUT))
			return -1;
	s->moved += (uint64_t)put;
	return put;
}

static int low_close(mailstream_low *low)
{
	struct stream *s = low->data;
	int fd = s->fd;

	s->fd = -1;
	return fd >= 0 ? close(fd) : 0;
}

static int low_fd(mailstream_low *low)
{
	return ((struct stream *)low->data)->fd;
}

static void low_free(mailstream_low *low)
{
	free(low->data);
	free(low);
}

static mailstream_low_driver driver = {
	.mailstream_read = low_read,
	.mailstream_write = low_write,
	.mailstream_close = low_close,
	.mailstream_get_fd = low_fd,
	.mailstream_free = low_free,
};

mailstream_low *stream_low_new(int fd)
{
	struct stream *s = calloc(1, sizeof *s);
	mailstream_low *low = NULL;

	if (!s || !(low = mailstream_low_new(s, &driver))) {
		free(s);
		return NULL;
	}
	s->fd = fd;
	return low;
}
