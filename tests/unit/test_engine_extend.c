/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own key while it changes: a subkey that comes, and an end that is put off. */
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

enum { DAY = 24 * 3600, STALL = 20 };

static char top[64], fpr[41];

static int sh(const char *fmt, ...)
{
	char cmd[1500], all[1800];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof cmd, fmt, ap) < (int)sizeof cmd);
	va_end(ap);
	assert_true(snprintf(all, sizeof all, "cd %s && gpg='/usr/bin/gpg -q "
	    "--batch --yes --homedir ours --pinentry-mode loopback "
	    "--passphrase-file pass' && { %s ; } >>log 2>&1", top, cmd)
	    < (int)sizeof all);
	return system(all);
}

static void put(const char *name, const char *text)
{
	char file[200];
	FILE *f;

	assert_true(snprintf(file, sizeof file, "%s/%s", top, name) < 200);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(file, 0700), 0);
}

/* A home with a key of our own: parameters as gpg --generate-key takes them. */
static struct engine *with_key(const char *pass, const char *parameters)
{
	char home[100];
	struct engine *g;
	FILE *f;

	sh("gpgconf --homedir ours --kill all");
	put("pass", pass);
	put("parameters", parameters);
	assert_int_equal(sh("rm -rf ours body && mkdir -m 700 ours && "
	    "printf 's2k-count 65536\npinentry-program %s/pinentry\n' "
	    "> ours/gpg-agent.conf && $gpg --generate-key parameters && "
	    "gpgconf --homedir ours --kill gpg-agent && "
	    "$gpg --with-colons -k | awk -F: '/^fpr/{print $10; exit}' > fpr",
	    top), 0);
	snprintf(home, sizeof home, "%s/fpr", top);
	f = fopen(home, "r");
	assert_non_null(f);
	assert_int_equal(fread(fpr, 1, 40, f), 40);
	fclose(f);
	snprintf(home, sizeof home, "%s/ours", top);
	g = engine_new(home, STALL, NULL);
	assert_non_null(g);
	return g;
}

#define KEY "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert%s\n" \
	"Name-Real: Alice\nName-Email: alice@x.test\nExpire-Date: %s\n" \
	"Subkey-Type: ecdh\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n" \
	"Creation-Date: seconds=%lld\n%s%%commit\n"

static struct engine *with(const char *pass, const char *ends, int made_ago)
{
	char p[600];

	assert_true(snprintf(p, sizeof p, KEY, ",sign", ends,
	                     (long long)time(NULL) - made_ago,
	                     *pass ? "" : "%no-protection\n")
	            < (int)sizeof p);
	return with_key(pass, p);
}

static int up(void **state)
{
	char bin[4096];

	(void)state;
	unsetenv("GNUPGHOME");
	strcpy(top, "/tmp/llextend.XXXXXX");
	assert_non_null(mkdtemp(top));
	put("pinentry", "#!/bin/sh\ntouch ${0%/*}/prompted\n"
	    "echo OK; while read c r; do case $c in GETPIN) "
	    "echo ERR 83886179 cancelled;; BYE) echo OK; exit;; *) echo OK;; "
	    "esac; done\n");
	assert_int_equal(sh("mkdir bin"), 0);
	put("bin/gpg", "#!/bin/sh\ncd ${0%/*}/..\n[ -e body ] && . ./body\n"
	    "exec /usr/bin/gpg \"$@\"\n");
	assert_true(snprintf(bin, sizeof bin, "%s/bin:%s", top, getenv("PATH"))
	            < (int)sizeof bin);
	setenv("PATH", bin, 1);
	return 0;
}

static int down(void **state)
{
	(void)state;
	sh("gpgconf --homedir ours --kill all");
	return sh("rm -rf ours; cd / && rm -rf %s", top);
}

/* ---- a subkey that comes ---- */

#define ADD "/usr/bin/gpg -q --batch --homedir ours --pinentry-mode loopback " \
	"--passphrase '' --quick-add-key $(cat fpr) ed25519 sign never " \
	"</dev/null >>log 2>&1"

struct short_text {
	struct source s;
	bool given;
};

static ssize_t short_get(struct source *s, void *buf, size_t n, struct err *e)
{
	struct short_text *t = (struct short_text *)s;

	(void)e;
	if (t->given || n < 6)
		return 0;
	t->given = true;
	memcpy(buf, "hello\n", 6);
	return 6;
}

static int any_name(void *arg, const char *name, struct err *e)
{
	(void)arg, (void)name, (void)e;
	return 0;
}

static void signs(struct engine *g, bool seals)
{
	struct short_text t = { { short_get }, false };
	struct err e = { .text = "" };
	enum key_state state;
	struct membuf out;
	struct key key;
	int rc;

	membuf_init(&out, 1 << 16);
	assert_int_equal(engine_find_secret(g, fpr, NULL, &key, &state, &e), 0);
	assert_int_equal(state, KEY_USABLE);
	rc = seals ? engine_seal(g, &key, true, &key, 1, &t.s, &out.sink, &e)
	           : engine_sign(g, &key, &t.s, any_name, NULL, &out, &e);
	if (rc)
		fail_msg("%s", e.text);
	membuf_free(&out);
}

/* Behind a listing that had it not, before anybody looks at the folder again. */
static void comes_with_a_listing(void **state)
{
	struct engine *g = with("", "0", 0);

	(void)state;
	/* the listing is done again */
	assert_int_equal(sh("touch -d yesterday ours/private-keys-v1.d"), 0);
	put("body", "case \"$*\" in *--list-secret*) rm body; "
	    "/usr/bin/gpg \"$@\"; r=$?; " ADD "; exit $r;; esac\n");
	signs(g, false);
	engine_free(g);
}

/* While gpg signs, and signs with it. */
static void comes_with_a_signature(void **state)
{
	struct engine *g = with("", "0", 0);

	(void)state;
	signs(g, false);
	put("body", "case \"$*\" in *--detach*|*--sign*) rm body; " ADD
	    ";; esac\n");
	signs(g, false);
	put("body", "case \"$*\" in *--encrypt*) rm body; " ADD ";; esac\n");
	signs(g, true);
	engine_free(g);
}

/* ---- an end that is put off ---- */

static bool near(int64_t a, int64_t b)
{
	return a > b - DAY && a < b + DAY;
}

static void renews(struct engine *g, int wanted, int64_t ends)
{
	int64_t now = time(NULL), is = -1;
	struct err e = { .text = "" };
	int rc = engine_extend(g, fpr, now, &is, &e);

	if (rc != wanted)
		fail_msg("%d: %s", rc, e.text);
	assert_true(rc == -1 || (ends ? near(is, now + ends) : is == 0));
}

static void put_off(void **state)
{
	struct engine *g = with("", "2y", 600 * DAY);

	(void)state;
	renews(g, 1, 730 * DAY);
	assert_int_equal(sh("[ $($gpg --with-colons -k | "
	    "awk -F: '/^[ps]ub/ && $7 > %lld' | wc -l) = 2 ]",
	    (long long)time(NULL) + 729 * DAY), 0);
	renews(g, 0, 730 * DAY);
	signs(g, true);
	engine_free(g);
}

/* Never, long before, made for a short life, or over. */
static void left_alone(void **state)
{
	struct engine *g = with("", "0", 0);

	(void)state;
	renews(g, 0, 0);
	engine_free(g);
	g = with("", "2y", 500 * DAY);
	renews(g, 0, 230 * DAY);
	engine_free(g);
	g = with("", "90d", 0);
	renews(g, 0, 90 * DAY);
	engine_free(g);
	g = with("", "2y", 740 * DAY);
	renews(g, 0, -10 * DAY);
	engine_free(g);
}

/* It is not asked for; gpg-agent has it once a subkey was used. */
static void needs_a_passphrase(void **state)
{
	struct engine *g = with("secret", "2y", 600 * DAY);

	(void)state;
	assert_int_equal(sh("$gpg --quick-add-key $(cat fpr) ed25519 sign never "
	    "&& gpgconf --homedir ours --reload gpg-agent"), 0);
	renews(g, 0, 130 * DAY);
	assert_int_equal(sh("[ ! -e prompted ] && $gpg --pinentry-mode ask "
	    "--detach-sign < pass > /dev/null; [ -e prompted ]"), 0);
	renews(g, 0, 130 * DAY);
	assert_int_equal(sh("sed -i 's/echo ERR.*cancelled/echo D secret; echo "
	    "OK/' pinentry && $gpg --pinentry-mode ask --detach-sign < pass "
	    "> /dev/null"), 0);
	assert_int_equal(sh("rm prompted"), 0);
	renews(g, 1, 730 * DAY);
	assert_int_equal(sh("[ ! -e prompted ]"), 0);
	engine_free(g);
}

/* The primary key is elsewhere; or gpg does not do it. */
static void cannot_be(void **state)
{
	struct engine *g = with("", "2y", 600 * DAY);

	(void)state;
	put("body", "case \"$*\" in *set-expire*) exit 2;; esac\n");
	renews(g, -1, 0);
	put("body", "case \"$*\" in *set-expire*) exit 0;; esac\n");
	renews(g, -1, 0);
	put("body", "");
	assert_int_equal(sh("$gpg --quick-add-key $(cat fpr) ed25519 sign never "
	    "&& rm ours/private-keys-v1.d/$($gpg --with-colons --with-keygrip "
	    "-K | awk -F: '/^grp/{print $10; exit}').key"), 0);
	renews(g, 0, 130 * DAY);
	engine_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_with_a_listing),
		cmocka_unit_test(comes_with_a_signature),
		cmocka_unit_test(put_off),
		cmocka_unit_test(left_alone),
		cmocka_unit_test(needs_a_passphrase),
		cmocka_unit_test(cannot_be),
	};

	return cmocka_run_group_tests(tests, up, down);
}
