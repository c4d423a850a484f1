/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of contacts: made whole under another name, and never believed when it
 * is not whole. */
#include "agent/contacts_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "contacts.db"

enum {
	APPLICATION = 0x4c4c636b,	/* "LLck": whose file it is */
	BUSY_MS = 3000			/* for letterlock seal, say, to be done */
};

#define PEERS \
	"CREATE TABLE IF NOT EXISTS peer (" \
	" addr TEXT PRIMARY KEY NOT NULL," \
	" last_seen INTEGER NOT NULL DEFAULT 0," \
	" autocrypt_timestamp INTEGER NOT NULL DEFAULT 0," \
	" gossip_timestamp INTEGER NOT NULL DEFAULT 0," \
	" wkd_timestamp INTEGER NOT NULL DEFAULT 0," \
	" mutual INTEGER NOT NULL DEFAULT 0," \
	" own_fpr TEXT NOT NULL DEFAULT ''," \
	" fpr TEXT NOT NULL DEFAULT ''," \
	" gossip_fpr TEXT NOT NULL DEFAULT ''," \
	" wkd_fpr TEXT NOT NULL DEFAULT ''," \
	" import_fpr TEXT NOT NULL DEFAULT ''" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE TABLE IF NOT EXISTS peer_key (" \
	" serial INTEGER PRIMARY KEY AUTOINCREMENT," \
	" fpr TEXT UNIQUE NOT NULL," \
	" source INTEGER NOT NULL," \
	" learnt INTEGER NOT NULL," \
	" seen INTEGER NOT NULL," \
	" expires INTEGER NOT NULL," \
	" revoked INTEGER NOT NULL," \
	" hash BLOB NOT NULL," \
	" data BLOB NOT NULL" \
	") STRICT;"

/* When keys end that were looked up. */
#define ENDING \
	"CREATE TABLE IF NOT EXISTS ending (" \
	" fpr TEXT PRIMARY KEY NOT NULL," \
	" at INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;"

/* One of an older version; two who do it at once do it once. */
static const char upgrade[] =
	"BEGIN IMMEDIATE;"
	PEERS
	ENDING
	"PRAGMA user_version = 3;"
	"COMMIT;";

/* Written once, with APPLICATION and CONTACTS_VERSION. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE contact ("
	" addr TEXT PRIMARY KEY NOT NULL,"
	" first INTEGER NOT NULL DEFAULT 0,"
	" last INTEGER NOT NULL DEFAULT 0,"
	" readable INTEGER NOT NULL DEFAULT 0,"
	" policy INTEGER NOT NULL DEFAULT 0,"
	" used TEXT NOT NULL DEFAULT '',"
	" waits TEXT NOT NULL DEFAULT ''"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE key ("
	" addr TEXT NOT NULL REFERENCES contact(addr),"
	" fpr TEXT NOT NULL,"
	" first INTEGER NOT NULL DEFAULT 0,"
	" last INTEGER NOT NULL DEFAULT 0,"
	" judged INTEGER NOT NULL DEFAULT 0,"
	" said INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (addr, fpr)"
	") STRICT, WITHOUT ROWID;"
	PEERS
	ENDING
	"PRAGMA application_id = 1280074603;"
	"PRAGMA user_version = 3;"
	"COMMIT;";
_Static_assert(APPLICATION == 1280074603 && CONTACTS_VERSION == 3,
               "the numbers in the schema");

int contacts_damaged(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA), NAME " in the state "
	               "folder is damaged. Restore it, or remove it to begin "
	               "anew: nobody is known then");
}

int contacts_failed(struct contacts *c, struct err *e)
{
	int code = c->db ? sqlite3_errcode(c->db) : SQLITE_NOMEM;

	switch (code & 0xff) {
	case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT: case SQLITE_ERROR:
		return contacts_damaged(e);
	case SQLITE_NOMEM:
		return err_set(e, gpg_error(GPG_ERR_ENOMEM), "memory");
	}
	return err_set(e, gpg_error(GPG_ERR_EIO), NAME ": %s",
	               sqlite3_errstr(code));
}

/* ---- the connection ---- */

/* TRUNCATE, unlike DELETE, syncs what makes a transaction final. */
static const char settings[] =
	"PRAGMA journal_mode = TRUNCATE;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA foreign_keys = ON;";

static int connect_to(struct contacts *c, const char *path, struct err *e)
{
	char pages[60];

	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE
	                    | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
	                    | SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK)
		return contacts_failed(c, e);
	snprintf(pages, sizeof pages, "PRAGMA max_page_count = %d",
	         CONTACTS_PAGES_MAX);
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (sqlite3_busy_timeout(c->db, BUSY_MS) != SQLITE_OK
	    || sqlite3_exec(c->db, settings, NULL, NULL, NULL) != SQLITE_OK
	    || sqlite3_exec(c->db, pages, NULL, NULL, NULL) != SQLITE_OK)
		return contacts_failed(c, e);
	return 0;
}

/* ---- a new one ---- */

static int fill(const char *path, struct err *e)
{
	struct contacts new = { NULL };
	int rc = connect_to(&new, path, e);

	if (rc == 0
	    && sqlite3_exec(new.db, schema, NULL, NULL, NULL) != SQLITE_OK)
		rc = contacts_failed(&new, e);
	if (sqlite3_close(new.db) != SQLITE_OK && rc == 0)
		rc = contacts_failed(&new, e);
	return rc;
}

static int folder_sync(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	rc = fd == -1 || fsync(fd) ? err_errno(e, dir) : 0;
	if (fd != -1)
		close(fd);
	return rc;
}

/* Two who make it at once get one; one that was cut short is no contacts.db. */
static int make(const char *dir, const char *path, struct err *e)
{
	char new[PATH_MAX], journal[PATH_MAX];
	int fd, rc = -1;

	if (snprintf(new, sizeof new, "%s.%ld", path, (long)getpid())
	    >= (int)sizeof new
	    || snprintf(journal, sizeof journal, "%s-journal", new)
	       >= (int)sizeof journal)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "%s: too long", dir);
	unlink(new);
	unlink(journal);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_errno(e, new);
	close(fd);
	if (fill(new, e) == 0)
		rc = link(new, path) && errno != EEXIST ? err_errno(e, path) : 0;
	unlink(new);
	unlink(journal);
	return rc ? -1 : folder_sync(dir, e);
}

/* ---- one that is there ---- */

/* The first value of what a pragma answers. */
static int value(struct contacts *c, const char *pragma, int64_t *number,
                 char text[20], struct err *e)
{
	sqlite3_stmt *s = NULL;
	const char *p;
	int rc = -1;

	if (sqlite3_prepare_v2(c->db, pragma, -1, &s, NULL) == SQLITE_OK
	    && sqlite3_step(s) == SQLITE_ROW) {
		p = (const char *)sqlite3_column_text(s, 0);
		*number = sqlite3_column_int64(s, 0);
		snprintf(text, 20, "%s", p ? p : "");
		rc = 0;
	} else {
		contacts_failed(c, e);
	}
	sqlite3_finalize(s);
	return rc;
}

static int look(struct contacts *c, struct err *e)
{
	int64_t n = 0;
	char text[20];
	bool old;

	if (value(c, "PRAGMA application_id", &n, text, e))
		return -1;
	if (n != APPLICATION)
		return contacts_damaged(e);
	if (value(c, "PRAGMA user_version", &n, text, e))
		return -1;
	if (n > CONTACTS_VERSION)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA), NAME " in the "
		               "state folder is of a newer Letterlock than this "
		               "one. Install that again");
	if (n < 1)
		return contacts_damaged(e);
	old = n < CONTACTS_VERSION;
	if (value(c, "PRAGMA quick_check(1)", &n, text, e))
		return -1;
	if (strcmp(text, "ok"))
		return contacts_damaged(e);
	if (old
	    && sqlite3_exec(c->db, upgrade, NULL, NULL, NULL) != SQLITE_OK)
		return contacts_failed(c, e);
	return 0;
}

/* SQLite takes no link in the whole path, and the folder's own are all right. */
static int path_of(char path[PATH_MAX], const char *dir, struct err *e)
{
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return err_errno(e, dir);
	if (snprintf(path, PATH_MAX, "%s/" NAME, real) >= PATH_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "%s: too long", dir);
	return 0;
}

int contacts_file_open(struct contacts *c, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (path_of(path, dir, e))
		return -1;
	if (access(path, F_OK) && errno == ENOENT && make(dir, path, e))
		return -1;
	if (lstat(path, &st))
		return err_errno(e, path);
	if (!S_ISREG(st.st_mode))
		return contacts_damaged(e);
	return connect_to(c, path, e) || look(c, e) ? -1 : 0;
}
