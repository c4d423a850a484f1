/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking a running letterlockd over the plug-in socket, for commands. */
#ifndef AGENT_ASK_H
#define AGENT_ASK_H

#include "agent/json.h"

enum { ASK_CODE_MAX = 40 };

struct ask {
	int fd;
	json_int_t id;		/* of the last call */
	char code[ASK_CODE_MAX];	/* of the last error, or "" */
	char *in;		/* the line that comes */
	size_t len, size;
};

/* Connect and say hello: 0, or -1 (GPG_ERR_NO_AGENT: none runs). */
int ask_open(struct ask *a, struct err *e);
void ask_close(struct ask *a);
/* One call, with further members or NULL (the reference is taken); seconds until
 * the answer.  Its "ok", to be freed by json_decref(); NULL: e has its words, and
 * a->code what kind it is of. */
json_t *ask_call(struct ask *a, const char *call, json_t *members,
                 unsigned seconds, struct err *e);

/* To a terminal: what is not printable ASCII becomes ?.  NULL is "". */
void ask_print(const char *s);

#endif
