/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dots of SMTP and POP3 (RFC 5321 section 4.5.2, RFC 1939 section 3): a
 * line that begins with one gets another on the way, and ".\r\n" ends a letter.
 * A line begins behind CRLF, never behind a bare CR or LF. */
#ifndef AGENT_DOTS_H
#define AGENT_DOTS_H

#include <stdbool.h>

#include "crypto/sink.h"

/* Towards the wire.  A bare CR or LF or a NUL is refused (GPG_ERR_BAD_DATA) and
 * not passed on, nor is anything behind it; with lenient (a letter for our own
 * client, as the provider had it) they pass, and a line begins behind any LF,
 * since there are clients that see one there, but only CRLF ends the last. */
struct dots {
	struct sink sink;
	struct sink *to;
	bool lenient;
	bool start;		/* of a line */
	bool bare;		/* behind a bare LF */
	bool cr;		/* a CR was held back at the end of a block */
};
void dots_init(struct dots *d, struct sink *to);
/* The letter is complete: its last line gets an end if it has none. */
int dots_end(struct dots *d, struct err *e);

/* From the wire.  All octets pass unchanged but the stuffed dots. */
struct undots {
	enum { UNDOTS_START, UNDOTS_LINE, UNDOTS_CR, UNDOTS_DOT,
	       UNDOTS_DOT_CR } state;
};
void undots_init(struct undots *u);
/* Pass the letter's octets among these n to a sink.  1: it ended with the octet
 * before *used; 0: it goes on, all were used; -1: the sink failed. */
int undots_put(struct undots *u, const void *buf, size_t n, size_t *used,
               struct sink *to, struct err *e);

#endif
