/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the boxes: what is forbidden in each of them. */
#include "agent/box.h"

#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SANITIZERS
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static bool denied(long rc)
{
	return rc == -1 && errno == EACCES;
}

static bool denied_socket(int family)
{
	return denied(socket(family, SOCK_STREAM, 0));
}

static bool fine_crypt(void)
{
	int pair[2];

	return denied_socket(AF_INET) && denied_socket(AF_INET6)
	       && denied_socket(AF_NETLINK) && !denied_socket(AF_UNIX)
	       && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0
	       && denied(syscall(SYS_io_uring_setup, 1, NULL))
	       && denied(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0))
	       && denied(syscall(SYS_io_uring_register, -1, 0, NULL, 0))
	       && denied(setsid());
}

static bool fine_others(void)
{
	return denied_socket(AF_INET) && denied_socket(AF_UNIX)
	       && denied(open("/dev/null", O_RDONLY)) && denied(fork())
	       && denied(syscall(SYS_io_uring_setup, 1, NULL))
	       && denied(kill(getpid(), 0));
}

/* In a process of its own, since there is no way out. */
static void boxed(enum box box, bool (*fine)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0)
		_exit(box_enter(box, NULL, false) == 0 && fine() ? 0 : 1);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_crypt(void **state)
{
	(void)state;
	boxed(BOX_CRYPT, fine_crypt);
}

static void test_others(void **state)
{
	(void)state;
	boxed(BOX_FRONT, fine_others);
	boxed(BOX_MIME, fine_others);
	boxed(BOX_UPSTREAM, fine_others);
}

/* On a kernel that answers this call so. */
static bool lack(const char *call, int error)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = f && seccomp_rule_add(f, SCMP_ACT_ERRNO((uint16_t)error),
	                                seccomp_syscall_resolve_name(call), 0)
	          == 0 && seccomp_load(f) == 0;

	seccomp_release(f);
	return ok;
}

static int lacking(const char *call, int error, bool required)
{
	int status;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0)
		_exit(!lack(call, error) ? 3
		      : box_enter(BOX_MIME, NULL, required) ? 1
		      : denied(open("/dev/null", O_RDONLY)) ? 0 : 2);
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What is left stands, unless all is wanted; a wall that is there and can't be
 * built is no wall that lacks. */
static void test_lacking(void **state)
{
	static const char *const call[] = {
		"landlock_create_ruleset", "seccomp"
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lacking(call[i], ENOSYS, false), 0);
		assert_int_equal(lacking(call[i], ENOSYS, true), 1);
	}
	assert_int_equal(lacking("landlock_restrict_self", EPERM, false), 1);
	assert_int_equal(lacking("getpid", EPERM, true), 0);
}

static void test_words(void **state)
{
	struct walls w = { .no_new_privs = true, .seccomp = true,
	                   .landlock = 7 };

	(void)state;
	assert_string_equal(box_words(&w),
	                    "no new privileges, seccomp, Landlock 7");
	assert_true(box_whole(&w));
	w.landlock = 0;
	assert_string_equal(box_words(&w), "no new privileges, seccomp");
	assert_false(box_whole(&w));
	w = (struct walls){ .landlock = 1 };
	assert_string_equal(box_words(&w), "Landlock 1");
	w.landlock = 0;
	assert_string_equal(box_words(&w), "none");
	box_probe(&w);
	assert_true(w.no_new_privs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_crypt),
		cmocka_unit_test(test_others),
	};

	if (SANITIZED)	/* they go without boxes */
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
