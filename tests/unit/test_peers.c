/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/peers.c: which key becomes an address's own, which ones go when
 * there are too many, and that nothing of it is lost or made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/peers.h"
#include "tests/unit/store.h"

#define BOB "bob@example.org"
#define EVE "eve@example.net"
#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define C "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define D "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"

enum { NOW = 1800000000, DAY = 86400 };

static struct peer_known get(struct contacts *c, const char *addr)
{
	struct peer_known k;
	struct err e;

	if (peers_get(c, addr, &k, &e))
		fail_msg("%s", e.text);
	return k;
}

/* The keys, as "fpr:from ", by their first digits. */
static const char *keys(struct contacts *c, const char *addr)
{
	struct peer_known k = get(c, addr);
	static char text[60];

	text[0] = '\0';
	for (unsigned i = 0; i < k.n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		         "%s%c%d", i ? " " : "", k.key[i].fpr[0], k.key[i].from);
	return text;
}

static int learn(struct contacts *c, const struct peer_news *w, bool *taken,
                 struct err *e)
{
	int rc;

	assert_int_equal(contacts_begin(c, NULL), 0);
	rc = peers_learn(c, w, NOW, taken, e);
	if (rc == 0)
		assert_int_equal(contacts_end(c, NULL), 0);
	else
		contacts_undo(c);
	return rc;
}

/* Came with a letter; "" is one without a field. */
static bool came(struct contacts *c, enum key_from from, const char *addr,
                 int64_t date, const char *fpr)
{
	struct peer_news w = { .from = from, .addr = addr, .date = date,
	                       .fpr = fpr, .key = fpr, .n = strlen(fpr) };
	struct err e;
	bool taken;

	if (learn(c, &w, &taken, &e))
		fail_msg("%s", e.text);
	return taken;
}

static struct peer_key key_of(struct contacts *c, const char *fpr)
{
	struct peer_key k;
	struct err e;

	if (peers_key(c, fpr, &k, &e))
		fail_msg("%s", e.text);
	return k;
}

/* ---- what is remembered ---- */

static void test_nothing(void **state)
{
	static const struct peer_known none;
	struct contacts *c = store_open();
	struct peer_known k = get(c, BOB);
	struct peer_serial list[2];
	uint64_t last;
	unsigned n;
	size_t got;

	(void)state;
	assert_memory_equal(&k, &none, sizeof k);
	assert_int_equal(key_of(c, A).n, 0);
	assert_int_equal(peers_count(c, &last, &n, NULL), 0);
	assert_int_equal(last, 0);
	assert_int_equal(n, 0);
	assert_int_equal(peers_after(c, 0, list, 2, &got, NULL), 0);
	assert_int_equal(got, 0);
	contacts_close(c);
}

/* The section "Updating Autocrypt Peer State", letter by letter. */
static void test_autocrypt(void **state)
{
	struct contacts *c = store_open();
	struct peer_news w = { .from = KEY_FROM_AUTOCRYPT, .addr = BOB,
	                       .date = NOW - 50, .mutual = true, .fpr = B,
	                       .key = "B", .n = 1 };
	struct peer_known k;
	bool taken;

	(void)state;
	assert_false(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 200, ""));
	assert_string_equal(get(c, BOB).addr, "");
	assert_true(came(c, KEY_FROM_AUTOCRYPT, "Bob@Example.ORG", NOW - 100, A));
	assert_string_equal(keys(c, BOB), "A1");
	/* an older letter changes nothing */
	assert_false(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 101, B));
	assert_false(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 101, ""));
	k = get(c, BOB);
	assert_int_equal(k.autocrypt.last_seen, NOW - 100);
	assert_int_equal(k.autocrypt.timestamp, NOW - 100);
	assert_false(k.autocrypt.mutual);
	/* one without a field is seen */
	assert_false(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 60, ""));
	k = get(c, BOB);
	assert_int_equal(k.autocrypt.last_seen, NOW - 60);
	assert_int_equal(k.autocrypt.timestamp, NOW - 100);
	assert_string_equal(keys(c, BOB), "A1");
	/* and a newer one with another key has that, before who was seen, too */
	assert_int_equal(learn(c, &w, &taken, NULL), 0);
	assert_true(taken);
	k = get(c, BOB);
	assert_true(k.autocrypt.mutual);
	assert_true(k.autocrypt.has_key);
	assert_false(k.autocrypt.has_gossip);
	assert_string_equal(keys(c, BOB), "B1 A1");
	assert_string_equal(k.own, A);
	/* none is from tomorrow */
	assert_true(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW + DAY, A));
	assert_int_equal(get(c, BOB).autocrypt.timestamp, NOW);
	assert_int_equal(get(c, BOB).autocrypt.last_seen, NOW);
	contacts_close(c);
	c = store_open();
	assert_string_equal(keys(c, BOB), "A1");
	assert_string_equal(keys(c, EVE), "");
	contacts_close(c);
}

static void test_order(void **state)
{
	struct contacts *c = store_open();

	(void)state;
	assert_true(came(c, KEY_FROM_WKD, BOB, NOW - 9, D));
	assert_false(came(c, KEY_FROM_WKD, BOB, NOW - 10, A));
	assert_int_equal(get(c, BOB).wkd_timestamp, NOW - 9);
	assert_true(came(c, KEY_FROM_GOSSIP, BOB, NOW - 5, C));
	assert_false(came(c, KEY_FROM_GOSSIP, BOB, NOW - 6, A));
	assert_int_equal(get(c, BOB).autocrypt.gossip_timestamp, NOW - 5);
	assert_int_equal(get(c, BOB).autocrypt.last_seen, 0);
	assert_true(get(c, BOB).autocrypt.has_gossip);
	assert_string_equal(keys(c, BOB), "C2 D3");
	assert_true(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 7, B));
	assert_true(came(c, KEY_FROM_IMPORT, BOB, NOW - 7, A));
	assert_string_equal(keys(c, BOB), "A4 B1 C2 D3");
	/* one key that came in several ways counts once */
	assert_true(came(c, KEY_FROM_AUTOCRYPT, BOB, NOW - 1, C));
	assert_string_equal(keys(c, BOB), "A4 C1 D3 B1");
	/* the one that is sealed to stays known, as does the first of all */
	assert_true(came(c, KEY_FROM_WKD, BOB, NOW - 1, A));
	assert_string_equal(keys(c, BOB), "A4 C1 B1");
	assert_int_equal(contacts_sealed(c, BOB, D, NOW, NULL), 0);
	assert_string_equal(keys(c, BOB), "A4 C1 B1 D3");
	assert_int_equal(contacts_sealed(c, EVE, B, NOW, NULL), 0);
	assert_string_equal(keys(c, EVE), "B1");
	assert_int_equal(contacts_sealed(c, EVE, "", NOW, NULL), 0);
	assert_string_equal(keys(c, EVE), "");
	contacts_close(c);
}

static const char *next(struct contacts *c, const char *after)
{
	static char addr[ADDR_MAX + 1];

	assert_int_equal(peers_next(c, after, addr, NULL), 0);
	return addr;
}

static void test_next(void **state)
{
	struct contacts *c = store_open();

	(void)state;
	assert_string_equal(next(c, ""), "");
	assert_true(came(c, KEY_FROM_GOSSIP, EVE, NOW, A));
	assert_true(came(c, KEY_FROM_WKD, BOB, NOW, B));
	assert_true(came(c, KEY_FROM_IMPORT, "A@example.org", NOW, C));
	assert_string_equal(next(c, ""), "a@example.org");
	assert_string_equal(next(c, "A@example.ORG"), BOB);
	assert_string_equal(next(c, BOB), EVE);
	assert_string_equal(next(c, EVE), "");
	/* of whom there is no key any more */
	store_sql("UPDATE peer SET wkd_fpr = ''");
	assert_string_equal(next(c, "a@example.org"), EVE);
	contacts_close(c);
}

/* ---- a key that comes again ---- */

/* A key that says this of itself, each letter of it in a signature. */
static const char *key_that(const char *says)
{
	static char key[2][60];
	static int which;
	char *k = key[which ^= 1];

	memcpy(k, "\xc6\x06\x04" "AAAA\x01", 9);
	for (; *says; says++)
		snprintf(k + strlen(k), 4, "\xc2\x01%c", *says);
	return k;
}

static bool again(struct contacts *c, const char *says, int64_t expires,
                  bool revoked)
{
	const char *data = key_that(says);
	struct peer_news w = { .from = KEY_FROM_GOSSIP, .addr = BOB,
	                       .date = NOW, .fpr = A, .expires = expires,
	                       .revoked = revoked, .key = data,
	                       .n = strlen(data) };
	bool taken;

	assert_int_equal(learn(c, &w, &taken, NULL), 0);
	return taken;
}

static void assert_data(struct contacts *c, const char *says, int64_t expires,
                        bool revoked)
{
	const char *data = key_that(says);
	struct peer_key k = key_of(c, A);

	assert_int_equal(k.n, strlen(data));
	assert_memory_equal(k.data, data, k.n);
	assert_int_equal(k.ref.expires, expires);
	assert_int_equal(k.ref.revoked, revoked);
	assert_int_equal(k.ref.from, KEY_FROM_GOSSIP);
	assert_int_equal(k.ref.learnt, NOW);
	assert_string_equal(k.ref.fpr, A);
}

static void test_again(void **state)
{
	struct contacts *c = store_open();
	struct peer_serial list[4];
	uint64_t last, before;
	unsigned n;
	size_t got;

	(void)state;
	assert_false(again(c, "x", 0, true));
	assert_int_equal(key_of(c, A).n, 0);
	assert_string_equal(get(c, BOB).addr, "");
	assert_true(again(c, "ab", NOW + 10, false));
	assert_data(c, "ab", NOW + 10, false);
	assert_int_equal(peers_count(c, &before, &n, NULL), 0);
	assert_true(again(c, "ab", NOW + 10, false));
	assert_true(again(c, "ac", NOW + 9, false));
	assert_data(c, "ab", NOW + 10, false);
	assert_int_equal(peers_count(c, &last, &n, NULL), 0);
	assert_int_equal(last, before);
	assert_true(again(c, "ac", 0, false));
	assert_data(c, "ab", NOW + 10, false);
	assert_true(again(c, "abd", NOW + 11, false));
	assert_data(c, "abd", NOW + 11, false);
	assert_int_equal(peers_count(c, &last, &n, NULL), 0);
	assert_true(last > before);
	assert_int_equal(n, 1);
	assert_int_equal(peers_after(c, before, list, 4, &got, NULL), 0);
	assert_int_equal(got, 1);
	assert_int_equal(list[0].serial, last);
	assert_string_equal(list[0].fpr, A);
	assert_int_equal(peers_after(c, last, list, 4, &got, NULL), 0);
	assert_int_equal(got, 0);
	assert_true(again(c, "eabd", 0, false));
	assert_data(c, "eabd", 0, false);
	/* the owner's last word, and not who sends an older one */
	assert_true(again(c, "abdef", NOW + 5, false));
	assert_data(c, "abdef", NOW + 5, false);
	assert_true(again(c, "eabd", 0, false));
	assert_data(c, "abdef", NOW + 5, false);
	/* what was withdrawn stays so */
	assert_true(again(c, "w", 0, true));
	assert_data(c, "w", 0, true);
	assert_false(again(c, "v", 0, true));
	assert_true(again(c, "weabd", 0, false));
	assert_data(c, "w", 0, true);
	assert_true(get(c, BOB).key[0].revoked);
	contacts_close(c);
}

static void test_nonsense(void **state)
{
	static unsigned char large[PEER_KEY_MAX + 1];
	const struct peer_news good = { .from = KEY_FROM_WKD, .addr = BOB,
	                                .date = NOW, .fpr = A, .key = large,
	                                .n = 1 };
	struct contacts *c = store_open();
	struct peer_news w[7];
	struct peer_key k;
	struct err e;
	bool taken;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		w[i] = good;
	w[0].addr = "bob";
	w[1].fpr = "A";
	w[2].fpr = "";
	w[3].from = KEY_FROM_KEYRING;
	w[4].from = KEY_FROM_IMPORT + 1;
	w[5].n = 0;
	w[6].fpr = "";
	w[6].from = KEY_FROM_AUTOCRYPT;
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(learn(c, &w[i], &taken, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
		assert_false(taken);
	}
	w[0] = good;
	w[0].n = sizeof large;
	assert_int_equal(learn(c, &w[0], &taken, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(peers_key(c, "nothing", &k, &e), -1);
	assert_string_equal(get(c, BOB).addr, "");
	w[0].n = PEER_KEY_MAX;
	assert_int_equal(learn(c, &w[0], &taken, NULL), 0);
	assert_int_equal(key_of(c, A).n, PEER_KEY_MAX);
	contacts_close(c);
}

/* ---- too many ---- */

static void name_of(unsigned n, char addr[60], char fpr[41])
{
	snprintf(addr, 60, "u%u@example.org", n);
	snprintf(fpr, 41, "%040X", n + 1);
}

static void fill(struct contacts *c, unsigned from, unsigned n, size_t octets)
{
	static char data[PEER_KEY_MAX];
	char addr[60], fpr[41];
	struct peer_news w = { .from = KEY_FROM_AUTOCRYPT, .addr = addr,
	                       .fpr = fpr, .key = data, .n = octets };
	bool taken;

	assert_int_equal(contacts_begin(c, NULL), 0);
	for (unsigned i = from; i < from + n; i++) {
		name_of(i, addr, fpr);
		w.date = NOW - 100000 + i;
		assert_int_equal(peers_learn(c, &w, NOW, &taken, NULL), 0);
		assert_true(taken);
	}
	assert_int_equal(contacts_end(c, NULL), 0);
}

static bool is_here(struct contacts *c, unsigned n)
{
	char addr[60], fpr[41];
	bool known, here;

	name_of(n, addr, fpr);
	known = get(c, addr).n == 1;
	here = key_of(c, fpr).n > 0;
	assert_int_equal(known, here);
	return here;
}

static void test_many(void **state)
{
	struct contacts *c = store_open();
	char addr[60], fpr[41];
	uint64_t last;
	unsigned n;

	(void)state;
	fill(c, 0, PEER_KEYS_MAX, 10);
	/* 0 is sealed to, 1 was accepted, 2 has written again; 3 has not */
	name_of(0, addr, fpr);
	assert_int_equal(contacts_sealed(c, addr, fpr, NOW, NULL), 0);
	name_of(1, addr, fpr);
	assert_int_equal(contacts_judge(c, addr, fpr, JUDGED_ACCEPTED, NULL),
	                 0);
	name_of(2, addr, fpr);
	assert_true(came(c, KEY_FROM_AUTOCRYPT, addr, NOW, fpr));
	fill(c, PEER_KEYS_MAX, 3, 10);
	assert_int_equal(peers_count(c, &last, &n, NULL), 0);
	assert_int_equal(n, PEER_KEYS_MAX);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(is_here(c, i), i < 3 || i > 5);
	assert_true(is_here(c, PEER_KEYS_MAX + 2));
	contacts_close(c);
}

static void test_too_large(void **state)
{
	enum { N = PEER_OCTETS_MAX / PEER_KEY_MAX };
	struct contacts *c = store_open();

	(void)state;
	fill(c, 0, N + 2, PEER_KEY_MAX);
	assert_false(is_here(c, 0));
	assert_false(is_here(c, 1));
	assert_true(is_here(c, 2));
	assert_true(is_here(c, N + 1));
	contacts_close(c);
}

/* One key for any number of addresses. */
static void test_many_addresses(void **state)
{
	struct peer_news w = { .from = KEY_FROM_AUTOCRYPT, .fpr = A, .key = "A",
	                       .n = 1 };
	struct contacts *c = store_open();
	char addr[60], fpr[41];
	bool taken;

	(void)state;
	assert_int_equal(contacts_begin(c, NULL), 0);
	for (unsigned i = 0; i < PEERS_MAX + 2; i++) {
		name_of(i, addr, fpr);
		w.addr = addr;
		w.date = NOW - 100000 + i;
		if (i == PEERS_MAX)
			assert_int_equal(contacts_sealed(c,
				"u0@example.org", A, NOW, NULL), 0);
		assert_int_equal(peers_learn(c, &w, NOW, &taken, NULL), 0);
	}
	assert_int_equal(contacts_end(c, NULL), 0);
	assert_string_equal(keys(c, "u0@example.org"), "A1");
	assert_string_equal(keys(c, "u1@example.org"), "");
	assert_string_equal(keys(c, "u2@example.org"), "");
	assert_string_equal(keys(c, "u3@example.org"), "A1");
	contacts_close(c);
}

/* ---- the file ---- */

static void test_version_1(void **state)
{
	struct contacts *c = store_open();
	struct contact_known k;

	(void)state;
	assert_int_equal(contacts_sealed(c, BOB, A, NOW, NULL), 0);
	contacts_close(c);
	store_sql("DROP TABLE peer; DROP TABLE peer_key; DROP TABLE ending; "
	          "PRAGMA user_version = 1");
	for (int i = 0; i < 2; i++) {
		c = store_open();
		assert_int_equal(contacts_get(c, BOB, &k, NULL), 0);
		assert_string_equal(k.used, A);
		came(c, KEY_FROM_GOSSIP, BOB, NOW, A);
		assert_string_equal(keys(c, BOB), "A2");
		contacts_close(c);
	}
}

static void test_damaged(void **state)
{
	static const char *const how[] = {
		"UPDATE peer_key SET data = x'00'",
		"UPDATE peer_key SET hash = x'00'",
		"UPDATE peer_key SET data = x''",
		"UPDATE peer_key SET data = zeroblob(70000)",
		"UPDATE peer_key SET source = 0",
		"UPDATE peer_key SET source = 5",
		"UPDATE peer SET fpr = 'A'",
	};
	struct contacts *c;
	struct peer_known known;
	struct peer_key k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		c = store_open();
		came(c, KEY_FROM_GOSSIP, BOB, NOW, A);
		store_sql(how[i]);
		e.code = 0;
		if (i < 6)
			assert_int_equal(peers_key(c, A, &k, &e), -1);
		else
			assert_int_equal(peers_get(c, BOB, &known, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
		contacts_close(c);
		store_clear(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing, store_clear),
		cmocka_unit_test_teardown(test_autocrypt, store_clear),
		cmocka_unit_test_teardown(test_order, store_clear),
		cmocka_unit_test_teardown(test_next, store_clear),
		cmocka_unit_test_teardown(test_again, store_clear),
		cmocka_unit_test_teardown(test_nonsense, store_clear),
		cmocka_unit_test_teardown(test_many, store_clear),
		cmocka_unit_test_teardown(test_too_large, store_clear),
		cmocka_unit_test_teardown(test_many_addresses, store_clear),
		cmocka_unit_test_teardown(test_version_1, store_clear),
		cmocka_unit_test_teardown(test_damaged, store_clear),
	};

	return cmocka_run_group_tests(tests, store_begin, store_finish);
}
