/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock with a server that is played: answers cut at every octet, hostile
 * ones, deadlines. */
#include "tests/unit/library.h"

#define LOST "-1 lost\n"
#define BAD "-1 bad-answer\n"

static void test_calls(void **state)
{
	(void)state;
	check(S(HELLO "{\"id\":2,\"ok\":{\"b\":2}}\n{\"id\":3,\"ok\":{}}\n"),
	      "0 \n0 {\"b\":2}\n0 {}\n" LOST);
	check(S(HELLO "{\"id\":2,\"error\":{\"code\":\"no-key\",\"text\":"
	        "\"No k\xc3\xa9y\",\"more\":1}}\r\n{\"id\":3,\"ok\":{}}\n"),
	      "0 \n-1 no-keyNo k\xc3\xa9y\n0 {}\n" LOST);
}

static void test_last_word(void **state)
{
	(void)state;
	check(S(HELLO "{\"id\":null,\"error\":{\"code\":\"busy\",\"text\":"
	        "\"T\"}}\n{\"id\":3,\"ok\":{}}\n"),
	      "0 \n-1 busyT\n" LOST LOST);
}

static void test_events_between(void **state)
{
	(void)state;
	check(S(HELLO EVENT("1") "\n{\"id\":2,\"ok\":{}}\n" EVENT("2") "\n"
	        EVENT("3") "\n{\"id\":3,\"ok\":{}}\n" EVENT("4") "\n"),
	      "0 \n0 {}\n0 {}\n1 " EVENT("1") "\n1 " EVENT("2") "\n1 "
	      EVENT("3") "\n1 " EVENT("4") "\n" LOST);
}

static void test_hello_fails(void **state)
{
	(void)state;
	check(S(""), LOST);
	check(S("{\"id\":1,\"ok\":{}}"), LOST);
	check(S("{\"id\":null,\"error\":{\"code\":\"busy\",\"text\":\"T\"}}\n"),
	      "-1 busyT\n");
	check(S("{\"id\":1,\"error\":{\"code\":\"version\",\"text\":\"T\"}}\n"),
	      "-1 versionT\n");
	check(S("{\"id\":2,\"ok\":{}}\n"), BAD);
}

/* What is not understood ends the connection: nothing else is believed. */
static void test_hostile(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} line[] = {
		{ S("") }, { S("x") }, { S("[]") }, { S("{\"id\":2,\"ok\":{}") },
		{ S("{\"id\":2,\"ok\":{}}\0") }, { S("{\"id\":2,\"ok\":\"\0\"}") },
		{ S("{\"id\":2,\"ok\":{},\"ok\":{}}") },
		{ S("{\"id\":2,\"ok\":{\"a\":\"\xff\"}}") },
		{ S("{\"id\":2,\"ok\":{\"a\":\"\\u0000\"}}") },
		{ S("{\"id\":3,\"ok\":{}}") }, { S("{\"id\":\"2\",\"ok\":{}}") },
		{ S("{\"id\":2.0,\"ok\":{}}") }, { S("{\"ok\":{}}") },
		{ S("{\"id\":null,\"ok\":{}}") }, { S("{\"id\":2}") },
		{ S("{\"id\":2,\"ok\":[]}") }, { S("{\"id\":2,\"error\":\"x\"}") },
		{ S("{\"id\":2,\"error\":{\"code\":\"x\"}}") },
		{ S("{\"id\":2,\"error\":{\"code\":\"\",\"text\":\"x\"}}") },
		{ S("{\"id\":2,\"error\":{\"code\":\"a b\",\"text\":\"x\"}}") },
		{ S("{\"id\":2,\"error\":{\"code\":\"0123456789012345678901234567"
		    "89012\",\"text\":\"x\"}}") },
		{ S("{\"event\":1}") },
		{ S("{\"id\":2,\"ok\":{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}}") },
	};
	char in[400];

	(void)state;
	for (size_t i = 0; i < sizeof line / sizeof line[0]; i++) {
		size_t n = sizeof HELLO - 1;

		memcpy(in, HELLO, n);
		memcpy(in + n, line[i].p, line[i].n);
		n += line[i].n;
		memcpy(in + n, S("\n{\"id\":3,\"ok\":{}}\n"));
		n += sizeof "\n{\"id\":3,\"ok\":{}}\n" - 1;
		check(in, n, "0 \n" BAD LOST LOST);
	}
	/* an answer that nobody asked for, where events are awaited */
	check(S(HELLO "{\"id\":2,\"ok\":{}}\n{\"id\":3,\"ok\":{}}\n"
	        "{\"id\":4,\"ok\":{}}\n"), "0 \n0 {}\n0 {}\n" BAD);
}

static void test_text_is_cut(void **state)
{
	static char in[2000];
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;
	int n;

	(void)state;
	n = snprintf(in, sizeof in, HELLO "{\"id\":2,\"error\":{\"code\":\"a\","
	             "\"text\":\"%510s\xe2\x82\xac...\"}}\n", "x");
	ends_open(&s, in, (size_t)n, 0);
	l = handle_over(s.theirs, MS, &e);
	assert_non_null(l);
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_REFUSED);
	assert_int_equal(strlen(e.text), 510);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

/* ---- bounds ---- */

struct saying {
	int fd;
	size_t n;
	pthread_t thread;
};

/* An answer of n octets with its LF, which is missing where n is more than any
 * buffer has. */
static void *say_long(void *of)
{
	static const char head[] = "{\"id\":2,\"ok\":{\"a\":\"", tail[] = "\"}}\n";
	struct saying *s = of;
	char *p = malloc(s->n);
	ssize_t r = 1;

	memset(p, 'x', s->n);
	memcpy(p, head, sizeof head - 1);
	if (s->n < ENDLESS)
		memcpy(p + s->n - (sizeof tail - 1), tail, sizeof tail - 1);
	for (size_t at = 0; at < s->n && r > 0; at += (size_t)r)
		r = send(s->fd, p + at, s->n - at, MSG_NOSIGNAL);
	free(p);
	shutdown(s->fd, SHUT_WR);
	return NULL;
}

static int call_long(size_t n, struct letterlock_error *e)
{
	struct saying s = { .n = n };
	struct letterlock *l = stream(&s.fd);
	char *ok;
	int rc;

	assert_int_equal(pthread_create(&s.thread, NULL, say_long, &s), 0);
	rc = letterlock_call(l, "x", NULL, &ok, MS, e);
	if (rc == 0)
		assert_int_equal(strlen(ok), n - 1 - strlen("{\"id\":2,\"ok\":}"));
	free(ok);
	letterlock_close(l);
	pthread_join(s.thread, NULL);
	close(s.fd);
	return rc;
}

static void test_the_longest_line(void **state)
{
	struct letterlock_error e;

	(void)state;
	assert_int_equal(call_long(ANSWER_MAX, &e), 0);
	assert_int_equal(call_long(ANSWER_MAX + 1, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
	assert_int_equal(call_long(ENDLESS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
}

static void test_too_many_events(void **state)
{
	enum { MANY = EVENTS_MAX + 7 };
	struct letterlock *l;
	char *event;
	int ours, n = 0;

	(void)state;
	l = stream(&ours);
	for (int i = 0; i < MANY; i++)
		assert_true(events_put(l, S(EVENT("1")), NULL));
	while (letterlock_next_event(l, &event, 0, NULL) == 1) {
		if (n++ < EVENTS_MAX)
			assert_string_equal(event, EVENT("1"));
		else
			assert_string_equal(event, "{\"event\":\"lost\","
			                    "\"count\":7}");
		free(event);
	}
	assert_int_equal(n, EVENTS_MAX + 1);
	events_put(l, S(EVENT("2")), NULL);
	assert_int_equal(letterlock_next_event(l, &event, 0, NULL), 1);
	assert_string_equal(event, EVENT("2"));
	free(event);
	letterlock_close(l);
	close(ours);
}

static void test_requests(void **state)
{
	static char long_one[REQUEST_MAX];
	struct letterlock_error e;
	struct letterlock *l;
	char *ok = NULL;
	int ours;

	(void)state;
	l = stream(&ours);
	assert_int_equal(letterlock_call(l, "x", "[]", &ok, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	assert_int_equal(letterlock_call(l, "x", "{\"id\":1}", &ok, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	assert_int_equal(letterlock_call(l, "\xff", NULL, &ok, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	memset(long_one, 'x', sizeof long_one - 1);
	assert_int_equal(letterlock_unlock(l, long_one, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_TOO_LARGE);
	/* nothing of it was sent, and the connection is as it was */
	assert_int_equal(write(ours, S("{\"id\":5,\"ok\":{}}\n")), 17);
	assert_int_equal(letterlock_call(l, "x", "{\"a\":\"\n\"}", &ok, MS, &e),
	                 -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, MS, NULL), 0);
	assert_true(letterlock_can(l, "x"));
	assert_false(letterlock_can(l, "y"));
	assert_int_equal(letterlock_hello(l, &ok, &e), 0);
	assert_string_equal(ok, "{\"version\":1,\"capabilities\":[\"x\"]}");
	free(ok);
	letterlock_close(l);
	close(ours);
}

/* ---- deadlines ---- */

static void test_deadline(void **state)
{
	struct letterlock_error e;
	struct letterlock *l;
	char *event, c;
	int ours;

	(void)state;
	l = stream(&ours);
	assert_int_equal(letterlock_next_event(l, &event, 20, &e), 0);
	assert_null(event);
	assert_int_equal(letterlock_fd(l) == -1, false);
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, 20, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_TIMEOUT);
	assert_int_equal(letterlock_fd(l), -1);
	while (recv(ours, &c, 1, 0) == 1)
		;	/* hung up, or this would wait */
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_LOST);
	assert_int_equal(letterlock_next_event(l, &event, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_LOST);
	letterlock_close(l);
	close(ours);
}

/* Who writes reads, too: both sides' buffers are full of what nobody reads. */
static void *talk(void *of)
{
	struct saying *s = of;
	char line[4096], in[4096];
	ssize_t r = 1;
	int n, lfs = 0;

	for (int i = 0; i < 500; i++) {
		n = snprintf(line, sizeof line, "{\"event\":\"%04000d\"}\n", i);
		for (int at = 0; at < n && r > 0; at += (int)r)
			r = send(s->fd, line + at, (size_t)(n - at), MSG_NOSIGNAL);
	}
	while (lfs < 2 && (r = recv(s->fd, in, sizeof in, 0)) > 0)
		for (ssize_t i = 0; i < r; i++)
			lfs += in[i] == '\n';
	r = send(s->fd, S("{\"id\":2,\"ok\":{}}\n"), MSG_NOSIGNAL);
	return NULL;
}

static void test_both_write(void **state)
{
	static char big[REQUEST_MAX - 100];
	struct letterlock_error e;
	struct letterlock *l;
	struct saying s = { .n = 0 };
	int size = 4096, n = 0;
	char *event;

	(void)state;
	l = stream(&s.fd);
	setsockopt(letterlock_fd(l), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(s.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(pthread_create(&s.thread, NULL, talk, &s), 0);
	assert_int_equal(letterlock_unlock(l, big, MS, &e), 0);
	while (letterlock_next_event(l, &event, 0, NULL) == 1) {
		free(event);
		n++;
	}
	assert_int_equal(n, 500);
	pthread_join(s.thread, NULL);
	letterlock_close(l);
	close(s.fd);
}

static void *close_soon(void *of)
{
	struct saying *s = of;

	usleep(20000);
	close(s->fd);
	return NULL;
}

/* It refuses what it has not read, and hangs up: that word is heard. */
static void test_refused_unread(void **state)
{
	static char big[REQUEST_MAX - 100];
	struct letterlock_error e;
	struct letterlock *l;
	struct saying s = { .n = 0 };
	int size = 4096;

	(void)state;
	l = stream(&s.fd);
	setsockopt(letterlock_fd(l), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	assert_true(write(s.fd, S(EVENT("1") "\n{\"id\":null,\"error\":{"
	                          "\"code\":\"too-long\",\"text\":\"T\"}}\n"))
	            > 0);
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(pthread_create(&s.thread, NULL, close_soon, &s), 0);
	assert_int_equal(letterlock_unlock(l, big, MS, &e), -1);
	assert_string_equal(e.word, "too-long");
	assert_int_equal(letterlock_fd(l), -1);
	pthread_join(s.thread, NULL);
	letterlock_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_last_word),
		cmocka_unit_test(test_events_between),
		cmocka_unit_test(test_hello_fails),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_text_is_cut),
		cmocka_unit_test(test_the_longest_line),
		cmocka_unit_test(test_too_many_events),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_both_write),
		cmocka_unit_test(test_refused_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
