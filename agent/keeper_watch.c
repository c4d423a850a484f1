/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Those who are told of events: a socket each, which takes whole frames and blocks
 * nobody. */
#include "agent/keeper_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/frames.h"

struct watcher {
	struct chan chan;
	uint32_t lost;		/* that it does not know of yet */
};

struct watchers {
	struct watcher watcher[WATCHERS_MAX];
	unsigned n;
};

struct watchers *watchers_new(void)
{
	return calloc(1, sizeof(struct watchers));
}

static void drop(struct watchers *w, unsigned i)
{
	chan_close(&w->watcher[i].chan);
	w->watcher[i] = w->watcher[--w->n];
}

void watchers_free(struct watchers *w)
{
	while (w && w->n)
		drop(w, 0);
	free(w);
}

int watchers_add(struct watchers *w)
{
	const int queue = WATCH_QUEUE;
	int pair[2];

	if (w->n == WATCHERS_MAX
	    || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &queue, sizeof queue);
	chan_init(&w->watcher[w->n].chan, pair[0]);
	w->watcher[w->n++].lost = 0;
	return pair[1];
}

bool watchers_any(const struct watchers *w)
{
	return w->n > 0;
}

/* 1, or 0: there is no room now. */
static bool put(struct watcher *r, const void *p, size_t n)
{
	return chan_send(&r->chan, K_EVENT, p, n, NULL) == 0;
}

/* Before anything else: what is missing stands where it is missing. */
static bool tell_lost(struct watcher *r)
{
	static struct pack p;

	if (!r->lost)
		return true;
	pack_init(&p);
	pack_u32(&p, EVENT_LOST);
	pack_u64(&p, (uint64_t)time(NULL));
	pack_str(&p, "");
	pack_u32(&p, r->lost);
	if (!put(r, p.buf, p.len))
		return false;
	r->lost = 0;
	return true;
}

void watchers_tell(struct watchers *w, const struct pack *event)
{
	for (unsigned i = 0; i < w->n && !event->bad; i++) {
		struct watcher *r = &w->watcher[i];

		if (tell_lost(r) && put(r, event->buf, event->len))
			continue;
		if (r->lost < UINT32_MAX)
			r->lost++;
	}
}

unsigned watchers_poll(const struct watchers *w, struct pollfd *p)
{
	for (unsigned i = 0; i < w->n; i++)
		p[i] = (struct pollfd){
			.fd = w->watcher[i].chan.fd,
			.events = w->watcher[i].lost ? POLLOUT : 0
		};
	return w->n;
}

void watchers_work(struct watchers *w, const struct pollfd *p, unsigned n)
{
	/* from the end, so that a dropped one moves none unseen */
	for (unsigned i = n; i-- > 0;)
		if (p[i].revents & (POLLHUP | POLLERR))
			drop(w, i);
		else if (p[i].revents)
			tell_lost(&w->watcher[i]);
}
