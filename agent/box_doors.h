/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The doors of the crypts: where the kernel's walls can't tell one unix socket
 * from another, each connect() of a crypt and its gpg is held up, and the keeper
 * connects it to gpg-agent, whatever was asked for. */
#ifndef AGENT_BOX_DOORS_H
#define AGENT_BOX_DOORS_H

#include <poll.h>

#include "agent/chan.h"

enum { DOORS_MAX = 1024 };

struct doors;

/* NULL: no memory. */
struct doors *box_doors_new(void);
void box_doors_free(struct doors *d);	/* NULL is fine */

/* Take the door that came by K_DOOR.  What is none is dropped when it is used. */
void box_doors_take(struct doors *d, struct chan *c, const struct frame *f);
/* What to wait for: how many of p (DOORS_MAX) are filled. */
unsigned box_doors_poll(const struct doors *d, struct pollfd *p);
/* Serve what poll() found of them. */
void box_doors_serve(struct doors *d, const struct pollfd *p, unsigned n);

#endif
