/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/memory.c. */
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
#include <time.h>
#include <unistd.h>

#include "agent/memory.h"

enum { HASH = 32, RECORD = HASH + 4 };

static char dir[] = "/tmp/letterlock-test-XXXXXX";
static const char *const files[] = { "mac.key", "came", "told" };

static int make_dir(void **state)
{
	(void)state;
	umask(0);		/* so that 0600 is our own doing */
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);	/* nothing else may be left in it */
}

static void path_of(char path[100], const char *name)
{
	assert_in_range(snprintf(path, 100, "%s/%s", dir, name), 1, 99);
}

static int remove_files(void **state)
{
	char path[100];

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		path_of(path, files[i]);
		unlink(path);
	}
	return 0;
}

static void write_file(const char *name, const void *buf, size_t n)
{
	char path[100];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fwrite(buf, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static size_t size_of(const char *name)
{
	char path[100];
	struct stat st;

	path_of(path, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	return (size_t)st.st_size;
}

static struct memory *opened(void)
{
	struct err e = { 0 };
	struct memory *m = memory_open(dir, &e);

	if (!m)
		fail_msg("%s", e.text);
	return m;
}

static void assert_not_opened(gpg_err_code_t code)
{
	struct err e = { 0 };

	assert_null(memory_open(dir, &e));
	assert_int_equal(gpg_err_code(e.code), code);
	assert_true(*e.text);
}

/* ---- the key ---- */

static void test_key(void **state)
{
	unsigned char key[MEMORY_KEY], zero[MEMORY_KEY] = { 0 };
	struct memory *m = opened();

	(void)state;
	memcpy(key, memory_key(m), MEMORY_KEY);
	assert_memory_not_equal(key, zero, MEMORY_KEY);
	assert_int_equal(size_of("mac.key"), MEMORY_KEY);
	assert_int_equal(size_of("came"), 0);
	memory_close(m);
	for (int i = 0; i < 3; i++) {	/* and read again */
		m = opened();
		assert_memory_equal(memory_key(m), key, MEMORY_KEY);
		memory_close(m);
	}
	remove_files(NULL);		/* another installation, another key */
	m = opened();
	assert_memory_not_equal(memory_key(m), key, MEMORY_KEY);
	memory_close(m);
	memory_close(NULL);
}

static void test_key_damaged(void **state)
{
	unsigned char key[MEMORY_KEY + 1];
	char path[100];

	(void)state;
	memset(key, 7, sizeof key);
	for (size_t n = 0; n <= MEMORY_KEY + 1; n++) {
		if (n == MEMORY_KEY)
			continue;
		write_file("mac.key", key, n);
		assert_not_opened(GPG_ERR_BAD_DATA);
	}
	path_of(path, "mac.key");
	unlink(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_not_opened(GPG_ERR_ELOOP);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_not_opened(GPG_ERR_BAD_DATA);
	assert_int_equal(rmdir(path), 0);
}

static void test_no_folder(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(memory_open("/tmp/letterlock-test-none/x", &e));
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOENT);
	assert_null(memory_open("/dev/null", &e));
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOTDIR);
}

static void test_hash(void **state)
{
	/* HMAC-SHA-256 as Python has it, key 32 times 0x07, "what\0text" */
	static const unsigned char want[HASH] = {
		0xb5, 0xdb, 0x67, 0xa7, 0xa9, 0xd7, 0xe7, 0x4f,
		0x03, 0xec, 0xf9, 0xa9, 0x60, 0x9d, 0xef, 0xe3,
		0x1d, 0xee, 0x62, 0x6e, 0x6a, 0xbf, 0xb2, 0xb0,
		0x73, 0x48, 0x19, 0xdf, 0x3a, 0xa7, 0xcf, 0xfc
	};
	unsigned char key[MEMORY_KEY], h[HASH], g[HASH];
	struct memory *m;

	(void)state;
	memset(key, 7, sizeof key);
	write_file("mac.key", key, sizeof key);
	m = opened();
	memory_hash(m, "what", "text", h);
	assert_memory_equal(h, want, HASH);
	memory_hash(m, "wha", "ttext", g);
	assert_memory_not_equal(g, h, HASH);
	memory_hash(m, "what", "texT", g);
	assert_memory_not_equal(g, h, HASH);
	memory_close(m);
}

static void test_code(void **state)
{
	static unsigned char seen[10000];
	unsigned n = 0, same = 0, c;
	struct memory *m = opened();
	char text[20];

	(void)state;
	c = memory_code(m, "bob@example.org\n", 20000);
	memory_close(m);
	m = opened();
	assert_int_equal(memory_code(m, "bob@example.org\n", 20000), c);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof text, "%u", i);
		c = memory_code(m, text, 20000);
		assert_in_range(c, 0, 9999);
		n += !seen[c];
		seen[c] = 1;
		same += c == memory_code(m, text, 20001);
	}
	assert_in_range(n, 1500, 2000);		/* 1813 is to be expected */
	assert_in_range(same, 0, 10);
	memory_close(m);
}

/* ---- the lists ---- */

static void test_lists(void **state)
{
	struct memory *m = opened();

	(void)state;
	assert_false(memory_has(m, MEMORY_CAME, "1@example.org"));
	assert_int_equal(memory_add(m, MEMORY_CAME, "1@example.org", NULL), 0);
	assert_int_equal(memory_add(m, MEMORY_CAME, "1@example.org", NULL), 0);
	assert_int_equal(size_of("came"), RECORD);	/* once is enough */
	for (int again = 0; again < 2; again++) {
		assert_true(memory_has(m, MEMORY_CAME, "1@example.org"));
		assert_false(memory_has(m, MEMORY_CAME, "@example.org"));
		assert_false(memory_has(m, MEMORY_CAME, "2@example.org"));
		memory_close(m);
		m = opened();
	}
	memory_close(m);
}

/* Kept for a year. */
static void test_lists_old(void **state)
{
	const int32_t today = (int32_t)(time(NULL) / 86400);
	const int32_t day[] = { today - 400, today, today - 367, today - 365,
	                        today + 1, 0 };
	unsigned char text[sizeof day / sizeof *day][RECORD];
	struct memory *m = opened();
	char id[2] = "a";

	(void)state;
	for (size_t i = 0; i < sizeof day / sizeof *day; i++) {
		id[0] = (char)('a' + i);
		memory_hash(m, "came", id, text[i]);
		memcpy(text[i] + HASH, &day[i], sizeof day[i]);
	}
	memory_close(m);
	write_file("came", text, sizeof text);
	m = opened();
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < sizeof day / sizeof *day; i++) {
			id[0] = (char)('a' + i);
			assert_int_equal(memory_has(m, MEMORY_CAME, id),
			                 day[i] >= today - 365);
		}
		memory_close(m);
		m = opened();
	}
	assert_int_equal(size_of("came"), 3 * RECORD);
	assert_int_equal(memory_add(m, MEMORY_CAME, "g", NULL), 0);
	assert_int_equal(size_of("came"), 4 * RECORD);
	memory_close(m);
	m = opened();
	assert_true(memory_has(m, MEMORY_CAME, "b"));
	assert_true(memory_has(m, MEMORY_CAME, "g"));
	memory_close(m);
}

/* What came is not to be read there. */
static void test_lists_salted(void **state)
{
	unsigned char h[HASH], g[HASH];
	struct memory *m = opened();
	char path[100];
	FILE *f;

	(void)state;
	assert_int_equal(memory_add(m, MEMORY_CAME, "1@example.org", NULL), 0);
	memory_hash(m, "came", "1@example.org", h);
	memory_close(m);
	path_of(path, "came");
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(g, 1, HASH, f), HASH);
	fclose(f);
	assert_memory_equal(g, h, HASH);
}

static void test_lists_many(void **state)
{
	struct memory *m = opened();
	char addr[30];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(addr, sizeof addr, "a%d@example.org", i);
		assert_int_equal(memory_add(m, MEMORY_CAME, addr, NULL), 0);
	}
	memory_close(m);
	assert_int_equal(size_of("came"), 300 * RECORD);
	m = opened();
	for (int i = 0; i < 400; i++) {
		snprintf(addr, sizeof addr, "a%d@example.org", i);
		assert_int_equal(memory_has(m, MEMORY_CAME, addr), i < 300);
	}
	memory_close(m);
}

/* A record that a crash cut is cut off, and those after it are whole. */
static void test_record_cut(void **state)
{
	struct memory *m;
	char path[100];

	(void)state;
	path_of(path, "came");
	for (int cut = 0; cut <= RECORD; cut++) {
		remove_files(NULL);
		m = opened();
		memory_add(m, MEMORY_CAME, "a@example.org", NULL);
		memory_add(m, MEMORY_CAME, "b@example.org", NULL);
		memory_close(m);
		assert_int_equal(truncate(path, RECORD + cut), 0);
		m = opened();
		assert_int_equal(size_of("came"), cut == RECORD
		                 ? 2 * RECORD : RECORD);
		assert_true(memory_has(m, MEMORY_CAME, "a@example.org"));
		assert_int_equal(memory_has(m, MEMORY_CAME, "b@example.org"),
		                 cut == RECORD);
		assert_int_equal(memory_add(m, MEMORY_CAME, "c@example.org",
		                            NULL), 0);
		assert_int_equal(size_of("came"), cut == RECORD
		                 ? 3 * RECORD : 2 * RECORD);
		memory_close(m);
		m = opened();
		assert_true(memory_has(m, MEMORY_CAME, "a@example.org"));
		assert_true(memory_has(m, MEMORY_CAME, "c@example.org"));
		memory_close(m);
	}
}

/* A disk that is full for a while: what could not be written is told, is not
 * half there, and does not spoil what is written later. */
static void test_disk_full(void **state)
{
	struct memory *m;
	struct rlimit was, full;
	struct err e;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	full = was;
	for (rlim_t room = 0; room < RECORD; room += 5) {
		remove_files(NULL);
		m = opened();
		memory_add(m, MEMORY_CAME, "a@example.org", NULL);
		full.rlim_cur = RECORD + room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
		assert_int_equal(memory_add(m, MEMORY_CAME, "b@example.org",
		                            &e), -1);
		assert_int_not_equal(gpg_err_code(e.code), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(size_of("came"), RECORD);
		/* known as long as we live, and written with the next */
		assert_true(memory_has(m, MEMORY_CAME, "b@example.org"));
		assert_int_equal(memory_add(m, MEMORY_CAME, "c@example.org",
		                            NULL), 0);
		assert_int_equal(size_of("came"), 3 * RECORD);
		memory_close(m);
		m = opened();
		assert_true(memory_has(m, MEMORY_CAME, "a@example.org"));
		assert_true(memory_has(m, MEMORY_CAME, "b@example.org"));
		assert_true(memory_has(m, MEMORY_CAME, "c@example.org"));
		memory_close(m);
	}
}

/* ---- look-ups ---- */

static void assert_recalls(struct memory *m, uint64_t stamp, const char *key,
                           const char *value)
{
	size_t n = 0;
	const void *p = memory_recall(m, stamp, key, &n);

	if (!value) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_int_equal(n, strlen(value));
	assert_memory_equal(p, value, n);
}

static void test_lookups(void **state)
{
	static const char big[LOOKUP_VALUE_MAX + 1];
	const uint64_t high = (uint64_t)1 << 32;
	struct memory *m = opened();
	size_t n;

	(void)state;
	assert_recalls(m, 1, "bob", NULL);
	memory_remember(m, 1, "bob", "key", 3);
	memory_remember(m, 1, "carol", "another", 7);
	assert_recalls(m, 1, "bob", "key");
	assert_recalls(m, 1, "carol", "another");
	assert_recalls(m, 2, "bob", NULL);	/* the keyring changed */
	assert_recalls(m, 1 + high, "bob", NULL);
	assert_recalls(m, 1, "Bob", NULL);
	assert_recalls(m, 1, "", NULL);
	memory_remember(m, 2, "bob", "longer one", 10);
	assert_recalls(m, 1, "bob", NULL);
	assert_recalls(m, 2, "bob", "longer one");
	memory_remember(m, 2, "bob", "", 0);
	assert_recalls(m, 2, "bob", "");
	memory_remember(m, 3, "bob", big, LOOKUP_VALUE_MAX);
	assert_non_null(memory_recall(m, 3, "bob", &n));
	assert_int_equal(n, LOOKUP_VALUE_MAX);
	memory_remember(m, 4, "bob", big, LOOKUP_VALUE_MAX + 1);
	assert_recalls(m, 4, "bob", NULL);
	memory_close(m);
	m = opened();				/* in memory only */
	assert_recalls(m, 1, "carol", NULL);
	memory_close(m);
}

/* The oldest goes first, one for one. */
static void test_lookups_bound(void **state)
{
	struct memory *m = opened();
	char key[20];

	(void)state;
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		snprintf(key, sizeof key, "k%d", i);
		memory_remember(m, 1, key, key, strlen(key));
	}
	memory_remember(m, 1, "k7", "new", 3);	/* it takes no other's place */
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof key, "more%d", i);
		memory_remember(m, 1, key, key, strlen(key));
		assert_recalls(m, 1, key, key);
		snprintf(key, sizeof key, "k%d", i);
		assert_recalls(m, 1, key, NULL);
		snprintf(key, sizeof key, "k%d", i + 1);
		assert_recalls(m, 1, key, i + 1 == 7 ? "new" : key);
	}
	snprintf(key, sizeof key, "k%d", LOOKUPS_MAX - 1);
	assert_recalls(m, 1, key, key);
	for (int i = 0; i < 2 * LOOKUPS_MAX; i++) {
		snprintf(key, sizeof key, "x%d", i);
		memory_remember(m, 1, key, key, strlen(key));
	}
	for (int i = 0; i < 2 * LOOKUPS_MAX; i++) {
		snprintf(key, sizeof key, "x%d", i);
		assert_recalls(m, 1, key, i < LOOKUPS_MAX ? NULL : key);
	}
	memory_close(m);
}

/* ---- letters sent in part ---- */

static void assert_part(struct memory *m, unsigned char first, int64_t now,
                        const char *list)
{
	unsigned char digest[32] = { first };
	size_t n = 0;
	const void *p = memory_part_find(m, digest, now, &n);

	if (!list) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_int_equal(n, strlen(list));
	assert_memory_equal(p, list, n);
}

static void keep(struct memory *m, unsigned char first, int64_t now,
                 const char *list)
{
	unsigned char digest[32] = { first };

	memory_part_keep(m, digest, now, list, strlen(list));
}

static void test_parts(void **state)
{
	const int64_t now = 1780000000;
	unsigned char digest[32] = { 1 };
	struct memory *m = opened();
	size_t n;

	(void)state;
	assert_part(m, 0, now, NULL);
	assert_part(m, 1, now, NULL);
	keep(m, 1, now, "bob");
	keep(m, 2, now + 5, "carol");
	keep(m, 0, now, "zero");
	assert_part(m, 0, now, "zero");
	assert_part(m, 1, now, "bob");
	digest[31] = 1;
	assert_null(memory_part_find(m, digest, now, &n));
	/* an hour and no more */
	assert_part(m, 1, now + PART_SECONDS - 1, "bob");
	assert_part(m, 1, now + PART_SECONDS, NULL);
	assert_part(m, 2, now + PART_SECONDS, "carol");
	assert_part(m, 2, now + 5 + PART_SECONDS, NULL);
	/* kept anew, with others, for another hour */
	keep(m, 1, now + 3000, "bob, dan");
	assert_part(m, 1, now + 3000 + PART_SECONDS - 1, "bob, dan");
	assert_part(m, 2, now + 10, "carol");
	/* nobody has it any more */
	keep(m, 1, now + 3001, "");
	assert_part(m, 1, now + 3001, NULL);
	keep(m, 1, now + 3002, "eve");
	assert_part(m, 1, now + 3002, "eve");
	memory_close(m);
	m = opened();
	assert_part(m, 2, now, NULL);
	memory_close(m);
}

static void test_parts_bound(void **state)
{
	struct memory *m = opened();
	char list[20];

	(void)state;
	for (int i = 1; i <= PARTS_MAX; i++) {
		snprintf(list, sizeof list, "list %d", i);
		keep(m, (unsigned char)i, 1000, list);
	}
	assert_part(m, 1, 1001, "list 1");
	keep(m, 2, 1002, "anew");
	for (int i = 1; i <= 5; i++) {
		keep(m, (unsigned char)(100 + i), 1003, "more");
		assert_part(m, (unsigned char)(100 + i), 1004, "more");
		assert_part(m, (unsigned char)i, 1004, NULL);
		snprintf(list, sizeof list, "list %d", i + 1);
		assert_part(m, (unsigned char)(i + 1), 1004,
		            i + 1 == 2 ? "anew" : list);
	}
	memory_close(m);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, remove_files, remove_files)
	const struct CMUnitTest tests[] = {
		FRESH(test_key),
		FRESH(test_key_damaged),
		FRESH(test_no_folder),
		FRESH(test_hash),
		FRESH(test_code),
		FRESH(test_lists),
		FRESH(test_lists_old),
		FRESH(test_lists_salted),
		FRESH(test_lists_many),
		FRESH(test_record_cut),
		FRESH(test_disk_full),
		FRESH(test_lookups),
		FRESH(test_lookups_bound),
		FRESH(test_parts),
		FRESH(test_parts_bound),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
