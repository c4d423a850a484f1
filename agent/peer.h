/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at the other end of a client's connection: a user of this computer or
 * another machine. */
#ifndef AGENT_PEER_H
#define AGENT_PEER_H

#include "agent/conf.h"
#include "agent/frames.h"

enum peer_kind {
	PEER_USER,		/* a process of uid has it open */
	PEER_MACHINE,		/* it comes from another machine */
	PEER_GONE,		/* it was closed, or half closed, so it is nobody's */
	PEER_HIDDEN		/* from this machine, but its socket can't be seen: in
				 * another network namespace, or gone */
};

struct peer {
	enum peer_kind kind;
	uid_t uid;		/* of PEER_USER */
	char name[PEER_MAX];	/* "uid 1000", or another machine's address; "" */
};

/* What asks the kernel: a netlink socket (sock_diag(7)), opened once.  Where it
 * is not to be had, /proc/net/tcp is read instead. */
struct peer_asker {
	int fd;			/* -1: none */
	unsigned seq;
	bool answers;		/* it has found somebody */
};
void peer_asker_open(struct peer_asker *a);
void peer_asker_close(struct peer_asker *a);

/* Ask once, after accept() and before anything is said. */
void peer_find(struct peer_asker *a, int fd, struct peer *p);
/* May it connect?  Ourselves, those whom the setting users names and, to a
 * listener that is remote, other machines. */
bool peer_may(const struct peer *p, const struct conf *c, bool remote);

/* ---- for the tests ---- */

/* Both ends of a connection, the client's first: IPv6 or IPv4-mapped addresses,
 * ports in network order. */
struct peer_ends {
	unsigned char addr[2][16];
	in_port_t port[2];
	uint32_t scope;		/* of a link-local address, else 0 */
};

enum peer_row {			/* of a table of connections */
	ROW_NONE,
	ROW_CLOSED,		/* in any state but ESTABLISHED */
	ROW_OPEN
};

/* A reader of /proc/net/tcp and tcp6, one behind the other or alone, in pieces
 * of any size. */
enum { PEER_LINE_MAX = 512, PEER_TABLE_MAX = 16 << 20 };
struct peer_table {
	const struct peer_ends *want;
	char line[PEER_LINE_MAX];
	size_t len;
	bool skip;		/* this line is too long */
	enum peer_row row;
	uid_t uid;		/* where it is ROW_OPEN */
};
void peer_table_init(struct peer_table *t, const struct peer_ends *want);
void peer_table_put(struct peer_table *t, const char *p, size_t n);

/* The client's row, by the tables; and by netlink, or the tables where that fails.
 * uid is filled for ROW_OPEN. */
enum peer_row peer_by_table(const struct peer_ends *e, uid_t *uid);
enum peer_row peer_ask(struct peer_asker *a, const struct peer_ends *e,
                       uid_t *uid);
int peer_ends(int fd, struct peer_ends *e);

#endif
