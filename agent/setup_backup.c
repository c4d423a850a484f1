/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The step of setup that offers a backup. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/file.h"
#include "agent/setup_end.h"

static int make(const struct setup *s, const char *file)
{
	int rc;

	if (access(file, F_OK) == 0) {
		printf("%s is there already and stays as it is: no new backup is "
		       "made\n", file);
		return 0;
	}
	rc = cmd_backup_make(s->conf_path, file, false);
	if (rc == 0)
		printf("Take the file to another place, too: on this disk alone it "
		       "is lost with it.\n");
	return rc;
}

int setup_backup(const struct setup *s)
{
	const char *home = getenv("HOME");
	char *file;
	int rc = 0;

	if (s->backup)
		return make(s, s->backup);
	if (s->no_backup || s->yes || !home)
		return 0;
	if (!(file = file_path(home, "/letterlock.backup", NULL)))
		return setup_fail(EX_OSERR, "Out of memory");
	if (access(file, F_OK) == -1
	    && setup_ask(s, "Without your key sealed letters stay closed for "
	                 "ever. Make a backup of it, %s?", file))
		rc = make(s, file);
	free(file);
	return rc;
}
