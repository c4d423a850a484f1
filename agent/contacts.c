/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of contacts: rows of one and of its keys. */
#include "agent/contacts_private.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, FPR = 40 };

#define CONTACT "SELECT addr, first, last, readable, policy, used, waits FROM contact "

/* Keys that may be forgotten for another one: never those that were rejected. */
#define ROOM "DELETE FROM key WHERE addr = ?1 AND judged <> 3 AND fpr <> ?2 " \
	"AND ?3 <= (SELECT count(*) FROM key WHERE addr = ?1) " \
	"AND fpr = (SELECT fpr FROM key WHERE addr = ?1 AND judged <> 3 " \
	"AND fpr <> ?2 ORDER BY judged <> 0, last, fpr LIMIT 1)"
_Static_assert(JUDGED_NOT == 0 && JUDGED_REJECTED == 3, "the numbers in it");

/* A copy that came with letters may last longer than the one that was looked up. */
#define ENDS "SELECT addr, used, ends FROM (SELECT c.addr, c.used, c.last, " \
	"CASE WHEN p.expires IS NULL OR p.revoked THEN e.at " \
	"WHEN p.expires = 0 THEN 0 ELSE max(e.at, p.expires) END AS ends " \
	"FROM ending e JOIN contact c ON c.used = e.fpr " \
	"LEFT JOIN peer_key p ON p.fpr = e.fpr) " \
	"WHERE last >= ?1 AND ends > ?2 AND ends <= ?3 " \
	"ORDER BY ends, addr LIMIT ?4"

static const char *const sql[QUERIES] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",
	[Q_GET] = CONTACT "WHERE addr = ?1",
	[Q_NEXT] = CONTACT "WHERE addr > ?1 ORDER BY addr LIMIT 1",
	[Q_KEYS] = "SELECT fpr, first, last, judged FROM key WHERE addr = ?1 "
		"ORDER BY said DESC, last DESC, fpr",
	[Q_ADD] = "INSERT OR IGNORE INTO contact (addr) VALUES (?1)",
	[Q_SEALED] = "UPDATE contact SET readable = 0, used = ?2, waits = '', "
		"first = iif(first = 0, ?3, first), last = max(last, ?3) "
		"WHERE addr = ?1",
	[Q_READABLE] = "UPDATE contact SET readable = ?2 WHERE addr = ?1",
	[Q_POLICY] = "UPDATE contact SET policy = ?2 WHERE addr = ?1",
	[Q_WAITS] = "UPDATE contact SET waits = ?2 WHERE addr = ?1",
	[Q_KEY_ADD] = "INSERT OR IGNORE INTO key (addr, fpr) VALUES (?1, ?2)",
	[Q_KEY_SEALED] = "UPDATE key SET first = iif(first = 0, ?3, first), "
		"last = max(last, ?3) WHERE addr = ?1 AND fpr = ?2",
	[Q_KEY_JUDGED] = "UPDATE key SET judged = ?3, said = 1 + "
		"(SELECT max(said) FROM key WHERE addr = ?1) "
		"WHERE addr = ?1 AND fpr = ?2",
	[Q_KEY_ROOM] = ROOM,
	[Q_LASTS] = "INSERT INTO ending (fpr, at) VALUES (?1, ?2) "
		"ON CONFLICT (fpr) DO UPDATE SET at = ?2 WHERE at <> ?2",
	[Q_NEVER] = "DELETE FROM ending WHERE fpr = ?1",
	[Q_ENDING] = ENDS
};

/* ---- open and close ---- */

int contacts_prepare(struct contacts *c, const char *const *text,
                     sqlite3_stmt **s, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (sqlite3_prepare_v3(c->db, text[i], -1,
		                       SQLITE_PREPARE_PERSISTENT, &s[i],
		                       NULL) != SQLITE_OK)
			return contacts_failed(c, e);
	return 0;
}

struct contacts *contacts_open(const char *dir, struct err *e)
{
	struct contacts *c = calloc(1, sizeof *c);

	if (!c) {
		err_errno(e, "memory");
		return NULL;
	}
	if (contacts_file_open(c, dir, e)
	    || contacts_prepare(c, sql, c->query, QUERIES, e)
	    || peers_prepare(c, e)) {
		contacts_close(c);
		return NULL;
	}
	return c;
}

void contacts_close(struct contacts *c)
{
	if (!c)
		return;
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(c->query[i]);
	for (int i = 0; i < PEERS_QUERIES; i++)
		sqlite3_finalize(c->peers[i]);
	sqlite3_close(c->db);
	free(c);
}

/* ---- one statement ---- */

void contacts_bind(sqlite3_stmt *s, int n, const char *text)
{
	/* what does not fit is no text, which the tables do not take */
	sqlite3_bind_text(s, n, text, -1, SQLITE_TRANSIENT);
}

void contacts_reset(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

int contacts_run(struct contacts *c, sqlite3_stmt *s, struct err *e)
{
	int rc = sqlite3_step(s) == SQLITE_DONE ? 0 : contacts_failed(c, e);

	contacts_reset(s);
	return rc;
}

static int run(struct contacts *c, enum contacts_query q, struct err *e)
{
	return contacts_run(c, c->query[q], e);
}

static int run_on(struct contacts *c, enum contacts_query q, const char *addr,
                  const char *text, struct err *e)
{
	contacts_bind(c->query[q], 1, addr);
	if (text)
		contacts_bind(c->query[q], 2, text);
	return run(c, q, e);
}

static int run_number(struct contacts *c, enum contacts_query q,
                      const char *addr, int64_t number, struct err *e)
{
	sqlite3_bind_int64(c->query[q], 2, number);
	return run_on(c, q, addr, NULL, e);
}

static int run_key(struct contacts *c, enum contacts_query q, const char *addr,
                   const char *fpr, int64_t number, struct err *e)
{
	sqlite3_bind_int64(c->query[q], 3, number);
	return run_on(c, q, addr, fpr, e);
}

int contacts_begin(struct contacts *c, struct err *e)
{
	return run(c, Q_BEGIN, e);
}

int contacts_end(struct contacts *c, struct err *e)
{
	if (run(c, Q_COMMIT, e) == 0)
		return 0;
	contacts_undo(c);
	return -1;
}

void contacts_undo(struct contacts *c)
{
	/* what failed for good has ended it already */
	if (!sqlite3_get_autocommit(c->db))
		run(c, Q_ROLLBACK, NULL);
}

/* ---- reading ---- */

int contacts_column(sqlite3_stmt *s, int n, char *out, size_t size)
{
	const void *p = sqlite3_column_text(s, n);
	size_t len = (size_t)sqlite3_column_bytes(s, n);

	if (!p || len >= size || memchr(p, '\0', len))
		return -1;
	memcpy(out, p, len);
	out[len] = '\0';
	return 0;
}

int contacts_column_fpr(sqlite3_stmt *s, int n, char fpr[FPR + 1],
                        bool may_lack)
{
	if (contacts_column(s, n, fpr, FPR + 1))
		return -1;
	return fpr_ok(fpr) || (may_lack && !fpr[0]) ? 0 : -1;
}

static int take_contact(sqlite3_stmt *s, struct contact_known *k)
{
	int64_t policy = sqlite3_column_int64(s, 4);

	k->first = sqlite3_column_int64(s, 1);
	k->last = sqlite3_column_int64(s, 2);
	k->readable = sqlite3_column_int64(s, 3) != 0;
	k->policy = (enum policy)policy;
	return contacts_column(s, 0, k->addr, sizeof k->addr) || !k->addr[0]
	       || policy < POLICY_UNSET || policy > POLICY_ALWAYS
	       || contacts_column_fpr(s, 5, k->used, true)
	       || contacts_column_fpr(s, 6, k->waits, true) ? -1 : 0;
}

static int take_key(sqlite3_stmt *s, struct contact_known *k)
{
	struct contact_key *key = &k->key[k->n];
	int64_t judged = sqlite3_column_int64(s, 3);

	if (k->n == JUDGED_MAX || contacts_column_fpr(s, 0, key->fpr, false)
	    || judged < JUDGED_NOT || judged > JUDGED_REJECTED)
		return -1;
	key->first = sqlite3_column_int64(s, 1);
	key->last = sqlite3_column_int64(s, 2);
	key->judged = (enum judged)judged;
	k->n++;
	return 0;
}

/* Each row of a statement: 0, or -1. */
static int rows(struct contacts *c, enum contacts_query q,
                int (*take)(sqlite3_stmt *, struct contact_known *),
                struct contact_known *k, struct err *e)
{
	sqlite3_stmt *s = c->query[q];
	int got, rc = 0;

	while ((got = sqlite3_step(s)) == SQLITE_ROW && rc == 0)
		if (take(s, k))
			rc = contacts_damaged(e);
	if (rc == 0 && got != SQLITE_DONE)
		rc = contacts_failed(c, e);
	contacts_reset(s);
	return rc;
}

static int read_one(struct contacts *c, enum contacts_query q,
                    const char *addr, struct contact_known *k, struct err *e)
{
	memset(k, 0, sizeof *k);
	contacts_bind(c->query[q], 1, addr);
	if (rows(c, q, take_contact, k, e))
		return -1;
	if (!k->addr[0])
		return 0;
	contacts_bind(c->query[Q_KEYS], 1, k->addr);
	return rows(c, Q_KEYS, take_key, k, e);
}

char *contacts_folded(const char *addr, struct err *e)
{
	char *f = addr_ok(addr) ? addr_fold(addr) : NULL;

	if (!f)
		err_set(e, gpg_error(addr_ok(addr) ? GPG_ERR_ENOMEM
		                     : GPG_ERR_BAD_DATA), "no address");
	return f;
}

int contacts_get(struct contacts *c, const char *addr,
                 struct contact_known *known, struct err *e)
{
	char *a = contacts_folded(addr, e);
	int rc = a ? read_one(c, Q_GET, a, known, e) : -1;

	free(a);
	return rc;
}

int contacts_next(struct contacts *c, const char *after,
                  struct contact_known *known, struct err *e)
{
	char *a = after[0] ? contacts_folded(after, e) : NULL;
	int rc = -1;

	if (a || !after[0])
		rc = read_one(c, Q_NEXT, a ? a : "", known, e);
	free(a);
	return rc;
}

/* ---- writing ---- */

/* The row of a key, where there is room for it: 0, or -1. */
static int key_add(struct contacts *c, const char *addr, const char *fpr,
                   struct err *e)
{
	struct contact_known k;

	if (read_one(c, Q_GET, addr, &k, e))
		return -1;
	for (unsigned i = 0; i < k.n; i++)
		if (strcmp(k.key[i].fpr, fpr) == 0)
			return 0;
	if (run_key(c, Q_KEY_ROOM, addr, fpr, JUDGED_MAX, e))
		return -1;
	if (k.n == JUDGED_MAX && sqlite3_changes(c->db) == 0)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "too many keys were rejected");
	return run_on(c, Q_KEY_ADD, addr, fpr, e);
}

/* Nothing to be written again on the same day. */
static bool is_noted(const struct contact_known *k, const char *fpr,
                     int64_t now)
{
	return k->first && now - k->last < DAY && !k->readable && !k->waits[0]
	       && strcmp(k->used, fpr) == 0;
}

static int note_sealed(struct contacts *c, const char *addr, const char *fpr,
                       int64_t now, struct err *e)
{
	struct contact_known k;
	struct err full;

	if (read_one(c, Q_GET, addr, &k, e))
		return -1;
	if (is_noted(&k, fpr, now))
		return 0;
	if (run_on(c, Q_ADD, addr, NULL, e)
	    || run_key(c, Q_SEALED, addr, fpr, now, e))
		return -1;
	if (!fpr[0])
		return 0;
	/* a letter is not stopped by what it could add to the list */
	if (key_add(c, addr, fpr, &full))
		return gpg_err_code(full.code) == GPG_ERR_TOO_LARGE ? 0
		       : err_set(e, full.code, "%s", full.text);
	return run_key(c, Q_KEY_SEALED, addr, fpr, now, e);
}

int contacts_sealed(struct contacts *c, const char *addr, const char *fpr,
                    int64_t now, struct err *e)
{
	char *a = contacts_folded(addr, e);
	int rc = -1;

	if (a && fpr[0] && !fpr_ok(fpr))
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no fingerprint");
	else if (a)
		rc = note_sealed(c, a, fpr, now, e);
	free(a);
	return rc;
}

static int set(struct contacts *c, enum contacts_query q, const char *addr,
               int64_t number, struct err *e)
{
	char *a = contacts_folded(addr, e);
	int rc = -1;

	if (a && run_on(c, Q_ADD, a, NULL, e) == 0)
		rc = run_number(c, q, a, number, e);
	free(a);
	return rc;
}

int contacts_readable(struct contacts *c, const char *addr, bool allowed,
                      struct err *e)
{
	return set(c, Q_READABLE, addr, allowed, e);
}

int contacts_policy(struct contacts *c, const char *addr, enum policy policy,
                    struct err *e)
{
	return set(c, Q_POLICY, addr, policy, e);
}

int contacts_judge(struct contacts *c, const char *addr, const char *fpr,
                   enum judged judged, struct err *e)
{
	char *a = contacts_folded(addr, e);
	struct contact_known k;
	int rc = -1;

	if (a && !fpr_ok(fpr))
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no fingerprint");
	else if (a && run_on(c, Q_ADD, a, NULL, e) == 0
	         && key_add(c, a, fpr, e) == 0
	         && run_key(c, Q_KEY_JUDGED, a, fpr, judged, e) == 0)
		rc = read_one(c, Q_GET, a, &k, e);
	if (rc == 0 && strcmp(k.waits, fpr) == 0)
		rc = run_on(c, Q_WAITS, a, "", e);
	free(a);
	return rc;
}

int contacts_waits(struct contacts *c, const char *addr, const char *fpr,
                   struct err *e)
{
	char *a = contacts_folded(addr, e);
	int rc = -1;

	if (a && fpr[0] && !fpr_ok(fpr))
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no fingerprint");
	else if (a && run_on(c, Q_ADD, a, NULL, e) == 0)
		rc = run_on(c, Q_WAITS, a, fpr, e);
	free(a);
	return rc;
}
