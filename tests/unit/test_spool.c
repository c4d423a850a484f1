/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/spool.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/spool.h"

enum {
	MANY = SPOOL_MEMORY + 5 * SPOOL_RECORD + 777,
	SEALED = SPOOL_RECORD + 16
};
static unsigned char many[MANY], back[MANY + 1];

static int fill(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		x = x * 1664525 + 1013904223;
		many[i] = x >> 24 & 0xff;
	}
	return 0;
}

static int open_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static struct spool *spool_open(int fd)
{
	struct spool *s = spool_new(fd);

	assert_non_null(s);
	return s;
}

static int put(struct spool *s, size_t from, size_t n, struct err *e)
{
	return sink_put(spool_sink(s), many + from, n, e);
}

/* All of it is read, in parts of the given size. */
static void assert_holds(struct spool *s, size_t n, size_t part)
{
	struct err e;
	size_t off = 0;
	ssize_t k;

	assert_true(spool_size(s) == n);
	while ((k = spool_read(s, off, back + off, part, &e)) > 0)
		off += (size_t)k;
	assert_int_equal(k, 0);
	assert_int_equal(off, n);
	if (n)
		assert_memory_equal(back, many, n);
}

static void test_sizes(void **state)
{
	static const size_t size[] = {
		0, 1, 500, SPOOL_MEMORY - 1, SPOOL_MEMORY, SPOOL_MEMORY + 1,
		SPOOL_MEMORY + SPOOL_RECORD - 1, SPOOL_MEMORY + SPOOL_RECORD,
		SPOOL_MEMORY + SPOOL_RECORD + 1,
		SPOOL_MEMORY + 2 * SPOOL_RECORD, MANY
	};
	static const size_t part[] = { 1, 4093, SPOOL_RECORD - 1,
	                               SPOOL_RECORD + 1, SPOOL_MEMORY, MANY };
	int fd = open_file();
	struct spool *s = spool_open(fd);
	size_t ns = sizeof size / sizeof *size, k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ns; i++)
		for (size_t j = 0; j < sizeof part / sizeof *part; j++) {
			for (size_t off = 0; off < size[i]; off += k) {
				k = size[i] - off < part[j] ? size[i] - off
				                            : part[j];
				assert_int_equal(put(s, off, k, &e), 0);
			}
			assert_holds(s, size[i], part[j]);
			assert_int_equal(spool_reset(s, &e), 0);
			assert_true(spool_size(s) == 0);
			assert_int_equal(spool_read(s, 0, back, 1, &e), 0);
		}
	spool_free(s);
	close(fd);
}

/* Two writes and two reads, cut at every place about each seam. */
static void test_cuts(void **state)
{
	static const size_t seam[] = { 0, SPOOL_MEMORY,
	                               SPOOL_MEMORY + SPOOL_RECORD,
	                               SPOOL_MEMORY + 2 * SPOOL_RECORD };
	const size_t n = seam[3] + 5;
	int fd = open_file();
	struct spool *s = spool_open(fd);
	struct err e;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (int d = -5; d <= 5; d++) {
			size_t cut = seam[i] + (size_t)d;

			if (cut > n)
				continue;
			assert_int_equal(put(s, 0, cut, &e), 0);
			assert_int_equal(put(s, cut, n - cut, &e), 0);
			memset(back, 0, sizeof back);
			assert_int_equal(spool_read(s, cut, back + cut, MANY,
			                            &e), n - cut);
			assert_int_equal(spool_read(s, 0, back, cut, &e),
			                 cut);
			assert_memory_equal(back, many, n);
			assert_int_equal(spool_reset(s, &e), 0);
		}
	spool_free(s);
	close(fd);
}

/* Reading here and there while it is being written. */
static void test_random(void **state)
{
	int fd = open_file();
	struct spool *s = spool_open(fd);
	size_t len = 0, off, n, want;
	struct err e;
	uint32_t x = 7;

	(void)state;
	while (len < MANY) {
		x = x * 1664525 + 1013904223;
		n = x >> 8 & 0xfff;
		n = n < MANY - len ? n : MANY - len;
		assert_int_equal(put(s, len, n, &e), 0);
		len += n;
		for (int i = 0; i < 20 && len; i++) {
			x = x * 1664525 + 1013904223;
			off = (x >> 4) % len;
			n = x >> 3 & 0x1fff;
			want = n < len - off ? n : len - off;
			assert_int_equal(spool_read(s, off, back, n, &e),
			                 want);
			assert_memory_equal(back, many + off, want);
		}
	}
	assert_int_equal(spool_read(s, MANY, back, 9, &e), 0);
	assert_int_equal(spool_read(s, UINT64_MAX, back, 9, &e), 0);
	spool_free(s);
	close(fd);
}

static void test_memory_only(void **state)
{
	struct spool *s = spool_open(-1);
	struct err e;

	(void)state;
	assert_int_equal(put(s, 0, SPOOL_MEMORY, &e), 0);
	assert_holds(s, SPOOL_MEMORY, 1000);
	assert_int_equal(put(s, 0, 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(spool_reset(s, &e), 0);
	assert_int_equal(put(s, 0, 10, &e), 0);
	assert_holds(s, 10, 3);
	spool_free(s);
	spool_free(NULL);
}

/* The file holds nothing of what was written, and not the same twice. */
static void test_sealed(void **state)
{
	static unsigned char before[5 * SEALED], file[5 * SEALED];
	int fd = open_file();
	struct spool *s = spool_open(fd);
	struct err e;
	struct stat st;

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(put(s, 0, MANY, &e), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, sizeof file);
		assert_int_equal(pread(fd, file, sizeof file, 0),
		                 sizeof file);
		for (size_t i = 0; i + 16 < MANY; i += 997)
			assert_null(memmem(file, sizeof file, many + i, 16));
		for (size_t i = 0; round && i < 5; i++)
			assert_memory_not_equal(before + i * SEALED,
			                        file + i * SEALED, 16);
		memcpy(before, file, sizeof file);
		assert_int_equal(spool_reset(s, &e), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, 0);
	}
	spool_free(s);
	close(fd);
}

/* Equal records look different: no nonce is used twice. */
static void test_nonce(void **state)
{
	static unsigned char zero[SPOOL_MEMORY + 3 * SPOOL_RECORD + 1];
	unsigned char a[32], b[32];
	int fd = open_file();
	struct spool *s = spool_open(fd);
	struct err e;

	(void)state;
	assert_int_equal(sink_put(spool_sink(s), zero, sizeof zero, &e), 0);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < i; j++) {
			assert_int_equal(pread(fd, a, 32, i * SEALED), 32);
			assert_int_equal(pread(fd, b, 32, j * SEALED), 32);
			assert_memory_not_equal(a, b, 32);
		}
	spool_free(s);
	close(fd);
}

/* After a reset nothing of it is left in memory. */
static void test_wiped(void **state)
{
	int fd = open_file();
	struct spool *s = spool_open(fd);
	size_t size = malloc_usable_size(s);
	struct err e;

	(void)state;
	assert_in_range(size, SPOOL_MEMORY, 4 * SPOOL_MEMORY);
	assert_int_equal(put(s, 0, 1000, &e), 0);
	assert_int_equal(spool_reset(s, &e), 0);
	assert_null(memmem(s, size, many + 984, 16));
	assert_int_equal(put(s, 0, MANY, &e), 0);
	assert_int_equal(spool_read(s, SPOOL_MEMORY, back, 9, &e), 9);
	assert_non_null(memmem(s, size, many + MANY - 16, 16));
	assert_int_equal(spool_reset(s, &e), 0);
	for (size_t i = 0; i + 16 < MANY; i += 97)
		assert_null(memmem(s, size, many + i, 16));
	spool_free(s);
	close(fd);
}

static void assert_bad(struct spool *s, size_t record, bool bad)
{
	size_t off = SPOOL_MEMORY + record * SPOOL_RECORD;
	struct err e;
	ssize_t r = spool_read(s, off, back, 100, &e);

	assert_int_equal(r, bad ? -1 : 100);
	if (bad)
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_CHECKSUM);
	else
		assert_memory_equal(back, many + off, 100);
}

static void flip(int fd, off_t at)
{
	unsigned char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 0x10;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
}

static void test_tampered(void **state)
{
	static unsigned char one[SEALED], two[SEALED];
	static const off_t at[] = { 0, 1, SPOOL_RECORD - 1, SPOOL_RECORD,
	                            SEALED - 1 };
	int fd = open_file();
	struct spool *s = spool_open(fd);
	size_t size = malloc_usable_size(s);
	struct err e;

	(void)state;
	assert_int_equal(put(s, 0, MANY, &e), 0);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		flip(fd, SEALED + at[i]);
		assert_bad(s, 0, false);
		assert_bad(s, 1, true);
		assert_null(memmem(s, size, many + SPOOL_MEMORY +
		                   SPOOL_RECORD + 100, 16));
		assert_bad(s, 1, true);
		assert_bad(s, 2, false);
		flip(fd, SEALED + at[i]);
		assert_bad(s, 1, false);
	}
	assert_int_equal(pread(fd, one, SEALED, SEALED), SEALED);
	assert_int_equal(pread(fd, two, SEALED, 2 * SEALED), SEALED);
	assert_int_equal(pwrite(fd, two, SEALED, SEALED), SEALED);
	assert_int_equal(pwrite(fd, one, SEALED, 2 * SEALED), SEALED);
	assert_bad(s, 3, false);
	assert_bad(s, 1, true);
	assert_bad(s, 2, true);
	assert_int_equal(ftruncate(fd, 5 * SEALED - 1), 0);
	assert_bad(s, 3, false);
	assert_bad(s, 4, true);
	/* a read that starts well and meets it gives nothing */
	assert_int_equal(spool_read(s, 0, back, MANY, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_CHECKSUM);
	assert_int_equal(back[0], 0);
	spool_free(s);
	close(fd);
}

static void test_too_big(void **state)
{
	struct rlimit old, small = { .rlim_cur = 2 * SEALED + 100 };
	int fd = open_file();
	struct spool *s = spool_open(fd);
	struct err e;
	int r;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = put(s, 0, MANY, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EFBIG);
	/* it takes nothing more, which would have a hole before it */
	assert_int_equal(put(s, 0, 1, &e), -1);
	assert_int_equal(spool_reset(s, &e), 0);
	assert_int_equal(put(s, 0, MANY, &e), 0);
	assert_holds(s, MANY, 10000);
	spool_free(s);
	close(fd);
}

static void test_disk_full(void **state)
{
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	struct spool *s = spool_open(fd);
	struct err e;

	(void)state;
	assert_int_equal(put(s, 0, SPOOL_MEMORY + SPOOL_RECORD, &e), 0);
	assert_int_equal(put(s, 0, 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOSPC);
	/* it can't be truncated either, and is empty all the same */
	assert_int_equal(spool_reset(s, &e), -1);
	assert_true(spool_size(s) == 0);
	assert_int_equal(put(s, 0, 1, &e), -1);
	spool_free(s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_memory_only),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_disk_full),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
