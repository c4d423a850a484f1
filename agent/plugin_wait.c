/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The waiting of the role plugin: for its client, or for another role, and for
 * events, which are written as they come while nothing else is. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/plugin.h"

/* An event is taken when its line can be written without waiting: else it stays
 * where it is, and the keeper loses those behind it for us.  0, or -1. */
static int write_event(struct plugin *p)
{
	struct frame f;
	json_t *j;

	if (chan_recv(&p->events, &f, NULL)) {
		chan_close(&p->events);	/* the keeper has gone */
		return 0;
	}
	j = plugin_event(&f);
	return j ? plugin_say(p, j) : 0;
}

/* What is left for poll(): events come in between, and give no more time. */
static int left_of(int64_t until)
{
	int64_t left = until - now_ms();

	return left > 0 ? (int)left : 0;
}

int plugin_wait_on(struct plugin *p, int fd, short events, int ms)
{
	enum { FOR, CLIENT, GUARD, KEEPER, EVENTS, N };
	bool idle = fd == p->ends->client, told;
	struct pollfd w[N] = {
		[FOR] = { .fd = fd, .events = events },
		[CLIENT] = { .fd = p->ends->client },
		[GUARD] = { .fd = p->ends->guard.fd },
		/* a call that waits may end without it */
		[KEEPER] = { .fd = idle ? p->ends->keeper.fd : -1 },
	};
	int64_t until = now_ms() + ms;
	int r;

	for (;;) {
		told = chan_open(&p->events) && chan_wait(&p->events, 0);
		w[CLIENT].events = told ? POLLOUT : 0;
		w[EVENTS] = (struct pollfd){
			.fd = told ? -1 : p->events.fd, .events = POLLIN
		};
		r = poll(w, N, ms < 0 ? -1 : left_of(until));
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? 1 : -1;
		if (told && w[CLIENT].revents & POLLOUT && write_event(p))
			return -1;
		if (w[FOR].revents)
			return 0;
		if (w[GUARD].revents || w[KEEPER].revents
		    || w[CLIENT].revents & ~POLLOUT)
			return -1;
	}
}

void plugin_hurry(const struct chan *c)
{
	const struct timeval t = { .tv_sec = PLUGIN_FRAME_SECONDS };

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

int plugin_wait_for(struct plugin *p, struct chan *c, int ms)
{
	return chan_wait(c, 0) || plugin_wait_on(p, c->fd, POLLIN, ms) == 0
	       ? 0 : -1;
}

int plugin_wait(struct plugin *p, struct chan *c)
{
	return plugin_wait_for(p, c, -1);
}

int plugin_wait_room(struct plugin *p, int fd)
{
	return plugin_wait_on(p, fd, POLLOUT, -1);
}
