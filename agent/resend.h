/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognising a letter that is sent again: a digest of what a person wrote and
 * attached, without what a client makes anew at each Send. */
#ifndef AGENT_RESEND_H
#define AGENT_RESEND_H

#include <stdbool.h>

#include "crypto/sink.h"

enum {
	RESEND_DIGEST = 32,
	RESEND_LINE = 256	/* octets of a line that are looked at */
};

/* A filter: lines with CRLF pass on to out unchanged and into the digest,
 * except the fields Message-ID, Date and Content-Type and, where that one named
 * a boundary, lines that begin with "--" and those that name another. */
struct resend {
	struct sink sink;
	struct sink *out;	/* may be changed at any time */
	void *sha;		/* EVP_MD_CTX */
	char line[RESEND_LINE];	/* the begin of a line cut by a block */
	size_t len;
	bool body;		/* the header block is over */
	bool parts;		/* it named a boundary */
	bool skip_field;	/* continuation lines are of a skipped field */
	bool in_line;		/* a long line goes on, decided: */
	bool skip_line;
	bool failed;
};

void resend_init(struct resend *r, struct sink *out);
/* 0, or -1 when the digest could not be made; frees what init made. */
int resend_end(struct resend *r, unsigned char digest[RESEND_DIGEST]);
void resend_free(struct resend *r);

#endif
