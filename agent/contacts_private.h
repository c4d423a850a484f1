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
	QUERIES
};

struct contacts {
	sqlite3 *db;
	sqlite3_stmt *query[QUERIES];
};

/* Open contacts.db in a folder into c->db, made if there is none, looked at if
 * there is: 0, or -1. */
int contacts_file_open(struct contacts *c, const char *dir, struct err *e);
/* What SQLite has just said, as an error; returns -1. */
int contacts_failed(struct contacts *c, struct err *e);
/* It is not what we wrote; returns -1. */
int contacts_damaged(struct err *e);

#endif
