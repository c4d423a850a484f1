/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the units of the engine: people in throw-away homes, and what is sealed and
 * opened there. */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include <dirent.h>

#define HOMES_GPG "gpg -q --batch --yes --no-auto-check-trustdb " \
	"--trust-model always --compress-algo none"
#include "tests/unit/homes.h"

/* alice and carol (passphrase "secret") are ours; bob and eve have their own
 * home.  We know bob's key, not eve's. */
static struct key alice, bob, carol;

static inline int seal(struct engine *x, const struct key *to, size_t n_to,
                       const char *p, size_t n, struct membuf *out,
                       struct err *e)
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

static inline int open_(struct engine *x, bool ask, const char *p, size_t n,
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

static inline struct opened opened_of(const char *name)
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

static inline struct verdict judged(const struct opened *o, const char *from)
{
	char *one[] = { (char *)(uintptr_t)from };
	struct addrs a = { one, 1, false, false };
	struct verdict v;

	memset(&v, 0, sizeof v);
	opened_judge(o, &a, &v);
	return v;
}

/* ---- set-up ---- */

static inline int up(void **state)
{
	static const char gen[] = "gpg -q --batch --homedir %s --pinentry-mode "
		"loopback --passphrase '%s' --quick-gen-key '%s' "
		"future-default default %s";
	enum key_state st;
	struct err e;

	(void)state;
	homes_make();
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
	homes_start();
	own("alice@x.test", &alice);
	own("carol@x.test", &carol);
	assert_int_equal(engine_find(g, "bob@y.test", NULL, &bob, &st, &e), 0);
	assert_int_equal(st, KEY_USABLE);
	return 0;
}

static inline int cold(void **state)
{
	(void)state;
	sh("gpgconf --homedir ours --kill gpg-agent; rm -f secret");
	return sh("gpg-connect-agent --homedir ours /bye >/dev/null");
}

static inline unsigned count(const char *dir)
{
	unsigned n = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
