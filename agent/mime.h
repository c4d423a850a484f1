/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of mime share. */
#ifndef AGENT_MIME_H
#define AGENT_MIME_H

#include "agent/roles.h"

enum {
	ID_MAX = 998,		/* octets of a Message-ID */
	IDS_MAX = 4		/* Message-IDs of one letter, outer and inner */
};

/* The next Message-ID in a field's text from *at on: what stands between < and
 * >, with them and without blanks, into id.  False when there is none. */
bool mime_next_id(const char **at, char id[ID_MAX + 1]);

/* Letters from front to the lanes (mime_out.c), and from upstream to front
 * (mime_in.c): until front is gone. */
int mime_out(struct mime_ends *ends);
int mime_in(struct mime_ends *ends);

#endif
