/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about peers' keys.  Who gets none has asked nonsense, or the
 * file has become unreadable: its session ends, and nothing is guessed. */
#include "agent/keeper_peers.h"

#include <time.h>

#include "agent/frames.h"
#include "agent/keeper.h"
#include "agent/keeper_event.h"
#include "agent/log.h"
#include "agent/peers.h"

_Static_assert(KEEPER_KEYS_MAX * (8 + 4 + 40) + 16 <= FRAME_DATA, "they fit");
_Static_assert(PEER_KEY_MAX + ADDR_MAX + 200 <= FRAME_DATA, "a key fits");

static int said(const struct err *e)
{
	log_error("peers' keys: %s", e->text);
	return -1;
}

void pack_peer_ref(struct pack *p, const struct peer_ref *r, bool named)
{
	pack_u32(p, r->from);
	if (named)
		pack_str(p, r->fpr);
	pack_u64(p, (uint64_t)r->learnt);
	pack_u64(p, (uint64_t)r->expires);
	pack_u32(p, r->revoked);
}

static int answer_peer(struct contacts *c, struct unpack *u, struct pack *p)
{
	char addr[ADDR_MAX + 1];
	struct peer_known k;
	struct err e;

	unpack_str(u, addr, sizeof addr);
	if (!unpack_end(u))
		return -1;
	if (peers_get(c, addr, &k, &e))
		return said(&e);
	pack_str(p, k.addr);
	pack_u64(p, (uint64_t)k.autocrypt.last_seen);
	pack_u64(p, (uint64_t)k.autocrypt.timestamp);
	pack_u64(p, (uint64_t)k.autocrypt.gossip_timestamp);
	pack_u32(p, k.autocrypt.mutual);
	pack_u64(p, (uint64_t)k.wkd_timestamp);
	pack_str(p, k.own);
	pack_u32(p, k.n);
	for (unsigned i = 0; i < k.n; i++)
		pack_peer_ref(p, &k.key[i], true);
	return 1;
}

static int answer_key(struct contacts *c, struct unpack *u, struct pack *p)
{
	static struct peer_key key;
	char fpr[41];
	struct err e;

	unpack_str(u, fpr, sizeof fpr);
	if (!unpack_end(u))
		return -1;
	if (peers_key(c, fpr, &key, &e))
		return said(&e);
	pack_u32(p, key.n != 0);
	if (key.n) {
		pack_peer_ref(p, &key.ref, false);
		pack_mem(p, key.data, key.n);
	}
	return 1;
}

static int answer_keys(struct contacts *c, struct unpack *u, struct pack *p)
{
	static struct peer_serial list[KEEPER_KEYS_MAX];
	uint64_t after = unpack_u64(u), last;
	unsigned keys;
	struct err e;
	size_t n;

	if (!unpack_end(u))
		return -1;
	if (peers_count(c, &last, &keys, &e)
	    || peers_after(c, after, list, KEEPER_KEYS_MAX, &n, &e))
		return said(&e);
	pack_u64(p, last);
	pack_u32(p, keys);
	pack_u32(p, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		pack_u64(p, list[i].serial);
		pack_str(p, list[i].fpr);
	}
	return 1;
}

static int learn(struct contacts *c, const struct peer_news *w, bool *taken,
                 struct err *e)
{
	if (contacts_begin(c, e))
		return -1;
	if (peers_learn(c, w, time(NULL), taken, e) == 0)
		return contacts_end(c, e);
	contacts_undo(c);
	return -1;
}

static int answer_learnt(struct kept *k, struct unpack *u, struct pack *p)
{
	char addr[ADDR_MAX + 1], fpr[41];
	struct peer_news w = { .addr = addr, .fpr = fpr };
	struct err e = { .code = 0 };
	const char *one = addr;
	bool taken = false;
	int rc;

	unpack_str(u, addr, sizeof addr);
	w.from = (enum key_from)unpack_u32(u);
	w.date = (int64_t)unpack_u64(u);
	w.mutual = unpack_u32(u) != 0;
	w.expires = (int64_t)unpack_u64(u);
	w.revoked = unpack_u32(u) != 0;
	unpack_str(u, fpr, sizeof fpr);
	if (u->bad)
		return -1;
	w.key = u->p;
	w.n = u->left;
	rc = learn(k->contacts, &w, &taken, &e);
	if (rc)
		said(&e);
	else if (taken)
		event_changed(k, &one, 1);
	pack_u32(p, rc ? gpg_err_code(e.code) : 0);
	pack_u32(p, rc == 0 && taken);
	return 1;
}

int keeper_peers_answer(struct kept *k, unsigned type, struct unpack *u,
                        struct pack *p)
{
	switch (type) {
	case K_PEER: return answer_peer(k->contacts, u, p);
	case K_PEER_KEY: return answer_key(k->contacts, u, p);
	case K_PEER_KEYS: return answer_keys(k->contacts, u, p);
	case K_LEARNT: return answer_learnt(k, u, p);
	}
	return -1;
}
