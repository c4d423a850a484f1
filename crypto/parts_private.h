/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the scanner's two files share. */
#ifndef CRYPTO_PARTS_PRIVATE_H
#define CRYPTO_PARTS_PRIVATE_H

#include "crypto/parts.h"
#include "crypto/sink.h"

struct entity {
	struct part part;	/* first: what callers see */
	enum { IN_HEADER, IN_BODY, IN_PREAMBLE, IN_PARTS, IN_EPILOGUE } where;
	struct membuf block;	/* its header block, not the root's */
	size_t line_at;		/* where the block's last line begins */
	struct header header;
	char boundary[BOUNDARY_MAX + 1];
	size_t boundary_len;
	unsigned children;
	bool digest;		/* multipart/digest */
};

struct parts {
	struct parts_to *to;
	unsigned depth;
	bool messages, odd;
	enum { LINE_BEGINS, LINE_OPEN, LINE_PASSED } line;	/* the next octet's:
				 * open, it may be a delimiter; passed, it is none */
	char kept[2 + PARTS_LINE_MAX];	/* held back: a line end, then an open line */
	size_t kept_len, eol_len;
	unsigned n_open;
	struct entity open[PARTS_DEPTH_MAX + 1];
};

/* The entity's header is known: what is it (part.kind, boundary), and what comes
 * next (where)?  Sets odd.  -1: no memory. */
int parts_look(struct parts *p, struct entity *t, struct err *e);

#endif
