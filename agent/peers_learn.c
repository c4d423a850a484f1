/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers' keys: what comes is put into the rows, by Autocrypt's rules, and what is
 * too much goes. */
#include "agent/peers_private.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/keydata.h"

static int nonsense(struct err *e, const char *what)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "%s", what);
}

/* ---- rows ---- */

static int run_fpr(struct contacts *c, enum peers_query q, const char *fpr,
                   struct err *e)
{
	contacts_bind(c->peers[q], 1, fpr);
	return contacts_run(c, c->peers[q], e);
}

static int key_drop(struct contacts *c, const char *fpr, struct err *e)
{
	return run_fpr(c, P_KEY_DROP, fpr, e)
	       || run_fpr(c, P_KEY_UNKNOWN, fpr, e) ? -1 : 0;
}

static int key_add(struct contacts *c, const struct peer_news *w,
                   enum key_from from, int64_t learnt, int64_t seen,
                   struct err *e)
{
	sqlite3_stmt *s = c->peers[P_KEY_ADD];
	unsigned char hash[PEERS_HASH];

	if (peers_hash(w->key, w->n, hash, e))
		return -1;
	contacts_bind(s, 1, w->fpr);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, learnt);
	sqlite3_bind_int64(s, 4, seen);
	sqlite3_bind_int64(s, 5, w->expires);
	sqlite3_bind_int64(s, 6, w->revoked);
	sqlite3_bind_blob(s, 7, hash, PEERS_HASH, SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 8, w->key, (int)w->n, SQLITE_TRANSIENT);
	return contacts_run(c, s, e);
}

/* A key that is here gives way to the same one when it was revoked, or has more in
 * it: an old copy that somebody sends takes nothing away, be it the end of a subkey
 * or that it ends sooner. */
static bool replaces(const struct peer_news *w, const struct peer_key *old)
{
	if (old->ref.revoked || w->revoked)
		return w->revoked && !old->ref.revoked;
	if (w->n == old->n && memcmp(w->key, old->data, w->n) == 0)
		return false;
	return keydata_holds(w->key, w->n, old->data, old->n);
}

static int key_put(struct contacts *c, const struct peer_news *w, int64_t date,
                   int64_t now, struct err *e)
{
	static struct peer_key old;

	if (peers_key(c, w->fpr, &old, e))
		return -1;
	if (!old.n)
		return key_add(c, w, w->from, now, date, e);
	if (replaces(w, &old)
	    && (run_fpr(c, P_KEY_DROP, w->fpr, e)
	        || key_add(c, w, w->from == KEY_FROM_IMPORT ? w->from
	                   : old.ref.from, old.ref.learnt, date, e)))
		return -1;
	sqlite3_bind_int64(c->peers[P_KEY_SEEN], 2, date);
	return run_fpr(c, P_KEY_SEEN, w->fpr, e);
}

static int row_put(struct contacts *c, const struct peers_row *r,
                   struct err *e)
{
	sqlite3_stmt *s = c->peers[P_PUT];
	const struct autocrypt_peer *p = &r->state;

	contacts_bind(s, 1, r->addr);
	sqlite3_bind_int64(s, 2, p->last_seen);
	sqlite3_bind_int64(s, 3, p->timestamp);
	sqlite3_bind_int64(s, 4, p->gossip_timestamp);
	sqlite3_bind_int64(s, 5, r->wkd);
	sqlite3_bind_int64(s, 6, p->mutual);
	for (int i = 0; i < PEERS_FPRS; i++)
		contacts_bind(s, 7 + i, r->fpr[i]);
	contacts_bind(s, 7 + PEERS_FPRS, r->own);
	return contacts_run(c, s, e);
}

/* ---- room ---- */

static int count(struct contacts *c, enum peers_query q, int64_t *n,
                 int64_t *octets, struct err *e)
{
	sqlite3_stmt *s = c->peers[q];
	int rc = peers_step(c, s, e);

	if (rc == 1) {
		*n = sqlite3_column_int64(s, 0);
		if (octets)
			*octets = sqlite3_column_int64(s, 1);
	}
	contacts_reset(s);
	return rc == 1 ? 0 : -1;
}

/* The next key to go for this one: 1, 0 there is none, -1. */
static int unused(struct contacts *c, const char *fpr, char out[41],
                  struct err *e)
{
	sqlite3_stmt *s = c->peers[P_KEY_UNUSED];
	int rc;

	contacts_bind(s, 1, fpr);
	rc = peers_step(c, s, e);
	if (rc == 1 && contacts_column_fpr(s, 0, out, false))
		rc = contacts_damaged(e);
	contacts_reset(s);
	return rc;
}

static int make_room(struct contacts *c, const char *addr, const char *fpr,
                     struct err *e)
{
	int64_t n, octets;
	char old[41];
	int rc;

	for (;;) {
		if (count(c, P_KEYS, &n, &octets, e))
			return -1;
		if (n <= PEER_KEYS_MAX && octets <= PEER_OCTETS_MAX)
			break;
		rc = unused(c, fpr, old, e);
		if (rc <= 0)
			return rc;
		if (key_drop(c, old, e))
			return -1;
	}
	if (count(c, P_COUNT, &n, NULL, e))
		return -1;
	return n > PEERS_MAX ? run_fpr(c, P_ROOM, addr, e) : 0;
}

/* ---- the rules ---- */

/* Is it the address's own from now on?  *at: as what. */
static bool takes(struct peers_row *r, const struct peer_news *w,
                  int64_t date, int *at)
{
	const struct autocrypt field = { .mutual = w->mutual };

	switch (w->from) {
	case KEY_FROM_AUTOCRYPT:
		*at = PEERS_AUTOCRYPT;
		return autocrypt_update(&r->state, date,
		                        w->fpr[0] ? &field : NULL);
	case KEY_FROM_GOSSIP:
		*at = PEERS_GOSSIP;
		return autocrypt_update_gossip(&r->state, date);
	case KEY_FROM_WKD:
		*at = PEERS_WKD;
		if (date < r->wkd)
			return false;
		r->wkd = date;
		return true;
	case KEY_FROM_IMPORT:
		*at = PEERS_IMPORT;
		return true;
	case KEY_FROM_KEYRING:
		break;
	}
	return false;
}

/* One that its owner withdrew, where it is here. */
static int withdrawn(struct contacts *c, const struct peer_news *w,
                     int64_t date, int64_t now, bool *taken, struct err *e)
{
	struct peer_ref ref;
	int rc = peers_ref_get(c, w->fpr, "", &ref, e);

	if (rc <= 0)
		return rc;
	*taken = !ref.revoked;
	return key_put(c, w, date, now, e);
}

static int learn(struct contacts *c, const char *addr,
                 const struct peer_news *w, int64_t now, bool *taken,
                 struct err *e)
{
	int64_t date = autocrypt_date(w->date, now);
	struct peers_row r;
	int at = 0;

	if (w->revoked)
		return withdrawn(c, w, date, now, taken, e);
	if (peers_row_get(c, addr, &r, e))
		return -1;
	if (!w->fpr[0] && !r.addr[0])
		return 0;	/* there is nobody to be remembered */
	memcpy(r.addr, addr, strlen(addr) + 1);
	*taken = takes(&r, w, date, &at);
	if (!*taken)
		return w->fpr[0] ? 0 : row_put(c, &r, e);
	memcpy(r.fpr[at], w->fpr, sizeof r.fpr[at]);
	if (at == PEERS_AUTOCRYPT && !r.own[0])
		memcpy(r.own, w->fpr, sizeof r.own);
	return key_put(c, w, date, now, e) || row_put(c, &r, e)
	       || make_room(c, addr, w->fpr, e) ? -1 : 0;
}

int peers_learn(struct contacts *c, const struct peer_news *w, int64_t now,
                bool *taken, struct err *e)
{
	bool field = w->fpr[0] != '\0';
	char *a;
	int rc;

	*taken = false;
	if (w->from <= KEY_FROM_KEYRING || w->from > KEY_FROM_IMPORT
	    || (field ? !fpr_ok(w->fpr) || !w->n
	        : w->from != KEY_FROM_AUTOCRYPT || w->n || w->revoked))
		return nonsense(e, "no key");
	if (w->n > PEER_KEY_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the key is too large");
	a = contacts_folded(w->addr, e);
	rc = a ? learn(c, a, w, now, taken, e) : -1;
	if (rc)
		*taken = false;
	free(a);
	return rc;
}
