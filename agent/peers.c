/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers' keys: rows of one address and of the keys it has. */
#include "agent/peers_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

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
		"ORDER BY serial LIMIT ?2",
	[P_NEXT] = "SELECT addr FROM peer WHERE addr > ?1 AND "
		"import_fpr || fpr || gossip_fpr || wkd_fpr <> '' "
		"ORDER BY addr LIMIT 1"
};

int peers_prepare(struct contacts *c, struct err *e)
{
	return contacts_prepare(c, sql, c->peers, PEERS_QUERIES, e);
}

/* ---- reading ---- */

int peers_step(struct contacts *c, sqlite3_stmt *s, struct err *e)
{
	int got = sqlite3_step(s);

	if (got == SQLITE_ROW)
		return 1;
	return got == SQLITE_DONE ? 0 : contacts_failed(c, e);
}

static int take_row(sqlite3_stmt *s, struct peers_row *r, struct err *e)
{
	struct autocrypt_peer *p = &r->state;

	if (contacts_column(s, 0, r->addr, sizeof r->addr))
		return contacts_damaged(e);
	p->last_seen = sqlite3_column_int64(s, 1);
	p->timestamp = sqlite3_column_int64(s, 2);
	p->gossip_timestamp = sqlite3_column_int64(s, 3);
	r->wkd = sqlite3_column_int64(s, 4);
	p->mutual = sqlite3_column_int64(s, 5) != 0;
	for (int i = 0; i < PEERS_FPRS; i++)
		if (contacts_column_fpr(s, 6 + i, r->fpr[i], true))
			return contacts_damaged(e);
	if (contacts_column_fpr(s, 6 + PEERS_FPRS, r->own, true))
		return contacts_damaged(e);
	p->has_key = r->fpr[PEERS_AUTOCRYPT][0] != '\0';
	p->has_gossip = r->fpr[PEERS_GOSSIP][0] != '\0';
	return 0;
}

int peers_row_get(struct contacts *c, const char *addr, struct peers_row *r,
                  struct err *e)
{
	sqlite3_stmt *s = c->peers[P_GET];
	int rc;

	memset(r, 0, sizeof *r);
	contacts_bind(s, 1, addr);
	rc = peers_step(c, s, e);
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

int peers_ref_get(struct contacts *c, const char *fpr, const char *addr,
                  struct peer_ref *ref, struct err *e)
{
	sqlite3_stmt *s = c->peers[P_REFS];
	int rc;

	contacts_bind(s, 1, fpr);
	contacts_bind(s, 2, addr);
	rc = peers_step(c, s, e);
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
static int refs_get(struct contacts *c, const struct peers_row *r,
                    const char *addr, struct peer_known *k, struct err *e)
{
	static const enum key_from from[PEERS_FPRS] = {
		[PEERS_IMPORT] = KEY_FROM_IMPORT,
		[PEERS_AUTOCRYPT] = KEY_FROM_AUTOCRYPT,
		[PEERS_GOSSIP] = KEY_FROM_GOSSIP, [PEERS_WKD] = KEY_FROM_WKD
	};
	struct peer_ref ref;
	int rc;

	for (int i = 0; i < PEERS_FPRS + 2; i++) {
		const char *fpr = i < PEERS_FPRS ? r->fpr[i]
		                  : i == PEERS_FPRS ? r->own : "";

		if (i <= PEERS_FPRS && !fpr[0])
			continue;
		rc = peers_ref_get(c, fpr, addr, &ref, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || has(k, ref.fpr))
			continue;
		if (i < PEERS_FPRS)
			ref.from = from[i];
		k->key[k->n++] = ref;
	}
	return 0;
}

int peers_get(struct contacts *c, const char *addr, struct peer_known *known,
              struct err *e)
{
	char *a = contacts_folded(addr, e);
	struct peers_row r;
	int rc = -1;

	memset(known, 0, sizeof *known);
	if (a && peers_row_get(c, a, &r, e) == 0)
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

int peers_hash(const void *data, size_t n, unsigned char hash[PEERS_HASH],
               struct err *e)
{
	return EVP_Digest(data, n, hash, NULL, EVP_sha256(), NULL) == 1 ? 0
	       : err_set(e, gpg_error(GPG_ERR_ENOMEM), "memory");
}

static int take_key(sqlite3_stmt *s, struct peer_key *key, struct err *e)
{
	unsigned char hash[PEERS_HASH];
	const void *was = sqlite3_column_blob(s, 5);
	const void *data = sqlite3_column_blob(s, 6);
	int n = sqlite3_column_bytes(s, 6);

	if (take_ref(s, &key->ref, e))
		return -1;
	if (!was || sqlite3_column_bytes(s, 5) != PEERS_HASH || !data || n <= 0
	    || n > PEER_KEY_MAX)
		return contacts_damaged(e);
	if (peers_hash(data, (size_t)n, hash, e))
		return -1;
	if (memcmp(hash, was, PEERS_HASH))
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
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "no fingerprint");
	contacts_bind(s, 1, fpr);
	rc = peers_step(c, s, e);
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
	rc = peers_step(c, s, e);
	if (rc == 1)
		*keys = (unsigned)sqlite3_column_int64(s, 0);
	contacts_reset(s);
	if (rc != 1)
		return -1;
	s = c->peers[P_LAST];
	rc = peers_step(c, s, e);
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
	while (*n < max && (rc = peers_step(c, s, e)) == 1) {
		list[*n].serial = (uint64_t)sqlite3_column_int64(s, 0);
		if (contacts_column_fpr(s, 1, list[(*n)++].fpr, false)) {
			rc = contacts_damaged(e);
			break;
		}
	}
	contacts_reset(s);
	return rc < 0 ? -1 : 0;
}

int peers_next(struct contacts *c, const char *after, char addr[ADDR_MAX + 1],
               struct err *e)
{
	char *a = after[0] ? contacts_folded(after, e) : NULL;
	sqlite3_stmt *s = c->peers[P_NEXT];
	int rc;

	addr[0] = '\0';
	if (after[0] && !a)
		return -1;
	contacts_bind(s, 1, a ? a : "");
	rc = peers_step(c, s, e);
	if (rc == 1 && contacts_column(s, 0, addr, ADDR_MAX + 1))
		rc = contacts_damaged(e);
	contacts_reset(s);
	free(a);
	return rc < 0 ? -1 : 0;
}
