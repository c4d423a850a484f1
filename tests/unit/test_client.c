/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long front waits for a client, and who is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/front.h"
#include "agent/log.h"

static struct client c;
static char line[CLIENT_LINE_MAX];

/* Our end of a connection to c; its other end doesn't block, as front's. */
static int connected(unsigned timeout)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	client_init(&c, pair[1], timeout);
	return pair[0];
}

static void done(int fd)
{
	close(fd);
	close(c.fd);
}

static void say(int fd, const char *p, size_t n)
{
	assert_int_equal(write(fd, p, n), n);
}

static int said(const char *p, size_t n)
{
	int fd = connected(1), rc;

	say(fd, p, n);
	shutdown(fd, SHUT_WR);
	rc = client_line(&c, line, sizeof line);
	done(fd);
	return rc;
}

/* An octet now and then, and never a line end. */
static void *dribble(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 400; i++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return NULL;
}

static void test_patience(void **state)
{
	int64_t since, waited;
	pthread_t t;
	int fd;

	(void)state;
	fd = connected(60);
	assert_int_equal(c.patience, BEFORE_LOGIN_MS);
	c.patience = 300;
	since = front_clock();
	pthread_create(&t, NULL, dribble, &fd);
	assert_int_equal(client_line(&c, line, sizeof line), -1);
	waited = front_clock() - since;
	assert_in_range(waited, 200, 2000);
	assert_true(c.silent);
	close(c.fd);
	pthread_join(t, NULL);
	close(fd);
}

/* What it is not waited for does not count, nor anything once it is known. */
static void test_patience_ends(void **state)
{
	int fd = connected(1);

	(void)state;
	c.patience = 0;
	say(fd, "NOOP\r\nNOOP\r\n", 12);
	assert_int_equal(client_line(&c, line, sizeof line), 4);
	assert_int_equal(client_line(&c, line, sizeof line), 4);
	assert_int_equal(client_line(&c, line, sizeof line), -1);
	assert_true(c.silent);
	client_known(&c);
	say(fd, "NO", 2);
	shutdown(fd, SHUT_WR);
	assert_int_equal(client_line(&c, line, sizeof line), -1);
	assert_false(c.silent);		/* it has gone */
	done(fd);
}

static void test_tls(void **state)
{
	(void)state;
	/* at once, without a line end: it waits for an answer that can't come */
	assert_int_equal(said("\x16\x03\x01\x02", 4), -1);
	assert_int_equal(said("\x16\x03\n", 3), -1);
	assert_int_equal(said("\x16\x03", 2), -1);
	assert_int_equal(said("\x16 \n", 3), 2);
	assert_int_equal(said("x\x16\x03\n", 4), 3);

	int fd = connected(5);
	int64_t since = front_clock();

	say(fd, "\x16", 1);
	say(fd, "\x03", 1);
	assert_int_equal(client_line(&c, line, sizeof line), -1);
	assert_true(front_clock() - since < 2000);
	assert_false(c.silent);
	done(fd);
}

static void *flood(void *arg)
{
	static const char much[1 << 16];
	int fd = *(int *)arg;
	size_t sent = 0;

	while (sent < 4 * (size_t)LINE_SKIP_MAX
	       && send(fd, much, sizeof much, MSG_NOSIGNAL) > 0)
		sent += sizeof much;
	return NULL;
}

static void test_a_line_that_never_ends(void **state)
{
	pthread_t t;
	int fd;

	(void)state;
	fd = connected(1);
	pthread_create(&t, NULL, flood, &fd);
	assert_int_equal(client_line(&c, line, sizeof line), -1);
	assert_false(c.silent);
	close(c.fd);
	pthread_join(t, NULL);
	close(fd);
}

static void test_browsers(void **state)
{
	static const char *const yes[] = {
		"GET / HTTP/1.1", "get /", "Get", "POST\t/", "PUT /x", "HEAD /",
		"OPTIONS *", "CONNECT x:1", "DELETE /", "PATCH /", "TRACE /",
		"PRI * HTTP/2.0"
	};
	static const char *const no[] = {
		"", " GET /", "GETS", "DELE 1", "HELP", "PASS GET", "TOP 1 1",
		"HEADS", "GE T"
	};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(client_is_browser(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(client_is_browser(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_patience_ends),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_a_line_that_never_ends),
		cmocka_unit_test(test_browsers),
	};

	log_level = 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
