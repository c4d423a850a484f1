/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking ahead in a mailbox: further openers work while the client reads. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pop3.h"

/* The answer of upstream to the oldest U_AHEAD. */
static int settle_one(struct pop3 *s)
{
	struct opener *o = &s->opener[s->asked[0]];

	memmove(s->asked, s->asked + 1, --s->n_asked * sizeof s->asked[0]);
	if (lane_done(&s->lane))
		return -1;
	if (s->lane.outcome == DONE_OK || s->lane.outcome == DONE_REFUSED) {
		o->refused = s->lane.outcome != DONE_OK;
		return 0;
	}
	return -1;
}

int ahead_settle(struct pop3 *s)
{
	while (s->n_asked)
		if (settle_one(s))
			return -1;
	return 0;
}

void ahead_size(struct pop3 *s, uint32_t n, const char *octets)
{
	unsigned long long v = strtoull(octets, NULL, 10);
	uint32_t *more, want;

	if (!s->conf->look_ahead || n >= AHEAD_SIZES)
		return;
	if (n >= s->n_sizes) {
		want = n + n / 2 + 64;
		if (!(more = realloc(s->size, want * sizeof *more)))
			return;
		memset(more + s->n_sizes, 0,
		       (want - s->n_sizes) * sizeof *more);
		s->size = more;
		s->n_sizes = want;
	}
	s->size[n] = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* The sizes, from a client that did not ask for them. */
static void learn_sizes(struct pop3 *s)
{
	struct lane *l = &s->lane;
	uint32_t all = 0, n;
	struct unpack u;
	struct frame f;
	char text[100];

	if (s->n_sizes || ahead_settle(s)
	    || lane_tell(l, U_LIST, &all, sizeof all))
		return;
	while (chan_recv(&l->upstream, &f, NULL) == 0 && f.type == U_ITEM) {
		unpack_init(&u, &f);
		n = unpack_u32(&u);
		unpack_str(&u, text, sizeof text);
		if (unpack_end(&u))
			ahead_size(s, n, text);
	}
}

static struct opener *holder(struct pop3 *s, uint32_t n)
{
	for (unsigned i = 0; i < s->n_openers; i++)
		if (s->opener[i].n == n)
			return &s->opener[i];
	return NULL;
}

static void drop(struct opener *o)
{
	chan_send(&o->mime, M_DROP, NULL, 0, NULL);
	o->n = 0;
}

void ahead_forget(struct pop3 *s, uint32_t n)
{
	struct opener *o = holder(s, n);

	if (o)
		drop(o);
}

static bool waits(const struct pop3 *s, const struct opener *o)
{
	for (unsigned i = 0; i < s->n_asked; i++)
		if (&s->opener[s->asked[i]] == o)
			return true;
	return false;
}

int ahead_retr(struct pop3 *s, uint32_t n)
{
	struct opener *o = holder(s, n);
	struct pack p;
	int r;

	if (!o)
		return 0;
	while (waits(s, o))
		if (settle_one(s))
			return pop3_say_err(s);
	if (o->refused) {
		drop(o);
		return 0;
	}
	pack_init(&p);
	pack_u32(&p, FETCHED_ALL);
	pack_u32(&p, 0);
	if (pack_send(&p, &o->mime, M_SEND, NULL))
		return 0;	/* it is gone: fetched again by another */
	o->n = 0;
	r = pop3_hand_over(s, &o->mime, true);
	return r == 0 ? 1 : r == 1 ? 0 : -1;
}

/* An opener that has nothing to do, or a new one, or NULL. */
static struct opener *idle(struct pop3 *s)
{
	struct chan *guard = &s->ends->guard;
	struct opener *o = holder(s, 0);
	struct frame f;

	if (o || s->n_openers >= s->conf->look_ahead
	    || s->n_openers == OPENERS_MAX)
		return o;
	if (chan_send(guard, G_OPENER, NULL, 0, NULL)
	    || chan_expect(guard, G_OPENER, &f, NULL))
		return NULL;
	o = &s->opener[s->n_openers];
	chan_init(&o->mime, chan_take_fd(guard));
	o->pipe = chan_take_fd(guard);
	if (!chan_open(&o->mime) || o->pipe < 0)
		return NULL;
	s->n_openers++;
	return o;
}

static int begin(struct pop3 *s, struct opener *o, uint32_t n)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, FETCHED_AHEAD);
	pack_u32(&p, 0);
	pack_u32(&p, s->who.account->autocrypt);
	if (pack_send(&p, &o->mime, M_OPEN, NULL)
	    || chan_send_fds(&s->lane.upstream, U_AHEAD, &n, sizeof n,
	                     &o->pipe, 1, NULL))
		return -1;
	o->n = n;
	o->refused = false;
	s->asked[s->n_asked++] = (unsigned)(o - s->opener);
	return 0;
}

void ahead_more(struct pop3 *s, uint32_t n)
{
	bool row = s->last && n == s->last + 1;
	struct opener *o;

	s->last = n;
	if (!row || !s->conf->look_ahead || client_flush(&s->client))
		return;
	learn_sizes(s);
	for (unsigned i = 0; i < s->n_openers; i++)
		if (s->opener[i].n && s->opener[i].n <= n
		    && !waits(s, &s->opener[i]))
			drop(&s->opener[i]);
	for (uint32_t m = n + 1; m <= n + s->conf->look_ahead; m++) {
		if (m >= s->n_sizes || !s->size[m]
		    || s->size[m] > AHEAD_OCTETS)
			return;
		if (holder(s, m))
			continue;
		o = idle(s);
		if (!o || waits(s, o) || begin(s, o, m))
			return;
	}
}

void ahead_end(struct pop3 *s)
{
	for (unsigned i = 0; i < s->n_openers; i++) {
		chan_close(&s->opener[i].mime);
		close(s->opener[i].pipe);
	}
	free(s->size);
}
