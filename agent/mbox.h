/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letters' header blocks out of a file of letters (mbox, RFC 4155), or of one letter,
 * read once from its begin to its end. */
#ifndef AGENT_MBOX_H
#define AGENT_MBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/sink.h"

enum {
	MBOX_HEAD_MAX = 256 << 10,	/* octets of a header block */
	MBOX_LINE_MAX = 200		/* of a line, that are looked at */
};

struct mbox_letter {
	const char *head;	/* with its line ends, and the empty line where there is
				 * one; without the line of the mbox above it */
	size_t n;
	bool whole;		/* else it was cut off, or is too large */
	bool deleted;		/* Thunderbird says so (X-Mozilla-Status) */
	bool key;		/* a public key lies in it */
};

struct mbox {
	/* told of each letter at its end: 0, or what mbox_put() returns then */
	int (*letter)(void *arg, const struct mbox_letter *l, struct err *e);
	void *arg;
	/* the rest is the reader's own */
	enum { MBOX_NONE, MBOX_HEAD, MBOX_BODY, MBOX_MAYBE } at;
	bool one, empty;	/* one letter; the line before was empty */
	bool in_letter, cut, known;
	struct mbox_letter now;
	struct membuf head;
	size_t len;		/* of this line so far */
	size_t kept;
	char line[MBOX_LINE_MAX];	/* its begin */
};

/* A line "From " begins a letter where it is the first one or behind an empty one, is
 * empty or has a date, and a header field follows: so that no line of a letter's text
 * does, as far as that can be told.  one: the file is one letter. */
void mbox_init(struct mbox *m, bool one,
               int (*letter)(void *arg, const struct mbox_letter *l,
                             struct err *e), void *arg);
/* More of it: 0, or -1: no memory, or what letter() returned. */
int mbox_put(struct mbox *m, const char *p, size_t n, struct err *e);
/* Nothing follows; the last letter is told of. */
int mbox_end(struct mbox *m, struct err *e);
void mbox_free(struct mbox *m);

#endif
