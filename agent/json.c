/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON of the plug-in socket, one object a line. */
#include "agent/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* jansson goes down by recursion, and far deeper than anybody wants. */
static bool too_deep(const char *p, size_t n)
{
	bool string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			string = !string;
		else if (!string && (p[i] == '{' || p[i] == '['))
			depth++;
		else if (!string && (p[i] == '}' || p[i] == ']'))
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *json_read(const char *p, size_t n, struct err *e)
{
	json_error_t why;
	json_t *j;

	if (memchr(p, '\0', n)) {
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "There is a NUL in it");
		return NULL;
	}
	if (too_deep(p, n)) {
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "It is nested too deep");
		return NULL;
	}
	j = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(j))
		return j;
	if (j)
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "It is no object");
	else if (json_error_code(&why) == json_error_invalid_utf8)
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "It is not UTF-8");
	else if (json_error_code(&why) == json_error_duplicate_key)
		err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		        "A name is there twice");
	else
		err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		        "It is not JSON, from octet %d on", why.position);
	json_decref(j);
	return NULL;
}

char *json_write(const json_t *object, size_t *n)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *line;

	if (len == 0 || len >= JSON_ANSWER_MAX || !(line = malloc(len + 1)))
		return NULL;
	if (json_dumpb(object, line, len, JSON_COMPACT) != len) {
		free(line);
		return NULL;
	}
	line[len] = '\n';
	*n = len + 1;
	return line;
}

json_t *json_words(const char *s)
{
	json_t *j = json_string(s);
	char *plain;

	if (j || !(plain = strdup(s)))
		return j;
	for (char *p = plain; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(plain);
	free(plain);
	return j;
}
