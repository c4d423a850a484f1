/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The asker's side of what the keeper knows of contacts. */
#include <string.h>

#include "agent/frames.h"
#include "agent/keeper_ask.h"

/* Room that one more address and fingerprint have in a frame at most. */
enum { SEALING_MAX = ADDR_MAX + 100 };

int keeper_contact(struct chan *k, const char *addr, struct keeper_contact *c,
                   struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_str(&p, addr);
	if (keeper_ask(k, &p, K_CONTACT, &u, e))
		return -1;
	c->policy = (enum policy)unpack_u32(&u);
	c->sealed = unpack_u32(&u) != 0;
	c->clear = unpack_u32(&u) != 0;
	unpack_str(&u, c->used, sizeof c->used);
	c->since = (int64_t)unpack_u64(&u);
	return keeper_answered(&u, e);
}

int keeper_judged(struct chan *k, const char *addr, struct judgement *j,
                  char waits[41], struct err *e)
{
	struct pack p;
	struct unpack u;
	uint32_t n;

	memset(j, 0, sizeof *j);
	pack_init(&p);
	pack_str(&p, addr);
	if (keeper_ask(k, &p, K_JUDGED, &u, e))
		return -1;
	unpack_str(&u, j->used, sizeof j->used);
	unpack_str(&u, waits, 41);
	n = unpack_u32(&u);
	for (; j->n < n && j->n < JUDGED_MAX; j->n++) {
		unpack_str(&u, j->key[j->n].fpr, sizeof j->key[0].fpr);
		j->key[j->n].is = (enum judged)unpack_u32(&u);
	}
	return keeper_answered(&u, e);
}

int keeper_waits(struct chan *k, const char *addr, const char *fpr,
                 struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_str(&p, addr);
	pack_str(&p, fpr);
	return pack_send(&p, k, K_WAITS, e);
}

/* As many as go into one frame; *n of them did. */
static int note_some(struct chan *k, const struct keeper_sealing *to,
                     size_t *n, struct err *e)
{
	uint32_t many = 0;
	struct pack p;
	struct unpack u;
	size_t len = sizeof many;
	bool noted;

	while (many < *n && len + SEALING_MAX < sizeof p.buf)
		len += strlen(to[many++].addr) + 100;
	*n = many;
	pack_init(&p);
	pack_u32(&p, many);
	for (uint32_t i = 0; i < many; i++) {
		pack_str(&p, to[i].addr);
		pack_str(&p, to[i].fpr);
	}
	if (keeper_ask(k, &p, K_SEALED, &u, e))
		return -1;
	noted = unpack_u32(&u) != 0;
	if (keeper_answered(&u, e))
		return -1;
	return noted ? 0 : err_set(e, gpg_error(GPG_ERR_EIO),
	                           "the state folder can't be written to");
}

int keeper_sealed(struct chan *k, const struct keeper_sealing *to, size_t n,
                  struct err *e)
{
	for (size_t done = 0, some; done < n; done += some) {
		some = n - done;
		if (note_some(k, to + done, &some, e))
			return -1;
	}
	return 0;
}

int keeper_clear(struct chan *k, const char *addr, struct err *e)
{
	return keeper_tell(k, K_CLEAR, addr, e);
}

/* ---- all of it, for plug-ins ---- */

/* As pack_contact() wrote it. */
static void unpack_contact(struct unpack *u, struct contact_known *c)
{
	uint32_t n;

	memset(c, 0, sizeof *c);
	unpack_str(u, c->addr, sizeof c->addr);
	c->first = (int64_t)unpack_u64(u);
	c->last = (int64_t)unpack_u64(u);
	c->readable = unpack_u32(u) != 0;
	c->policy = (enum policy)unpack_u32(u);
	unpack_str(u, c->used, sizeof c->used);
	unpack_str(u, c->waits, sizeof c->waits);
	n = unpack_u32(u);
	for (; c->n < n && c->n < JUDGED_MAX; c->n++) {
		struct contact_key *key = &c->key[c->n];

		unpack_str(u, key->fpr, sizeof key->fpr);
		key->first = (int64_t)unpack_u64(u);
		key->last = (int64_t)unpack_u64(u);
		key->judged = (enum judged)unpack_u32(u);
	}
}

static void unpack_peer(struct unpack *u, const struct contact_known *c,
                        struct peer_known *k)
{
	uint32_t n;

	memset(k, 0, sizeof *k);
	memcpy(k->addr, c->addr, sizeof k->addr);
	unpack_str(u, k->own, sizeof k->own);
	n = unpack_u32(u);
	for (; k->n < n && k->n < PEER_REFS_MAX; k->n++)
		unpack_peer_ref(u, &k->key[k->n], true);
}

int keeper_contacts(struct chan *k, bool only, const char *addr,
                    keeper_take *take, void *arg, bool *more, struct err *e)
{
	static struct contact_known c;
	static struct peer_known known;
	bool goes_on = true;
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u32(&p, only);
	pack_str(&p, addr);
	if (keeper_ask(k, &p, K_CONTACTS, &u, e))
		return -1;
	*more = false;
	while (unpack_u32(&u)) {
		unpack_contact(&u, &c);
		unpack_peer(&u, &c, &known);
		if (u.bad)
			break;
		if (goes_on)
			goes_on = take(arg, &c, &known);
		*more = *more || !goes_on;
	}
	*more = unpack_u32(&u) != 0 || *more;
	return keeper_answered(&u, e);
}

int keeper_set(struct chan *k, const char *addr, const struct keeper_set *s,
               struct err *e)
{
	struct pack p;
	struct unpack u;
	uint32_t code;

	pack_init(&p);
	pack_str(&p, addr);
	pack_u32(&p, s->what);
	pack_u32(&p, s->readable);
	pack_u32(&p, s->policy);
	pack_str(&p, s->fpr ? s->fpr : "");
	pack_u32(&p, s->judged);
	if (keeper_ask(k, &p, K_CONTACT_SET, &u, e))
		return -1;
	code = unpack_u32(&u);
	if (keeper_answered(&u, e))
		return -1;
	if (code == 0)
		return 0;
	return err_set(e, gpg_error((gpg_err_code_t)code),
	               code == GPG_ERR_TOO_LARGE
	               ? "too many keys of this contact were rejected"
	               : "it could not be written into the state folder");
}
