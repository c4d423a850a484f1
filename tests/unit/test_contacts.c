/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/contacts.c: what is remembered, and that nothing of it is lost
 * or made up, whatever becomes of the process and of the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/contacts.h"
#include "tests/unit/store.h"

#define BOB "bob@example.org"
#define EVE "eve@example.net"
#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define C "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

enum { NOW = 1800000000, DAY = 86400 };

static struct contact_known get(struct contacts *c, const char *addr)
{
	struct contact_known k;
	struct err e;

	if (contacts_get(c, addr, &k, &e))
		fail_msg("%s", e.text);
	return k;
}

/* One change, and the file closed and opened behind it. */
#define DO(c, what) do { \
	assert_int_equal(contacts_begin(c, NULL), 0); \
	assert_int_equal(what, 0); \
	assert_int_equal(contacts_end(c, NULL), 0); \
	contacts_close(c); \
	c = store_open(); \
} while (0)

static const struct contact_key *key_of(const struct contact_known *k,
                                        const char *fpr)
{
	for (unsigned i = 0; i < k->n; i++)
		if (strcmp(k->key[i].fpr, fpr) == 0)
			return &k->key[i];
	fail_msg("%s is not known", fpr);
	return NULL;
}

/* ---- what is remembered ---- */

static void test_nothing(void **state)
{
	static const struct contact_known none;
	struct contacts *c = store_open();
	struct contact_known k = get(c, BOB);
	struct stat st;
	char path[300];

	(void)state;
	assert_memory_equal(&k, &none, sizeof k);
	assert_int_equal(contacts_next(c, "", &k, NULL), 0);
	assert_memory_equal(&k, &none, sizeof k);
	store_path(path, "contacts.db");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	DO(c, contacts_sealed(c, BOB, A, NOW, NULL));
	store_path(path, "contacts.db-journal");
	if (stat(path, &st) == 0)
		assert_int_equal(st.st_mode & 07777, 0600);
	contacts_close(c);
}

static void test_sealed(void **state)
{
	struct contacts *c = store_open();
	struct contact_known k;

	(void)state;
	DO(c, contacts_readable(c, BOB, true, NULL));
	assert_true(get(c, BOB).readable);
	assert_int_equal(get(c, BOB).first, 0);
	DO(c, contacts_waits(c, BOB, B, NULL));
	assert_string_equal(get(c, BOB).waits, B);
	/* one and the same mailbox, however it is written */
	DO(c, contacts_sealed(c, "Bob@Example.ORG.", A, NOW, NULL));
	k = get(c, "BOB@EXAMPLE.ORG");
	assert_string_equal(k.addr, BOB);
	assert_int_equal(k.first, NOW);
	assert_int_equal(k.last, NOW);
	assert_false(k.readable);
	assert_string_equal(k.used, A);
	assert_string_equal(k.waits, "");
	assert_int_equal(k.n, 1);
	assert_int_equal(key_of(&k, A)->first, NOW);
	DO(c, contacts_sealed(c, BOB, A, NOW + DAY - 1, NULL));
	assert_int_equal(get(c, BOB).last, NOW);	/* to the day */
	DO(c, contacts_sealed(c, BOB, A, NOW + DAY, NULL));
	DO(c, contacts_sealed(c, BOB, A, NOW - DAY, NULL));	/* a wrong clock */
	k = get(c, BOB);
	assert_int_equal(k.first, NOW);
	assert_int_equal(k.last, NOW + DAY);
	assert_int_equal(key_of(&k, A)->last, NOW + DAY);
	DO(c, contacts_sealed(c, BOB, B, NOW + DAY + 1, NULL));
	k = get(c, BOB);
	assert_string_equal(k.used, B);
	assert_int_equal(k.n, 2);
	assert_string_equal(k.key[0].fpr, B);
	assert_int_equal(k.key[0].first, NOW + DAY + 1);
	assert_int_equal(key_of(&k, A)->last, NOW + DAY);
	DO(c, contacts_sealed(c, EVE, "", NOW, NULL));
	k = get(c, EVE);
	assert_int_equal(k.first, NOW);
	assert_int_equal(k.n, 0);
	assert_string_equal(k.used, "");
	contacts_close(c);
}

static void test_policy(void **state)
{
	struct contacts *c = store_open();

	(void)state;
	for (int p = POLICY_ALWAYS; p >= POLICY_UNSET; p--) {
		DO(c, contacts_policy(c, BOB, (enum policy)p, NULL));
		assert_int_equal(get(c, BOB).policy, p);
	}
	DO(c, contacts_readable(c, BOB, true, NULL));
	DO(c, contacts_readable(c, BOB, false, NULL));
	assert_false(get(c, BOB).readable);
	contacts_close(c);
}

static void test_judged(void **state)
{
	static const enum judged all[] = { JUDGED_ACCEPTED, JUDGED_VERIFIED,
	                                   JUDGED_REJECTED, JUDGED_NOT };
	struct contacts *c = store_open();
	struct contact_known k;

	(void)state;
	for (int i = 0; i < 4; i++) {
		DO(c, contacts_waits(c, BOB, A, NULL));
		DO(c, contacts_judge(c, BOB, B, all[i], NULL));
		k = get(c, BOB);
		assert_int_equal(key_of(&k, B)->judged, all[i]);
		assert_string_equal(k.waits, A);
		DO(c, contacts_judge(c, BOB, A, all[i], NULL));
		assert_string_equal(get(c, BOB).waits, "");
	}
	assert_int_equal(get(c, BOB).n, 2);
	assert_int_equal(get(c, EVE).n, 0);
	/* the last word stands first */
	DO(c, contacts_sealed(c, BOB, C, NOW, NULL));
	for (int i = 0; i < 4; i++) {
		DO(c, contacts_judge(c, BOB, i % 2 ? A : B, JUDGED_ACCEPTED,
		                     NULL));
		k = get(c, BOB);
		assert_string_equal(k.key[0].fpr, i % 2 ? A : B);
		assert_string_equal(k.key[2].fpr, C);
	}
	contacts_close(c);
}

static void fpr_of(char fpr[41], unsigned n)
{
	snprintf(fpr, 41, "%040X", n);
}

/* The oldest go that nobody judged, then those accepted; what was rejected
 * stays so. */
static void test_many_keys(void **state)
{
	struct contacts *c = store_open();
	struct contact_known k;
	char fpr[41];
	struct err e;

	(void)state;
	contacts_begin(c, NULL);
	contacts_judge(c, BOB, A, JUDGED_ACCEPTED, NULL);
	contacts_judge(c, BOB, B, JUDGED_REJECTED, NULL);
	for (unsigned i = 0; i < 3 * JUDGED_MAX; i++) {
		fpr_of(fpr, i);
		assert_int_equal(contacts_sealed(c, BOB, fpr, NOW + i, NULL), 0);
		k = get(c, BOB);
		assert_int_equal(key_of(&k, fpr)->last, NOW + i);
		assert_in_range(k.n, 1, JUDGED_MAX);
	}
	assert_int_equal(k.n, JUDGED_MAX);
	assert_int_equal(key_of(&k, A)->judged, JUDGED_ACCEPTED);
	assert_int_equal(key_of(&k, B)->judged, JUDGED_REJECTED);
	for (unsigned i = 1; i < JUDGED_MAX; i++) {
		fpr_of(fpr, 1000 + i);
		assert_int_equal(contacts_judge(c, BOB, fpr, JUDGED_REJECTED,
		                                NULL), 0);
	}
	assert_int_equal(contacts_end(c, NULL), 0);
	contacts_begin(c, NULL);
	assert_int_equal(contacts_judge(c, BOB, C, JUDGED_REJECTED, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	contacts_undo(c);
	/* a letter that goes is noted all the same */
	DO(c, contacts_sealed(c, BOB, C, NOW + DAY, NULL));
	k = get(c, BOB);
	assert_string_equal(k.used, C);
	assert_int_equal(key_of(&k, B)->judged, JUDGED_REJECTED);
	contacts_close(c);
}

static void test_next(void **state)
{
	struct contacts *c = store_open();
	struct contact_known k = { .addr = "" };
	char addr[40], last[ADDR_MAX + 1] = "";
	int n = 0;

	(void)state;
	contacts_begin(c, NULL);
	for (int i = 0; i < 300; i++) {
		snprintf(addr, sizeof addr, "A%d@example.org", i * 7919 % 1000);
		assert_int_equal(contacts_sealed(c, addr, A, NOW, NULL), 0);
	}
	assert_int_equal(contacts_end(c, NULL), 0);
	for (;; n++) {
		assert_int_equal(contacts_next(c, k.addr, &k, NULL), 0);
		if (!k.addr[0])
			break;
		assert_true(strcmp(last, k.addr) < 0);
		assert_int_equal(k.n, 1);
		memcpy(last, k.addr, sizeof last);
	}
	assert_int_equal(n, 300);
	contacts_close(c);
}

/* What is none is refused, and changes nothing. */
static void test_nonsense(void **state)
{
	static const char *const bad_fpr[] = {
		"", "A", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", A "A",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%", "' OR 1=1 --"
	};
	static const char *const bad_addr[] = {
		"", "bob", "@example.org", "a b@example.org", "<a@b.example>",
		"'; DROP TABLE contact; --"
	};
	struct contacts *c = store_open();
	struct contact_known k;
	struct err e;

	(void)state;
	DO(c, contacts_sealed(c, "o'bob--@example.org", A, NOW, NULL));
	assert_int_equal(contacts_begin(c, NULL), 0);
	for (size_t i = 0; i < sizeof bad_fpr / sizeof *bad_fpr; i++) {
		assert_int_equal(contacts_judge(c, BOB, bad_fpr[i],
		                                JUDGED_VERIFIED, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
		if (i)
			assert_int_equal(contacts_waits(c, BOB, bad_fpr[i],
			                                NULL), -1);
		if (i)
			assert_int_equal(contacts_sealed(c, BOB, bad_fpr[i],
			                                 NOW, NULL), -1);
	}
	for (size_t i = 0; i < sizeof bad_addr / sizeof *bad_addr; i++) {
		assert_int_equal(contacts_get(c, bad_addr[i], &k, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
		assert_int_equal(contacts_sealed(c, bad_addr[i], A, NOW, NULL),
		                 -1);
		assert_int_equal(contacts_readable(c, bad_addr[i], true, NULL),
		                 -1);
	}
	contacts_undo(c);
	contacts_close(c);
	c = store_open();
	assert_int_equal(contacts_next(c, "", &k, NULL), 0);
	assert_string_equal(k.addr, "o'bob--@example.org");
	assert_int_equal(contacts_next(c, k.addr, &k, NULL), 0);
	assert_string_equal(k.addr, "");
	contacts_close(c);
}

/* All of it or nothing. */
static void test_undo(void **state)
{
	struct contacts *c = store_open();

	(void)state;
	contacts_begin(c, NULL);
	contacts_sealed(c, BOB, A, NOW, NULL);
	contacts_sealed(c, EVE, B, NOW, NULL);
	assert_string_equal(get(c, EVE).used, B);
	contacts_undo(c);
	assert_int_equal(get(c, BOB).n + get(c, EVE).n, 0);
	contacts_begin(c, NULL);
	contacts_sealed(c, BOB, A, NOW, NULL);
	contacts_close(c);		/* without an end */
	c = store_open();
	assert_int_equal(get(c, BOB).n, 0);
	contacts_close(c);
}

/* Two programs at once: each sees what the other has written. */
static void test_two(void **state)
{
	struct contacts *a = store_open(), *b = store_open();

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct contacts *one = i % 2 ? a : b, *other = i % 2 ? b : a;

		assert_int_equal(contacts_begin(one, NULL), 0);
		assert_int_equal(contacts_sealed(one, BOB, i % 2 ? A : B,
		                                 NOW + i, NULL), 0);
		assert_int_equal(contacts_end(one, NULL), 0);
		assert_string_equal(get(other, BOB).used, i % 2 ? A : B);
	}
	contacts_close(a);
	contacts_close(b);
}

/* ---- a file that is not as it should be ---- */

static void assert_refused(const char *words)
{
	struct contacts *c;
	struct err e;

	c = contacts_open(store_dir, &e);
	assert_null(c);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
	assert_non_null(strstr(e.text, words));
}

static void fill(void)
{
	struct contacts *c = store_open();
	char addr[60];

	contacts_begin(c, NULL);
	for (int i = 0; i < 200; i++) {
		snprintf(addr, sizeof addr, "somebody.%d@example.org", i);
		contacts_sealed(c, addr, A, NOW, NULL);
	}
	assert_int_equal(contacts_end(c, NULL), 0);
	contacts_close(c);
}

static size_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static void test_damaged(void **state)
{
	static const char junk[64] = "junk of 64 octets that are no page";
	char path[300];
	size_t size;
	int fd;

	(void)state;
	store_path(path, "contacts.db");
	fill();
	size = size_of(path);
	assert_true(size > 4 * 4096);
	for (size_t at = 0; at < size; at += 4096) {	/* each page */
		store_clear(NULL);
		fill();
		fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, junk, sizeof junk, (off_t)at),
		                 sizeof junk);
		close(fd);
		assert_refused("damaged");
		assert_int_equal(size_of(path), size);	/* left as it is */
	}
	for (size_t n = 0; n < size; n += 2048) {	/* cut */
		store_clear(NULL);
		fill();
		assert_int_equal(truncate(path, (off_t)n), 0);
		assert_refused("damaged");
		assert_int_equal(size_of(path), n);
	}
}

static void test_not_ours(void **state)
{
	struct contact_known k;
	struct contacts *c;
	char path[300];
	struct err e;

	(void)state;
	fill();
	store_sql("PRAGMA user_version = 4");
	assert_refused("newer");
	store_sql("PRAGMA user_version = 0");
	assert_refused("damaged");
	store_sql("PRAGMA user_version = 3; PRAGMA application_id = 1");
	assert_refused("damaged");
	store_clear(NULL);
	fill();
	store_sql("DROP TABLE key");
	assert_refused("damaged");
	store_clear(NULL);
	store_path(path, "contacts.db");
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_refused("damaged");
	store_clear(NULL);
	fill();
	/* whole to SQLite, but nothing that we write */
	store_sql("UPDATE contact SET policy = 9 WHERE addr LIKE '%.1@%'");
	store_sql("UPDATE key SET judged = -1 WHERE addr LIKE '%.2@%'");
	store_sql("UPDATE contact SET used = 'x' WHERE addr LIKE '%.3@%'");
	c = store_open();
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof path, "somebody.%d@example.org", i);
		assert_int_equal(contacts_get(c, path, &k, &e),
		                 i >= 1 && i <= 3 ? -1 : 0);
	}
	contacts_close(c);
}

/* A folder that is reached by a link is as good. */
static void test_linked_folder(void **state)
{
	char path[300];
	struct contacts *c;

	(void)state;
	fill();
	store_path(path, "link");
	assert_int_equal(symlink(store_dir, path), 0);
	c = contacts_open(path, NULL);
	assert_non_null(c);
	assert_string_equal(get(c, "somebody.7@example.org").used, A);
	contacts_close(c);
}

/* What can't be written is told and is not there; later it can be again. */
static void test_disk_full(void **state)
{
	struct rlimit was, full;
	struct contacts *c;
	char path[300];
	struct err e;
	int rc;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fill();
	c = store_open();
	store_path(path, "contacts.db");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	full = was;
	for (rlim_t room = 0; room < 8192; room += 1000) {
		full.rlim_cur = room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
		rc = contacts_begin(c, &e);
		if (rc == 0)
			rc = contacts_sealed(c, BOB, A, NOW, &e);
		if (rc == 0)
			rc = contacts_end(c, &e);
		else
			contacts_undo(c);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(rc, -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_EIO);
		assert_int_equal(get(c, BOB).n, 0);
	}
	DO(c, contacts_sealed(c, BOB, A, NOW, NULL));
	assert_string_equal(get(c, BOB).used, A);
	contacts_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing, store_clear),
		cmocka_unit_test_teardown(test_sealed, store_clear),
		cmocka_unit_test_teardown(test_policy, store_clear),
		cmocka_unit_test_teardown(test_judged, store_clear),
		cmocka_unit_test_teardown(test_many_keys, store_clear),
		cmocka_unit_test_teardown(test_next, store_clear),
		cmocka_unit_test_teardown(test_nonsense, store_clear),
		cmocka_unit_test_teardown(test_undo, store_clear),
		cmocka_unit_test_teardown(test_two, store_clear),
		cmocka_unit_test_teardown(test_damaged, store_clear),
		cmocka_unit_test_teardown(test_not_ours, store_clear),
		cmocka_unit_test_teardown(test_linked_folder, store_clear),
		cmocka_unit_test_teardown(test_disk_full, store_clear),
	};

	return cmocka_run_group_tests(tests, store_begin, store_finish);
}
