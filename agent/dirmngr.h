/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One look-up of a key by WKD (draft-koch-openpgp-webkey-service), which dirmngr does
 * for us: what is said over its socket, in Assuan.
 *
 * What it took for a domain without WKD it asks no more for as long as it runs, be it
 * that the network was down at that moment (GnuPG 2.2.40).  It tells so, and looks
 * again when it is asked for the domain's policy: so we ask for that, and if there is
 * one, for the key once more. */
#ifndef AGENT_DIRMNGR_H
#define AGENT_DIRMNGR_H

#include <sys/un.h>

#include "agent/frames.h"
#include "crypto/keydata.h"

enum {
	DIRMNGR_LINE_MAX = 1002,	/* octets, with its end (libassuan's) */
	/* of a whole answer: each octet of a key may be three, in short lines */
	DIRMNGR_OCTETS_MAX = 4 * KEYDATA_MAX
};

struct dirmngr {
	int fd;			/* which does not block; -1: none */
	enum {
		DIRMNGR_GREETING, DIRMNGR_KEY, DIRMNGR_POLICY, DIRMNGR_AGAIN
	} step;			/* what it is to answer */
	bool stale;		/* it says what it was told once, perhaps long ago */
	bool no_name;		/* its no: there is no such domain, or nobody has
				 * answered to who it is */
	char addr[ADDR_MAX + 1];
	char line[DIRMNGR_LINE_MAX];
	size_t len, octets;	/* octets: all that came */
	struct membuf key;
};

/* Connect, without waiting: 0, or -1 with errno.  Either way it is to be ended. */
int dirmngr_begin(struct dirmngr *d, const struct sockaddr_un *at,
                  const char *addr);
void dirmngr_end(struct dirmngr *d);
/* Take what has come: LOOKED_NOT, there is more to come; LOOKED_FOUND, key has what
 * the domain gave, whatever that is; LOOKED_NONE, it has nothing for that address;
 * LOOKED_FAILED, which is not to say that it has not. */
enum looked dirmngr_take(struct dirmngr *d);

#endif
