/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Detached signatures with a real gpg in throw-away homes, and with broken ones. */
#define HOMES_GPG "/usr/bin/gpg -q --batch --yes --no-auto-check-trustdb " \
	"--compress-algo none --homedir theirs"
#include "tests/unit/homes.h"

/* In ours: alice (ours), bob and rev (not accepted), late (expired); in theirs
 * all these and eve, whom we do not know. */

static int verify_of(const char *sig, const char *name, bool fails,
                     struct opened *o)
{
	struct membuf s = file(sig), m = file(name);
	struct text t = text(m.buf, m.len);
	struct err e = { 0, "" };
	int r;

	t.fails = fails;
	r = engine_verify(g, s.buf, s.len, &t.s, o, &e);
	assert_int_equal(o->encryption, ENC_NONE);
	if (r)
		assert_true(e.code && e.text[0]);
	else
		assert_true(t.ended);
	membuf_free(&s);
	membuf_free(&m);
	return r;
}

static struct verdict verdict_of(const char *sig, const char *name,
                                 const char *from)
{
	char *one[] = { (char *)(uintptr_t)from };
	struct addrs a = { one, 1, false, false };
	struct opened o;
	struct verdict v;

	memset(&v, 0, sizeof v);
	assert_int_equal(verify_of(sig, name, false, &o), 0);
	opened_judge(&o, &a, &v);
	opened_free(&o);
	return v;
}

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body");
}

static int up(void **state)
{
	static const char *const who[] = { "Alice <alice@x.test>",
		"Bob <bob@y.test>", "Eve <eve@y.test>", "Rev <rev@y.test>" };

	(void)state;
	homes_make();
	for (size_t i = 0; i < sizeof who / sizeof *who; i++)
		assert_int_equal(sh("$gpg --passphrase '' --quick-gen-key '%s' "
		                    "future-default default 0", who[i]), 0);
	assert_int_equal(sh("$gpg --passphrase '' --faked-system-time "
	    "20240101T120000 --quick-gen-key 'Late <late@y.test>' "
	    "future-default default 20240201T120000"), 0);
	assert_int_equal(sh("$gpg --export-secret-keys alice@x.test | "
	    "gpg -q --batch --homedir ours --import && "
	    "$gpg --export bob@y.test rev@y.test late@y.test | "
	    "gpg -q --batch --homedir ours --import && "
	    "F=$(gpg --homedir ours --with-colons -k alice@x.test | "
	    "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}') && echo $F:6: | "
	    "gpg -q --batch --homedir ours --import-ownertrust"), 0);
	assert_int_equal(sh("printf 'hello\\r\\nworld \\r\\n' > text; "
	    "printf 'hello\\nworld \\n' > lf; "
	    "printf 'hellO\\r\\nworld \\r\\n' > other; : > empty; "
	    "for u in alice@x.test bob@y.test eve@y.test rev@y.test; do "
	    "$gpg -u $u -b -o ${u%%%%@*} text; "
	    "$gpg -u $u -b -o ${u%%%%@*}-other other; done"), 0);
	homes_start();
	return 0;
}

/* ---- words ---- */

static void words(void **state)
{
	static const struct {
		const char *how, *text, *from;
		enum verdict_signature is;
	} t[] = {
		{ "cat alice", "text", "alice@x.test", SIG_GOOD },
		{ "cat alice", "text", "bob@y.test", SIG_MISMATCH },
		{ "cat alice", "other", "alice@x.test", SIG_BAD },
		{ "cat alice", "lf", "alice@x.test", SIG_BAD },
		{ "cat alice", "empty", "alice@x.test", SIG_BAD },
		{ "$gpg -u alice@x.test -b -o - lf", "lf", "alice@x.test",
		  SIG_GOOD },
		{ "$gpg -u alice@x.test -b -o - empty", "empty",
		  "alice@x.test", SIG_GOOD },
		{ "$gpg -u alice@x.test -t -b -o - text", "text",
		  "alice@x.test", SIG_GOOD },
		{ "cat bob", "text", "bob@y.test", SIG_UNTRUSTED },
		{ "cat eve", "text", "eve@y.test", SIG_UNKNOWN_KEY },
		{ "cat eve", "other", "eve@y.test", SIG_UNKNOWN_KEY },
		{ "$gpg -u bob@y.test --digest-algo SHA1 -b -o - text", "text",
		  "bob@y.test", SIG_WEAK },
		{ "$gpg -u alice@x.test --digest-algo SHA1 -b -o - text",
		  "text", "alice@x.test", SIG_WEAK },
		{ "$gpg -u alice@x.test --digest-algo RIPEMD160 -b -o - text",
		  "text", "alice@x.test", SIG_WEAK },
		{ "$gpg -u alice@x.test --default-sig-expire seconds=1 -b -o - "
		  "text; sleep 2", "text", "alice@x.test", SIG_EXPIRED },
		{ "$gpg --faked-system-time 20240102T120000 -u late@y.test -b "
		  "-o - text", "text", "late@y.test", SIG_EXPIRED },
		/* several */
		{ "cat alice alice-other", "text", "alice@x.test", SIG_BAD },
		{ "cat alice-other alice", "text", "alice@x.test", SIG_BAD },
		{ "cat bob-other alice", "text", "alice@x.test", SIG_BAD },
		{ "cat alice bob", "text", "alice@x.test", SIG_GOOD },
		{ "cat eve alice", "text", "alice@x.test", SIG_GOOD },
		{ "$gpg -u bob@y.test --default-sig-expire seconds=1 -b -o - "
		  "text; sleep 2; cat alice", "text", "bob@y.test",
		  SIG_EXPIRED },	/* where gpg leaves */
		{ "$gpg -u bob@y.test --digest-algo SHA1 -b -o - text; "
		  "cat alice", "text", "alice@x.test", SIG_GOOD },
		{ "cat alice bob-other", "text", "alice@x.test", SIG_BAD },
		/* of which gpg looks at the first alone */
		{ "cat alice; $gpg -u alice@x.test -t -b -o - other", "text",
		  "alice@x.test", SIG_BAD },
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		sh("{ %s ; } > sig", t[i].how);
		v = verdict_of("sig", t[i].text, t[i].from);
		if (v.encryption != ENC_NONE || v.signature != t[i].is ||
		    (v.trust == TRUST_VERIFIED) != (t[i].is == SIG_GOOD) ||
		    !*v.fpr != (t[i].is == SIG_BAD ||
		                t[i].is == SIG_UNKNOWN_KEY))
			fail_msg("%zu %s over %s: %d %d %s", i, t[i].how,
			         t[i].text, v.signature, v.trust, v.fpr);
	}
	no_children();
}

static void revoked(void **state)
{
	(void)state;
	assert_int_equal(verdict_of("rev", "text", "rev@y.test").signature,
	                 SIG_UNTRUSTED);
	sh("F=$($gpg --with-colons -k rev@y.test | "
	   "sed -n '/^fpr/{s/.*:\\(.*\\):/\\1/p;q}'); "
	   "sed 's/^:---/---/' theirs/openpgp-revocs.d/$F.rev | "
	   "gpg -q --batch --homedir ours --import");
	assert_int_equal(verdict_of("rev", "text", "rev@y.test").signature,
	                 SIG_REVOKED);
}

/* What is no detached signature, but would be good for gpg alone. */
static void no_signature(void **state)
{
	static const char *const how[] = {
		":", "echo hello", "cat text", "head -c -1 alice",
		"head -c 2 alice", "cat alice; echo", "echo; cat alice",
		"$gpg -u alice@x.test -s -o - other",
		"$gpg -u alice@x.test -s -o - text",
		"$gpg -u alice@x.test --compress-algo zip -s -o - other",
		"$gpg -u alice@x.test --clearsign -o - text",
		"$gpg -u alice@x.test -b -a -o - text",
		"$gpg --store -o - text", "cat alice; $gpg --store -o - text",
		"$gpg --store -o - text; cat alice",
		"cat alice; $gpg -u alice@x.test -s -o - other",
		"$gpg -r alice@x.test --trust-model always -e -o - text",
		"$gpg -r alice@x.test -u alice@x.test --trust-model always -s "
		"-e -o - text", "$gpg --export alice@x.test",
		"$gpg --export-secret-keys alice@x.test",
		"printf '\\302\\200'", "cat alice; printf '\\302\\200'",
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do "
		"cat alice; done",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
		sh("{ %s ; } > sig", how[i]);
		v = verdict_of("sig", "text", "alice@x.test");
		if (v.signature != SIG_BAD || v.trust || *v.fpr)
			fail_msg("%s: %d", how[i], v.signature);
	}
	no_children();
}

/* RFC 9580's version 6 beside one for older readers, and the classes of other
 * signatures. */
static void versions(void **state)
{
	struct membuf alice = file("alice");
	size_t at = alice.buf[0] & 1 ? 3 : 2;	/* of the version */

	(void)state;
	for (int i = 0; i < 4; i++) {
		static const struct { char version, class; } t[] = {
			{ 6, 0 }, { 5, 0 }, { 4, 2 }, { 4, 0x10 } };

		alice.buf[at] = t[i].version;
		alice.buf[at + 1] = t[i].class;
		write_file("odd", alice.buf, alice.len);
		sh("cat odd alice > first; cat alice odd > last");
		assert_int_equal(verdict_of("odd", "text", "alice@x.test")
		                 .signature, i < 2 ? SIG_UNKNOWN_KEY : SIG_BAD);
		assert_int_equal(verdict_of("first", "text", "alice@x.test")
		                 .signature, i < 2 ? SIG_GOOD : SIG_BAD);
		assert_int_equal(verdict_of("last", "text", "alice@x.test")
		                 .signature, i < 2 ? SIG_GOOD : SIG_BAD);
	}
	membuf_free(&alice);
}

/* ---- long ones, and what breaks ---- */

static void large(void **state)
{
	static const size_t sizes[] = { 1, 4096, 65536, 65537, 3 << 20 };
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		sh("head -c %zu /dev/zero > large; (head -c %zu /dev/zero; "
		   "printf x) > larger; $gpg -u alice@x.test -b -o sig large",
		   sizes[i], sizes[i] - 1);
		v = verdict_of("sig", "large", "alice@x.test");
		assert_int_equal(v.signature, SIG_GOOD);
		v = verdict_of("sig", "larger", "alice@x.test");
		assert_int_equal(v.signature, SIG_BAD);
	}
	/* gpg has left before it is read */
	sh("$gpg -u alice@x.test -s -o sig large; "
	   "printf '\\302\\014\\004\\0\\026\\010\\0\\0\\0\\0\\0\\0\\0\\0' > odd");
	v = verdict_of("sig", "large", "alice@x.test");
	assert_int_equal(v.signature, SIG_BAD);
	v = verdict_of("odd", "large", "alice@x.test");
	assert_true(v.signature == SIG_BAD || v.signature == SIG_WEAK);
}

static void source_fails(void **state)
{
	struct opened o;

	(void)state;
	assert_int_equal(verify_of("alice", "text", true, &o), -1);
	assert_int_equal(verify_of("alice", "large", true, &o), -1);
	assert_int_equal(verify_of("empty", "text", true, &o), -1);
	assert_int_equal(o.signature, SIG_NONE);
	no_children();
}

static void fake_gpg(void **state)
{
	static const struct {
		const char *body;
		int r;
	} t[] = {
		{ "exit 0", -1 }, { "exit 2", -1 }, { "cat >/dev/null; exit 2", -1 },
		{ "exit 127", -1 }, { "kill -9 $$", 0 }, { "exec sleep 1000", 0 },
		{ "cat >/dev/null; exec sleep 1000", 0 },
		{ "eval \"exec $S>&-\"; exec sleep 1000", 0 },
		{ "eval \"yes >&$S\"; exit 0", 0 },
		{ "eval \"yes '[GNUPG:] NONSENSE 1' >&$S\"; exit 0", 0 },
		{ "eval \"echo '[GNUPG:] GOODSIG 1 alice' >&$S\"; exit 0", 0 },
		{ "eval \"echo '[GNUPG:] NEWSIG' >&$S\"; exit 0", 0 },
		{ "/usr/bin/gpg \"$@\"; kill -9 $$", 0 },
	};
	struct opened o;
	double start;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		start = now();
		fake(t[i].body);
		r = verify_of("alice", "text", false, &o);
		if (r != t[i].r || o.signature == SIG_GOOD ||
		    o.signature == SIG_UNTRUSTED || o.fpr[0])
			fail_msg("%s: %d %d", t[i].body, r, o.signature);
		opened_free(&o);
		if (now() - start > (slower() > 1 ? 6 : 2) * STALL + 1)
			fail_msg("%s: %f s", t[i].body, now() - start);
		no_children();
	}
}

/* The status lines of one signature, and what no signature alone has. */
static void fake_status(void **state)
{
	static const char *const more[] = { "", "NODATA 4", "UNEXPECTED 0",
		"PLAINTEXT 62 0", "DECRYPTION_OKAY", "BEGIN_DECRYPTION",
		"NEWSIG", "GET_BOOL untrusted_key.override" };
	struct opened o;
	char body[400];

	(void)state;
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		snprintf(body, sizeof body, "[ -z '%s' ] || eval "
		         "\"echo '[GNUPG:] %s' >&$S\"; /usr/bin/gpg \"$@\"; "
		         "exit 0", more[i], more[i]);
		fake(body);
		assert_int_equal(verify_of("alice", "text", false, &o), 0);
		if (o.signature != (i ? SIG_BAD : SIG_GOOD))
			fail_msg("%s: %d", more[i], o.signature);
		opened_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(revoked),
		cmocka_unit_test(no_signature),
		cmocka_unit_test(versions),
		cmocka_unit_test(large),
		cmocka_unit_test(source_fails),
		cmocka_unit_test_teardown(fake_gpg, heal),
		cmocka_unit_test_teardown(fake_status, heal),
	};

	return cmocka_run_group_tests(tests, up, homes_end);
}
