/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The asker's side of what the keeper knows of peers' keys. */
#include <string.h>

#include "agent/frames.h"
#include "agent/keeper_ask.h"

void unpack_peer_ref(struct unpack *u, struct peer_ref *r, bool named)
{
	r->from = (enum key_from)unpack_u32(u);
	if (named)
		unpack_str(u, r->fpr, sizeof r->fpr);
	r->learnt = (int64_t)unpack_u64(u);
	r->expires = (int64_t)unpack_u64(u);
	r->revoked = unpack_u32(u) != 0;
	if (r->from > KEY_FROM_IMPORT)
		u->bad = true;
}

int keeper_peer(struct chan *k, const char *addr, struct peer_known *known,
                struct err *e)
{
	struct pack p;
	struct unpack u;
	uint32_t n;

	memset(known, 0, sizeof *known);
	pack_init(&p);
	pack_str(&p, addr);
	if (keeper_ask(k, &p, K_PEER, &u, e))
		return -1;
	unpack_str(&u, known->addr, sizeof known->addr);
	known->autocrypt.last_seen = (int64_t)unpack_u64(&u);
	known->autocrypt.timestamp = (int64_t)unpack_u64(&u);
	known->autocrypt.gossip_timestamp = (int64_t)unpack_u64(&u);
	known->autocrypt.mutual = unpack_u32(&u) != 0;
	known->wkd_timestamp = (int64_t)unpack_u64(&u);
	unpack_str(&u, known->own, sizeof known->own);
	n = unpack_u32(&u);
	for (; known->n < n && known->n < PEER_REFS_MAX; known->n++) {
		struct peer_ref *r = &known->key[known->n];

		unpack_peer_ref(&u, r, true);
		known->autocrypt.has_key |= r->from == KEY_FROM_AUTOCRYPT;
		known->autocrypt.has_gossip |= r->from == KEY_FROM_GOSSIP;
	}
	return keeper_answered(&u, e);
}

int keeper_peer_key(struct chan *k, const char *fpr, struct peer_key *key,
                    struct err *e)
{
	struct pack p;
	struct unpack u;

	memset(&key->ref, 0, sizeof key->ref);
	key->n = 0;
	pack_init(&p);
	pack_str(&p, fpr);
	if (keeper_ask(k, &p, K_PEER_KEY, &u, e))
		return -1;
	if (unpack_u32(&u) == 0)
		return keeper_answered(&u, e);
	memcpy(key->ref.fpr, fpr, sizeof key->ref.fpr);
	unpack_peer_ref(&u, &key->ref, false);
	if (!u.bad && u.left > 0 && u.left <= sizeof key->data) {
		key->n = u.left;
		unpack_mem(&u, key->data, key->n);
	} else {
		u.bad = true;
	}
	return keeper_answered(&u, e);
}

int keeper_peer_keys(struct chan *k, uint64_t after, struct keeper_keys *keys,
                     struct err *e)
{
	struct pack p;
	struct unpack u;
	uint32_t n;

	pack_init(&p);
	pack_u64(&p, after);
	if (keeper_ask(k, &p, K_PEER_KEYS, &u, e))
		return -1;
	keys->last = unpack_u64(&u);
	keys->all = unpack_u32(&u);
	n = unpack_u32(&u);
	for (keys->n = 0; keys->n < n && keys->n < KEEPER_KEYS_MAX; keys->n++) {
		keys->key[keys->n].serial = unpack_u64(&u);
		unpack_str(&u, keys->key[keys->n].fpr,
		           sizeof keys->key[0].fpr);
	}
	return keeper_answered(&u, e);
}

int keeper_learnt(struct chan *k, const struct peer_news *w, bool *taken,
                  struct err *e)
{
	uint32_t code;
	struct pack p;
	struct unpack u;

	*taken = false;
	pack_init(&p);
	pack_str(&p, w->addr);
	pack_u32(&p, w->from);
	pack_u64(&p, (uint64_t)w->date);
	pack_u32(&p, w->mutual);
	pack_u64(&p, (uint64_t)w->expires);
	pack_u32(&p, w->revoked);
	pack_str(&p, w->fpr);
	pack_mem(&p, w->key, w->n);
	if (p.bad)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the key is too large");
	if (keeper_ask(k, &p, K_LEARNT, &u, e))
		return -1;
	code = unpack_u32(&u);
	*taken = unpack_u32(&u) != 0;
	if (keeper_answered(&u, e))
		return -1;
	if (code == 0)
		return 0;
	return err_set(e, gpg_error((gpg_err_code_t)code), "the key could not "
	               "be written into the state folder");
}
