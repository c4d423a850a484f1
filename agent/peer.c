/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose a connection is: the kernel is asked for the client's own socket, by the
 * four numbers that name it. */
#include "agent/peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the two ends ---- */

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_mapped(const unsigned char addr[16])
{
	return memcmp(addr, mapped, sizeof mapped) == 0;
}

static int take_end(const struct sockaddr_storage *a, struct peer_ends *e,
                    int i)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (a->ss_family == AF_INET) {
		memcpy(e->addr[i], mapped, sizeof mapped);
		memcpy(e->addr[i] + 12, &v4->sin_addr, 4);
		e->port[i] = v4->sin_port;
	} else if (a->ss_family == AF_INET6) {
		memcpy(e->addr[i], &v6->sin6_addr, 16);
		e->port[i] = v6->sin6_port;
		e->scope = v6->sin6_scope_id;
	} else {
		return -1;
	}
	return 0;
}

int peer_ends(int fd, struct peer_ends *e)
{
	struct sockaddr_storage a[2] = { 0 };
	socklen_t n[2] = { sizeof a[0], sizeof a[1] };

	memset(e, 0, sizeof *e);
	if (getpeername(fd, (struct sockaddr *)&a[0], &n[0]) == -1
	    || getsockname(fd, (struct sockaddr *)&a[1], &n[1]) == -1)
		return -1;
	return take_end(&a[0], e, 0) || take_end(&a[1], e, 1) ? -1 : 0;
}

/* Certainly this machine's own; other addresses of it show by their sockets. */
static bool is_here(const struct peer_ends *e)
{
	static const unsigned char one[16] = { [15] = 1 };
	const unsigned char *a = e->addr[0];

	return (is_mapped(a) && a[12] == 127) || memcmp(a, one, 16) == 0
	       || memcmp(a, e->addr[1], 16) == 0;
}

/* ---- netlink ---- */

void peer_asker_open(struct peer_asker *a)
{
	memset(a, 0, sizeof *a);
	a->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
	               NETLINK_SOCK_DIAG);
}

void peer_asker_close(struct peer_asker *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

/* The socket of one end is looked for, whose peer is the other. */
static int send_question(struct peer_asker *a, const struct peer_ends *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	bool v4 = is_mapped(e->addr[0]) && is_mapped(e->addr[1]);
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} q = {
		.head = { .nlmsg_len = sizeof q, .nlmsg_flags = NLM_F_REQUEST,
		          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		          .nlmsg_seq = ++a->seq },
		.req = { .sdiag_family = v4 ? AF_INET : AF_INET6,
		         .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
		         .id = { .idiag_sport = e->port[0],
		                 .idiag_dport = e->port[1],
		                 .idiag_if = e->scope,
		                 .idiag_cookie = { INET_DIAG_NOCOOKIE,
		                                   INET_DIAG_NOCOOKIE } } }
	};
	size_t from = v4 ? 12 : 0;

	memcpy(q.req.id.idiag_src, e->addr[0] + from, 16 - from);
	memcpy(q.req.id.idiag_dst, e->addr[1] + from, 16 - from);
	return sendto(a->fd, &q, sizeof q, MSG_DONTWAIT,
	              (struct sockaddr *)&kernel, sizeof kernel) == sizeof q
	       ? 0 : -1;
}

static bool same_addr(const unsigned char want[16], const __be32 *got,
                      int family)
{
	if (family == AF_INET)
		return is_mapped(want) && memcmp(want + 12, got, 4) == 0;
	return family == AF_INET6 && memcmp(want, got, 16) == 0;
}

/* A listener is named where there is no such connection: it is none. */
static enum peer_row take_row(const struct inet_diag_msg *m,
                              const struct peer_ends *e, uid_t *uid)
{
	if (m->id.idiag_sport != e->port[0] || m->id.idiag_dport != e->port[1]
	    || !same_addr(e->addr[0], m->id.idiag_src, m->idiag_family)
	    || !same_addr(e->addr[1], m->id.idiag_dst, m->idiag_family))
		return ROW_NONE;
	/* one that was closed has no owner, which looks like root */
	if (m->idiag_state != TCP_ESTABLISHED)
		return ROW_CLOSED;
	*uid = m->idiag_uid;
	return ROW_OPEN;
}

enum peer_row peer_ask(struct peer_asker *a, const struct peer_ends *e,
                       uid_t *uid)
{
	union {
		struct nlmsghdr head;
		char room[4096];
	} r;
	const struct nlmsgerr *err = NLMSG_DATA(&r.head);
	enum peer_row row;
	ssize_t n;

	if (a->fd < 0 || send_question(a, e))
		goto failed;
	do {		/* the kernel has answered before sendto() returned */
		n = recv(a->fd, &r, sizeof r, MSG_DONTWAIT);
		if (n < (ssize_t)sizeof r.head || !NLMSG_OK(&r.head, n))
			goto failed;
	} while (r.head.nlmsg_seq != a->seq);
	if (r.head.nlmsg_type == SOCK_DIAG_BY_FAMILY
	    && r.head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
		row = take_row(NLMSG_DATA(&r.head), e, uid);
		a->answers = a->answers || row != ROW_NONE;
		return row;
	}
	/* it says the same where the kernel lacks this way of asking */
	if (r.head.nlmsg_type == NLMSG_ERROR
	    && r.head.nlmsg_len >= NLMSG_LENGTH(sizeof *err)
	    && err->error == -ENOENT && a->answers)
		return ROW_NONE;
failed:
	return peer_by_table(e, uid);
}

/* ---- /proc/net ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* So many hex digits, no more and no less, and c behind them: what is there, or
 * NULL. */
static const char *hex(const char *p, int digits, char c, uint32_t *out)
{
	*out = 0;
	for (; digits; digits--, p++) {
		if (hex_digit(*p) < 0)
			return NULL;
		*out = *out << 4 | (uint32_t)hex_digit(*p);
	}
	return *p == c ? p + 1 : NULL;
}

/* "0100007F:024B ": each four octets are a number of this machine's. */
static const char *read_end(const char *p, unsigned char addr[16],
                            in_port_t *port)
{
	size_t digits = strspn(p, "0123456789ABCDEF");
	uint32_t v;

	if (digits == 8) {
		memcpy(addr, mapped, sizeof mapped);
		if (!(p = hex(p, 8, ':', &v)))
			return NULL;
		memcpy(addr + 12, &v, 4);
	} else if (digits == 32) {
		for (int i = 0; i < 16; i += 4, p += 8) {
			hex(p, 8, ':', &v);
			memcpy(addr + i, &v, 4);
		}
		if (*p++ != ':')
			return NULL;
	} else {
		return NULL;
	}
	if (!(p = hex(p, 4, ' ', &v)))
		return NULL;
	*port = htons((uint16_t)v);
	return p;
}

/* " 0: LOCAL REMOTE ST TX:RX TR:WHEN RETRNSMT   UID ..." */
static void read_row(struct peer_table *t)
{
	unsigned char addr[2][16];
	const char *p = t->line;
	in_port_t port[2];
	uint32_t state;
	uint64_t uid = 0;

	p += strspn(p, " ");
	p += strspn(p, "0123456789");
	if (*p++ != ':' || *p++ != ' '
	    || !(p = read_end(p, addr[0], &port[0]))
	    || !(p = read_end(p, addr[1], &port[1]))
	    || memcmp(addr, t->want->addr, sizeof addr) != 0
	    || memcmp(port, t->want->port, sizeof port) != 0
	    || !(p = hex(p, 2, ' ', &state)))
		return;
	for (int i = 0; i < 3; i++) {
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	p += strspn(p, " ");
	if (!isdigit((unsigned char)*p) || strspn(p, "0123456789") > 10)
		return;
	for (; isdigit((unsigned char)*p); p++)
		uid = 10 * uid + (uint64_t)(*p - '0');
	if (*p != ' ' || uid > UINT32_MAX)
		return;
	if (state != TCP_ESTABLISHED
	    || (t->row == ROW_OPEN && t->uid != (uid_t)uid)) {
		t->row = ROW_CLOSED;
	} else if (t->row == ROW_NONE) {
		t->row = ROW_OPEN;
		t->uid = (uid_t)uid;
	}
}

void peer_table_init(struct peer_table *t, const struct peer_ends *want)
{
	memset(t, 0, sizeof *t);
	t->want = want;
}

void peer_table_put(struct peer_table *t, const char *p, size_t n)
{
	for (; n--; p++) {
		if (*p == '\n') {
			t->line[t->len] = '\0';
			if (!t->skip)
				read_row(t);
			t->len = 0;
			t->skip = false;
		} else if (t->len == sizeof t->line - 1) {
			t->skip = true;
		} else {
			t->line[t->len++] = *p;
		}
	}
}

/* False: it is not to be had whole. */
static bool read_table(struct peer_table *t, const char *path)
{
	static char buf[64 << 10];
	size_t total = 0;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0
	       && (total += (size_t)n) <= PEER_TABLE_MAX)
		peer_table_put(t, buf, (size_t)n);
	if (fd >= 0)
		close(fd);
	return n == 0;
}

/* An IPv6 socket can have an IPv4 connection. */
enum peer_row peer_by_table(const struct peer_ends *e, uid_t *uid)
{
	static const char tcp6[] = "/proc/net/tcp6";
	bool v4 = is_mapped(e->addr[0]), whole = true;
	struct peer_table t;

	peer_table_init(&t, e);
	if (v4)
		whole = read_table(&t, "/proc/net/tcp");
	if (t.row == ROW_NONE && !(v4 && access(tcp6, F_OK) == -1))
		whole = read_table(&t, tcp6) && whole;
	*uid = t.uid;
	if (t.row == ROW_NONE && !whole)
		return ROW_CLOSED;	/* it may be there: nobody's */
	return t.row;
}

/* ---- who ---- */

static void find_unix(int fd, struct peer *p)
{
	struct ucred c;
	socklen_t n = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == -1)
		return;
	p->kind = PEER_USER;
	p->uid = c.uid;
}

static void find_tcp(struct peer_asker *a, int fd, struct peer *p)
{
	const unsigned char *at;
	struct peer_ends e;

	if (peer_ends(fd, &e))
		return;
	switch (peer_ask(a, &e, &p->uid)) {
	case ROW_OPEN:
		p->kind = PEER_USER;
		return;
	case ROW_CLOSED:
		return;
	case ROW_NONE:
		break;
	}
	p->kind = is_here(&e) ? PEER_HIDDEN : PEER_MACHINE;
	at = e.addr[0];
	if (p->kind == PEER_MACHINE && is_mapped(at))
		inet_ntop(AF_INET, at + 12, p->name, sizeof p->name);
	else if (p->kind == PEER_MACHINE)
		inet_ntop(AF_INET6, at, p->name, sizeof p->name);
}

void peer_find(struct peer_asker *a, int fd, struct peer *p)
{
	int family = 0;
	socklen_t n = sizeof family;

	memset(p, 0, sizeof *p);
	p->kind = PEER_GONE;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) == 0
	    && family == AF_UNIX)
		find_unix(fd, p);
	else
		find_tcp(a, fd, p);
	if (p->kind == PEER_USER)
		snprintf(p->name, sizeof p->name, "uid %u", (unsigned)p->uid);
}

bool peer_may(const struct peer *p, const struct conf *c, bool remote)
{
	if (p->kind == PEER_MACHINE)
		return remote;
	if (p->kind != PEER_USER)
		return false;
	for (unsigned i = 0; i < c->n_users; i++)
		if (c->user[i] == p->uid)
			return true;
	return p->uid == geteuid();
}
