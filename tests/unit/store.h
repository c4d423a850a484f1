/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contacts.db in a folder of the test's own, for the units of what is in it.  To be
 * included behind cmocka.h. */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/contacts.h"

static char store_dir[40];

static inline void store_path(char path[300], const char *name)
{
	assert_in_range(snprintf(path, 300, "%s/%s", store_dir, name), 1, 299);
}

/* After each test. */
static inline int store_clear(void **state)
{
	DIR *d = opendir(store_dir);
	char path[300];

	(void)state;
	for (struct dirent *f; d && (f = readdir(d));) {
		store_path(path, f->d_name);
		unlink(path);
	}
	closedir(d);
	return 0;
}

static inline int store_begin(void **state)
{
	(void)state;
	umask(0);		/* so that 0600 is our own doing */
	/* in memory where that can be: it is processes that end here, no disk */
	snprintf(store_dir, sizeof store_dir, "%s/letterlock-test-XXXXXX",
	         access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	return mkdtemp(store_dir) ? 0 : -1;
}

static inline int store_finish(void **state)
{
	store_clear(state);
	return rmdir(store_dir);
}

static inline struct contacts *store_open(void)
{
	struct err e;
	struct contacts *c = contacts_open(store_dir, &e);

	if (!c)
		fail_msg("%s", e.text);
	return c;
}

/* Behind the back of who has it open. */
static inline void store_sql(const char *text)
{
	sqlite3 *db = NULL;
	char path[300];

	store_path(path, "contacts.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

#endif
