/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Throw-away GnuPG homes for units: ours and theirs below one folder, an engine over
 * ours, and a gpg in front of the real one that a test may make a false one. */
#ifndef TESTS_HOMES_H
#define TESTS_HOMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/engine.h"
#include "tests/unit/slow.h"

static char top[64], homes_path[4096];
static struct engine *g;

/* Seconds; valgrind needs more than two to start a gpg. */
#define STALL (slower() > 1 ? 10 : 2)

/* What $gpg is in sh(); a test that uses it says so first. */
#ifndef HOMES_GPG
#define HOMES_GPG "gpg"
#endif

/* By a shell, in top; what it says goes to top/log. */
static inline int sh(const char *fmt, ...)
{
	char cmd[2048], all[2500];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof cmd, fmt, ap) < (int)sizeof cmd);
	va_end(ap);
	assert_true(snprintf(all, sizeof all, "cd %s && gpg='" HOMES_GPG "' && "
	    "{ %s ; } >>log 2>&1", top, cmd) < (int)sizeof all);
	return system(all);
}

static inline void conf(const char *text)
{
	assert_int_equal(sh("printf '%%b' '%s' > ours/gpg.conf", text), 0);
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- files, and sources in memory ---- */

static inline struct membuf file(const char *name)
{
	struct membuf m;
	char buf[4096];
	size_t n;
	FILE *f;

	membuf_init(&m, 64 << 20);
	assert_true(snprintf(buf, sizeof buf, "%s/%s", top, name) < 4096);
	f = fopen(buf, "rb");
	assert_non_null(f);
	while ((n = fread(buf, 1, sizeof buf, f)))
		assert_int_equal(sink_put(&m.sink, buf, n, NULL), 0);
	fclose(f);
	return m;
}

static inline void write_file(const char *name, const void *p, size_t n)
{
	char buf[200];
	FILE *f;

	assert_true(snprintf(buf, sizeof buf, "%s/%s", top, name) < 200);
	f = fopen(buf, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

struct text {
	struct source s;
	const char *p;
	size_t n, step;
	bool ended, fails;
};

static inline ssize_t text_get(struct source *s, void *buf, size_t n,
                               struct err *e)
{
	struct text *t = (struct text *)s;

	if (t->fails && !t->n)
		return err_set(e, GPG_ERR_EPIPE, "source broke");
	if (!t->n)
		t->ended = true;
	if (n > t->n)
		n = t->n;
	if (n > t->step)
		n = t->step;
	if (n)
		memcpy(buf, t->p, n);
	t->p += n;
	t->n -= n;
	return (ssize_t)n;
}

static inline struct text text(const void *p, size_t n)
{
	return (struct text){ { text_get }, p, n, 1000, false, false };
}

/* ---- false gpgs ---- */

static inline void script(const char *name, const char *body)
{
	char path[200], all[2000];
	int n = snprintf(all, sizeof all, "#!/bin/sh\n%s\n", body);

	assert_true(n < (int)sizeof all);
	write_file(name, all, (size_t)n);
	assert_true(snprintf(path, sizeof path, "%s/%s", top, name) < 200);
	assert_int_equal(chmod(path, 0700), 0);
}

/* Before the real gpg, where its words are like the shell's pattern, this, with
 * the descriptor of its status in $S. */
static inline void fake_for(const char *pattern, const char *body)
{
	char all[1500];

	assert_true(snprintf(all, sizeof all,
	    "S=$(echo \"$*\" | sed 's/.*--status-fd \\([0-9]*\\).*/\\1/'); "
	    "case \"$*\" in %s) %s;; esac", pattern, body) < (int)sizeof all);
	script("body", all);
}

/* The same before all but listings. */
static inline void fake(const char *body)
{
	fake_for("*--list*) ;; *", body);
}

/* ---- from here to there ---- */

/* The folder, and empty homes in it. */
static inline void homes_make(void)
{
	unsetenv("GNUPGHOME");
	strcpy(top, "/tmp/llhomes.XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("HOME", top, 1);
	snprintf(homes_path, sizeof homes_path, "%s", getenv("PATH"));
	assert_int_equal(sh("mkdir -m 700 ours theirs bin"), 0);
}

/* Our gpg, and the engine. */
static inline void homes_start(void)
{
	char *dirs, home[100];
	struct err e;

	assert_int_equal(sh("echo '#!/bin/sh\n[ -e %s/body ] && . %s/body\n"
	    "exec /usr/bin/gpg \"$@\"' > bin/gpg && chmod 700 bin/gpg", top,
	    top), 0);
	assert_true(asprintf(&dirs, "%s/bin:%s", top, homes_path) > 0);
	setenv("PATH", dirs, 1);
	free(dirs);
	snprintf(home, sizeof home, "%s/ours", top);
	g = engine_new(home, STALL, &e);
	assert_non_null(g);
}

static inline int homes_end(void **state)
{
	(void)state;
	engine_free(g);
	setenv("PATH", homes_path, 1);
	sh("gpgconf --homedir ours --kill all; "
	   "gpgconf --homedir theirs --kill all");
	return sh("cd / && rm -rf %s", top);
}

static inline void own(const char *addr, struct key *k)
{
	enum key_state st;
	struct err e;

	assert_int_equal(engine_find_secret(g, NULL, addr, k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

/* Nothing of gpg may stay with us. */
static inline void no_children(void)
{
	char buf[100], name[100];
	FILE *f;

	snprintf(name, sizeof name, "/proc/self/task/%d/children", getpid());
	f = fopen(name, "r");
	assert_non_null(f);
	assert_null(fgets(buf, sizeof buf, f));
	fclose(f);
}

#endif
