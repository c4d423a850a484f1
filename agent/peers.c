/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers' keys: rows of one address and of the keys it has. */
#include "agent/peers.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/contacts_private.h"

enum { HASH = 32, FPRS = 4 };

/* Where each kind of key stands in a row, and in P_PUT. */
enum { A_IMPORT, A_AUTOCRYPT, A_GOSSIP, A_WKD };

struct row {
	char addr[ADDR_MAX + 1];
	struct autocrypt_peer state;
	int64_t wkd;
	char own[41];
	char fpr[FPRS][41];
};

/* Keys that somebody relies on: they go last. */
#define RELIED "(fpr IN (SELECT used FROM contact) OR fpr IN (SELECT fpr FROM " \
	"key WHERE judged IN (1, 2)) OR source = 4)"
_Static_assert(JUDGED_ACCEPTED == 1 && JUDGED_VERIFIED == 2
               && KEY_FROM_IMPORT == 4, "the numbers in it");

static const char *const sql[PEERS_QUERIES] = {
	[P_GET] = "SELECT addr, last_seen, autocrypt_timestamp, "
		"gossip_timestamp, wkd_timestamp, mutual, import_fpr, fpr, "
		"gossip_fpr, wkd_fpr, own_fpr FROM peer WHERE addr = ?1",
	[P_REFS] = "SELECT fpr, source, learnt, expires, revoked FROM "
		"peer_key WHERE fpr = ?1 OR (?1 = '' AND fpr = (SELECT used "
		"FROM contact WHERE addr = ?2))",
	[P_PUT] = "INSERT OR REPLACE INTO peer (addr, last_seen, "
		"autocrypt_timestamp, gossip_timestamp, wkd_timestamp, mutual, "
		"import_fpr, fpr, gossip_fpr, wkd_fpr, own_fpr) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[P_ROOM] = "DELETE FROM peer WHERE addr = (SELECT addr FROM peer WHERE "
		"addr <> ?1 ORDER BY addr IN (SELECT addr FROM contact WHERE "
		"first <> 0), import_fpr <> '', max(last_seen, "
		"gossip_timestamp, wkd_timestamp), addr LIMIT 1)",
	[P_COUNT] = "SELECT count(*) FROM peer",
	[P_KEY] = "SELECT fpr, source, learnt, expires, revoked, hash, data "
		"FROM peer_key WHERE fpr = ?1",
	[P_KEY_DROP] = "DELETE FROM peer_key WHERE fpr = ?1",
	[P_KEY_ADD] = "INSERT INTO peer_key (fpr, source, learnt, seen, "
		"expires, revoked, hash, data) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[P_KEY_SEEN] = "UPDATE peer_key SET seen = max(seen, ?2) "
		"WHERE fpr = ?1",
	[P_KEY_UNUSED] = "SELECT fpr FROM peer_key WHERE fpr <> ?1 "
		"ORDER BY " RELIED ", seen, serial LIMIT 1",
	[P_KEY_UNKNOWN] = "UPDATE peer SET "
		"import_fpr = iif(import_fpr = ?1, '', import_fpr), "
		"fpr = iif(fpr = ?1, '', fpr), "
		"gossip_fpr = iif(gossip_fpr = ?1, '', gossip_fpr), "
		"wkd_fpr = iif(wkd_fpr = ?1, '', wkd_fpr) "
		"WHERE ?1 IN (import_fpr, fpr, gossip_fpr, wkd_fpr)",
	[P_KEYS] = "SELECT count(*), total(length(data)) FROM peer_key",
	[P_LAST] = "SELECT seq FROM sqlite_sequence WHERE name = 'peer_key'",
	[P_AFTER] = "SELECT serial, fpr FROM peer_key WHERE serial > ?1 "
		"ORDER BY serial LIMIT ?2"
};

int peers_prepare(struct contacts *c, struct err *e)
{
	return contacts_prepare(c, sql, c->peers, PEERS_QUERIES, e);
}

static int nonsense(struct err *e, const char *what)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "%s", what);
}

/* ---- reading ---- */

/* One row or none: 1, 0 or -1.  What was read is to be contacts_reset(). */
static int step(struct contacts *c, sqlite3_stmt *s, struct err *e)
{
	int got = sqlite3_step(s);

	if (got == SQLITE_ROW)
		return 1;
	return got == SQLITE_DONE ? 0 : contacts_failed(c, e);
}

static int take_row(sqlite3_stmt *s, struct row *r, struct err *e)
{
	struct autocrypt_peer *p = &r->state;

	if (contacts_column(s, 0, r->addr, sizeof r->addr))
		return contacts_damaged(e);
	p->last_seen = sqlite3_column_int64(s, 1);
	p->timestamp = sqlite3_column_int64(s, 2);
	p->gossip_timestamp = sqlite3_column_int64(s, 3);
	r->wkd = sqlite3_column_int64(s, 4);
	p->mutual = sqlite3_column_int64(s, 5) != 0;
	for (int i = 0; i < FPRS; i++)
		if (contacts_column_fpr(s, 6 + i, r->fpr[i], true))
			return contacts_damaged(e);
	if (contacts_column_fpr(s, 6 + FPRS, r->own, true))
		return contacts_damaged(e);
	p->has_key = r->fpr[A_AUTOCRYPT][0] != '\0';
	p->has_gossip = r->fpr[A_GOSSIP][0] != '\0';
	return 0;
}

/* addr is one as it stands there; r->addr is "" when nothing is known. */
static int row_get(struct contacts *c, const char *addr, struct row *r,
                   struct err *e)
{
	sqlite3_stmt *s = c->peers[P_GET];
	int rc;

	memset(r, 0, sizeof *r);
	contacts_bind(s, 1, addr);
	rc = step(c, s, e);
	if (rc == 1)
		rc = take_row(s, r, e);
	contacts_reset(s);
	return rc;
}

static int take_ref(sqlite3_stmt *s, struct peer_ref *ref, struct err *e)
{
	int64_t from = sqlite3_column_int64(s, 1);

	if (contacts_column_fpr(s, 0, ref->fpr, false)
	    || from <= KEY_FROM_KEYRING || from > KEY_FROM_IMPORT)
		return contacts_damaged(e);
	ref->from = (enum key_from)from;
	ref->learnt = sqlite3_column_int64(s, 2);
	ref->expires = sqlite3_column_int64(s, 3);
	ref->revoked = sqlite3_column_int64(s, 4) != 0;
	return 0;
}

/* The key with this fingerprint, or (it is "") the one last sealed to: 1, 0 when
 * it is not here, -1. */
static int ref_get(struct contacts *c, const char *fpr, const char *addr,
                   struct peer_ref *ref, struct err *e)
{
	sqlite3_stmt *s = c->peers[P_REFS];
	int rc;

	contacts_bind(s, 1, fpr);
	contacts_bind(s, 2, addr);
	rc = step(c, s, e);
	if (rc == 1 && take_ref(s, ref, e))
		rc = -1;
	contacts_reset(s);
	return rc;
}

static bool has(const struct peer_known *k, const char *fpr)
{
	for (unsigned i = 0; i < k->n; i++)
		if (strcmp(k->key[i].fpr, fpr) == 0)
			return true;
	return false;
}

/* Each key once, as what it counts for most. */
static int refs_get(struct contacts *c, const struct row *r, const char *addr,
                    struct peer_known *k, struct err *e)
{
	static const enum key_from from[FPRS] = {
		[A_IMPORT] = KEY_FROM_IMPORT, [A_AUTOCRYPT] = KEY_FROM_AUTOCRYPT,
		[A_GOSSIP] = KEY_FROM_GOSSIP, [A_WKD] = KEY_FROM_WKD
	};
	struct peer_ref ref;
	int rc;

	for (int i = 0; i < FPRS + 2; i++) {
		const char *fpr = i < FPRS ? r->fpr[i] : i == FPRS ? r->own : "";

		if (i <= FPRS && !fpr[0])
			continue;
		rc = ref_get(c, fpr, addr, &ref, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || has(k, ref.fpr))
			continue;
		if (i < FPRS)
			ref.from = from[i];
		k->key[k->n++] = ref;
	}
	return 0;
}

int peers_get(struct contacts *c, const char *addr, struct peer_known *known,
              struct err *e)
{
	char *a = contacts_folded(addr, e);
	struct row r;
	int rc = -1;

	memset(known, 0, sizeof *known);
	if (a && row_get(c, a, &r, e) == 0)
		rc = refs_get(c, &r, a, known, e);
	if (rc == 0 && (r.addr[0] || known->n)) {
		memcpy(known->addr, a, strlen(a) + 1);
		known->autocrypt = r.state;
		known->wkd_timestamp = r.wkd;
		memcpy(known->own, r.own, sizeof known->own);
	}
	free(a);
	return rc;
}

static int hash_of(const void *data, size_t n, unsigned char hash[HASH],
                   struct err *e)
{
	return EVP_Digest(data, n, hash, NULL, EVP_sha256(), NULL) == 1 ? 0
	       : err_set(e, gpg_error(GPG_ERR_ENOMEM), "memory");
}

static int take_key(sqlite3_stmt *s, struct peer_key *key, struct err *e)
{
	unsigned char hash[HASH];
	const void *was = sqlite3_column_blob(s, 5);
	const void *data = sqlite3_column_blob(s, 6);
	int n = sqlite3_column_bytes(s, 6);

	if (take_ref(s, &key->ref, e))
		return -1;
	if (!was || sqlite3_column_bytes(s, 5) != HASH || !data || n <= 0
	    || n > PEER_KEY_MAX)
		return contacts_damaged(e);
	if (hash_of(data, (size_t)n, hash, e))
		return -1;
	if (memcmp(hash, was, HASH))
		return contacts_damaged(e);
	memcpy(key->data, data, (size_t)n);
	key->n = (size_t)n;
	return 0;
}

int peers_key(struct contacts *c, const char *fpr, struct peer_key *key,
              struct err *e)
{
	sqlite3_stmt *s = c->peers[P_KEY];
	int rc;

	memset(&key->ref, 0, sizeof key->ref);
	key->n = 0;
	if (!fpr_ok(fpr))
		return nonsense(e, "no fingerprint");
	contacts_bind(s, 1, fpr);
	rc = step(c, s, e);
	if (rc == 1)
		rc = take_key(s, key, e);
	contacts_reset(s);
	return rc;
}

int peers_count(struct contacts *c, uint64_t *last, unsigned *keys,
                struct err *e)
{
	sqlite3_stmt *s = c->peers[P_KEYS];
	int rc;

	*last = *keys = 0;
	rc = step(c, s, e);
	if (rc == 1)
		*keys = (unsigned)sqlite3_column_int64(s, 0);
	contacts_reset(s);
	if (rc != 1)
		return -1;
	s = c->peers[P_LAST];
	rc = step(c, s, e);
	if (rc == 1)
		*last = (uint64_t)sqlite3_column_int64(s, 0);
	contacts_reset(s);
	return rc < 0 ? -1 : 0;
}

int peers_after(struct contacts *c, uint64_t serial, struct peer_serial *list,
                size_t max, size_t *n, struct err *e)
{
	sqlite3_stmt *s = c->peers[P_AFTER];
	int rc = 0;

	*n = 0;
	sqlite3_bind_int64(s, 1, serial > INT64_MAX ? INT64_MAX
	                   : (int64_t)serial);
	sqlite3_bind_int64(s, 2, (int64_t)max);
	while (*n < max && (rc = step(c, s, e)) == 1) {
		list[*n].serial = (uint64_t)sqlite3_column_int64(s, 0);
		if (contacts_column_fpr(s, 1, list[(*n)++].fpr, false)) {
			rc = contacts_damaged(e);
			break;
		}
	}
	contacts_reset(s);
	return rc < 0 ? -1 : 0;
}

/* ---- writing ---- */

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
	unsigned char hash[HASH];

	if (hash_of(w->key, w->n, hash, e))
		return -1;
	contacts_bind(s, 1, w->fpr);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, learnt);
	sqlite3_bind_int64(s, 4, seen);
	sqlite3_bind_int64(s, 5, w->expires);
	sqlite3_bind_int64(s, 6, w->revoked);
	sqlite3_bind_blob(s, 7, hash, HASH, SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 8, w->key, (int)w->n, SQLITE_TRANSIENT);
	return contacts_run(c, s, e);
}

/* A key that is here gives way to the same one when it was revoked, or lasts
 * longer now: an old copy that somebody sends takes nothing away. */
static bool replaces(const struct peer_news *w, const struct peer_key *old)
{
	if (old->ref.revoked || w->revoked)
		return w->revoked && !old->ref.revoked;
	if (w->n == old->n && memcmp(w->key, old->data, w->n) == 0)
		return false;
	return !w->expires
	       || (old->ref.expires && w->expires >= old->ref.expires);
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

static int row_put(struct contacts *c, const struct row *r, struct err *e)
{
	sqlite3_stmt *s = c->peers[P_PUT];
	const struct autocrypt_peer *p = &r->state;

	contacts_bind(s, 1, r->addr);
	sqlite3_bind_int64(s, 2, p->last_seen);
	sqlite3_bind_int64(s, 3, p->timestamp);
	sqlite3_bind_int64(s, 4, p->gossip_timestamp);
	sqlite3_bind_int64(s, 5, r->wkd);
	sqlite3_bind_int64(s, 6, p->mutual);
	for (int i = 0; i < FPRS; i++)
		contacts_bind(s, 7 + i, r->fpr[i]);
	contacts_bind(s, 7 + FPRS, r->own);
	return contacts_run(c, s, e);
}

/* ---- room ---- */

static int count(struct contacts *c, enum peers_query q, int64_t *n,
                 int64_t *octets, struct err *e)
{
	sqlite3_stmt *s = c->peers[q];
	int rc = step(c, s, e);

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
	rc = step(c, s, e);
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
static bool takes(struct row *r, const struct peer_news *w, int64_t date,
                  int *at)
{
	const struct autocrypt field = { .mutual = w->mutual };

	switch (w->from) {
	case KEY_FROM_AUTOCRYPT:
		*at = A_AUTOCRYPT;
		return autocrypt_update(&r->state, date,
		                        w->fpr[0] ? &field : NULL);
	case KEY_FROM_GOSSIP:
		*at = A_GOSSIP;
		return autocrypt_update_gossip(&r->state, date);
	case KEY_FROM_WKD:
		*at = A_WKD;
		if (date < r->wkd)
			return false;
		r->wkd = date;
		return true;
	case KEY_FROM_IMPORT:
		*at = A_IMPORT;
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
	int rc = ref_get(c, w->fpr, "", &ref, e);

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
	struct row r;
	int at = 0;

	if (w->revoked)
		return withdrawn(c, w, date, now, taken, e);
	if (row_get(c, addr, &r, e))
		return -1;
	if (!w->fpr[0] && !r.addr[0])
		return 0;	/* there is nobody to be remembered */
	memcpy(r.addr, addr, strlen(addr) + 1);
	*taken = takes(&r, w, date, &at);
	if (!*taken)
		return w->fpr[0] ? 0 : row_put(c, &r, e);
	memcpy(r.fpr[at], w->fpr, sizeof r.fpr[at]);
	if (at == A_AUTOCRYPT && !r.own[0])
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
