/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: peers' keys, judged by gpg before the keeper remembers them, and the one to
 * be used of all that there are for an address. */
#include "agent/crypt_peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/crypt_ring.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "crypto/keydata.h"

enum { PEER_NAME_MAX = ADDR_MAX + 100 };

/* Is it the key's fault, not ours? */
static bool is_unfit(const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_NO_USER_ID: case GPG_ERR_UNUSABLE_PUBKEY:
	case GPG_ERR_BAD_DATA: case GPG_ERR_INV_PACKET:
	case GPG_ERR_UNSUPPORTED_ALGORITHM: case GPG_ERR_TOO_LARGE:
		return true;
	default:
		return false;
	}
}

static int unfit(struct err *e, const char *why)
{
	err_set(e, gpg_error(GPG_ERR_UNUSABLE_PUBKEY), "%s", why);
	return 0;
}

/* What is to be kept of it goes into clean, unless that is NULL. */
static int judge(struct crypt *c, const struct peer_news *w,
                 struct judged_key *j, struct membuf *clean, struct err *e)
{
	memset(j, 0, sizeof *j);
	if (!addr_ok(w->addr))
		return unfit(e, "This is no address");
	if (w->n > PEER_KEY_MAX)
		return unfit(e, "The key is too large");
	if (!w->key)
		return 1;
	if (engine_judge(c->engine, w->key, w->n, w->addr, j,
	                 clean ? &clean->sink : NULL, e))
		return is_unfit(e) ? 0 : -1;
	if (!j->usable && !j->revoked)
		return unfit(e, "The key has ended");
	return 1;
}

int crypt_judge(struct crypt *c, const struct peer_news *w,
                struct judged_key *j, struct err *e)
{
	return judge(c, w, j, NULL, e);
}

static int learn(struct crypt *c, struct peer_news *w, struct membuf *clean,
                 struct err *e)
{
	struct judged_key j;
	bool taken;
	int r = judge(c, w, &j, clean, e);

	if (r != 1)
		return r;
	w->fpr = j.fpr;
	w->expires = j.expires;
	w->revoked = j.revoked;
	if (w->key) {
		w->key = clean->buf;
		w->n = clean->len;
	}
	if (keeper_learnt(&c->ends->keeper, w, &taken, e))
		return -1;
	if (!taken)
		err_set(e, 0, "Nothing new");
	return taken;
}

/* With what is known of this key already: 1, 0 (why, in e), -1.  A key that gpg has
 * not seen with all that its owner said of it can't be judged. */
static int add_known(struct crypt *c, struct peer_news *w, struct membuf *all,
                     struct err *e)
{
	static struct peer_key have;
	struct keydata k;

	if (!w->key)
		return 1;
	if (keydata_read(&k, w->key, w->n, e))
		return is_unfit(e) ? 0 : -1;
	if (keeper_peer_key(&c->ends->keeper, k.fpr, &have, e))
		return -1;
	if (!have.n)
		return 1;
	if (keydata_merge(have.data, have.n, w->key, w->n, &all->sink, e))
		return is_unfit(e) ? 0 : -1;
	w->key = all->buf;
	w->n = all->len;
	return 1;
}

int crypt_learn(struct crypt *c, const struct peer_news *news, struct err *e)
{
	struct peer_news w = *news;
	struct membuf all, clean;
	int rc;

	membuf_init(&all, PEER_KEY_MAX);
	membuf_init(&clean, PEER_KEY_MAX);
	rc = add_known(c, &w, &all, e);
	if (rc == 1)
		rc = learn(c, &w, &clean, e);
	membuf_free(&all);
	membuf_free(&clean);
	return rc;
}

/* ---- the key to be used ---- */

/* One more try with a keyring that is made anew: what it lacks is there. */
static int not_there(struct crypt *c, struct err *e)
{
	crypt_ring_forget(c);
	return err_set(e, gpg_error(GPG_ERR_NO_PUBKEY), "a key that came with "
	               "a letter is not in its place now");
}

/* Of one that is remembered, by its fingerprint. */
static int look_up(struct crypt *c, const char *addr,
                   const struct peer_ref *ref, struct found *f, struct err *e)
{
	uint64_t stamp = crypt_stamp(c);
	char name[PEER_NAME_MAX];

	snprintf(name, sizeof name, "peer %.*s %s", ADDR_MAX, addr, ref->fpr);
	if (!crypt_recall(c, stamp, name, f)) {
		memset(f, 0, sizeof *f);
		if (engine_ring_find(c->engine, addr, ref->fpr, &f->key,
		                     &f->state, e)) {
			crypt_ring_forget(c);
			return -1;
		}
		if (f->state == KEY_NONE)
			return not_there(c, e);
		crypt_tell_lasts(c, f);
		crypt_remember(c, stamp, name, f);
	}
	/* gpg found that when the key came; nothing makes it good again */
	if (ref->revoked)
		f->state = KEY_UNUSABLE;
	f->from = ref->from;
	return 0;
}

/* There is a key, so nothing goes as if there were none. */
static int no_ring(struct err *e)
{
	struct err why = *e;

	log_error("keys that came with letters can't be used: %s", why.text);
	return err_set(e, gpg_error(GPG_ERR_NO_PUBKEY), "the keys that came with "
	               "letters cannot be used now (%s)", why.text);
}

struct finding {
	struct crypt *c;
	const char *addr;
	const struct judgement *j;
	struct peer_known known;
	char before[41];	/* the key that another one would be a change of */
};

static bool accepted(enum judged is)
{
	return is == JUDGED_ACCEPTED || is == JUDGED_VERIFIED;
}

/* The key that the user accepted last, if it is none of the keyring's choice. */
static int find_accepted(struct finding *g, struct found *f, bool *done,
                         struct err *e)
{
	struct found one;

	for (unsigned i = 0; i < g->j->n; i++) {
		if (!accepted(g->j->key[i].is))
			continue;
		if (f->state == KEY_USABLE
		    && strcmp(f->key.fpr, g->j->key[i].fpr) == 0)
			break;
		for (unsigned k = 0; k < g->known.n; k++) {
			if (strcmp(g->known.key[k].fpr, g->j->key[i].fpr))
				continue;
			if (look_up(g->c, g->addr, &g->known.key[k], &one, e))
				return -1;
			if (one.state != KEY_USABLE)
				continue;
			*f = one;
			f->key.valid = true;
			f->key.verified |= g->j->key[i].is == JUDGED_VERIFIED;
			*done = true;
			return 0;
		}
	}
	*done = f->state == KEY_USABLE;
	return 0;
}

/* Could a peer's key take the place of the one that the keyring has? */
static bool wants_ring(const struct finding *g, const struct found *f)
{
	if (f->state != KEY_USABLE)
		return true;
	for (unsigned i = 0; i < g->j->n; i++) {
		if (!accepted(g->j->key[i].is))
			continue;
		if (strcmp(f->key.fpr, g->j->key[i].fpr) == 0)
			return false;
		for (unsigned k = 0; k < g->known.n; k++)
			if (strcmp(g->known.key[k].fpr, g->j->key[i].fpr) == 0)
				return true;
	}
	return false;
}

/* Is a new key vouched for by the one before?  One that was compared is followed
 * only by one that is compared, too. */
static bool vouched(const struct finding *g, const char *new)
{
	struct judgement j = *g->j;
	bool yes;

	memcpy(j.used, g->before, sizeof j.used);
	engine_ring_use(g->c->engine, true);
	yes = engine_certified(g->c->engine, g->addr, new, &j);
	engine_ring_use(g->c->engine, false);
	return yes;
}

/* The key of the keyring has ended there: a copy of it that came may not have. */
static int find_renewed(struct finding *g, struct found *f, struct err *e)
{
	struct found one;

	for (unsigned i = 0; f->state == KEY_EXPIRED && i < g->known.n; i++) {
		if (strcmp(g->known.key[i].fpr, f->key.fpr)
		    || judgement_of(g->j, f->key.fpr) == JUDGED_REJECTED)
			continue;
		if (look_up(g->c, g->addr, &g->known.key[i], &one, e))
			return -1;
		if (one.state == KEY_USABLE)
			*f = one;
	}
	return 0;
}

/* The first of them that can be used. */
static int find_first(struct finding *g, struct found *f, struct err *e)
{
	struct found one;

	if (find_renewed(g, f, e))
		return -1;
	for (unsigned i = 0; f->state != KEY_USABLE && i < g->known.n; i++) {
		if (judgement_of(g->j, g->known.key[i].fpr)
		    == JUDGED_REJECTED) {
			if (f->state == KEY_NONE)
				f->state = KEY_UNUSABLE;
			continue;
		}
		if (look_up(g->c, g->addr, &g->known.key[i], &one, e))
			return -1;
		if (one.state == KEY_USABLE || f->state == KEY_NONE)
			*f = one;
		if (one.state == KEY_USABLE)
			break;
	}
	return 0;
}

static void settle_change(const struct finding *g, struct found *f)
{
	bool changed = f->state == KEY_CHANGED
	               || (f->state == KEY_USABLE && f->key.ring
	                   && !f->key.valid && g->before[0]
	                   && strcmp(g->before, f->key.fpr));

	if (changed)
		f->state = vouched(g, f->key.fpr) ? KEY_USABLE : KEY_CHANGED;
}

int crypt_find_peer(struct crypt *c, const char *addr,
                    const struct judgement *j, struct found *f, struct err *e)
{
	struct finding g = { .c = c, .addr = addr, .j = j };
	bool done = false;

	f->from = KEY_FROM_KEYRING;
	if (keeper_peer(&c->ends->keeper, addr, &g.known, e))
		return -1;
	memcpy(g.before, j->used[0] ? j->used : g.known.own, sizeof g.before);
	if (g.known.n == 0)
		return 0;
	if (!wants_ring(&g, f))
		return 0;
	if (crypt_ring(c, e) < 0)
		return no_ring(e);
	if (find_accepted(&g, f, &done, e))
		return -1;
	if (!done && f->state != KEY_CHANGED && f->state != KEY_AMBIGUOUS
	    && find_first(&g, f, e))
		return -1;
	settle_change(&g, f);
	return 0;
}

/* ---- trust ---- */

int crypt_seen(struct crypt *c, const char *addr, const struct judgement *j,
               struct opened *o, struct err *e)
{
	struct peer_known known;
	const char *own = j->used;
	struct found f;

	if (o->signature != SIG_UNTRUSTED || o->trust != TRUST_NONE
	    || judgement_of(j, o->fpr) != JUDGED_NOT)
		return 0;
	if (!own[0]) {
		/* who has a key in the keyring is not known by another */
		if (crypt_find_in_keyring(c, addr, j, &f, e)
		    || keeper_peer(&c->ends->keeper, addr, &known, e))
			return -1;
		own = f.state == KEY_NONE
		      || (f.state == KEY_EXPIRED
		          && strcmp(f.key.fpr, o->fpr) == 0)
		      ? known.own : "";
	}
	if (own[0] && strcmp(own, o->fpr) == 0)
		o->trust = TRUST_SEEN;
	return 0;
}
