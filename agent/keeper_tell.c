/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the roles tell the keeper, for those who watch. */
#include "agent/keeper_tell.h"

#include <stdio.h>
#include <unistd.h>

static void tell(struct chan *k, struct pack *p, unsigned type)
{
	if (chan_open(k) && pack_send(p, k, type, NULL))
		chan_close(k);	/* nor does it answer any more */
}

static void pack_people(struct pack *p, char *const *addr, size_t n)
{
	n = n < EVENT_ADDRS_MAX ? n : EVENT_ADDRS_MAX;
	pack_u32(p, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		pack_str(p, addr[i]);
}

void keeper_tell_sent(struct chan *k, enum going how, const char *id,
                      const struct addrs *to)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, how);
	pack_str(&p, id);
	pack_people(&p, to->addr, to->n);
	tell(k, &p, K_SENT);
}

void keeper_tell_refused(struct chan *k, unsigned code, const char *words,
                         const char *id, const struct addrs *to)
{
	char cut[EVENT_WORDS_MAX];
	struct pack p;

	if (snprintf(cut, sizeof cut, "%s", words) < 0)
		return;
	pack_init(&p);
	pack_u32(&p, code);
	pack_str(&p, cut);
	pack_str(&p, id);
	pack_people(&p, to->addr, to->n);
	tell(k, &p, K_REFUSED);
}

void keeper_tell_opened(struct chan *k, const struct frame *end)
{
	struct pack p;

	pack_init(&p);
	pack_mem(&p, end->data, end->len);
	tell(k, &p, K_OPENED);
}

void keeper_tell_key(struct chan *k, uint32_t account, enum key_is is)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, account);
	pack_u32(&p, is);
	tell(k, &p, K_KEY);
}

void keeper_tell_ends(struct chan *k, uint32_t account, int64_t at)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, account);
	pack_u64(&p, (uint64_t)at);
	tell(k, &p, K_ENDS);
}

void keeper_tell_renewed(struct chan *k, uint32_t account, int64_t until,
                         const char *why)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, account);
	pack_u64(&p, (uint64_t)until);
	pack_str(&p, why);
	tell(k, &p, K_RENEWED);
}

void keeper_tell_lasts(struct chan *k, const char *fpr, int64_t at)
{
	struct pack p;

	pack_init(&p);
	pack_str(&p, fpr);
	pack_u64(&p, (uint64_t)at);
	tell(k, &p, K_LASTS);
}

void keeper_tell_changed(struct chan *k, const char *const *addr, size_t n)
{
	struct pack p;

	pack_init(&p);
	pack_people(&p, (char *const *)addr, n);
	tell(k, &p, K_CHANGED);
}

int keeper_watch(struct chan *k, struct chan *events)
{
	struct frame f;
	int fd;

	chan_init(events, -1);
	if (!chan_open(k) || chan_send(k, K_WATCH, NULL, 0, NULL)
	    || chan_expect(k, K_ANSWER, &f, NULL)) {
		chan_close(k);	/* a late answer is none to the next question */
		return -1;
	}
	fd = chan_take_fd(k);
	chan_init(events, fd);
	return fd == -1 ? -1 : 0;
}
