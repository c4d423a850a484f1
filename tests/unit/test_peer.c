/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose a connection is, by netlink and by the tables of /proc/net. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/peer.h"

#define TAIL " 00000000:00000000 00:00000000 00000000 "
#define HEAD \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when " \
	"retrnsmt   uid  timeout inode                                      \n"

static uint32_t number(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Four octets as the kernel writes them, here. */
static void end_text(char *out, const unsigned char *addr, size_t from,
                     in_port_t port)
{
	for (; from < 16; from += 4)
		out += sprintf(out, "%08X", number(addr + from));
	sprintf(out, ":%04X", ntohs(port));
}

static void row(char *out, const struct peer_ends *e, bool v4, const char *st,
                const char *uid)
{
	char a[2][50];

	for (int i = 0; i < 2; i++)
		end_text(a[i], e->addr[i], v4 ? 12 : 0, e->port[i]);
	sprintf(out, "   7: %s %s %s" TAIL "%5s        0 4711 1 0000 20 4\n",
	        a[0], a[1], st, uid);
}

static const struct peer_ends four = {
	.addr = { { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
	          { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 2 } },
	.port = { 0x1234, 0x5678 }
};
static const struct peer_ends six = {
	.addr = { { 0x20, 1, 0xd, 0xb8, [15] = 7 }, { [15] = 1 } },
	.port = { 0x1234, 0x5678 }
};

static enum peer_row read_cut(const struct peer_ends *e, const char *text,
                              size_t n, size_t cut, uid_t *uid)
{
	struct peer_table t;

	peer_table_init(&t, e);
	peer_table_put(&t, text, cut);
	peer_table_put(&t, text + cut, n - cut);
	*uid = t.uid;
	return t.row;
}

/* However it is cut; and a part of it never tells of another user. */
static void check(const struct peer_ends *e, const char *text,
                  enum peer_row want, uid_t want_uid)
{
	size_t n = strlen(text);
	struct peer_table t;
	uid_t uid;

	for (size_t i = 0; i <= n; i++) {
		assert_int_equal(read_cut(e, text, n, i, &uid), want);
		if (want == ROW_OPEN)
			assert_int_equal(uid, want_uid);
		if (read_cut(e, text, i, 0, &uid) == ROW_OPEN)
			assert_int_equal(uid, want_uid);
	}
	peer_table_init(&t, e);
	for (size_t i = 0; i < n; i++)
		peer_table_put(&t, text + i, 1);
	assert_int_equal(t.row, want);
}

static void test_rows(void **state)
{
	char text[2000], other[400];
	struct peer_ends not;

	(void)state;
	strcpy(text, HEAD);
	row(text + strlen(text), &four, true, "01", "1000");
	check(&four, text, ROW_OPEN, 1000);
	check(&six, text, ROW_NONE, 0);
	strcpy(text, HEAD);
	row(text + strlen(text), &four, false, "01", "1000");
	check(&four, text, ROW_OPEN, 1000);	/* mapped, of tcp6 */
	strcpy(text, HEAD);
	row(text + strlen(text), &six, false, "01", "4294967294");
	check(&six, text, ROW_OPEN, 4294967294);
	/* our own end of it is not the client's */
	not = (struct peer_ends){ .port = { six.port[1], six.port[0] } };
	memcpy(not.addr[0], six.addr[1], 16);
	memcpy(not.addr[1], six.addr[0], 16);
	check(&not, text, ROW_NONE, 0);
	/* one octet else is another connection */
	for (size_t i = 0; i < 36; i++) {
		not = six;
		((unsigned char *)&not)[i] ^= 1;
		check(&not, text, ROW_NONE, 0);
	}
	/* what stands before and behind does not matter */
	row(other, &not, false, "01", "5");
	memmove(text + strlen(other), text, strlen(text) + 1);
	memcpy(text, other, strlen(other));
	strcat(text, other);
	check(&six, text, ROW_OPEN, 4294967294);
}

static void test_states(void **state)
{
	char text[2000], st[3];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(st, sizeof st, "%02X", i);
		row(text, &four, true, st, "0");
		check(&four, text, i == 1 ? ROW_OPEN : ROW_CLOSED, 0);
	}
	/* two that can't both be right */
	row(text, &four, true, "01", "1000");
	row(text + strlen(text), &four, true, "01", "1001");
	assert_int_equal(read_cut(&four, text, strlen(text), 9, &(uid_t){ 0 }),
	                 ROW_CLOSED);
	row(text, &four, true, "06", "0");
	row(text + strlen(text), &four, true, "01", "1001");
	check(&four, text, ROW_CLOSED, 0);
	row(text, &four, true, "01", "1001");
	row(text + strlen(text), &four, true, "01", "1001");
	check(&four, text, ROW_OPEN, 1001);
}

/* What is no row is nobody's. */
static void test_no_rows(void **state)
{
	static const char *const uids[] = {
		"-1", "4294967296", "99999999999", "0x0", "", "a", "1a"
	};
	char text[2000], bad[2000];
	size_t n, at;
	uid_t uid;

	(void)state;
	for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
		row(text, &four, true, "01", uids[i]);
		if (*uids[i])	/* else its neighbour is one column before */
			check(&four, text, ROW_NONE, 0);
	}
	row(text, &four, true, "01", "1000");
	n = strlen(text);
	at = (size_t)(strstr(text, TAIL) - text);
	for (size_t i = 3; i < at; i++)
		for (const char *c = "Gg/:"; *c; c++) {
			strcpy(bad, text);
			bad[i] = *c;
			if (text[i] != *c)
				check(&four, bad, ROW_NONE, 0);
		}
	/* a line without end, and the next */
	for (size_t pad = 300; pad < 1200; pad++) {
		memset(bad, ' ', pad);
		memcpy(bad + pad, text, n + 1);
		assert_int_equal(read_cut(&four, bad, pad + n, pad, &uid),
		                 pad + n <= PEER_LINE_MAX ? ROW_OPEN : ROW_NONE);
	}
	memset(bad, ' ', 1500);
	memcpy(bad + 1500, text, n + 1);
	check(&four, bad, ROW_NONE, 0);
	bad[1499] = '\n';
	check(&four, bad, ROW_OPEN, 1000);
	memcpy(bad, text, n - 1);	/* right, but for its length */
	check(&four, bad, ROW_OPEN, 1000);
	bad[1499] = ' ';
	check(&four, bad, ROW_NONE, 0);
}

/* ---- real ones ---- */

struct link { int server, listener, client; };

static struct link linked(int client_family, const char *addr)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (void *)&a;
	struct sockaddr_in6 *v6 = (void *)&a;
	bool six_ = strchr(addr, ':') != NULL;
	socklen_t n = six_ ? sizeof *v6 : sizeof *v4;
	struct link l;

	a.ss_family = six_ ? AF_INET6 : AF_INET;
	inet_pton(a.ss_family, addr, six_ ? (void *)&v6->sin6_addr
	                                  : (void *)&v4->sin_addr);
	l.listener = socket(a.ss_family, SOCK_STREAM, 0);
	assert_int_equal(bind(l.listener, (void *)&a, n), 0);
	assert_int_equal(listen(l.listener, 5), 0);
	getsockname(l.listener, (void *)&a, &n);
	if (client_family == AF_INET6 && !six_) {
		struct sockaddr_in was = *v4;

		memset(&a, 0, sizeof a);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = was.sin_port;
		memcpy(v6->sin6_addr.s6_addr, four.addr[0], 12);
		memcpy(v6->sin6_addr.s6_addr + 12, &was.sin_addr, 4);
		n = sizeof *v6;
	}
	l.client = socket(client_family, SOCK_STREAM, 0);
	assert_int_equal(connect(l.client, (void *)&a, n), 0);
	l.server = accept(l.listener, NULL, NULL);
	assert_true(l.server >= 0);
	return l;
}

static void unlink_(struct link *l)
{
	close(l->server);
	close(l->listener);
	if (l->client >= 0)
		close(l->client);
}

/* Both ways say so; with netlink it is netlink. */
static void both(int fd, enum peer_row want)
{
	struct peer_asker a;
	struct peer_ends e;
	uid_t uid = 12345;

	assert_int_equal(peer_ends(fd, &e), 0);
	assert_int_equal(peer_by_table(&e, &uid), want);
	if (want == ROW_OPEN)
		assert_int_equal(uid, geteuid());
	peer_asker_open(&a);
	uid = 12345;
	assert_int_equal(peer_ask(&a, &e, &uid), want);
	if (want == ROW_OPEN)
		assert_int_equal(uid, geteuid());
	assert_int_equal(a.answers, a.fd >= 0 && want != ROW_NONE);
	peer_asker_close(&a);
	assert_int_equal(peer_ask(&a, &e, &uid), want);
}

static void test_real(void **state)
{
	static const struct { int family; const char *addr; } all[] = {
		{ AF_INET, "127.0.0.1" }, { AF_INET, "127.9.8.7" },
		{ AF_INET6, "127.0.0.1" }, { AF_INET6, "::1" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct link l = linked(all[i].family, all[i].addr);
		struct peer_asker a;
		struct peer p;
		char want[PEER_MAX];

		both(l.server, ROW_OPEN);
		snprintf(want, sizeof want, "uid %u", (unsigned)geteuid());
		peer_asker_open(&a);
		peer_find(&a, l.server, &p);
		assert_int_equal(p.kind, PEER_USER);
		assert_string_equal(p.name, want);
		shutdown(l.client, SHUT_WR);
		both(l.server, ROW_CLOSED);
		peer_find(&a, l.server, &p);
		assert_int_equal(p.kind, PEER_GONE);
		peer_asker_close(&a);
		unlink_(&l);

		l = linked(all[i].family, all[i].addr);
		assert_int_equal(write(l.client, "QUIT\r\n", 6), 6);
		close(l.client);
		l.client = -1;
		both(l.server, ROW_CLOSED);
		unlink_(&l);
	}
}

/* A socket that is not there: on loopback it is hidden, else another machine's;
 * a listener on the same port is not taken for it. */
static void test_not_there(void **state)
{
	struct link l = linked(AF_INET, "127.0.0.1");
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct peer_ends e;
	struct peer_asker k;
	socklen_t n = sizeof a;
	uid_t uid;

	(void)state;
	assert_int_equal(peer_ends(l.server, &e), 0);
	peer_asker_open(&k);
	for (int i = 0; i < 2; i++) {
		e.port[0] ^= htons(1);
		assert_int_equal(peer_ask(&k, &e, &uid),
		                 i ? ROW_OPEN : ROW_NONE);
	}
	getsockname(l.listener, (struct sockaddr *)&a, &n);
	e.port[0] = a.sin_port;
	e.port[1] = htons(1);
	assert_int_equal(peer_ask(&k, &e, &uid), ROW_NONE);
	assert_int_equal(peer_by_table(&e, &uid), ROW_NONE);
	peer_asker_close(&k);
	unlink_(&l);
}

static void test_unix(void **state)
{
	struct peer_asker a = { .fd = -1 };
	struct peer p;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer_find(&a, pair[0], &p);
	assert_int_equal(p.kind, PEER_USER);
	assert_int_equal(p.uid, geteuid());
	close(pair[0]);
	close(pair[1]);
	peer_find(&a, -1, &p);
	assert_int_equal(p.kind, PEER_GONE);
	assert_string_equal(p.name, "");
}

static void test_may(void **state)
{
	static struct conf c;
	struct peer p = { .kind = PEER_USER, .uid = geteuid() };

	(void)state;
	assert_true(peer_may(&p, &c, false));
	p.uid = geteuid() + 1;
	assert_false(peer_may(&p, &c, false));
	assert_false(peer_may(&p, &c, true));
	c.user[c.n_users++] = geteuid() + 2;
	assert_false(peer_may(&p, &c, false));
	c.user[c.n_users++] = geteuid() + 1;
	assert_true(peer_may(&p, &c, false));
	p.uid = 0;
	assert_int_equal(peer_may(&p, &c, false), geteuid() == 0);
	p = (struct peer){ .kind = PEER_MACHINE };
	assert_false(peer_may(&p, &c, false));
	assert_true(peer_may(&p, &c, true));
	for (int k = PEER_GONE; k <= PEER_HIDDEN; k++) {
		p = (struct peer){ .kind = (enum peer_kind)k,
		                   .uid = geteuid() };
		assert_false(peer_may(&p, &c, false));
		assert_false(peer_may(&p, &c, true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
