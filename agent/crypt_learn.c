/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that came along with a letter: what is new of them is judged by gpg and
 * remembered by the keeper.  Nobody is told what becomes of it, unless somebody
 * went through old letters for it. */
#include "agent/crypt_learn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "agent/crypt_out.h"
#include "agent/crypt_peers.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "crypto/keydata.h"

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	NAME_MAX_LEN = ADDR_MAX + 120,
	UNFIT_MAX = 100		/* octets of why a key is, with the NUL */
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

/* The keeper has this key for this address, perhaps with other signatures. */
static bool has_key(const struct peer_known *known, const struct peer_news *w,
                    struct peer_ref *ref)
{
	struct keydata k;

	if (!w->key || keydata_read(&k, w->key, w->n, NULL))
		return false;
	for (unsigned i = 0; i < known->n; i++) {
		*ref = known->key[i];
		if (strcmp(ref->fpr, k.fpr) == 0 && ref->from == w->from)
			return true;
	}
	return false;
}

/* There is no more in it than in what gpg was asked about: what it said holds. */
static bool is_known(struct crypt *c, const struct peer_known *known,
                     const struct peer_news *w, struct peer_ref *ref)
{
	static struct peer_key have;

	return has_key(known, w, ref)
	       && keeper_peer_key(&c->ends->keeper, ref->fpr, &have, NULL) == 0
	       && have.n && keydata_holds(have.data, have.n, w->key, w->n);
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
static int judge(struct crypt *c, const struct peer_news *w, bool keep,
                 unsigned *runs, enum learnt *is, struct err *e)
{
	char name[NAME_MAX_LEN], why[UNFIT_MAX];
	size_t n = sizeof why - 1;
	struct judged_key j;
	bool found = false;
	int r;

	*is = LEARNT_UNFIT;
	if (!name_of(w, name)
	    || keeper_recall_some(&c->ends->keeper, 0, name, why, &n, &found, e))
		return -1;
	if (found) {
		why[n] = '\0';
		err_set(e, gpg_error(GPG_ERR_UNUSABLE_PUBKEY), "%s", why);
		return 0;
	}
	if (*runs == LEARN_RUNS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "this letter has brought enough of them");
	++*runs;
	r = keep ? crypt_learn(c, w, e) : crypt_judge(c, w, &j, e);
	if (r == 0)
		keeper_remember(&c->ends->keeper, 0, name, e->text,
		                strnlen(e->text, sizeof why - 1), NULL);
	if (r == 1 && !keep && j.revoked)
		err_set(e, 0, "Its owner has withdrawn it");
	else if (r == 1)
		*is = LEARNT_NEW;
	return r < 0 ? -1 : 0;
}

/* keep: else it is only judged. */
static int learn(struct crypt *c, struct peer_news *w, bool keep,
                 unsigned *runs, enum learnt *is, struct err *e)
{
	struct peer_known known;
	struct peer_ref ref;
	bool taken;
	int r;

	*is = LEARNT_OLDER;
	w->date = autocrypt_date(w->date, (int64_t)time(NULL));
	if (keeper_peer(&c->ends->keeper, w->addr, &known, e))
		return -1;
	if (keep && !is_news(&known, w))
		return 0;
	if (!w->key)
		return crypt_learn(c, w, e) < 0 ? -1 : 0;
	if (!is_known(c, &known, w, &ref)) {
		r = judge(c, w, keep, runs, is, e);
		if (*is == LEARNT_NEW && has_key(&known, w, &ref))
			*is = LEARNT_KNOWN;
		return r;
	}
	*is = LEARNT_KNOWN;
	if (!keep || is_again(&known.autocrypt, w))
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
	enum learnt is;

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
	if (learn(c, &w, true, runs, &is, &e) < 0)
		log_debug("nothing was learnt: %s", e.text);
	return 0;
}

int crypt_learn_told(struct crypt *c, struct unpack *u)
{
	bool keep = unpack_u32(u) != 0;
	struct err e = { .text = "" };
	char addr[ADDR_MAX + 1];
	struct peer_news w = { .addr = addr, .fpr = "",
	                       .from = KEY_FROM_AUTOCRYPT };
	struct keydata k = { .fpr = "" };
	unsigned runs = 0;
	enum learnt is;
	struct pack p;

	unpack_str(u, addr, sizeof addr);
	w.date = (int64_t)unpack_u64(u);
	w.mutual = unpack_u32(u) != 0;
	if (u->bad || !addr_ok(addr) || u->left > LEARN_KEY_MAX
	    || (!keep && !u->left))
		return -1;
	w.n = u->left;
	w.key = w.n ? u->p : NULL;
	if (w.n && keydata_read(&k, w.key, w.n, &e))
		is = LEARNT_UNFIT;
	else if (learn(c, &w, keep, &runs, &is, &e))
		return crypt_done(c, DONE_FAILED, e.text);
	pack_init(&p);
	pack_u32(&p, is);
	pack_str(&p, k.fpr);
	pack_str(&p, is == LEARNT_UNFIT ? e.text : "");
	return pack_send(&p, &c->ends->front, C_LEARNED, NULL);
}
