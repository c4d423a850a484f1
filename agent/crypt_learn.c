/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that came along with a letter: what is new of them is judged by gpg and
 * remembered by the keeper.  Nobody is told what becomes of it. */
#include "agent/crypt_learn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "agent/crypt_peers.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "crypto/keydata.h"

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	NAME_MAX_LEN = ADDR_MAX + 120
};

/* Would it change anything?  What is older than what is known does not. */
static bool is_news(const struct peer_known *known, const struct peer_news *w)
{
	const struct autocrypt field = { .mutual = w->mutual };
	struct autocrypt_peer p = known->autocrypt;

	if (w->key && w->from == KEY_FROM_GOSSIP)
		return autocrypt_update_gossip(&p, w->date);
	if (w->key)
		return autocrypt_update(&p, w->date, &field);
	/* nobody is remembered for having no key, nor more often than needed */
	return known->addr[0] && w->date >= p.last_seen + HOUR;
}

/* The same letter once more. */
static bool is_again(const struct autocrypt_peer *p, const struct peer_news *w)
{
	if (w->from == KEY_FROM_GOSSIP)
		return w->date == p->gossip_timestamp;
	return w->date == p->timestamp && w->mutual == p->mutual;
}

/* The keeper has these very octets for this address: what gpg said of them
 * holds. */
static bool is_known(struct crypt *c, const struct peer_known *known,
                     const struct peer_news *w, struct peer_ref *ref)
{
	static struct peer_key have;
	struct keydata k;

	if (!w->key || keydata_read(&k, w->key, w->n, NULL))
		return false;
	for (unsigned i = 0; i < known->n; i++) {
		*ref = known->key[i];
		if (strcmp(ref->fpr, k.fpr) || ref->from != w->from)
			continue;
		return keeper_peer_key(&c->ends->keeper, k.fpr, &have, NULL)
		       == 0 && have.n == w->n
		       && memcmp(have.data, w->key, w->n) == 0;
	}
	return false;
}

/* Under what a key that gpg had no use for today is remembered. */
static bool name_of(const struct peer_news *w, char name[NAME_MAX_LEN])
{
	unsigned char hash[32];
	char hex[2 * sizeof hash + 1];

	if (EVP_Digest(w->key, w->n, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	snprintf(name, NAME_MAX_LEN, "unfit %s %.*s %lld", hex, ADDR_MAX,
	         w->addr, (long long)time(NULL) / DAY);
	return true;
}

/* By gpg, unless it has been asked the same before. */
static int judge(struct crypt *c, const struct peer_news *w, unsigned *runs,
                 struct err *e)
{
	char name[NAME_MAX_LEN], none;
	bool found = false;
	int r;

	if (!name_of(w, name)
	    || keeper_recall(&c->ends->keeper, 0, name, &none, 0, &found, e))
		return -1;
	if (found)
		return 0;
	if (*runs == LEARN_RUNS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "this letter has brought enough of them");
	++*runs;
	r = crypt_learn(c, w, e);
	if (r == 0)
		keeper_remember(&c->ends->keeper, 0, name, "", 0, NULL);
	return r;
}

static int learn(struct crypt *c, struct peer_news *w, unsigned *runs,
                 struct err *e)
{
	struct peer_known known;
	struct peer_ref ref;
	bool taken;

	w->date = autocrypt_date(w->date, (int64_t)time(NULL));
	if (keeper_peer(&c->ends->keeper, w->addr, &known, e))
		return -1;
	if (!is_news(&known, w))
		return 0;
	if (!w->key)
		return crypt_learn(c, w, e);
	if (!is_known(c, &known, w, &ref))
		return judge(c, w, runs, e);
	if (is_again(&known.autocrypt, w))
		return 0;
	w->fpr = ref.fpr;
	w->expires = ref.expires;
	w->revoked = ref.revoked;
	return keeper_learnt(&c->ends->keeper, w, &taken, e);
}

int crypt_learn_along(struct crypt *c, unsigned *runs, struct unpack *u)
{
	struct err e = { .text = "" };
	char addr[ADDR_MAX + 1];
	struct peer_news w = { .addr = addr, .fpr = "" };

	w.from = (enum key_from)unpack_u32(u);
	unpack_str(u, addr, sizeof addr);
	w.date = (int64_t)unpack_u64(u);
	w.mutual = unpack_u32(u) != 0;
	if (u->bad || !addr_ok(addr)
	    || (w.from != KEY_FROM_AUTOCRYPT && w.from != KEY_FROM_GOSSIP)
	    || (w.from == KEY_FROM_GOSSIP && !u->left)
	    || u->left > LEARN_KEY_MAX)
		return -1;
	w.n = u->left;
	w.key = w.n ? u->p : NULL;
	if (learn(c, &w, runs, &e) < 0)
		log_debug("nothing was learnt: %s", e.text);
	return 0;
}
