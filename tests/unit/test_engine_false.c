/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine with a gpg that is somebody else's. */
#include <signal.h>
#include <sys/wait.h>

#include "crypto/engine_private.h"
#include "tests/unit/engine.h"

static int heal(void **state)
{
	(void)state;
	return sh("rm -f body");
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
		cmocka_unit_test(agent_first),
		cmocka_unit_test_teardown(fake_gpg, heal),
		cmocka_unit_test_teardown(fake_mute, heal),
		cmocka_unit_test_teardown(fake_status, heal),
		cmocka_unit_test_teardown(fake_list, heal),
		cmocka_unit_test_teardown(fake_from_the_start, heal),
	};

	if (argc > 1)
		return start(argv[1]);
	return cmocka_run_group_tests(tests, up, homes_end);
}
