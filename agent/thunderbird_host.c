/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The native-messaging host's manifest, which allows our add-on alone. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/file.h"
#include "agent/thunderbird.h"

/* Thunderbird looks where Firefox does, and not in ~/.thunderbird. */
static char *manifest_path(const struct thunderbird *t)
{
	const char *file = "/native-messaging-hosts/" THUNDERBIRD_HOST ".json";

	return t->home ? file_path(t->home, "/.mozilla", file, NULL)
	               : file_path(t->root, "/usr/lib/mozilla", file, NULL);
}

int thunderbird_host_add(const struct thunderbird *t, struct err *e)
{
	char *path = manifest_path(t), *text = NULL;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:[s]}",
	                      "name", THUNDERBIRD_HOST,
	                      "description", "Letterlock's link to the running "
	                      "letterlockd", "path", t->host, "type", "stdio",
	                      "allowed_extensions", THUNDERBIRD_ADDON);
	int rc = -1;

	if (path && j)
		text = json_dumps(j, JSON_INDENT(2));
	if (!text)
		err_set(e, gpg_error(GPG_ERR_INV_NAME),
		        "%s: its name is not UTF-8", t->host);
	else
		rc = file_write(path, text, strlen(text), 0644, e);
	if (rc == 0)
		printf("%s: tells Thunderbird where %s is\n", path, t->host);
	json_decref(j);
	free(text);
	free(path);
	return rc;
}

int thunderbird_host_remove(const struct thunderbird *t, struct err *e)
{
	char *path = manifest_path(t);
	int rc = path ? file_remove(path, e) : err_errno(e, "memory");

	if (rc == 1)
		printf("%s: removed\n", path);
	free(path);
	return rc == -1 ? -1 : 0;
}
