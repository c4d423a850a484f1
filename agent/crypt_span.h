/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A span of a spool as the text of a signature: with CRLF line ends, nothing else
 * changed (RFC 3156 section 5). */
#ifndef AGENT_CRYPT_SPAN_H
#define AGENT_CRYPT_SPAN_H

#include <stdbool.h>

#include "crypto/engine.h"
#include "crypto/spool.h"

enum { SPAN_BLOCK = 16 << 10 };	/* octets read at once */

struct span {
	struct source source;
	struct spool *spool;
	uint64_t at, end;
	bool cr;		/* the last octet was one */
	size_t off, len;	/* of text */
	char text[2 * SPAN_BLOCK];
};

/* n octets from an offset on; -1 where they are not all in the spool. */
int span_init(struct span *s, struct spool *spool, uint64_t from, uint64_t n);
void span_wipe(struct span *s);

#endif
