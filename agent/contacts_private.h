/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of contacts share: the database and its prepared statements. */
#ifndef AGENT_CONTACTS_PRIVATE_H
#define AGENT_CONTACTS_PRIVATE_H

#include <sqlite3.h>

#include "agent/contacts.h"

enum contacts_query {
	Q_BEGIN, Q_COMMIT, Q_ROLLBACK,
	Q_GET, Q_NEXT, Q_KEYS,
	Q_ADD, Q_SEALED, Q_READABLE, Q_POLICY, Q_WAITS,
	Q_KEY_ADD, Q_KEY_SEALED, Q_KEY_JUDGED, Q_KEY_ROOM,
	Q_LASTS, Q_NEVER, Q_ENDING,
	QUERIES
};

enum peers_query {			/* of peers.c, and peers_learn.c */
	P_GET, P_REFS, P_PUT, P_ROOM, P_COUNT,
	P_KEY, P_KEY_DROP, P_KEY_ADD, P_KEY_SEEN, P_KEY_UNUSED, P_KEY_UNKNOWN,
	P_KEYS, P_LAST, P_AFTER, P_NEXT,
	PEERS_QUERIES
};

struct contacts {
	sqlite3 *db;
	sqlite3_stmt *query[QUERIES];
	sqlite3_stmt *peers[PEERS_QUERIES];
};

/* Prepare n statements: 0, or -1. */
int contacts_prepare(struct contacts *c, const char *const *sql,
                     sqlite3_stmt **s, size_t n, struct err *e);
int peers_prepare(struct contacts *c, struct err *e);
/* One that answers nothing; what was bound to it is gone then. */
int contacts_run(struct contacts *c, sqlite3_stmt *s, struct err *e);
void contacts_bind(sqlite3_stmt *s, int n, const char *text);
void contacts_reset(sqlite3_stmt *s);
/* A column's text of less than size octets, or a fingerprint: 0, or -1. */
int contacts_column(sqlite3_stmt *s, int n, char *out, size_t size);
int contacts_column_fpr(sqlite3_stmt *s, int n, char fpr[41], bool may_lack);
/* An address as it stands in the tables, malloced, or NULL with e filled. */
char *contacts_folded(const char *addr, struct err *e);

/* Open contacts.db in a folder into c->db, made if there is none, looked at if
 * there is: 0, or -1. */
int contacts_file_open(struct contacts *c, const char *dir, struct err *e);
/* What SQLite has just said, as an error; returns -1. */
int contacts_failed(struct contacts *c, struct err *e);
/* It is not what we wrote; returns -1. */
int contacts_damaged(struct err *e);

#endif
