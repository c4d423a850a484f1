/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine with a real gpg in throw-away homes, and with broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/engine_private.h"
#include "tests/unit/slow.h"

/* alice and carol (passphrase "secret") are ours; bob and eve have their own
 * home.  We know bob's key, not eve's. */
static char top[64], path[4096];
static struct engine *g;
static struct key alice, bob, carol;

/* Seconds; valgrind needs more than two to start a gpg. */
#define STALL (slower() > 1 ? 10 : 2)

static int sh(const char *fmt, ...)
{
	char cmd[2048], all[2300];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof cmd, fmt, ap) < (int)sizeof cmd);
	va_end(ap);
	assert_true(snprintf(all, sizeof all, "cd %s && "
	    "gpg='gpg -q --batch --yes --no-auto-check-trustdb "
	    "--trust-model always --compress-algo none' && { %s ; } >>log 2>&1",
	    top, cmd) < (int)sizeof all);
	return system(all);
}

static void conf(const char *text)
{
	assert_int_equal(sh("printf '%%b' '%s' > ours/gpg.conf", text), 0);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sources and sinks in memory. */

struct text {
	struct source s;
	const char *p;
	size_t n, step;
	bool ended, fails;
};

static ssize_t text_get(struct source *s, void *buf, size_t n, struct err *e)
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

static struct text text(const void *p, size_t n)
{
	return (struct text){ { text_get }, p, n, 1000, false, false };
}

static struct membuf file(const char *name)
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

static int seal(struct engine *x, const struct key *to, size_t n_to,
                const char *p, size_t n, struct membuf *out, struct err *e)
{
	struct text t = text(p, n);
	int r;

	membuf_init(out, 64 << 20);
	e->code = 0;
	e->text[0] = '\0';
	r = engine_seal(x, &alice, true, to, n_to, &t.s, &out->sink, e);
	assert_true(t.ended);
	if (r)
		assert_true(e->code && e->text[0]);
	return r;
}

static int open_(struct engine *x, bool ask, const char *p, size_t n,
                 struct membuf *out, struct opened *o)
{
	struct text t = text(p, n);
	struct err e = { 0, "" };
	int r;

	membuf_init(out, 64 << 20);
	r = engine_open(x, ask, 32 << 20, &t.s, &out->sink, o, &e);
	assert_true(t.ended || r);
	if (r)
		assert_true(e.code && e.text[0]);
	return r;
}

static struct opened opened_of(const char *name)
{
	struct membuf in = file(name), out;
	struct opened o;

	assert_int_equal(open_(g, false, in.buf, in.len, &out, &o), 0);
	if (o.encryption == ENC_OK)
		assert_true(out.len == 6 && !memcmp(out.buf, "hello\n", 6));
	membuf_free(&in);
	membuf_free(&out);
	return o;
}

static struct verdict judged(const struct opened *o, const char *from)
{
	char *one[] = { (char *)(uintptr_t)from };
	struct addrs a = { one, 1, false, false };
	struct verdict v;

	memset(&v, 0, sizeof v);
	opened_judge(o, &a, &v);
	return v;
}

/* Set-up. */

static void script(const char *name, const char *body)
{
	char file_[200];
	FILE *f;

	assert_true(snprintf(file_, sizeof file_, "%s/%s", top, name) < 200);
	f = fopen(file_, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	chmod(file_, 0700);
}

static void key_get(const char *addr, bool secret, struct key *k)
{
	enum key_state st;
	struct err e;

	if (secret)
		assert_int_equal(engine_find_secret(g, NULL, addr, k, &st, &e), 0);
	else
		assert_int_equal(engine_find(g, addr, NULL, k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

static int up(void **state)
{
	static const char gen[] = "gpg -q --batch --homedir %s --pinentry-mode "
		"loopback --passphrase '%s' --quick-gen-key '%s' "
		"future-default default %s";
	char home[100], *dirs;
	struct err e;

	(void)state;
	unsetenv("GNUPGHOME");
	strcpy(top, "/tmp/llengine.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof path, "%s", getenv("PATH"));
	assert_int_equal(sh("mkdir -m 700 ours theirs bin"), 0);
	script("pinentry", "echo OK hi; while read c r; do case $c in "
	       "GETPIN) touch ../prompted; [ -e ../secret ] && echo D secret && echo OK || "
	       "echo ERR 83886179 Operation cancelled;; BYE) echo OK; exit;; "
	       "*) echo OK;; esac; done");
	assert_int_equal(sh("printf 'pinentry-program %s/pinentry\n"
	    "s2k-count 65536\n' > ours/gpg-agent.conf", top), 0);
	sh("sed -i 's:\\.\\./:%s/:g' pinentry", top);
	assert_int_equal(sh(gen, "ours", "", "Alice <alice@x.test>", "0"), 0);
	assert_int_equal(sh(gen, "ours", "secret", "<carol@x.test>", "0"), 0);
	assert_int_equal(sh(gen, "theirs", "", "Bob <bob@y.test>", "0"), 0);
	assert_int_equal(sh(gen, "theirs", "", "Eve <ev@y.test>", "0"), 0);
	assert_int_equal(sh("gpg --homedir theirs --export bob@y.test | "
	    "gpg -q --batch --homedir ours --import && "
	    "gpg --homedir ours --export | "
	    "gpg -q --batch --homedir theirs --import && "
	    "echo hello > hello && : > ours/gpg.conf"), 0);
	assert_true(snprintf(home, sizeof home, ". %s/body", top) < 100);
	assert_int_equal(sh("echo '#!/bin/sh\n[ -e %s/body ] && %s\n"
	    "exec /usr/bin/gpg \"$@\"' > bin/gpg && chmod 700 bin/gpg", top,
	    home), 0);
	assert_true(asprintf(&dirs, "%s/bin:%s", top, path) > 0);
	setenv("PATH", dirs, 1);
	free(dirs);
	snprintf(home, sizeof home, "%s/ours", top);
	g = engine_new(home, STALL, &e);
	assert_non_null(g);
	key_get("alice@x.test", true, &alice);
	key_get("carol@x.test", true, &carol);
	key_get("bob@y.test", false, &bob);
	return 0;
}

static int down(void **state)
{
	(void)state;
	engine_free(g);
	setenv("PATH", path, 1);
	sh("gpgconf --homedir ours --kill all; "
	   "gpgconf --homedir theirs --kill all");
	return sh("cd / && rm -rf %s", top);
}

static int cold(void **state)
{
	(void)state;
	sh("gpgconf --homedir ours --kill gpg-agent; rm -f secret");
	return sh("gpg-connect-agent --homedir ours /bye >/dev/null");
}

/* Nothing of gpg may stay with us. */
static unsigned count(const char *dir)
{
	unsigned n = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void no_children(void)
{
	char buf[100], name[100];
	FILE *f;

	snprintf(name, sizeof name, "/proc/self/task/%d/children", getpid());
	f = fopen(name, "r");
	assert_non_null(f);
	assert_null(fgets(buf, sizeof buf, f));
	fclose(f);
}

/* Round trips. */

static void round_trip(void **state)
{
	static const size_t sizes[] = { 1, 5, 4096, 100001, 3 << 20 };
	const struct key to[] = { alice, bob, alice };
	unsigned fds = 0;
	struct membuf out, back;
	struct opened o;
	struct verdict v;
	struct err e;
	char *p = malloc(3 << 20);

	(void)state;
	for (size_t i = 0; i < 3 << 20; i++)
		p[i] = (char)(i * 7 + i / 999);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(seal(g, to, 3, p, sizes[i], &out, &e), 0);
		assert_int_equal(open_(g, false, out.buf, out.len, &back, &o),
		                 0);
		assert_int_equal(o.encryption, ENC_OK);
		assert_int_equal(back.len, sizes[i]);
		assert_memory_equal(back.buf, p, sizes[i]);
		v = judged(&o, "ALICE@x.test");
		assert_int_equal(v.signature, SIG_GOOD);
		assert_int_equal(v.trust, TRUST_VERIFIED);
		assert_string_equal(v.fpr, alice.fpr);
		opened_free(&o);
		membuf_free(&out);
		membuf_free(&back);
		if (!i)	/* the context keeps one until the next */
			fds = count("/proc/self/fd");
	}
	free(p);
	no_children();
	assert_int_equal(count("/proc/self/fd"), fds);
}

static void both_can_read(void **state)
{
	const struct key to[] = { alice, bob };
	struct membuf out;
	struct err e;
	FILE *f;

	(void)state;
	assert_int_equal(seal(g, to, 2, "hello\n", 6, &out, &e), 0);
	assert_int_equal(chdir(top), 0);
	f = fopen("both", "wb");
	assert_int_equal(fwrite(out.buf, 1, out.len, f), out.len);
	fclose(f);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(sh("gpg -q --batch --homedir theirs -d both | "
	                    "cmp - hello"), 0);
	membuf_free(&out);
}

static void unsigned_(void **state)
{
	struct text t = text("hello\n", 6);
	struct membuf out, back;
	struct opened o;
	struct err e;

	(void)state;
	membuf_init(&out, 1 << 20);
	assert_int_equal(engine_seal(g, NULL, false, &alice, 1, &t.s, &out.sink,
	                             &e), 0);
	assert_int_equal(open_(g, false, out.buf, out.len, &back, &o), 0);
	assert_int_equal(o.encryption, ENC_OK);
	assert_int_equal(o.signature, SIG_NONE);
	assert_string_equal(o.fpr, "");
	opened_free(&o);
	membuf_free(&out);
	membuf_free(&back);
}

/* The caller waits for its input with what goes in front of the output. */
struct behind {
	struct source source;
	struct sink sink;
	bool asked, early;
};

static ssize_t behind_get(struct source *s, void *buf, size_t n, struct err *e)
{
	struct behind *b = (struct behind *)s;
	bool first = !b->asked;

	(void)n;
	(void)e;
	b->asked = true;
	if (first)
		*(char *)buf = 'x';
	return first;
}

static int behind_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct behind *b = (struct behind *)((char *)s -
	                                     offsetof(struct behind, sink));

	(void)buf;
	(void)n;
	(void)e;
	b->early |= !b->asked;
	return 0;
}

static void oversleep(int sig)
{
	(void)sig;
	usleep(30000);
}

/* gpg writes before it reads, and we may be late: at each moment once. */
static void never_before_the_input(void **state)
{
	const struct sigaction slow = { .sa_handler = oversleep };
	const struct itimerval never = { .it_value = { 0, 0 } };
	struct itimerval at = never;
	struct behind b;
	struct err e;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &slow, NULL), 0);
	for (int us = 250; us < 10000; us += 250) {
		b = (struct behind){ { behind_get }, { behind_put }, 0, 0 };
		at.it_value.tv_usec = us;
		assert_int_equal(setitimer(ITIMER_REAL, &at, NULL), 0);
		assert_int_equal(engine_seal(g, NULL, false, &alice, 1,
		                             &b.source, &b.sink, &e), 0);
		assert_true(b.asked);
		if (b.early)
			fail_msg("late by %d us", us);
	}
	/* a quick gpg is done before the last of them rings */
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	signal(SIGALRM, SIG_DFL);
}

/* The user's gpg.conf. */

static void conf_refused(void **state)
{
	static const char *const bad[] = {
		"cipher-algo 3DES\\n", "cipher-algo CAST5\\n",
		"recipient bob@y.test\\n", "hidden-recipient bob@y.test\\n",
		"throw-keyids\\n", "digest-algo SHA1\\n", "armor\\n",
		"rfc2440\\ndisable-mdc\\n",
		"personal-cipher-preferences 3DES AES\\n"
	};
	struct membuf out;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		conf(bad[i]);
		if (seal(g, &alice, 1, "hello\n", 6, &out, &e) != -1)
			fail_msg("sealed with %s", bad[i]);
		assert_int_equal(out.len, 0);
		membuf_free(&out);
	}
	conf("");
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &out, &e), 0);
	membuf_free(&out);
}

static void conf_borne(void **state)
{
	static const char *const fine[] = {
		"encrypt-to bob@y.test\\n", "hidden-encrypt-to bob@y.test\\n",
		"compress-algo zip\\n", "default-key carol@x.test\\n",
		"default-recipient-self\\n", "no-encrypt-to\\n",
		"cipher-algo AES\\ndigest-algo SHA512\\n", "trust-model direct\\n"
	};
	struct membuf out;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		conf(fine[i]);
		if (seal(g, &alice, 1, "hello\n", 6, &out, &e))
			fail_msg("%s: %s", fine[i], e.text);
		membuf_free(&out);
	}
	conf("");
}

/* The key the caller knows is not the one gpg takes, and the other way round:
 * refused before the first octet. */
static void wrong_readers(void **state)
{
	struct key odd = bob, more[2] = { alice, bob };
	struct membuf out;
	struct err e;

	(void)state;
	odd.enc[0] ^= 1;
	assert_int_equal(seal(g, &odd, 1, "hello\n", 6, &out, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_FORBIDDEN);
	assert_int_equal(out.len, 0);
	memcpy(more[1].enc, alice.enc, sizeof more[1].enc);
	assert_int_equal(seal(g, more, 2, "hello\n", 6, &out, &e), -1);
	assert_int_equal(out.len, 0);
	more[0].enc[1] = bob.enc[0];
	more[0].n_enc = 2;
	more[1].n_enc = 0;
	assert_int_equal(seal(g, more, 2, "hello\n", 6, &out, &e), -1);
	assert_int_equal(out.len, 0);
	memcpy(odd.fpr, "0000000000000000000000000000000000000000", 41);
	assert_int_equal(seal(g, &odd, 1, "hello\n", 6, &out, &e), -1);
	assert_int_equal(out.len, 0);
	assert_int_equal(seal(g, &bob, 0, "hello\n", 6, &out, &e), -1);
}

static int put_broken(struct sink *s, const void *buf, size_t n, struct err *e)
{
	(void)s;
	(void)buf;
	(void)n;
	return err_set(e, GPG_ERR_ENOSPC, "sink broke");
}

static void our_failures(void **state)
{
	struct sink broken = { put_broken };
	struct membuf out, sealed;
	struct opened o;
	struct text t;
	struct err e;

	(void)state;
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &sealed, &e), 0);
	t = text("hello\n", 6);
	assert_int_equal(engine_seal(g, &alice, true, &alice, 1, &t.s, &broken,
	                             &e), -1);
	assert_string_equal(e.text, "sink broke");
	t = text("hello\n", 6);
	t.fails = true;
	membuf_init(&out, 1 << 20);
	assert_int_equal(engine_seal(g, &alice, true, &alice, 1, &t.s,
	                             &out.sink, &e), -1);
	assert_string_equal(e.text, "source broke");
	t = text(sealed.buf, sealed.len);
	assert_int_equal(engine_open(g, false, 99, &t.s, &broken, &o, &e), -1);
	assert_string_equal(e.text, "sink broke");
	t = text(sealed.buf, sealed.len - 9);
	t.fails = true;
	assert_int_equal(engine_open(g, false, 99, &t.s, &out.sink, &o, &e),
	                 -1);
	assert_string_equal(e.text, "source broke");
	t = text(sealed.buf, sealed.len);
	assert_int_equal(engine_open(g, false, 5, &t.s, &out.sink, &o, &e), 0);
	assert_int_equal(o.reason, REASON_TOO_LARGE);
	assert_true(t.ended);
	membuf_free(&out);
	membuf_free(&sealed);
	no_children();
}

/* Letters that are not as they should be. */

/* No octet stays as it is. */
#define OTHER "tr '\\000-\\377' '\\001-\\377\\000'"

static void broken_letters(void **state)
{
	static const struct {
		const char *how;
		enum verdict_reason reason;
	} t[] = {
		{ "head -c -1 good; tail -c 1 good | " OTHER,
		  REASON_INTEGRITY },
		{ "head -c -30 good; tail -c 30 good | head -c 1 | " OTHER
		  "; tail -c 29 good", REASON_INTEGRITY },
		{ "head -c -1 good", REASON_INTEGRITY },
		{ "head -c 200 good", REASON_INTEGRITY },
		{ "head -c 50 good", REASON_MALFORMED },
		{ "$gpg --homedir theirs --rfc2440 --disable-mdc -r "
		  "alice@x.test -e -o - hello", REASON_INTEGRITY },
		{ "$gpg --homedir theirs --store -o - hello",
		  REASON_MALFORMED },
		{ "$gpg --homedir theirs -s -o - hello", REASON_MALFORMED },
		{ "cat good good", REASON_MALFORMED },
		{ "$gpg --homedir theirs --store -o - hello; cat good",
		  REASON_MALFORMED },
		{ "cat good; $gpg --homedir theirs --store -o - hello",
		  REASON_MALFORMED },
		{ "cat plain; $gpg --homedir theirs -u bob@y.test -b -o - hello",
		  REASON_MALFORMED },
		{ ":", REASON_MALFORMED },
		{ "cat hello", REASON_MALFORMED },
		{ ": | $gpg --homedir theirs -r alice@x.test -e",
		  REASON_MALFORMED },
		{ "$gpg --homedir theirs -r bob@y.test -e -o - hello",
		  REASON_NO_SECRET_KEY },
		{ "$gpg --homedir theirs -R bob@y.test -e -o - hello",
		  REASON_NO_SECRET_KEY },
		{ "$gpg --homedir theirs --pinentry-mode loopback --passphrase "
		  "x -c -o - hello", REASON_NO_SECRET_KEY },
	};
	struct opened o;

	(void)state;
	sh("$gpg --homedir theirs -u bob@y.test -r alice@x.test -se -o good "
	   "hello; $gpg --homedir theirs -r alice@x.test -e -o plain hello");
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		sh("{ %s ; } > letter", t[i].how);
		o = opened_of("letter");
		if (o.encryption != ENC_FAILED || o.reason != t[i].reason ||
		    o.locked || o.signature != SIG_NONE || o.fpr[0])
			fail_msg("%s: %d %d", t[i].how, o.encryption,
			         o.reason);
		opened_free(&o);
	}
	no_children();
}

static void hidden_reader(void **state)
{
	struct opened o;

	(void)state;
	sh("$gpg --homedir theirs -R alice@x.test -e -o letter hello");
	o = opened_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
}

/* Signatures. */

static void signatures(void **state)
{
	static const struct {
		const char *how, *from;
		enum verdict_signature is;
	} t[] = {
		{ "-u bob@y.test", "bob@y.test", SIG_UNTRUSTED },
		{ "-u bob@y.test", "alice@x.test", SIG_MISMATCH },
		{ "-u ev@y.test", "ev@y.test", SIG_UNKNOWN_KEY },
		{ "-u bob@y.test -u ev@y.test", "bob@y.test", SIG_UNTRUSTED },
		{ "-u bob@y.test --digest-algo SHA1", "bob@y.test", SIG_WEAK },
		{ "-u bob@y.test --digest-algo RIPEMD160", "bob@y.test",
		  SIG_WEAK },
		{ "-u bob@y.test --default-sig-expire seconds=1 ; sleep 2",
		  "bob@y.test", SIG_EXPIRED },
	};
	struct opened o;
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		sh("echo hello | $gpg --homedir theirs -r alice@x.test -o "
		   "letter -se %s", t[i].how);
		o = opened_of("letter");
		v = judged(&o, t[i].from);
		if (o.encryption != ENC_OK || v.signature != t[i].is)
			fail_msg("%s: %d %d", t[i].how, o.encryption,
			         v.signature);
		if (v.signature == SIG_UNTRUSTED)
			assert_string_equal(v.fpr, bob.fpr);
		assert_int_equal(v.trust, TRUST_NONE);
		opened_free(&o);
	}
}

/* A key valid for one user ID must not vouch for another one on it. */
static void other_uid(void **state)
{
	struct opened o;

	(void)state;
	sh("gpg -q --batch --homedir theirs --quick-add-uid ev@y.test "
	   "'Alice <alice@x.test>'; gpg --homedir theirs --export ev@y.test | "
	   "gpg -q --batch --homedir ours --import");
	sh("F=$(gpg --homedir ours --with-colons -k ev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "gpg -q --batch --homedir ours -u alice@x.test --quick-lsign-key $F "
	   "'Eve <ev@y.test>'");
	sh("echo hello | $gpg --homedir theirs -u ev@y.test -r "
	   "alice@x.test -o letter -se");
	o = opened_of("letter");
	assert_int_equal(o.signature, SIG_GOOD);
	assert_int_equal(judged(&o, "ev@y.test").signature, SIG_GOOD);
	assert_int_equal(judged(&o, "alice@x.test").signature, SIG_MISMATCH);
	opened_free(&o);
	sh("F=$(gpg --homedir ours --with-colons -k ev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "gpg -q --batch --yes --homedir ours --delete-key $F");
}

static void revoked_key(void **state)
{
	struct opened o;
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	sh("gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'Rev <rev@y.test>' future-default default 0; "
	   "echo hello | $gpg --homedir theirs -u rev@y.test -r alice@x.test "
	   "-o letter -se; "
	   "F=$(gpg --homedir theirs --with-colons -k rev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "sed 's/^:---/---/' theirs/openpgp-revocs.d/$F.rev | "
	   "gpg -q --batch --homedir theirs --import; "
	   "gpg --homedir theirs --export rev@y.test | "
	   "gpg -q --batch --homedir ours --import");
	o = opened_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	assert_int_equal(o.signature, SIG_REVOKED);
	opened_free(&o);
	assert_int_equal(engine_find(g, "rev@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_UNUSABLE);
}

static void judge(void **state)
{
	char *mine[] = { "a@x.test", "b@x.test" }, *from[] = { "A@X.test",
		"b@x.test" };
	struct addrs f = { from, 1, false, false };
	struct opened o = { .encryption = ENC_OK, .signature = SIG_GOOD,
		.trust = TRUST_VERIFIED, .fpr = "F", .uids = { mine, 2, 0, 0 } };
	struct verdict v;

	(void)state;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_string_equal(v.signer, "A@X.test");
	f.n = 2;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	assert_string_equal(v.signer, "");
	f.n = 0;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f = (struct addrs){ from, 1, true, false };
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f = (struct addrs){ from, 1, false, true };
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	f.bad = false;
	o.signature = SIG_UNTRUSTED;
	o.trust = TRUST_NONE;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_UNTRUSTED);
	assert_int_equal(v.trust, TRUST_NONE);
	o.trust = TRUST_SEEN;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_int_equal(v.trust, TRUST_SEEN);
	for (int s = SIG_NONE; s <= SIG_MISMATCH; s++) {
		o.signature = (enum verdict_signature)s;
		opened_judge(&o, &f, &v);
		assert_true(v.signature != SIG_GOOD || s == SIG_GOOD ||
		            s == SIG_UNTRUSTED);
	}
	/* signed by another too, who is the one in From */
	o.signature = SIG_GOOD;
	o.trust = TRUST_VERIFIED;
	o.uids.n = 0;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_MISMATCH);
	assert_string_equal(v.fpr, "F");
	o.also[0] = (struct opened_signer){ "G", { mine + 1, 1, 0, 0 } };
	o.also[1] = (struct opened_signer){ "H", { mine, 1, 0, 0 } };
	o.n_also = 2;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_GOOD);
	assert_string_equal(v.fpr, "H");
	assert_string_equal(v.signer, "A@X.test");
	o.encryption = ENC_FAILED;
	opened_judge(&o, &f, &v);
	assert_int_equal(v.signature, SIG_NONE);
	assert_string_equal(v.fpr, "");
}

/* What the user says of the keys that signed. */
static void accept(void **state)
{
	static const enum verdict_trust trust[] = {
		[JUDGED_NOT] = TRUST_NONE, [JUDGED_ACCEPTED] = TRUST_SEEN,
		[JUDGED_VERIFIED] = TRUST_VERIFIED,
		[JUDGED_REJECTED] = TRUST_NONE
	};
	struct judgement j = { .n = 1, .key = { { "F", JUDGED_NOT } } };
	struct opened o = { .fpr = "F" };

	(void)state;
	for (int i = JUDGED_NOT; i <= JUDGED_REJECTED; i++) {
		o.signature = SIG_UNTRUSTED;
		j.key[0].is = (enum judged)i;
		opened_accept(&o, &j);
		assert_int_equal(o.trust, trust[i]);
		/* no word makes another signature good */
		o.signature = SIG_BAD;
		o.trust = TRUST_NONE;
		opened_accept(&o, &j);
		assert_int_equal(o.trust, TRUST_NONE);
		assert_int_equal(o.signature, SIG_BAD);
	}
	/* of several good ones those that are left */
	for (int rejected = 0; rejected < 8; rejected++) {
		const char *const name[] = { "F", "G", "H" }, *first = NULL;

		o = (struct opened){ .signature = SIG_GOOD, .fpr = "F",
			.trust = TRUST_VERIFIED, .n_also = 2,
			.also = { { .fpr = "G" }, { .fpr = "H" } } };
		j.n = 0;
		for (int i = 2; i >= 0; i--)
			if (rejected & 1 << i) {
				snprintf(j.key[j.n].fpr, 41, "%s", name[i]);
				j.key[j.n++].is = JUDGED_REJECTED;
			} else {
				first = name[i];
			}
		opened_accept(&o, &j);
		assert_int_equal(o.signature, first ? SIG_GOOD : SIG_UNTRUSTED);
		assert_int_equal(o.trust, first ? TRUST_VERIFIED : TRUST_NONE);
		assert_int_equal(o.n_also, first ? 2 - j.n : 0);
		assert_string_equal(o.fpr, first ? first : "F");
	}
}

/* Keys. */

static void find(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	assert_int_equal(engine_find(g, "Bob@Y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
	assert_false(k.valid);
	assert_int_equal(k.n_enc, 1);
	assert_int_equal(k.expires, 0);
	assert_int_equal(engine_find(g, "alice@x.test", NULL, &k, &st, &e), 0);
	assert_true(st == KEY_USABLE && k.valid);
	assert_int_equal(engine_find(g, "ob@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "--x@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "a>@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find_secret(g, NULL, "bob@y.test", &k, &st, &e),
	                 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find_secret(g, carol.fpr, NULL, &k, &st, &e),
	                 0);
	assert_int_equal(st, KEY_USABLE);
	assert_int_equal(strlen(k.grip_sign), 40);
}

/* A key the user called bad is none to seal to. */
static void find_distrusted(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	assert_int_equal(sh("gpg -q --batch --homedir ours --trust-model tofu "
	    "--tofu-policy bad %s", bob.fpr), 0);
	conf("trust-model tofu\\n");
	assert_int_equal(engine_find(g, "bob@y.test", NULL, &k, &st, &e), 0);
	conf("");
	assert_int_equal(st, KEY_UNUSABLE);
	assert_int_equal(engine_find(g, "bob@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

static void find_odd_ones(void **state)
{
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	sh("for i in 1 2; do gpg -q --batch --yes --homedir theirs --passphrase "
	   "'' --quick-gen-key \"Two $i <two@y.test>\" future-default default "
	   "0; done; gpg -q --batch --homedir theirs --passphrase '' "
	   "--faked-system-time 20200101T000000 --quick-gen-key "
	   "'Old <old@y.test>' future-default default 20210101T000000; "
	   "gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'Sig <sig@y.test>' ed25519 sign 0; "
	   "gpg -q --batch --homedir theirs --passphrase '' --quick-gen-key "
	   "'two@angles.test <a@angles.test> <b@angles.test>' future-default "
	   "default 0; gpg -q --batch --homedir theirs --passphrase '' "
	   "--quick-gen-key bare@y.test future-default default 0; "
	   "gpg --homedir theirs --export two@y.test old@y.test sig@y.test "
	   "angles.test bare@y.test | gpg -q --batch --homedir ours --import");
	assert_int_equal(engine_find(g, "two@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_AMBIGUOUS);
	assert_int_equal(engine_find(g, "old@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_EXPIRED);
	assert_true(k.expires > 1609000000 && k.expires < 1609600000);
	assert_int_equal(engine_find(g, "sig@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_UNUSABLE);
	assert_int_equal(engine_find(g, "b@angles.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_NONE);
	assert_int_equal(engine_find(g, "bare@y.test", NULL, &k, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
}

static enum key_state found_for(struct judgement *j, const char *used,
                             const char *fpr, enum judged is, struct key *k)
{
	enum key_state st;
	struct err e;

	memset(j, 0, sizeof *j);
	snprintf(j->used, sizeof j->used, "%s", used);
	if (fpr) {
		snprintf(j->key[0].fpr, sizeof j->key[0].fpr, "%s", fpr);
		j->key[0].is = is;
		j->n = 1;
	}
	assert_int_equal(engine_find(g, "two@y.test", j, k, &st, &e), 0);
	return st;
}

/* Of the two that find_odd_ones() left, the user's word picks. */
static void find_judged(void **state)
{
	char one[41], other[41];
	struct judgement j;
	struct key k;

	(void)state;
	assert_int_equal(found_for(&j, "", NULL, JUDGED_NOT, &k), KEY_AMBIGUOUS);
	/* never used: none.  One was used: no other goes before it is accepted */
	assert_int_equal(found_for(&j, bob.fpr, NULL, JUDGED_NOT, &k),
	                 KEY_CHANGED);
	memcpy(one, k.fpr, sizeof one);
	assert_int_equal(found_for(&j, one, NULL, JUDGED_NOT, &k), KEY_USABLE);
	assert_false(k.valid);
	assert_int_equal(found_for(&j, "", one, JUDGED_REJECTED, &k), KEY_USABLE);
	assert_string_not_equal(k.fpr, one);
	memcpy(other, k.fpr, sizeof other);
	assert_int_equal(found_for(&j, one, one, JUDGED_REJECTED, &k),
	                 KEY_CHANGED);
	assert_string_equal(k.fpr, other);
	assert_int_equal(found_for(&j, one, other, JUDGED_ACCEPTED, &k),
	                 KEY_USABLE);
	assert_string_equal(k.fpr, other);
	assert_true(k.valid && !k.verified);
	assert_int_equal(found_for(&j, "", one, JUDGED_VERIFIED, &k), KEY_USABLE);
	assert_string_equal(k.fpr, one);
	assert_true(k.valid && k.verified);
	/* the last that was accepted, whichever is newer or was compared */
	for (int i = 0; i < 2; i++) {
		struct err e;
		enum key_state st;

		j.n = 2;
		memcpy(j.key[i].fpr, one, sizeof one);
		j.key[i].is = JUDGED_VERIFIED;
		memcpy(j.key[!i].fpr, other, sizeof other);
		j.key[!i].is = JUDGED_ACCEPTED;
		assert_int_equal(engine_find(g, "two@y.test", &j, &k, &st, &e),
		                 0);
		assert_int_equal(st, KEY_USABLE);
		assert_string_equal(k.fpr, i ? other : one);
		assert_int_equal(k.verified, !i);
	}
}

static void stamp(void **state)
{
	uint64_t s = engine_stamp(g);
	struct membuf out;
	struct err e;

	(void)state;
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &out, &e), 0);
	assert_true(engine_stamp(g) == s);
	conf("# changed\\n");
	assert_true(engine_stamp(g) != s);
	membuf_free(&out);
}

/* Locked keys. */

static void locked(void **state)
{
	struct membuf in, out;
	struct opened o;
	struct err e;

	cold(state);
	sh("$gpg --homedir theirs -r carol@x.test -e -o letter hello");
	assert_int_equal(engine_warm(g, carol.grip_sign, &e), 0);
	assert_int_equal(engine_warm(g, alice.grip_sign, &e), 1);
	assert_int_equal(engine_warm(g,
	    "0000000000000000000000000000000000000000", &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_NO_SECKEY);
	assert_int_equal(engine_warm(g, "x\nRESET", &e), -1);
	o = opened_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked);
	/* a Cancel, and then the right word */
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_CANCELED);
	in = file("letter");
	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	assert_true(o.encryption == ENC_FAILED && o.locked);
	membuf_free(&out);
	sh("touch secret");
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), 0);
	assert_int_equal(engine_warm(g, carol.grip_sign, &e), 1);
	sh("rm secret");
	o = opened_of("letter");	/* with the signing key's passphrase */
	assert_true(o.encryption == ENC_OK && !o.locked);
	opened_free(&o);
	cold(state);
	sh("touch secret");
	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	sh("rm secret");
	o = opened_of("letter");	/* the signing key is cold */
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	membuf_free(&in);
	membuf_free(&out);
}

/* Hidden recipients and passwords never raise a prompt, whatever ask says. */
static void never_prompts(void **state)
{
	static const char *const how[] = { "-R carol@x.test -e",
		"-r carol@x.test -c -e --pinentry-mode loopback --passphrase x" };
	struct membuf in, out;
	struct opened o;

	cold(state);
	sh("touch secret; rm -f prompted");
	for (int i = 0; i < 2; i++) {
		sh("$gpg --homedir theirs %s -o letter hello", how[i]);
		in = file("letter");
		assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
		assert_int_equal(o.encryption, ENC_FAILED);
		assert_int_equal(o.locked, i == 1);
		assert_int_equal(sh("test -e prompted") != 0, 1);
		membuf_free(&in);
		membuf_free(&out);
	}
	sh("rm secret");
}

static struct opened asked_of(const char *name)
{
	struct membuf in = file(name), out;
	struct opened o;

	assert_int_equal(open_(g, true, in.buf, in.len, &out, &o), 0);
	membuf_free(&in);
	membuf_free(&out);
	return o;
}

/* It is asked for the key the letter is for, whatever else is unlocked. */
static void asks_for_its_own(void **state)
{
	static const char dora[] = "gpg -q --batch --homedir ours "
		"--pinentry-mode loopback --passphrase '' --quick-gen-key "
		"'<dora@x.test>' ed25519 sign 0 && f=$(gpg -q --homedir ours "
		"--with-colons -K dora@x.test | sed -n 's/^fpr:*\\([^:]*\\):/"
		"\\1/p;T;q') && gpg -q --batch --homedir ours --pinentry-mode "
		"loopback --passphrase secret --quick-add-key $f cv25519 encr 0";
	struct opened o;
	struct err e;

	assert_int_equal(sh(dora), 0);
	assert_int_equal(sh("$gpg --homedir ours -r dora@x.test -e -o letter "
	    "hello"), 0);
	/* its sister is unlocked, and has another passphrase */
	cold(state);
	sh("rm -f prompted");
	o = opened_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked && !o.asked);
	assert_int_not_equal(sh("test -e prompted"), 0);
	o = asked_of("letter");
	assert_true(o.encryption == ENC_FAILED && o.locked && o.asked);
	assert_int_equal(sh("test -e prompted && touch secret"), 0);
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* once is enough */
	sh("rm -f prompted secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* its sister is unlocked, and has the same one */
	cold(state);
	sh("touch secret; $gpg --homedir theirs -r carol@x.test -e -o letter "
	   "hello");
	assert_int_equal(engine_unlock(g, carol.fpr, 5, &e), 0);
	sh("rm -f prompted secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	/* one of two is unlocked */
	cold(state);
	sh("$gpg --homedir theirs -r carol@x.test -r alice@x.test -e "
	   "-o letter hello; touch secret");
	o = asked_of("letter");
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	assert_int_not_equal(sh("test -e prompted"), 0);
	sh("rm -f secret");
}

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body; [ ! -e pid ] || kill -CONT $(cat pid); rm -f pid");
}

static void stopped_agent(void **state)
{
	struct membuf sealed, out;
	struct opened o;
	double t = now();
	struct err e;

	(void)state;
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &sealed, &e), 0);
	/* at the end of a connection it sends itself a SIGCONT */
	assert_int_equal(sh("gpg-connect-agent --homedir ours 'getinfo pid' "
	    "/bye | sed -n 's/^D //p' > pid && cd /proc/$(cat pid) && "
	    "until [ $(ls task | wc -l) = 1 ]; do sleep 0.01; done && "
	    "kill -STOP ${PWD##*/} && "
	    "until grep -q '^State:.T' status; do sleep 0.01; done"), 0);
	assert_int_equal(engine_warm(g, alice.grip_sign, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TIMEOUT);
	/* the letter must wait where it is */
	assert_int_equal(open_(g, false, sealed.buf, sealed.len, &out, &o), 0);
	assert_int_equal(o.reason, REASON_NO_SECRET_KEY);
	assert_true(o.locked);
	membuf_free(&out);
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &out, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TIMEOUT);
	assert_int_equal(out.len, 0);
	no_children();
	heal(state);
	assert_true(now() - t < 4 * STALL);
	assert_int_equal(open_(g, false, sealed.buf, sealed.len, &out, &o), 0);
	assert_int_equal(o.encryption, ENC_OK);
	opened_free(&o);
	membuf_free(&out);
	membuf_free(&sealed);
}

/* A child that waits for its end, in a session of its own as daemons are. */
static pid_t idle_child(bool daemon)
{
	int there[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(there), 0);
	pid = fork();
	if (pid == 0) {
		if (daemon)
			setsid();
		close(there[0]);
		close(there[1]);
		pause();
		_exit(0);
	}
	close(there[1]);
	assert_int_equal(read(there[0], &c, 1), 0);
	close(there[0]);
	return pid;
}

/* gpg may have started its agent before it is our child itself. */
static void agent_first(void **state)
{
	pid_t agent, gpg;

	(void)state;
	engine_child_before(g);
	agent = idle_child(true);
	gpg = idle_child(false);
	engine_child_find(g);
	assert_int_equal(g->pid, gpg);
	assert_false(engine_child_wait(g, 0));
	assert_int_equal(waitpid(gpg, NULL, 0), -1);
	assert_int_equal(waitpid(agent, NULL, WNOHANG), 0);
	assert_int_equal(kill(agent, SIGKILL), 0);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
}

/* Somebody else's gpg. */

/* Our gpg is a script that runs the real one after this. */
static void fake(const char *body)
{
	char all[1000];

	assert_true(snprintf(all, sizeof all,
	    "S=$(echo \"$*\" | sed 's/.*--status-fd \\([0-9]*\\).*/\\1/'); "
	    "case \"$*\" in *--list*) ;; *) %s;; esac", body) <
	    (int)sizeof all);
	script("body", all);
}

static void fake_gpg(void **state)
{
	static const char *const body[] = {
		"exit 0", "exit 2", "kill -9 $$", "exec sleep 1000",
		"cat >/dev/null; exit 0", "cat >/dev/null; exit 2",
		"head -c 100 /dev/urandom; cat >/dev/null; exit 0",
		"head -c 300000 /dev/zero; exit 0",
		"printf '\\205'; exec sleep 1000",
		"eval \"exec $S>&-\"; exec sleep 1000",
		"eval \"exec $S>&-\"; cat >/dev/null; exit 0",
		"exec </dev/null; echo x; exit 0",
		"eval \"yes >&$S\"; exit 0",
		"eval \"yes '[GNUPG:] NONSENSE 1' >&$S\"; exit 0",
		"eval \"echo '[GNUPG:] BEGIN_SIGNING H8' >&$S\"; "
		"eval \"echo '[GNUPG:] BEGIN_ENCRYPTION 2 9' >&$S\"; exit 0",
		"/usr/bin/gpg \"$@\"; exit 3",
		"/usr/bin/gpg \"$@\"; kill -9 $$",
		"/usr/bin/gpg \"$@\" & sleep 0.003; kill -9 $!; kill -9 $$",
	};
	unsigned fds = count("/proc/self/fd");
	struct membuf sealed, out;
	struct opened o;
	struct err e;
	char *big = calloc(1, 1 << 20);
	double t;
	int r;

	(void)state;
	assert_int_equal(seal(g, &alice, 1, big, 1 << 20, &sealed, &e), 0);
	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		t = now();
		fake(body[i]);
		if (seal(g, &alice, 1, big, 1 << 20, &out, &e) != -1)
			fail_msg("sealed with %s", body[i]);
		membuf_free(&out);
		r = open_(g, false, sealed.buf, sealed.len, &out, &o);
		if (!r && o.encryption != ENC_FAILED &&
		    strcmp(body[i], "/usr/bin/gpg \"$@\"; exit 3"))
			fail_msg("opened with %s", body[i]);
		if (!r)
			opened_free(&o);
		membuf_free(&out);
		no_children();
		if (now() - t > 3 * STALL + 1)
			fail_msg("%s: %f s", body[i], now() - t);
	}
	free(big);
	membuf_free(&sealed);
	assert_true(count("/proc/self/fd") <= fds + 1);
}

/* A gpg that says nothing of what it did: not an octet goes out. */
static void fake_mute(void **state)
{
	struct membuf out;
	struct err e;

	(void)state;
	fake("eval \"/usr/bin/gpg \\\"\\$@\\\" $S>/dev/null\"; exit 0");
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &out, &e), -1);
	assert_int_equal(out.len, 0);
}

/* The status lines of one letter, and what each of them is good for. */
static void fake_status(void **state)
{
#define BEGIN "BEGIN_DECRYPTION\\n"
#define INFO "DECRYPTION_INFO 2 9 0\\n"
#define PLAIN "PLAINTEXT 62 0\\n"
#define OKAY "DECRYPTION_OKAY\\n"
#define MDC "GOODMDC\\n"
#define END "END_DECRYPTION\\n"
	static const char *const lines[] = {
		BEGIN INFO PLAIN OKAY MDC END,	/* the good one */
		INFO PLAIN OKAY MDC END, BEGIN PLAIN OKAY MDC END,
		BEGIN INFO OKAY MDC END, BEGIN INFO PLAIN MDC END,
		BEGIN INFO PLAIN OKAY END, BEGIN INFO PLAIN OKAY MDC,
		BEGIN INFO PLAIN PLAIN OKAY MDC END,
		BEGIN INFO PLAIN OKAY OKAY MDC END,
		BEGIN INFO PLAIN OKAY MDC MDC END,
		BEGIN INFO PLAIN OKAY MDC END BEGIN INFO END,
		BEGIN BEGIN INFO PLAIN OKAY MDC END,
		BEGIN INFO INFO PLAIN OKAY MDC END,
		BEGIN "DECRYPTION_INFO 0 9 0\\n" PLAIN OKAY MDC END,
		BEGIN INFO PLAIN "BADMDC\\n" OKAY MDC END,
		BEGIN INFO PLAIN "ERROR proc_pkt.plaintext 89\\n" OKAY MDC END,
		BEGIN INFO PLAIN OKAY MDC END "NEWSIG\\n",
		"NEWSIG\\n" BEGIN INFO PLAIN OKAY MDC END
	};
	struct membuf sealed, out;
	struct opened o;
	struct err e;
	char body[600];

	(void)state;
	assert_int_equal(seal(g, &alice, 1, "hello\n", 6, &sealed, &e), 0);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		snprintf(body, sizeof body, "cat >/dev/null; echo hello; "
		         "printf '%s' | sed 's/^/[GNUPG:] /' | "
		         "eval \"cat >&$S\"; exit 0", lines[i]);
		fake(body);
		assert_int_equal(open_(g, false, sealed.buf, sealed.len, &out,
		                       &o), 0);
		if (o.encryption != (i ? ENC_FAILED : ENC_OK))
			fail_msg("%s", lines[i]);
		opened_free(&o);
		membuf_free(&out);
	}
	membuf_free(&sealed);
}

static void fake_list(void **state)
{
	static const char *const body[] = { "exit 0", "exit 2", "exit 1",
		"kill -9 $$", "exec sleep 1000", "yes", "/usr/bin/gpg \"$@\"; "
		"exit 2" };
	enum key_state st;
	struct key k;
	struct err e;

	(void)state;
	for (size_t i = 1; i < sizeof body / sizeof *body; i++) {
		script("body", body[i]);
		if (engine_find(g, "alice@x.test", NULL, &k, &st, &e) != -1)
			fail_msg("%s: no error", body[i]);
		assert_true(e.code && e.text[0]);
	}
	no_children();
}

/* GPGME asks gpg for its version once in a process: a process for each. */
static int start(const char *home)
{
	struct err e = { 0, "" };
	struct engine *x = engine_new(home, 1, &e);
	enum key_state st;
	struct key k;
	int r = x ? engine_find(x, "a@x.test", NULL, &k, &st, &e) : -1;

	engine_free(x);
	return r && e.code && e.text[0] ? 0 : 1;
}

static void fake_from_the_start(void **state)
{
	static const char *const body[] = { "exit 1", "exec sleep 1000",
		"kill -9 $$", "yes", "echo gpg 9.9; exec sleep 1000",
		"sleep 9 & sleep 9", "exec >&-; exec sleep 1000" };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	double t;

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		t = now();
		script("body", body[i]);
		if (sh("%s %s/ours", self, top))
			fail_msg("%s", body[i]);
		if (now() - t > 6 * STALL)
			fail_msg("%s: %f s", body[i], now() - t);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(both_can_read),
		cmocka_unit_test(unsigned_),
		cmocka_unit_test(never_before_the_input),
		cmocka_unit_test(conf_refused),
		cmocka_unit_test(conf_borne),
		cmocka_unit_test(wrong_readers),
		cmocka_unit_test(our_failures),
		cmocka_unit_test(broken_letters),
		cmocka_unit_test(hidden_reader),
		cmocka_unit_test(signatures),
		cmocka_unit_test(other_uid),
		cmocka_unit_test(revoked_key),
		cmocka_unit_test(judge),
		cmocka_unit_test(accept),
		cmocka_unit_test(find),
		cmocka_unit_test(find_distrusted),
		cmocka_unit_test(find_odd_ones),
		cmocka_unit_test(find_judged),
		cmocka_unit_test(stamp),
		cmocka_unit_test(locked),
		cmocka_unit_test(never_prompts),
		cmocka_unit_test(asks_for_its_own),
		cmocka_unit_test_teardown(stopped_agent, heal),
		cmocka_unit_test(agent_first),
		cmocka_unit_test_teardown(fake_gpg, heal),
		cmocka_unit_test_teardown(fake_mute, heal),
		cmocka_unit_test_teardown(fake_status, heal),
		cmocka_unit_test_teardown(fake_list, heal),
		cmocka_unit_test_teardown(fake_from_the_start, heal),
	};

	if (argc > 1)
		return start(argv[1]);
	return cmocka_run_group_tests(tests, up, down);
}
