/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's two tables: logins, with the time in our hands, and commands, whose
 * deadlines nobody wants to wait for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper_login.h"
#include "agent/keeper_secret.h"
#include "agent/log.h"

/* ---- logins ---- */

static void note(struct logins *l, const char *peer, enum outcome o, int64_t ms)
{
	struct logged in = { .account = 1, .kind = SESSION_POP3, .outcome = o };

	snprintf(in.peer, sizeof in.peer, "%s", peer);
	snprintf(in.words, sizeof in.words, "mx.example says: no <a@b.example>, "
	         "ask  c@d now");
	logins_note(l, &in, ms, 1000 + ms / 1000);
}

static void test_delays(void **state)
{
	static const uint32_t want[] = {
		0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000,
		60000, 60000
	};
	struct logins *l = logins_new();

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_int_equal(logins_wait(l, "uid 1", 10), want[i]);
		assert_int_equal(logins_wait(l, "uid 2", 10), 0);
		note(l, "uid 1", i % 2 ? DONE_DENIED : DONE_REFUSED, 10);
		note(l, "uid 1", DONE_UNREACHABLE, 10);
		note(l, "uid 1", DONE_FAILED, 10);
	}
	for (int i = 0; i < 100; i++)	/* and no number overflows */
		note(l, "uid 1", DONE_DENIED, 10);
	assert_int_equal(logins_wait(l, "uid 1", 10), 60000);
	note(l, "uid 2", DONE_OK, 10);
	assert_int_equal(logins_wait(l, "uid 1", 10), 60000);
	assert_int_equal(logins_wait(l, "uid 1", 10 + LOGINS_FORGET_MS - 1),
	                 60000);
	assert_int_equal(logins_wait(l, "uid 1", 10 + LOGINS_FORGET_MS), 0);
	note(l, "uid 1", DONE_DENIED, 20 + LOGINS_FORGET_MS);
	assert_int_equal(logins_wait(l, "uid 1", 20 + LOGINS_FORGET_MS), 0);
	for (int i = 1; i < LOGINS_FREE; i++)
		note(l, "uid 1", DONE_DENIED, 20 + LOGINS_FORGET_MS);
	assert_int_equal(logins_wait(l, "uid 1", 20 + LOGINS_FORGET_MS), 1000);
	note(l, "uid 1", DONE_OK, 20 + LOGINS_FORGET_MS);
	assert_int_equal(logins_wait(l, "uid 1", 20 + LOGINS_FORGET_MS), 0);
	free(l);
}

/* However many clients there are, the one that tries most lately stays. */
static void test_many_peers(void **state)
{
	struct logins *l = logins_new();
	char name[PEER_MAX];
	int64_t ms = 0;

	(void)state;
	for (int i = 0; i < 10 * LOGINS_PEERS_MAX; i++) {
		snprintf(name, sizeof name, "2001:db8::%x", i);
		note(l, name, DONE_DENIED, ++ms);
		if (i % 100 == 0)
			note(l, "uid 1", DONE_DENIED, ++ms);
	}
	assert_int_equal(logins_wait(l, "uid 1", ms), 60000);
	/* a right login of a stranger takes nobody's place */
	for (int i = 0; i < 2 * LOGINS_PEERS_MAX; i++) {
		snprintf(name, sizeof name, "192.0.2.%d", i);
		note(l, name, DONE_OK, ++ms);
	}
	assert_int_equal(logins_wait(l, "uid 1", ms), 60000);
	free(l);
}

static void status(struct logins *l, uint32_t account, uint64_t *good,
                   uint64_t *bad, char words[500])
{
	static struct pack p;
	struct frame f;
	struct unpack u;

	pack_init(&p);
	logins_status(l, account, &p);
	f = (struct frame){ .data = p.buf, .len = p.len };
	unpack_init(&u, &f);
	for (int i = 0; i < 2; i++) {
		good[i] = unpack_u64(&u);
		bad[i] = unpack_u64(&u);
		unpack_str(&u, words, 500);
	}
	assert_true(unpack_end(&u));
}

/* For a quarter of an hour, or until it proves that it knows the password. */
static void test_unproven(void **state)
{
	struct logged in = { .peer = "uid 1", .account = 3,
	                     .kind = SESSION_SMTP, .outcome = DONE_UNREACHABLE,
	                     .code = UNREACHED_NO_SESSION };
	struct logins *l = logins_new();
	const int from[] = { 3 };

	(void)state;
	logins_note(l, &in, 10, 1000);
	assert_false(logins_unproven(l, 3, SESSION_SMTP, 10));
	in.code = UNREACHED_NO_PROOF;
	in.outcome = DONE_DENIED;	/* that code is a reply's */
	logins_note(l, &in, 10, 1000);
	assert_false(logins_unproven(l, 3, SESSION_SMTP, 10));
	in.outcome = DONE_UNREACHABLE;
	logins_note(l, &in, 20, 1000);
	assert_true(logins_unproven(l, 3, SESSION_SMTP, 20));
	assert_false(logins_unproven(l, 3, SESSION_POP3, 20));
	assert_false(logins_unproven(l, 2, SESSION_SMTP, 20));
	assert_false(logins_unproven(l, UINT32_MAX, SESSION_SMTP, 20));
	assert_false(logins_unproven(l, 3, UINT32_MAX, 20));
	in.outcome = DONE_DENIED;
	logins_note(l, &in, 30, 1000);
	assert_true(logins_unproven(l, 3, SESSION_SMTP,
	                            19 + LOGINS_UNPROVEN_MS));
	assert_false(logins_unproven(l, 3, SESSION_SMTP,
	                             20 + LOGINS_UNPROVEN_MS));
	logins_move(l, from, 1);
	assert_true(logins_unproven(l, 0, SESSION_SMTP, 40));
	assert_false(logins_unproven(l, 3, SESSION_SMTP, 40));
	in.outcome = DONE_OK;
	in.account = 0;
	logins_note(l, &in, 50, 1000);
	assert_false(logins_unproven(l, 0, SESSION_SMTP, 50));
	free(l);
}

static void test_status(void **state)
{
	struct logins *l = logins_new();
	uint64_t good[2], bad[2];
	char words[500];

	(void)state;
	note(l, "uid 1", DONE_OK, 5000);
	status(l, 1, good, bad, words);
	assert_int_equal(good[SESSION_POP3], 1005);
	assert_int_equal(good[SESSION_SMTP], 0);
	assert_int_equal(bad[SESSION_POP3], 0);
	note(l, "uid 1", DONE_UNREACHABLE, 6000);
	status(l, 1, good, bad, words);
	assert_int_equal(good[SESSION_POP3], 1005);
	assert_int_equal(bad[SESSION_POP3], 1006);
	assert_string_equal(words, "mx.example says: no (address) ask (address) "
	                    "now");
	note(l, "uid 1", DONE_DENIED, 7000);
	note(l, "uid 1", DONE_REFUSED, 8000);
	status(l, 1, good, bad, words);
	assert_int_equal(bad[SESSION_POP3], 1007);
	assert_null(strstr(words, "example"));
	status(l, 0, good, bad, words);
	assert_int_equal(good[1] + bad[1], 0);
	status(l, UINT32_MAX, good, bad, words);
	assert_int_equal(good[1] + bad[1], 0);
	for (uint32_t i = 0; i < 3; i++)	/* out of all bounds: nothing */
		logins_note(l, &(struct logged){ .account = UINT32_MAX - i,
		                                 .kind = i * 7 }, 0, 0);
	free(l);
}

/* ---- commands ---- */

static struct conf conf;
static char command[300];
static struct pack p;

static struct secrets *of(const char *text)
{
	snprintf(command, sizeof command, "%s", text);
	conf.n_accounts = 2;
	conf.account[1].command = command;
	return secrets_new(&conf);
}

/* Work at this time, as the keeper does, until the command has ended or as long
 * as it may be expected to. */
static bool work(struct secrets *s, int64_t ms)
{
	for (int i = 0; i < 400; i++) {
		if (secrets_work(s, ms))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return false;
}

static enum secret_found told(const struct secrets *s, char *text, size_t size)
{
	enum secret_found found;
	struct unpack u;
	struct frame f;

	pack_init(&p);
	secrets_tell(s, 1, &p);
	f = (struct frame){ .data = p.buf, .len = p.len };
	unpack_init(&u, &f);
	found = (enum secret_found)unpack_u32(&u);
	unpack_str(&u, text, size);
	assert_true(unpack_end(&u));
	return found;
}

static void test_kept_for_a_while(void **state)
{
	struct secrets *s = of("echo s3cret");
	char text[9000];

	(void)state;
	assert_int_equal(secrets_due(s, 0), -1);
	assert_false(secrets_want(s, 1, 0));
	assert_true(secrets_run(s, 1));
	assert_int_equal(secrets_due(s, 1000), SECRET_RUN_MS - 1000);
	assert_true(work(s, 10));
	assert_false(secrets_run(s, 1));
	assert_int_equal(told(s, text, sizeof text), SECRET_OK);
	assert_string_equal(text, "s3cret");
	assert_true(secrets_want(s, 1, 10 + SECRET_KEEP_MS - 1));
	assert_int_equal(secrets_due(s, 10), SECRET_KEEP_MS);
	assert_false(secrets_work(s, 10 + SECRET_KEEP_MS));
	assert_int_equal(secrets_due(s, 10 + SECRET_KEEP_MS), -1);
	assert_int_equal(told(s, text, sizeof text), SECRET_FAILED);
	assert_false(secrets_want(s, 1, 10 + SECRET_KEEP_MS));
	assert_true(work(s, 20 + SECRET_KEEP_MS));
	secrets_drop(s, 1);
	assert_false(secrets_want(s, 1, 20 + SECRET_KEEP_MS));
	secrets_drop(s, 1);	/* of one that runs: nothing */
	assert_true(secrets_run(s, 1));
	secrets_end(s);
}

static void test_failure_is_kept_shortly(void **state)
{
	struct secrets *s = of("exit 7");
	char text[9000];

	(void)state;
	assert_false(secrets_want(s, 1, 0));
	assert_true(work(s, 10));
	assert_true(secrets_want(s, 1, 10 + SECRET_FAIL_MS - 1));
	assert_int_equal(told(s, text, sizeof text), SECRET_FAILED);
	assert_string_equal(text, "its command ended with status 7");
	assert_false(secrets_want(s, 1, 10 + SECRET_FAIL_MS));
	secrets_end(s);
}

static bool group_gone(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		if (kill(-pid, 0) == -1 && errno == ESRCH)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return false;
}

/* It and what it started, whatever they ignore. */
static void test_deadline(void **state)
{
	char name[] = "/tmp/llsecretXXXXXX", run[250], text[9000];
	struct secrets *s;
	pid_t pid = 0;
	FILE *f;

	(void)state;
	close(mkstemp(name));
	snprintf(run, sizeof run, "trap '' TERM HUP; (trap '' TERM HUP; sleep "
	         "1000) & echo $$ > %s; echo partly; sleep 1000", name);
	s = of(run);
	assert_false(secrets_want(s, 1, 0));
	for (int i = 0; i < 400 && !pid; i++) {
		assert_false(secrets_work(s, SECRET_RUN_MS - 1));
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if ((f = fopen(name, "r"))) {
			if (fscanf(f, "%d", &pid) != 1)
				pid = 0;
			fclose(f);
		}
	}
	assert_true(pid > 0 && kill(-pid, 0) == 0);
	assert_true(secrets_work(s, SECRET_RUN_MS));
	assert_true(group_gone(pid));
	assert_int_equal(told(s, text, sizeof text), SECRET_FAILED);
	assert_string_equal(text, "its command did not end within a minute");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	secrets_end(s);
	unlink(name);
}

static void test_end_ends_all(void **state)
{
	struct secrets *s = of("sleep 1000");

	(void)state;
	assert_false(secrets_want(s, 1, 0));
	secrets_end(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_many_peers),
		cmocka_unit_test(test_unproven),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_kept_for_a_while),
		cmocka_unit_test(test_failure_is_kept_shortly),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_end_ends_all),
	};

	log_level = 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
