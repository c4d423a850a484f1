/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target without libFuzzer: its seeds, each cut at every octet, and
 * some thousand changes of them that are the same each time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum {
	SEEDS_MAX = 1000,
	SEED_MAX = 1 << 20,	/* octets of a file */
	CUTS_MAX = 2048,	/* octets of a seed that are cut at every one */
	STEPS = 64,		/* cuts behind these */
	CHANGED = 3000,		/* inputs made of the seeds */
	CHANGES_MAX = 6,	/* in one of them */
	SHARE_MAX = 1000
};

struct seed {
	char *name;
	uint8_t *p;
	size_t n;
};

static struct seed seed[SEEDS_MAX];
static size_t n_seeds, runs;
static uint64_t state = 88172645463325252U;

/* xorshift64: the same numbers everywhere, always. */
static size_t some(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (size_t)(state % below) : 0;
}

static char failed[4096];	/* where an input that fails is left */
static const uint8_t *now;
static size_t now_len;

/* Leave the input and die of the same signal. */
static void leave(int sig)
{
	int fd = open(failed, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0 && write(fd, now, now_len) == (ssize_t)now_len
	    && write(2, "left in ", 8) == 8
	    && write(2, failed, strlen(failed)) > 0)
		sig = write(2, "\n", 1) == 1 ? sig : SIGABRT;
	raise(sig);
}

static void run(const void *p, size_t n)
{
	uint8_t *copy = fuzz_copy(p, n);

	now = copy;
	now_len = n;
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	runs++;
}

static int seed_read(const char *path)
{
	struct seed *s = &seed[n_seeds];
	FILE *f = n_seeds < SEEDS_MAX ? fopen(path, "r") : NULL;

	if (!f || !(s->p = malloc(SEED_MAX)) || !(s->name = strdup(path))) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	s->n = fread(s->p, 1, SEED_MAX, f);
	fclose(f);
	n_seeds++;
	return 0;
}

static int seeds_read(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, alphasort), rc = 0;
	char name[4096];

	if (n < 0)
		return seed_read(path);
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.' && rc == 0
		    && snprintf(name, sizeof name, "%s/%s", path,
		                entry[i]->d_name) < (int)sizeof name)
			rc = seed_read(name);
		free(entry[i]);
	}
	free(entry);
	return rc;
}

/* One in $FUZZ_SHARE cuts and changes, where all would take too long. */
static size_t share(void)
{
	const char *s = getenv("FUZZ_SHARE");
	unsigned long n = s ? strtoul(s, NULL, 10) : 1;

	return n < 1 ? 1 : n > SHARE_MAX ? SHARE_MAX : n;
}

static void run_cuts(const struct seed *s)
{
	size_t step = s->n > CUTS_MAX ? (s->n - CUTS_MAX) / STEPS + 1 : 1;

	for (size_t n = 0; n < s->n; n += share() * (n < CUTS_MAX ? 1 : step))
		run(s->p, n);
	run(s->p, s->n);
}

/* A stretch of from's octets goes over n octets at at, others stay behind. */
static size_t graft(uint8_t *p, size_t len, size_t at, size_t n,
                     const uint8_t *from, size_t n_from)
{
	memmove(p + at + n_from, p + at + n, len - at - n);
	if (n_from)
		memmove(p + at, from, n_from);
	return len - n + n_from;
}

static size_t change(uint8_t *p, size_t n, size_t max)
{
	static const uint8_t odd[] = "\r\n\0 \t.;:=\"\\<>-()\x7f\x80\xff" "0";
	const struct seed *other = &seed[some(n_seeds)];
	size_t at = some(n + 1), len = some(n - at + 1), from;

	if (len > 64)
		len = some(64);
	switch (some(5)) {
	case 0:
		if (at < n)
			p[at] ^= (uint8_t)(1 << some(8));
		return n;
	case 1:
		if (at < n)
			p[at] = odd[some(sizeof odd - 1)];
		return n;
	case 2:
		return graft(p, n, at, len, NULL, 0);
	case 3:
		if (n + 1 > max)
			return n;
		return graft(p, n, at, 0, &odd[some(sizeof odd - 1)], 1);
	}
	from = some(other->n + 1);
	len = some(other->n - from + 1);
	if (n + len > max)
		return n;
	return graft(p, n, at, 0, other->p + from, len);
}

static void run_changed(void)
{
	uint8_t *p = malloc(SEED_MAX);

	CHECK(p);
	for (size_t i = 0; i < CHANGED; i += share()) {
		const struct seed *s = &seed[some(n_seeds)];
		size_t n = s->n;

		memcpy(p, s->p, n);
		for (size_t k = 1 + some(CHANGES_MAX); k; k--)
			n = change(p, n, SEED_MAX);
		run(p, n);
	}
	free(p);
}

/* driver [file or folder]...: without any, the folder of this name's target in
 * $FUZZ_SEEDS, and changes too. */
int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/'), *seeds = getenv("FUZZ_SEEDS");
	char path[4096];
	int rc = 0;
	struct sigaction die = { .sa_handler = leave,
	                         .sa_flags = SA_RESETHAND | SA_NODEFER };

	name = name ? name + 1 : argv[0];
	snprintf(failed, sizeof failed, "%.4000s.failed", argv[0]);
	sigaction(SIGABRT, &die, NULL);
	sigaction(SIGSEGV, &die, NULL);
	if (argc == 1 && (!seeds || strncmp(name, "fuzz_", 5) != 0
	                  || snprintf(path, sizeof path, "%s/%s", seeds,
	                              name + 5) >= (int)sizeof path)) {
		fprintf(stderr, "%s: name files, or set FUZZ_SEEDS to the folder "
		        "tests/fuzz/seeds\n", name);
		return 2;
	}
	if (argc == 1)
		rc = seeds_read(path);
	for (int i = 1; i < argc && rc == 0; i++)
		rc = seeds_read(argv[i]);
	if (rc || n_seeds == 0) {
		fprintf(stderr, "%s: no seeds\n", name);
		return 2;
	}
	for (size_t i = 0; i < n_seeds; i++)
		if (argc == 1)
			run_cuts(&seed[i]);
		else
			run(seed[i].p, seed[i].n);
	if (argc == 1)
		run_changed();
	printf("%s: %zu seeds, %zu inputs\n", name, n_seeds, runs);
	for (size_t i = 0; i < n_seeds; i++) {
		free(seed[i].name);
		free(seed[i].p);
	}
	return 0;
}
