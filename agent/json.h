/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON of the plug-in socket: jansson, with bounds of our own. */
#ifndef AGENT_JSON_H
#define AGENT_JSON_H

#include <stddef.h>

#include <jansson.h>

#include "crypto/err.h"

enum {
	JSON_LINE_MAX = 64 << 10,	/* octets of a request, with its line end */
	JSON_ANSWER_MAX = 1 << 20,	/* octets of an answer, with its line end */
	JSON_DEPTH_MAX = 16		/* objects and arrays within one another */
};

/* One object (RFC 8259) from the n octets of a line, to be freed by
 * json_decref(): valid UTF-8, no NUL, no name twice, no deeper than
 * JSON_DEPTH_MAX.  NULL with e filled; what it was is not said again there. */
json_t *json_read(const char *p, size_t n, struct err *e);
/* The object as one line with its LF, malloced: NULL where it would be longer
 * than JSON_ANSWER_MAX. */
char *json_write(const json_t *object, size_t *n);
/* A string, which may come from outside: what is not valid UTF-8 becomes ?. */
json_t *json_words(const char *s);

#endif
