/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of contacts as it is at one moment, for a backup. */
#include "agent/contacts_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/file.h"

int contacts_copy(const char *dir, struct membuf *out, struct err *e)
{
	char *path = file_path(dir, "/contacts.db", NULL);
	bool there = path && access(path, F_OK) == 0;
	struct contacts c = { NULL };
	unsigned char *p = NULL;
	sqlite3_int64 n = 0;
	int rc = path ? 0 : err_errno(e, "memory");

	if (there && contacts_file_open(&c, dir, e))
		rc = -1;
	else if (there && !(p = sqlite3_serialize(c.db, "main", &n, 0)))
		rc = contacts_failed(&c, e);
	else if (there)
		rc = sink_put(&out->sink, p, (size_t)n, e) ? -1 : 1;
	sqlite3_free(p);
	sqlite3_close(c.db);
	free(path);
	return rc;
}
