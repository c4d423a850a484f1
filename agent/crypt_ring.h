/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: the keyring that gpg finds peers' keys in, made from what the keeper has. */
#ifndef AGENT_CRYPT_RING_H
#define AGENT_CRYPT_RING_H

#include <limits.h>

#include "agent/crypt.h"

/* Where it is: made by crypt_ring_prepare(), or "". */
struct ring {
	char dir[PATH_MAX];	/* peers/ in the state folder */
	char file[PATH_MAX];
};

/* Before the box: the folder, and the engine's second gpg.  0, or -1: all goes on
 * without, and a key that would be needed from it is an error. */
int crypt_ring_prepare(struct crypt *c, struct err *e);
/* Bring it up to date with the keeper's store: 1, 0: there are no peers' keys at
 * all, -1: there are some, but it can't be used. */
int crypt_ring(struct crypt *c, struct err *e);
/* It lacks something: it is made anew next time. */
void crypt_ring_forget(struct crypt *c);

#endif
