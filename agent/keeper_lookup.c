/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about look-ups. */
#include "agent/keeper_lookup.h"

#include <stdlib.h>

#include "agent/frames.h"
#include "agent/peers.h"
#include "agent/wkd.h"

_Static_assert(PEER_KEY_MAX + 100 <= FRAME_DATA, "a key fits");

struct asked {
	bool waits;
	int64_t until;
	uint32_t n;
	char addr[LOOKUP_ADDRS_MAX][ADDR_MAX + 1];
};

struct asked *asked_take(struct kept *k, const struct frame *f)
{
	struct asked *a = calloc(1, sizeof *a);
	struct unpack u;
	uint32_t how;

	if (!a)
		return NULL;
	unpack_init(&u, f);
	how = unpack_u32(&u);
	a->waits = how & LOOKUP_WAIT;
	a->n = unpack_u32(&u);
	for (uint32_t i = 0; i < a->n && i < LOOKUP_ADDRS_MAX; i++)
		unpack_str(&u, a->addr[i], sizeof a->addr[i]);
	if (!unpack_end(&u) || a->n > LOOKUP_ADDRS_MAX) {
		free(a);
		return NULL;
	}
	a->until = keeper_now() + (a->waits ? LOOKUP_WAIT_MS : 0);
	for (uint32_t i = 0; i < a->n; i++) {
		if (how & LOOKUP_ANEW)
			wkd_again(k->wkd, a->addr[i], keeper_now());
		wkd_want(k->wkd, a->addr[i], keeper_now());
	}
	return a;
}

bool asked_tell(const struct kept *k, const struct asked *a, struct pack *p)
{
	bool over = keeper_now() >= a->until;
	enum looked is;

	pack_init(p);
	for (uint32_t i = 0; i < a->n; i++) {
		is = wkd_known(k->wkd, a->addr[i]);
		if (is == LOOKED_NOT && !over)
			return false;
		if (is == LOOKED_NOT && a->waits)
			is = LOOKED_FAILED;
		pack_u32(p, is);
	}
	return true;
}

int asked_due(const struct asked *a, int64_t ms)
{
	return a->until > ms ? (int)(a->until - ms) : 0;
}

int keeper_found_answer(struct kept *k, unsigned type, struct unpack *u,
                        struct pack *p)
{
	char addr[ADDR_MAX + 1];
	const void *key;
	int64_t when;
	size_t n;

	unpack_str(u, addr, sizeof addr);
	if (!unpack_end(u))
		return -1;
	if (type == K_UNFIT) {
		wkd_unfit(k->wkd, addr, keeper_now());
		return 0;
	}
	key = wkd_key(k->wkd, addr, &n, &when);
	pack_u32(p, key != NULL);
	if (key) {
		pack_u64(p, (uint64_t)when);
		pack_mem(p, key, n);
	}
	return 1;
}
