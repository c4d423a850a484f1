/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of log: how an address is told, and what never gets into a line. */
#include "agent/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char key_name[] = "LETTERLOCK_LOG_KEY";

static void test_addr(void **state)
{
	char one[16], other[16];

	(void)state;
	snprintf(one, sizeof one, "%s", log_addr("alice@example.org"));
	snprintf(other, sizeof other, "%s", log_addr("bob@example.org"));
	assert_int_equal(strlen(one), 8);
	assert_int_equal(one[0], '<');
	assert_int_equal(one[7], '>');
	assert_int_equal(strspn(one + 1, "0123456789abcdef"), 6);
	assert_string_not_equal(one, other);
	assert_string_equal(one, log_addr("Alice@EXAMPLE.org"));
	log_addresses = true;
	assert_string_equal(log_addr("Alice@EXAMPLE.org"),
	                    "<Alice@EXAMPLE.org>");
	log_addresses = false;
}

/* A role tells the same as its guard, and passes nothing on. */
static void test_key(void **state)
{
	char one[16], key[64];

	(void)state;
	assert_int_equal(log_key_give(), 0);
	assert_int_equal(strlen(getenv(key_name)), 32);
	snprintf(key, sizeof key, "%s", getenv(key_name));
	snprintf(one, sizeof one, "%s", log_addr("alice@example.org"));
	/* of somebody else */
	setenv(key_name, "000102030405060708090a0b0c0d0e0f", 1);
	log_key_take();
	assert_null(getenv(key_name));
	assert_string_not_equal(one, log_addr("alice@example.org"));
	setenv(key_name, key, 1);
	log_key_take();
	assert_string_equal(one, log_addr("alice@example.org"));
	/* what is no key is none: one of its own is made */
	setenv(key_name, "zz0102030405060708090a0b0c0d0e0f", 1);
	log_key_take();
	assert_string_not_equal(one, log_addr("alice@example.org"));
	assert_int_equal(strlen(log_addr("alice@example.org")), 8);
}

static void test_line(void **state)
{
	char got[2048] = "", *text;
	int fd[2], err = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	log_note("a\r\nforged: line\033[2J%s", "\n");
	log_debug("unheard");
	dup2(err, STDERR_FILENO);
	n = read(fd[0], got, sizeof got - 1);
	assert_true(n > 0);
	text = strstr(got, ": a??forged: line?[2J?\n");
	assert_non_null(text);
	assert_ptr_equal(strchr(got, '\n') + 1, got + n);
	close(fd[0]);
	close(fd[1]);
	close(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
