/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON: jansson, with bounds of our own. */
#include "plugin-api/private.h"

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
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *read_object(const char *p, size_t n)
{
	json_t *j;

	/* a NUL is no JSON, nor is it let in as \u0000 */
	j = too_deep(p, n) ? NULL
	    : json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

char *read_text(const json_t *object)
{
	return json_dumps(object, JSON_COMPACT);
}
