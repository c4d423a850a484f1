/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entities of a MIME body (RFC 2045, RFC 2046 section 5), streaming: every
 * octet is handed on exactly once, in order, and said to be what it is.  Nothing
 * is decoded, repaired or written anew. */
#ifndef CRYPTO_PARTS_H
#define CRYPTO_PARTS_H

#include <stdbool.h>

#include "crypto/header.h"

enum {
	PARTS_DEPTH_MAX = 100,		/* what is deeper is an opaque leaf */
	PARTS_LINE_MAX = 1024,		/* octets of a line looked at as a whole */
	BOUNDARY_MAX = 70,		/* RFC 2046 section 5.1.1 */
	PART_HEADER_MAX = 64 << 10,	/* octets of the header of a part; where it
					 * is longer the part is an opaque leaf */
	PART_FIELDS_MAX = 1000		/* its fields; the same where there are more */
};

enum part_kind {
	PART_LEAF,
	PART_MULTI,		/* multipart with one usable boundary */
	PART_MESSAGE		/* message/rfc822 or message/global, if it is looked
				 * into: its one child is the message */
};

/* An entity; valid during the callback, its parents too. */
struct part {
	const struct part *parent;	/* NULL: the root */
	const struct header *header;	/* never NULL; n == 0 where it is over a limit */
	enum part_kind kind;
	unsigned depth;			/* 0: the root */
	unsigned nth;			/* among its parent's children, from 0 */
	bool opaque;			/* a leaf because of a limit of ours: it is
					 * deeper than PARTS_DEPTH_MAX, or its header is
					 * over a limit and then all of it is BODY */
	void *user;			/* the receiver's own, NULL at birth */
};

enum parts_piece {
	PIECE_HEADER,		/* the header block of a part, whole, with its empty
				 * line where it has one; in one call.  The root's
				 * comes never: who asks has it */
	PIECE_BODY,		/* of a leaf, without the line end before the next
				 * delimiter */
	PIECE_PREAMBLE,
	PIECE_DELIMITER,	/* the line end before it, unless a header block or
				 * delimiter needs that one, and the whole line; in
				 * one call */
	PIECE_CLOSE,		/* the same of the closing one */
	PIECE_EPILOGUE
};

/* Who is told.  p is the leaf for BODY, the part for HEADER, the multipart for
 * the others.  Either may be NULL. */
struct parts_to {
	int (*piece)(struct parts_to *t, struct part *p, enum parts_piece what,
	             const char *buf, size_t n, struct err *e);
	/* The part (leaf or not) is over; comes for the root too, last. */
	int (*end)(struct parts_to *t, struct part *p, struct err *e);
};

struct parts;

/* A reader for the body of an entity with this header block (which must outlive
 * it).  depth: at most so many levels of multipart and message are looked into
 * (1: the root's children are leaves, whatever they are); messages: whether
 * message/rfc822 is.  NULL: no memory. */
struct parts *parts_new(const struct header *root, unsigned depth,
                        bool messages, struct parts_to *to, struct err *e);
/* Octets in any cutting; the pieces but for BODY, PREAMBLE and EPILOGUE do not
 * depend on it.  -1 when a callback failed, or no memory is left. */
int parts_put(struct parts *p, const void *buf, size_t n, struct err *e);
/* Nothing follows. */
int parts_end(struct parts *p, struct err *e);
void parts_free(struct parts *p);

/* Was there something that other readers may understand in another way: a
 * multipart that did not close or has no part, a delimiter behind the closing
 * one, a delimiter with blanks without end or a bare CR behind it, a header block
 * without its empty line or over a limit, a type that can't be read, a multipart
 * without one usable boundary or with a second type, the boundary of a multipart
 * being (a beginning of) that of another one around or inside it?  What is not
 * looked into does not count. */
bool parts_odd(const struct parts *p);

/* A part's type in lower case: "text/plain" too where there is none (as a child of
 * multipart/digest: "message/rfc822"), more than one, or one that can't be read.
 * Only for parts that a callback got.  Malloced, or NULL: no memory. */
char *part_type(const struct part *p);
/* Is it this one (in lower case)? */
bool part_is(const struct part *p, const char *type);

#endif
