/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of peers' keys share: the row of an address. */
#ifndef AGENT_PEERS_PRIVATE_H
#define AGENT_PEERS_PRIVATE_H

#include "agent/contacts_private.h"
#include "agent/peers.h"

enum { PEERS_HASH = 32 };

/* Where each kind of key stands in a row, and in P_PUT. */
enum { PEERS_IMPORT, PEERS_AUTOCRYPT, PEERS_GOSSIP, PEERS_WKD, PEERS_FPRS };

struct peers_row {
	char addr[ADDR_MAX + 1];
	struct autocrypt_peer state;
	int64_t wkd;
	char own[41];
	char fpr[PEERS_FPRS][41];
};

/* One row or none: 1, 0 or -1.  What was read is to be contacts_reset(). */
int peers_step(struct contacts *c, sqlite3_stmt *s, struct err *e);
/* addr is one as it stands there; r->addr is "" when nothing is known. */
int peers_row_get(struct contacts *c, const char *addr, struct peers_row *r,
                  struct err *e);
/* The key with this fingerprint, or (it is "") the one last sealed to: 1, 0 when
 * it is not here, -1. */
int peers_ref_get(struct contacts *c, const char *fpr, const char *addr,
                  struct peer_ref *ref, struct err *e);
int peers_hash(const void *data, size_t n, unsigned char hash[PEERS_HASH],
               struct err *e);

#endif
