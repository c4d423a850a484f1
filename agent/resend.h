/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognising a letter that is sent again: a digest of what a person wrote and
 * attached, without what a client makes anew at each Send. */
#ifndef AGENT_RESEND_H
#define AGENT_RESEND_H

#include <stdbool.h>

#include "crypto/sink.h"

enum {
	RESEND_DIGEST = 32,
	RESEND_LINE = 1000,	/* octets of a line that are looked at */
	RESEND_FIELD = 2048,	/* octets of a Content-Type that are looked at */
	RESEND_BOUNDARIES = 64,	/* multiparts of a letter that are known */
	RESEND_BOUNDARY = 70	/* octets of a boundary (RFC 2046 section 5.1.1) */
};

/* A filter: lines with CRLF pass on to out unchanged and into the digest,
 * except the fields Message-ID and Date, the value of a multipart's boundary in
 * its Content-Type, and that value in the lines that delimit its parts.  What
 * is not surely one of these counts: a letter too many is better than none. */
struct resend {
	struct sink sink;
	struct sink *out;	/* may be changed at any time */
	void *sha;		/* EVP_MD_CTX */
	char line[RESEND_LINE];	/* the begin of a line cut by a block */
	size_t len;
	enum { RESEND_TOP, RESEND_PART, RESEND_BODY } at;	/* a header block? */
	enum { RESEND_COUNTS, RESEND_SKIPPED, RESEND_TYPE } in;	/* field */
	char type[RESEND_FIELD];	/* a Content-Type so far */
	size_t type_len;
	char boundary[RESEND_BOUNDARIES][RESEND_BOUNDARY];
	unsigned char boundary_len[RESEND_BOUNDARIES];
	unsigned boundaries;
	bool in_line;		/* a long line goes on, decided: */
	bool skip_line;
	bool failed;
};

void resend_init(struct resend *r, struct sink *out);
/* 0, or -1 when the digest could not be made; frees what init made. */
int resend_end(struct resend *r, unsigned char digest[RESEND_DIGEST]);
void resend_free(struct resend *r);

#endif
