/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the keeper's files, as a crash or somebody else left them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/memory.h"
#include "tests/fuzz/fuzz.h"

enum { FILES = 3 };

static const char *const files[FILES] = { "mac.key", "came", "told" };
static char dir[4096];

static void file_of(char path[5000], const char *name)
{
	CHECK(snprintf(path, 5000, "%s/%s", dir, name) < 5000);
}

static void leave(void)
{
	char path[5000];

	for (int i = 0; i < FILES; i++) {
		file_of(path, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void folder(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir[0])
		return;
	if (!tmp)
		tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	CHECK(snprintf(dir, sizeof dir, "%s/letterlock-fuzz-XXXXXX", tmp)
	      < (int)sizeof dir);
	CHECK(mkdtemp(dir));
	atexit(leave);
}

static void file_write(const char *name, const void *p, size_t n)
{
	char path[5000];
	int fd;

	file_of(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0);
}

/* What was added is there, also when it is opened again. */
static void use(struct memory *m, const char *text)
{
	for (int l = 0; l < MEMORY_LISTS; l++) {
		enum memory_list list = (enum memory_list)l;

		CHECK(memory_add(m, list, text, NULL) == 0);
		CHECK(memory_has(m, list, text));
	}
	memory_close(m);
	m = memory_open(dir, NULL);
	CHECK(m);
	for (int l = 0; l < MEMORY_LISTS; l++)
		CHECK(memory_has(m, (enum memory_list)l, text));
	CHECK(memory_code(m, text, 1) < 10000);
	memory_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	size_t n[FILES] = { 0 };
	struct memory *m;
	struct err e;

	folder();
	n[0] = how & 1 ? size / 3 : 32;
	for (int i = 0; i < FILES; i++) {
		if (i)
			n[i] = fuzz_octet(&data, &size);
		n[i] = n[i] < size ? n[i] : size;
		file_write(files[i], data, n[i]);
		data += n[i];
		size -= n[i];
	}
	m = memory_open(dir, &e);
	CHECK((m != NULL) == (n[0] == 32));
	if (m)
		use(m, "bob@example.org");
	else
		CHECK(gpg_err_code(e.code) == GPG_ERR_BAD_DATA);
	leave();
	CHECK(mkdir(dir, 0700) == 0);
	return 0;
}
