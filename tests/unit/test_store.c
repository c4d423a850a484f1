/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who writes contacts.db is killed by SIGKILL at any moment: what was told to be on
 * the disk is there, and of what was not all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/peers.h"
#include "tests/unit/slow.h"
#include "tests/unit/store.h"

#define BOB "bob@example.org"
#define EVE "eve@example.net"

enum { NOW = 1800000000, KILLS = 200, KILL_US_MAX = 2000, OCTETS = 3000,
       MAKES = 50 };

/* How a writer goes about it. */
enum how {
	SOUND,
	SAYS_EARLY,		/* that it is written, before it is */
	IN_PIECES		/* each statement by itself */
};

struct written {
	/* the n-th change, n = 1, 2 ...: 0, or not */
	int (*change)(struct contacts *c, uint32_t n);
	/* the last one that is there; false: not all of it */
	bool (*look)(struct contacts *c, uint32_t *n);
};

static void fpr_of(char fpr[41], uint32_t n)
{
	snprintf(fpr, 41, "%040X", (unsigned)n);
}

static uint32_t number_of(const char *fpr)
{
	return (uint32_t)strtoul(fpr, NULL, 16);
}

/* ---- contacts: two of them, and a key that is accepted ---- */

static int change_contacts(struct contacts *c, uint32_t n)
{
	char fpr[41];

	fpr_of(fpr, n);
	return contacts_judge(c, BOB, fpr, JUDGED_ACCEPTED, NULL)
	       || contacts_sealed(c, BOB, fpr, NOW + n, NULL)
	       || contacts_sealed(c, EVE, fpr, NOW + n, NULL);
}

static bool look_contacts(struct contacts *c, uint32_t *n)
{
	struct contact_known bob, eve;
	const struct contact_key *first = &bob.key[0];

	assert_int_equal(contacts_get(c, BOB, &bob, NULL), 0);
	assert_int_equal(contacts_get(c, EVE, &eve, NULL), 0);
	*n = number_of(bob.used);
	if (*n == 0)
		return bob.n == 0 && eve.n == 0;
	/* the last that was accepted stands first */
	return strcmp(bob.used, eve.used) == 0 && bob.last == eve.last
	       && strcmp(first->fpr, bob.used) == 0
	       && first->judged == JUDGED_ACCEPTED;
}

static const struct written contacts = { change_contacts, look_contacts };

/* ---- peers: an address, and its key ---- */

static int change_peers(struct contacts *c, uint32_t n)
{
	static char data[OCTETS];
	char fpr[41];
	struct peer_news w = { .from = KEY_FROM_AUTOCRYPT, .addr = BOB,
	                       .date = NOW - 1000000 + n, .mutual = true,
	                       .fpr = fpr, .key = data, .n = sizeof data };
	bool taken = false;

	fpr_of(fpr, n);
	memset(data, (int)n, sizeof data);
	return peers_learn(c, &w, NOW, &taken, NULL) || !taken;
}

static bool look_peers(struct contacts *c, uint32_t *n)
{
	static struct peer_key key;
	struct peer_known k;
	unsigned keys;
	uint64_t last;

	assert_int_equal(peers_get(c, BOB, &k, NULL), 0);
	assert_int_equal(peers_count(c, &last, &keys, NULL), 0);
	*n = k.n ? number_of(k.key[0].fpr) : 0;
	if (keys != (*n > PEER_KEYS_MAX ? PEER_KEYS_MAX : *n))
		return false;
	if (*n == 0)
		return true;
	assert_int_equal(peers_key(c, k.key[0].fpr, &key, NULL), 0);
	return k.autocrypt.timestamp == NOW - 1000000 + *n
	       && key.n == OCTETS && key.data[OCTETS - 1] == (*n & 0xff);
}

static const struct written peers = { change_peers, look_peers };

/* ---- the rounds ---- */

static void say(int fd, uint32_t n)
{
	if (write(fd, &n, sizeof n) != sizeof n)
		_exit(2);
}

/* Write for ever; each number that was written goes into the pipe. */
static void writes(const struct written *w, enum how how, int fd, uint32_t n)
{
	struct contacts *c = contacts_open(store_dir, NULL);

	if (!c)
		_exit(1);
	for (;; n++) {
		if (how == SAYS_EARLY)
			say(fd, n);
		if (how != IN_PIECES && contacts_begin(c, NULL))
			_exit(1);
		if (w->change(c, n))
			_exit(1);
		if (how != IN_PIECES && contacts_end(c, NULL))
			_exit(1);
		if (how != SAYS_EARLY)
			say(fd, n);
	}
}

/* A child that goes on from n, killed so long after it has written so many: the
 * last that it told to be on the disk, or 0. */
static uint32_t kill_one(const struct written *w, enum how how, uint32_t n,
                         int many, long us)
{
	const struct timespec nap = { 0, us * 1000 };
	uint32_t last = 0;
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		writes(w, how, p[1], n);
	}
	close(p[1]);
	while (many-- && read(p[0], &n, sizeof n) == sizeof n)
		last = n;
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(p[0], &n, sizeof n) == sizeof n)
		last = n;
	close(p[0]);
	return last;
}

/* One round behind another; false: something was lost or in pieces.  *n: the last
 * number that is there. */
static bool rounds(const struct written *w, enum how how, uint32_t *n)
{
	struct contacts *c;
	uint32_t told, was;
	bool whole = true;

	*n = 0;
	srandom(1);
	for (long i = 0; i < KILLS / slower() && whole; i++) {
		was = *n;
		told = kill_one(w, how, was + 1, (int)(random() % 3),
		                random() % KILL_US_MAX);
		if (told < was)
			told = was;
		c = store_open();
		whole = w->look(c, n) && *n >= told && *n <= told + 1;
		contacts_close(c);
	}
	return whole;
}

/* Nothing is lost; and who lost something would be seen here. */
static void check(const struct written *w)
{
	uint32_t n;

	assert_true(rounds(w, SOUND, &n));
	assert_true(n > KILLS / slower() / 2);
	for (enum how how = SAYS_EARLY; how <= IN_PIECES; how++) {
		store_clear(NULL);
		if (slower() == 1)
			assert_false(rounds(w, how, &n));
	}
}

static void test_contacts(void **state)
{
	(void)state;
	check(&contacts);
}

static void test_peers(void **state)
{
	(void)state;
	check(&peers);
}

/* Killed while it makes the file: there is none, or a whole one. */
static void test_made(void **state)
{
	struct contacts *c;
	uint32_t n, told;

	(void)state;
	srandom(1);
	for (long i = 0; i < MAKES / slower(); i++) {
		told = kill_one(&contacts, SOUND, 1, 0, random() % KILL_US_MAX);
		c = store_open();
		assert_true(look_contacts(c, &n));
		assert_in_range(n, told, told + 1);
		contacts_close(c);
		store_clear(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_contacts, store_clear),
		cmocka_unit_test_teardown(test_peers, store_clear),
		cmocka_unit_test_teardown(test_made, store_clear),
	};

	return cmocka_run_group_tests(tests, store_begin, store_finish);
}
