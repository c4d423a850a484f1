/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Look-ups by WKD: who waits, what runs, and what came of the others. */
#include "agent/wkd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/dirmngr.h"
#include "agent/peers.h"
#include "agent/wkd_place.h"

enum {
	FULL_MS = 100,		/* until dirmngr may have room for one more */
	CHILD_MS = 20		/* between looks at gpgconf */
};

struct look {
	char *addr;		/* as addr_fold() has it; NULL: free */
	enum { QUEUED, RUNS, KNOWN } step;
	enum looked is;		/* KNOWN */
	int64_t began;		/* RUNS */
	int64_t until;		/* it is given up then, or forgotten */
	uint64_t turn;		/* who was first */
	bool ended;		/* and that was not told yet */
	int64_t when;		/* unix time */
	unsigned char *key;	/* LOOKED_FOUND */
	size_t n;
};

struct run {
	struct look *look;	/* NULL: free */
	struct dirmngr d;
};

struct wkd {
	bool on;
	struct place place;
	struct look look[WKD_KNOWN_MAX];
	struct run run[WKD_RUNS_MAX];
	uint64_t turn;
};

struct wkd *wkd_new(const struct conf *conf)
{
	struct wkd *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->on = conf->discover == DISCOVER_WKD;
	place_init(&w->place, conf->gnupghome);
	return w;
}

/* How long what came of a look-up is kept. */
static const int64_t kept_ms[] = {
	[LOOKED_FOUND] = WKD_FOUND_MS, [LOOKED_NONE] = WKD_NONE_MS,
	[LOOKED_FAILED] = WKD_FAILED_MS
};

static void forget(struct look *l)
{
	free(l->addr);
	free(l->key);
	memset(l, 0, sizeof *l);
}

void wkd_free(struct wkd *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < WKD_RUNS_MAX; i++)
		if (w->run[i].look)
			dirmngr_end(&w->run[i].d);
	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++)
		forget(&w->look[i]);
	place_end(&w->place);
	free(w);
}

/* ---- who is wanted ---- */

/* Has it a domain that could have a server, and can it stand in a line? */
static bool can_be_asked(const char *addr)
{
	const char *domain = strrchr(addr, '@') + 1;

	for (const char *p = addr; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '"' || *p == '\\'
		    || *p == 0x7f)
			return false;
	return *domain != '[' && strchr(domain, '.') != NULL;
}

static struct look *find(const struct wkd *w, const char *folded)
{
	for (unsigned i = 0; folded && i < WKD_KNOWN_MAX; i++)
		if (w->look[i].addr && strcmp(w->look[i].addr, folded) == 0)
			return (struct look *)&w->look[i];
	return NULL;
}

static struct look *find_addr(const struct wkd *w, const char *addr)
{
	char *folded = addr_ok(addr) ? addr_fold(addr) : NULL;
	struct look *l = find(w, folded);

	free(folded);
	return l;
}

/* A free one, else that which is known for longest. */
static struct look *room(struct wkd *w)
{
	struct look *old = NULL;

	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++) {
		struct look *l = &w->look[i];

		if (!l->addr)
			return l;
		if (l->step == KNOWN && (!old || l->turn < old->turn))
			old = l;
	}
	if (old)
		forget(old);
	return old;
}

static enum looked begin(struct wkd *w, char *folded, int64_t ms)
{
	struct look *l = room(w);

	if (!l) {
		free(folded);
		return LOOKED_FAILED;	/* so many wait already */
	}
	l->addr = folded;
	l->step = QUEUED;
	l->until = ms + WKD_QUEUE_MS;
	l->turn = ++w->turn;
	place_want(&w->place, ms);
	return LOOKED_NOT;
}

enum looked wkd_want(struct wkd *w, const char *addr, int64_t ms)
{
	struct look *l;
	char *folded;

	if (!w->on)
		return LOOKED_FAILED;
	if (!addr_ok(addr) || !can_be_asked(addr))
		return LOOKED_NONE;
	folded = addr_fold(addr);
	if (!folded)
		return LOOKED_FAILED;
	l = find(w, folded);
	if (l && l->step == KNOWN && l->until <= ms) {
		forget(l);
		l = NULL;
	}
	if (!l)
		return begin(w, folded, ms);
	free(folded);
	return l->step == KNOWN ? l->is : LOOKED_NOT;
}

void wkd_again(struct wkd *w, const char *addr, int64_t ms)
{
	struct look *l = find_addr(w, addr);

	if (l && l->step == KNOWN && l->is != LOOKED_FOUND
	    && ms - (l->until - kept_ms[l->is]) >= WKD_AGAIN_MS)
		forget(l);
}

enum looked wkd_known(const struct wkd *w, const char *addr)
{
	const struct look *l;

	if (w->on && addr_ok(addr) && !can_be_asked(addr))
		return LOOKED_NONE;
	l = find_addr(w, addr);
	if (!l)
		return LOOKED_FAILED;
	return l->step == KNOWN ? l->is : LOOKED_NOT;
}

const void *wkd_key(const struct wkd *w, const char *addr, size_t *n,
                    int64_t *when)
{
	const struct look *l = find_addr(w, addr);

	if (!l || !l->key)
		return NULL;
	*n = l->n;
	*when = l->when;
	return l->key;
}

void wkd_unfit(struct wkd *w, const char *addr, int64_t ms)
{
	struct look *l = find_addr(w, addr);

	if (!l || !l->key)
		return;
	free(l->key);
	l->key = NULL;
	l->is = LOOKED_NONE;
	l->until = ms + WKD_NONE_MS;
}

const char *wkd_ended(struct wkd *w)
{
	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++)
		if (w->look[i].ended) {
			w->look[i].ended = false;
			return w->look[i].addr;
		}
	return NULL;
}

/* ---- what comes of them ---- */

static void settle(struct look *l, enum looked is, int64_t ms)
{
	l->step = KNOWN;
	l->is = is;
	l->until = ms + kept_ms[is];
	l->ended = true;
}

/* Of a large one what it says of itself. */
static enum looked keep(struct look *l, const unsigned char *key, size_t n)
{
	struct membuf m;
	struct err e = { .code = 0 };

	membuf_init(&m, PEER_KEY_MAX);
	if (n <= PEER_KEY_MAX ? sink_put(&m.sink, key, n, &e)
	    : keydata_cut(key, n, l->addr, &m.sink, &e)) {
		membuf_free(&m);
		return gpg_err_code(e.code) == GPG_ERR_TOO_LARGE ? LOOKED_NONE
		       : LOOKED_FAILED;
	}
	l->key = (unsigned char *)m.buf;
	l->n = m.len;
	l->when = time(NULL);
	return LOOKED_FOUND;
}

/* A domain may give several keys for an address, an old one and its successor: the
 * one made last.  What is no key, or too large to be kept, is none. */
static enum looked choose(struct look *l, const struct membuf *got)
{
	const unsigned char *best = NULL;
	int64_t created = 0;
	struct keydata k;
	size_t n, best_n = 0;

	for (size_t at = 0; at < got->len; at += n) {
		n = keydata_first(got->buf + at, got->len - at);
		if (n == 0)
			return LOOKED_NONE;
		if (keydata_read(&k, got->buf + at, n, NULL) || !k.has_uid
		    || (best && k.created < created))
			continue;
		best = (const unsigned char *)got->buf + at;
		created = k.created;
		best_n = n;
	}
	return best ? keep(l, best, best_n) : LOOKED_NONE;
}

static void go_on(struct run *r, int64_t ms)
{
	enum looked is = dirmngr_take(&r->d);

	if (is == LOOKED_NOT && ms < r->look->until)
		return;
	if (is == LOOKED_NOT
	    || (r->d.no_name && ms - r->look->began >= WKD_NO_NAME_MS))
		is = LOOKED_FAILED;
	if (is == LOOKED_FOUND)
		is = choose(r->look, &r->d.key);
	settle(r->look, is, ms);
	r->look = NULL;
	dirmngr_end(&r->d);
}

static struct look *first_queued(struct wkd *w)
{
	struct look *first = NULL;

	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++) {
		struct look *l = &w->look[i];

		if (l->addr && l->step == QUEUED
		    && (!first || l->turn < first->turn))
			first = l;
	}
	return first;
}

static struct run *free_run(const struct wkd *w)
{
	for (unsigned i = 0; i < WKD_RUNS_MAX; i++)
		if (!w->run[i].look)
			return (struct run *)&w->run[i];
	return NULL;
}

/* False when no other can be begun now. */
static bool run(struct wkd *w, struct run *r, struct look *l, int64_t ms)
{
	int why;

	if (dirmngr_begin(&r->d, &w->place.at, l->addr) == 0) {
		r->look = l;
		l->step = RUNS;
		l->began = ms;
		l->until = ms + WKD_RUN_MS;
		return true;
	}
	why = errno;
	dirmngr_end(&r->d);
	if (why == EAGAIN)
		return false;
	if (why == ECONNREFUSED || why == ENOENT)
		place_launch(&w->place, ms);
	else
		settle(l, LOOKED_FAILED, ms);
	return w->place.is == PLACE_KNOWN;
}

/* Those that wait for longer than they should, or for what does not come. */
static void give_up(struct wkd *w, int64_t ms)
{
	bool all = w->place.is == PLACE_FAILED;

	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++) {
		struct look *l = &w->look[i];

		if (!l->addr || l->step == RUNS)
			continue;
		if (l->step == QUEUED && (all || l->until <= ms))
			settle(l, LOOKED_FAILED, ms);
		else if (l->step == KNOWN && l->until <= ms && !l->ended)
			forget(l);
	}
	if (all)
		w->place.is = w->place.at.sun_path[0] == '/' && w->place.launched
		              ? PLACE_KNOWN : PLACE_UNKNOWN;
}

void wkd_work(struct wkd *w, int64_t ms)
{
	struct look *l;
	struct run *r;

	place_work(&w->place, ms);
	for (unsigned i = 0; i < WKD_RUNS_MAX; i++)
		if (w->run[i].look)
			go_on(&w->run[i], ms);
	while (w->place.is == PLACE_KNOWN && (r = free_run(w))
	       && (l = first_queued(w)) && run(w, r, l, ms))
		;
	give_up(w, ms);
}

/* ---- waiting ---- */

unsigned wkd_poll(const struct wkd *w, struct pollfd *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WKD_RUNS_MAX; i++)
		if (w->run[i].look)
			p[n++] = (struct pollfd){ .fd = w->run[i].d.fd,
			                          .events = POLLIN };
	if (w->place.out != -1)
		p[n++] = (struct pollfd){ .fd = w->place.out,
		                          .events = POLLIN };
	return n;
}

int wkd_due(const struct wkd *w, int64_t ms)
{
	int64_t next = -1;

	for (unsigned i = 0; i < WKD_KNOWN_MAX; i++) {
		const struct look *l = &w->look[i];
		int64_t left = l->until > ms ? l->until - ms : 0;

		if (!l->addr)
			continue;
		if (l->step == QUEUED && w->place.is == PLACE_KNOWN
		    && free_run(w) && left > FULL_MS)
			left = FULL_MS;
		if (next == -1 || left < next)
			next = left;
	}
	if (place_runs(&w->place) && (next == -1 || next > CHILD_MS))
		next = CHILD_MS;
	return (int)next;
}
