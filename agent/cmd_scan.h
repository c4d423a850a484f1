/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of letterlock scan share. */
#ifndef AGENT_CMD_SCAN_H
#define AGENT_CMD_SCAN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>


#include "agent/ask.h"
#include "agent/mbox.h"

enum {
	SCAN_DEPTH_MAX = 20,		/* folders within one another */
	SCAN_PEOPLE_MAX = 20000,	/* whose letters are told apart */
	SCAN_KEYED_MAX = 4000,		/* of these, with a key */
	SCAN_KEYS_MAX = 16,		/* of one: who has more is passed over */
	SCAN_BATCH_MAX = 200,		/* letters told to the agent at once */
	SCAN_SECONDS = 120,		/* for one answer of the agent */
	SCAN_TOLD_MAX = 20		/* files that are named as not read */
};

/* Why nothing is learnt from a letter, or a file is passed over. */
enum scan_why {
	SCAN_OWN, SCAN_MACHINE, SCAN_DELETED, SCAN_UNREAD, SCAN_CUT, SCAN_NO_DATE,
	SCAN_TOO_MANY, SCAN_JUNK, SCAN_LINKS, SCAN_DEEP, SCAN_WHYS
};

struct scan {
	struct ask ask;
	bool json, dry, yes, tty;
	unsigned long files, letters, keys;	/* that were read; with a key */
	unsigned long why[SCAN_WHYS];
	json_t *unread;		/* [[file, why], ...] */
	unsigned long unread_n;
	/* address, as addr_fold() has it -> {"address", "keys": {base64: {"date",
	 * "first", "mutual"; "fpr", "is" later}}, "bare": date of the last letter
	 * without one, "many", "attached"} */
	json_t *people;
	unsigned long keyed;
	json_t *batch;		/* letters that the agent is to look at */
	size_t batch_octets;
	bool attached[SCAN_BATCH_MAX];	/* what was seen of them */
	int64_t told_at;
	json_t *result;		/* see scan_learn() */
};

/* Ctrl-C was pressed. */
extern volatile sig_atomic_t scan_stopped;

/* cmd_scan_walk.c: all letters of a file or below a folder.  0, or -1 with e filled:
 * the agent failed.  What can't be read is noted; GPG_ERR_ENOENT: path is not
 * there. */
int scan_walk(struct scan *s, const char *path, struct err *e);

/* cmd_scan_letters.c: each is 0, or -1: the agent failed. */

/* One more letter. */
int scan_letter(struct scan *s, const struct mbox_letter *l, struct err *e);
/* Those that wait are looked at. */
int scan_flush(struct scan *s, struct err *e);

/* cmd_scan_learn.c: what was found is remembered (dry: only judged), and s->result is
 * {"people": [...], "changed": [...], "unfit": [...], "attached": [...], "new": n}:
 * 0, or -1: the agent failed. */
int scan_learn(struct scan *s, struct err *e);

/* cmd_scan_tell.c: to standard output, for people or as JSON. */
void scan_print(struct scan *s);
void scan_print_json(struct scan *s);

/* A member of an object. */
static inline json_int_t scan_number(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static inline const char *scan_text(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

#endif
