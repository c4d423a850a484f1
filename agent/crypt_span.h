/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A span of a body in a spool as the text of a signature, with CRLF line ends (RFC
 * 3156 section 5). */
#ifndef AGENT_CRYPT_SPAN_H
#define AGENT_CRYPT_SPAN_H

#include <stdbool.h>

#include "crypto/engine.h"
#include "crypto/spool.h"

enum { SPAN_BLOCK = 16 << 10 };	/* octets read at once */

struct span {
	struct source source;
	struct spool *spool;
	uint64_t at, end;	/* in the spool */
	bool all;		/* a CR alone ends a line too */
	bool cr;		/* the last octet was one */
	uint64_t drop, left;	/* of text */
	size_t off, len;
	char text[2 * SPAN_BLOCK];
};

/* n octets from an offset on in a body that begins behind skip octets of the spool;
 * an LF alone becomes CRLF.  -1 where they are not all in it. */
int span_of_octets(struct span *s, struct spool *spool, uint64_t skip,
                   uint64_t from, uint64_t n);
/* The same with the offset and n counted in the body as it is delivered: there
 * each CR and each LF alone is a CRLF.  What is not in it is left out. */
int span_of_text(struct span *s, struct spool *spool, uint64_t skip,
                 uint64_t from, uint64_t n);
void span_wipe(struct span *s);

#endif
