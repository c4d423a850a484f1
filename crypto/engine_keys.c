/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys: whose they are, whether they are fit, and whether gpg-agent has them
 * unlocked. */
#include "crypto/engine_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_AGAIN = 2 };	/* times that our own are listed in a row */

void keyring_clear(struct keyring *r)
{
	for (size_t i = 0; i < r->n; i++)
		gpgme_key_unref(r->key[i]);
	free(r->key);
	*r = (struct keyring){ NULL };
}

static int list(struct engine *g, const char *pattern, const char *or,
                bool secret, unsigned more, struct keyring *r, struct err *e)
{
	const char *patterns[] = { pattern, or, NULL };
	gpg_error_t err;

	gpgme_set_keylist_mode(g->x, GPGME_KEYLIST_MODE_LOCAL | more);
	g->list = r;
	engine_begin(g, NULL, NULL);
	err = pattern ?
		gpgme_op_keylist_ext_start(g->x, patterns, secret, 0) :
		gpgme_op_keylist_start(g->x, NULL, secret);
	err = engine_run(g, err, g->stall, 4 * g->stall);
	g->list = NULL;
	/* GPGME calls a gpg that dies an empty list; "not found" is exit 2. */
	if (!err && g->exited && !(g->exited == 2 && g->not_found))
		err = gpg_error(GPG_ERR_INV_ENGINE);
	if (!err)
		return 0;
	keyring_clear(r);
	return err_set(e, err, "GnuPG cannot list its keys: %s",
	               gpg_strerror(err));
}

int engine_list(struct engine *g, const char *pattern, const char *or,
                bool secret, struct keyring *r, struct err *e)
{
	return list(g, pattern, or, secret,
	            secret ? GPGME_KEYLIST_MODE_WITH_KEYGRIP : 0, r, e);
}

int engine_list_signed(struct engine *g, const char *fpr, const char *or,
                       struct keyring *r, struct err *e)
{
	return list(g, fpr, or, false, GPGME_KEYLIST_MODE_SIGS, r, e);
}

int engine_secrets(struct engine *g, struct err *e)
{
	struct keyring r = { NULL };
	uint64_t stamp = engine_stamp(g);
	bool ring;
	int rc = 0;

	if (g->secret.known && g->secret.stamp == stamp)
		return 0;
	ring = engine_ring_on(g, false);
	/* once more where gpg made files of its own, or the keys changed */
	for (int i = 0; i < LISTED_AGAIN && rc == 0; i++) {
		if (i && engine_stamp(g) == stamp)
			break;
		stamp = engine_stamp(g);
		keyring_clear(&r);
		rc = engine_list(g, NULL, NULL, true, &r, e);
	}
	engine_ring_on(g, ring);
	if (rc)
		return -1;
	keyring_clear(&g->secret);
	g->secret = r;
	g->secret.known = true;
	g->secret.stamp = stamp;
	return 0;
}

static gpgme_key_t keyring_get(const struct keyring *r, const char *fpr)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->key[i]->fpr && !strcmp(r->key[i]->fpr, fpr))
			return r->key[i];
	return NULL;
}

gpgme_key_t engine_secret(struct engine *g, const char *fpr, struct err *e)
{
	gpgme_key_t key;

	if (engine_secrets(g, e))
		return NULL;
	key = keyring_get(&g->secret, fpr);
	if (!key)
		err_set(e, GPG_ERR_NO_SECKEY, "The secret key is not here");
	return key;
}

gpgme_key_t engine_signer(struct engine *g, const char *fpr, struct err *e)
{
	gpgme_key_t key = NULL;
	uint64_t stamp = engine_stamp(g);

	if (g->signers.stamp != stamp || g->signers.n >= ENGINE_SIGNERS_MAX)
		keyring_clear(&g->signers);
	if (g->secret.known && g->secret.stamp == stamp)
		key = keyring_get(&g->secret, fpr);
	if (!key)
		key = keyring_get(&g->signers, fpr);
	if (key)
		return key;
	if (engine_list(g, fpr, NULL, false, &g->signers, e))
		return NULL;
	g->signers.stamp = stamp;	/* what came since is not in it */
	key = keyring_get(&g->signers, fpr);
	if (!key)
		err_set(e, GPG_ERR_NO_PUBKEY, "The signer's key is not here");
	return key;
}

/* Fitness. */

static bool sub_dead(gpgme_subkey_t s)
{
	return s->revoked || s->disabled || s->invalid;
}

static bool sub_can(gpgme_subkey_t s, bool sign)
{
	return sign ? s->can_sign && s->secret : s->can_encrypt;
}

int64_t engine_key_ends(gpgme_key_t key, bool sign)
{
	int64_t last = -1, own = key->subkeys->expires;

	for (gpgme_subkey_t s = key->subkeys; s; s = s->next) {
		if (sub_dead(s) || !sub_can(s, sign))
			continue;
		if (!s->expires || last == 0)
			last = 0;
		else if (s->expires > last)
			last = s->expires;
	}
	return own && last >= 0 && (!last || own < last) ? own : last;
}

enum key_state engine_key_fit(gpgme_key_t key, bool sign)
{
	if (key->revoked || key->disabled || key->invalid || !key->fpr ||
	    strlen(key->fpr) != 40 || engine_key_ends(key, sign) < 0)
		return KEY_UNUSABLE;
	if (!key->expired)
		for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
			if (!sub_dead(s) && !s->expired && sub_can(s, sign))
				return KEY_USABLE;
	return KEY_EXPIRED;
}

int engine_key_validity(gpgme_key_t key, const char *addr)
{
	char own[ADDR_MAX + 1];
	int best = -1;

	for (gpgme_user_id_t u = key->uids; u; u = u->next)
		if ((!u->revoked || key->revoked) && !u->invalid && u->uid &&
		    (int)u->validity > best && addr_of_uid(u->uid, own) &&
		    addr_same(own, addr))
			best = (int)u->validity;
	return best;
}

/* gpg signs with the newest signing subkey, with the primary only failing
 * that. */
static void key_grip(gpgme_key_t key, char grip[41])
{
	gpgme_subkey_t best = NULL;

	for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
		if (!sub_dead(s) && !s->expired && sub_can(s, true) &&
		    (!best || best == key->subkeys ||
		     s->timestamp >= best->timestamp))
			best = s;
	if (best && best->keygrip && strlen(best->keygrip) == 40)
		memcpy(grip, best->keygrip, 41);
}

void engine_key_fill(struct key *k, gpgme_key_t key, bool sign, int validity)
{
	memset(k, 0, sizeof *k);
	memcpy(k->fpr, key->fpr, sizeof k->fpr);
	k->valid = k->verified = validity >= GPGME_VALIDITY_FULL;
	k->expires = engine_key_ends(key, sign);
	if (sign)
		key_grip(key, k->grip_sign);
	for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
		if (!sub_dead(s) && !s->expired && sub_can(s, false) &&
		    k->n_enc < KEY_SUBKEYS_MAX)
			k->enc[k->n_enc++] = strtoull(s->keyid, NULL, 16);
}

struct choice {
	gpgme_key_t key;
	enum key_state state;
	int validity;
	enum judged judged;
	unsigned said;		/* how many were judged later */
	unsigned unjudged;	/* usable ones that GnuPG doesn't call valid, and
				 * the user has not accepted */
};

/* The user's word before GnuPG's; 0: nobody's. */
static int rank_of(const struct choice *c)
{
	if (c->judged == JUDGED_VERIFIED || c->judged == JUDGED_ACCEPTED)
		return 2;
	return c->validity >= GPGME_VALIDITY_FULL;
}

/* Usable before expired before unusable; then by rank; of accepted ones the last
 * (who accepts a new key wants it to be used); then the one that lasts longest if
 * it has ended, else the newest. */
static bool better(const struct choice *a, const struct choice *b, bool sign)
{
	static const int rank[] = { [KEY_USABLE] = 3, [KEY_EXPIRED] = 2,
		[KEY_UNUSABLE] = 1, [KEY_NONE] = 0 };

	if (a->state != b->state)
		return rank[a->state] > rank[b->state];
	if (a->state == KEY_EXPIRED)
		return engine_key_ends(a->key, sign) > engine_key_ends(b->key, sign);
	if (rank_of(a) != rank_of(b))
		return rank_of(a) > rank_of(b);
	if (rank_of(a) == 2 && a->said != b->said)
		return a->said < b->said;
	return a->key->subkeys->timestamp > b->key->subkeys->timestamp;
}

static unsigned said_after(const struct judgement *j, const char *fpr)
{
	unsigned i = 0;

	while (j && i < j->n && strcmp(j->key[i].fpr, fpr))
		i++;
	return i;
}

static struct choice choose(const struct keyring *r, const char *addr,
                            const struct judgement *j, bool sign)
{
	struct choice best = { NULL, KEY_NONE, -1, JUDGED_NOT, 0, 0 }, c;
	unsigned unjudged = 0;

	for (size_t i = 0; i < r->n; i++) {
		c.key = r->key[i];
		c.validity = c.key->subkeys ? engine_key_validity(c.key, addr) : -1;
		if (c.validity < 0)
			continue;
		c.state = engine_key_fit(c.key, sign);
		c.judged = c.key->fpr ? judgement_of(j, c.key->fpr) : JUDGED_NOT;
		c.said = c.key->fpr ? said_after(j, c.key->fpr) : 0;
		if (c.state == KEY_USABLE &&
		    (c.validity == GPGME_VALIDITY_NEVER ||
		     c.judged == JUDGED_REJECTED))
			c.state = KEY_UNUSABLE;
		if (c.state == KEY_USABLE && !rank_of(&c))
			unjudged++;
		if (!best.key || better(&c, &best, sign))
			best = c;
	}
	best.unjudged = unjudged;
	return best;
}

/* Of several that nobody has judged none is taken, and no other than was used
 * before. */
static enum key_state unjudged(const struct choice *c,
                               const struct judgement *j)
{
	if (c->state != KEY_USABLE || rank_of(c))
		return c->state;
	if (j && j->used[0])
		return strcmp(j->used, c->key->fpr) ? KEY_CHANGED : KEY_USABLE;
	return c->unjudged > 1 ? KEY_AMBIGUOUS : KEY_USABLE;
}

int engine_list_addr(struct engine *g, const char *addr, struct keyring *r,
                     struct err *e)
{
	char ascii[ADDR_MAX + 1], wide[ADDR_MAX + 1];
	char pattern[ADDR_MAX + 3], or[ADDR_MAX + 3];

	/* GnuPG compares octets: a user ID may have its labels either way */
	if (!addr_ok(addr) || !addr_to_ascii(addr, ascii))
		return 0;
	if (!addr_to_utf8(ascii, wide))
		memcpy(wide, ascii, strlen(ascii) + 1);
	snprintf(pattern, sizeof pattern, "<%s>", ascii);
	snprintf(or, sizeof or, "<%s>", wide);
	return engine_list(g, pattern, strcmp(ascii, wide) ? or : NULL, false, r,
	                   e);
}

int engine_find(struct engine *g, const char *addr, const struct judgement *j,
                struct key *key, enum key_state *state, struct err *e)
{
	struct keyring r = { NULL };
	struct choice c;
	bool ring = engine_ring_on(g, false);
	int rc;

	memset(key, 0, sizeof *key);
	*state = KEY_NONE;
	rc = engine_list_addr(g, addr, &r, e);
	engine_ring_on(g, ring);
	if (rc)
		return -1;
	c = choose(&r, addr, j, false);
	*state = unjudged(&c, j);
	if (*state == KEY_USABLE || *state == KEY_EXPIRED ||
	    *state == KEY_CHANGED)
		engine_key_fill(key, c.key, false, c.validity);
	key->valid |= *state == KEY_USABLE && rank_of(&c) > 0;
	key->verified |= c.judged == JUDGED_VERIFIED;
	keyring_clear(&r);
	if (*state == KEY_CHANGED && engine_certified(g, addr, key->fpr, j))
		*state = KEY_USABLE;
	return 0;
}

int engine_find_secret(struct engine *g, const char *fpr, const char *addr,
                       struct key *key, enum key_state *state, struct err *e)
{
	struct choice c = { NULL, KEY_NONE, -1, JUDGED_NOT, 0, 0 };

	memset(key, 0, sizeof *key);
	*state = KEY_NONE;
	if (engine_secrets(g, e))
		return -1;
	if (!fpr || !*fpr) {
		c = choose(&g->secret, addr, NULL, true);
	} else if ((c.key = keyring_get(&g->secret, fpr))) {
		c.state = engine_key_fit(c.key, true);
		c.validity = addr ? engine_key_validity(c.key, addr) : -1;
	}
	*state = c.state;
	if (c.state == KEY_USABLE || c.state == KEY_EXPIRED)
		engine_key_fill(key, c.key, true, c.validity);
	return 0;
}
