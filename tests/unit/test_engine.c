/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing and opening by the engine, with a real gpg in throw-away homes. */
#include <signal.h>
#include <sys/time.h>

#include "tests/unit/engine.h"

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

	(void)state;
	assert_int_equal(seal(g, to, 2, "hello\n", 6, &out, &e), 0);
	write_file("both", out.buf, out.len);
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

int main(void)
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
		cmocka_unit_test(stamp),
	};

	return cmocka_run_group_tests(tests, up, homes_end);
}
