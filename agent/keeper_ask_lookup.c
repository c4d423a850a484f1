/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The asker's side of look-ups. */
#include "agent/frames.h"
#include "agent/keeper_ask.h"

int keeper_lookup(struct chan *k, unsigned how, const char *const *addr,
                  size_t n, enum looked *is, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u32(&p, how);
	pack_u32(&p, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		pack_str(&p, addr[i]);
	if (keeper_ask(k, &p, K_LOOKUP, &u, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		is[i] = (enum looked)unpack_u32(&u);
		if (is[i] > LOOKED_FAILED)
			u.bad = true;
	}
	return keeper_answered(&u, e);
}

int keeper_found(struct chan *k, const char *addr, struct found_key *key,
                 struct err *e)
{
	struct pack p;
	struct unpack u;

	key->n = 0;
	pack_init(&p);
	pack_str(&p, addr);
	if (keeper_ask(k, &p, K_FOUND, &u, e))
		return -1;
	if (unpack_u32(&u) == 0)
		return keeper_answered(&u, e);
	key->when = (int64_t)unpack_u64(&u);
	if (!u.bad && u.left > 0 && u.left <= sizeof key->data) {
		key->n = u.left;
		unpack_mem(&u, key->data, key->n);
	} else {
		u.bad = true;
	}
	return keeper_answered(&u, e);
}

int keeper_unfit(struct chan *k, const char *addr, struct err *e)
{
	return keeper_tell(k, K_UNFIT, addr, e);
}
