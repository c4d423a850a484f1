/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock with a server that is played: answers cut at every octet, hostile
 * ones, deadlines, letters in pieces, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin-api/private.h"
#include "tests/fuzz/fuzz.h"

enum {
	MS = 20000,		/* longer than anything here takes */
	ENDLESS = 4 * ANSWER_MAX
};

#define S(s) s, sizeof(s) - 1
#define HELLO "{\"id\":1,\"ok\":{\"version\":1,\"capabilities\":[\"x\"]}}\n"
#define EVENT(n) "{\"event\":\"e\",\"n\":" n "}"

/* ---- one session, and what came of it ---- */

static void note(struct membuf *m, int rc, char *text,
                 const struct letterlock_error *e)
{
	char line[LETTERLOCK_TEXT_MAX + LETTERLOCK_WORD_MAX + 40];
	int n;

	if (rc >= 0) {
		n = snprintf(line, sizeof line, "%d ", rc);
		assert_int_equal(sink_put(&m->sink, line, (size_t)n, NULL), 0);
		if (text)
			assert_int_equal(sink_put(&m->sink, text, strlen(text),
			                          NULL), 0);
		n = snprintf(line, sizeof line, "\n");
	} else {
		n = snprintf(line, sizeof line, "-1 %s%s\n", e->word,
		             e->code == LETTERLOCK_REFUSED ? e->text : "");
	}
	assert_int_equal(sink_put(&m->sink, line, (size_t)n, NULL), 0);
	free(text);
}

/* Two calls, then the events. */
static void session(int fd, struct membuf *m)
{
	struct letterlock_error e;
	struct letterlock *l = handle_over(fd, MS, &e);
	char *text = NULL;
	int rc;

	note(m, l ? 0 : -1, NULL, &e);
	for (int i = 0; l && i < 2; i++) {
		rc = letterlock_call(l, "x", i ? "{\"a\":[1]}" : NULL, &text, MS,
		                     &e);
		note(m, rc, text, &e);
	}
	do {
		rc = l ? letterlock_next_event(l, &text, MS, &e) : 0;
		if (l)
			note(m, rc, text, &e);
	} while (rc == 1);
	letterlock_close(l);
}

static void play(const char *in, size_t n, size_t split, uint8_t how,
                 struct membuf *m)
{
	struct ends e;

	ends_open(&e, in, split, 0);
	ends_say(&e, in + split, n - split, how);
	ends_hang_up(&e);
	membuf_init(m, 1 << 24);
	session(e.theirs, m);
	e.theirs = -1;
	ends_close(&e);
}

static void check(const char *in, size_t n, const char *want)
{
	struct membuf whole, cut;

	play(in, n, 0, 0, &whole);
	if (whole.len != strlen(want) || memcmp(whole.buf, want, whole.len))
		fail_msg("came of it:\n%.*s\nnot:\n%s", (int)whole.len,
		         whole.buf, want);
	for (size_t i = 1; i < n + 8; i++) {
		play(in, n, i < n ? i : 0, (uint8_t)(i < n ? 0 : i - n + 1),
		     &cut);
		if (!same(&whole, &cut))
			fail_msg("cut at %zu:\n%.*s", i, (int)cut.len, cut.buf);
		membuf_free(&cut);
	}
	membuf_free(&whole);
}

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

/* A stream between this thread and a handle; p may be long. */
static struct letterlock *stream(int *ours)
{
	struct letterlock_error e;
	struct letterlock *l;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
	                 0);
	*ours = sv[0];
	assert_int_equal(write(sv[0], S(HELLO)), sizeof HELLO - 1);
	l = handle_over(sv[1], MS, &e);
	assert_non_null(l);
	return l;
}

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

/* ---- letters ---- */

/* What was asked, line by line: "call" and "more". */
static void check_asked(struct ends *s, const char *want)
{
	struct membuf m;
	char got[400] = "";
	const char *p, *lf, *end;

	membuf_init(&m, 1 << 24);
	ends_read(s, &m);
	end = m.buf + m.len;
	for (p = m.buf; p < end; p = lf + 1) {
		json_t *j;

		lf = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(lf);
		assert_true(lf - p < REQUEST_MAX);
		j = json_loadb(p, (size_t)(lf - p), 0, NULL);
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s%s ",
		         result_word(j, "call"),
		         json_object_get(j, "ask") ? "?" : "",
		         result_true(j, "more") ? "+" : "");
		json_decref(j);
	}
	assert_string_equal(got, want);
	membuf_free(&m);
}

#define VERDICT "\"verdict\":{\"encryption\":\"ok\",\"signature\":\"good\"," \
	"\"signer\":\"a@b.example\",\"time\":7}"

static void test_open(void **state)
{
	static char letter[PIECE / 4 * 3 + 1];
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	void *opened;
	struct ends s;
	size_t n;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{}}\n{\"id\":3,\"ok\":{" VERDICT
	                ",\"size\":5,\"data\":\"QUJD\",\"more\":true}}\n"
	                "{\"id\":4,\"ok\":{\"data\":\"RA\",\"more\":true}}\n"
	                "{\"id\":5,\"ok\":{\"data\":\"==\",\"more\":true}}\n"
	                "{\"id\":6,\"ok\":{\"data\":\"\",\"more\":false}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_non_null(l);
	assert_int_equal(letterlock_open(l, letter, sizeof letter, true,
	                                 &opened, &n, &v, MS, &e), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(opened, "ABCD", 4);
	assert_null(v->state);
	assert_string_equal(v->encryption, "ok");
	assert_string_equal(v->signer, "a@b.example");
	assert_null(v->fpr);
	assert_int_equal(v->time, 7);
	check_asked(&s, "hello open?+ put get get get ");
	free(opened);
	letterlock_verdict_free(v);
	letterlock_verdict_free(NULL);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

static void test_verdict(void **state)
{
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"state\":\"none\",\"sealed\":"
	                "true}}\n{\"id\":3,\"ok\":{}}\n{\"id\":4,\"error\":"
	                "{\"code\":\"locked\",\"text\":\"L\"}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_verdict(l, "", 0, &v, MS, &e), 0);
	assert_string_equal(v->state, "none");
	assert_true(v->sealed);
	assert_null(v->encryption);
	letterlock_verdict_free(v);
	assert_int_equal(letterlock_verdict(l, S("x"), &v, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
	assert_int_equal(letterlock_verdict(l, S("x"), &v, MS, &e), -1);
	assert_string_equal(e.word, "locked");
	assert_null(v);
	assert_int_equal(letterlock_verdict(l, "", LETTERLOCK_LETTER_MAX + 1u,
	                                    &v, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_TOO_LARGE);
	check_asked(&s, "hello verdict verdict verdict ");
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

/* Pieces without end, and an answer without its letter. */
static void test_open_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJD\",\"more\":true}}\n"
		"{\"id\":3,\"ok\":{\"data\":\"\",\"more\":true}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJD\",\"more\":true}}\n"
		"{\"id\":3,\"ok\":{\"more\":false}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"more\":true}}\n",
		"{\"id\":2,\"ok\":{" VERDICT "}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJ\"}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"Q=JD\"}}\n",
		"{\"id\":2,\"ok\":{\"data\":\"QUJD\"}}\n",
	};
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	void *opened;
	struct ends s;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ends_open(&s, S(HELLO), 0);
		ends_say(&s, bad[i], strlen(bad[i]), 0);
		l = handle_over(s.theirs, MS, &e);
		assert_int_equal(letterlock_open(l, S("x"), false, &opened, &n,
		                                 &v, MS, &e), -1);
		assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
		assert_null(opened);
		assert_null(v);
		letterlock_close(l);
		s.theirs = -1;
		ends_close(&s);
	}
}

static void test_base64(void **state)
{
	unsigned char in[300];
	char *text;
	void *back;
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i <= sizeof in; i++) {
		text = base64_write(in, i, &n);
		assert_int_equal(n, strlen(text));
		back = base64_read(text, n, &len);
		assert_int_equal(len, i);
		assert_memory_equal(back, in, i);
		free(back);
		free(text);
	}
	text = base64_write(S("\xfb\xff\xfe" "Z"), &n);
	assert_string_equal(text, "+//+Wg==");
	free(text);
	assert_null(base64_read(S("QUJD="), &n));
	assert_null(base64_read(S("A==="), &n));
	assert_null(base64_read(S("===="), &n));
	assert_null(base64_read(S("QU=D"), &n));
	assert_null(base64_read(S("QUJ\n"), &n));
	assert_null(base64_read(S("QUJ\x80"), &n));
}

/* ---- with types ---- */

static void test_recipients(void **state)
{
	const char *const to[] = { "b@b.example", "c@b.example", NULL };
	const char *const bad[] = { "\xff", NULL };
	struct letterlock_recipients *r;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"outcome\":\"refused\","
	                "\"words\":\"W\",\"may-be-readable\":true,\"key\":"
	                "\"usable\",\"recipients\":[{\"address\":\"b@b.example\","
	                "\"state\":\"sealed\",\"key\":{\"fpr\":\"F\",\"since\":5},"
	                "\"sealed-before\":true},{\"address\":\"c@b.example\","
	                "\"state\":\"no-key\",\"key\":7,\"words\":\"V\"}]}}\n"
	                "{\"id\":3,\"ok\":{\"outcome\":\"sealed\",\"recipients\":"
	                "[{\"address\":\"b@b.example\"}]}}\n"
	                "{\"id\":4,\"ok\":{\"recipients\":[]}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_recipients(l, "a", to, LETTERLOCK_YES,
	                                       LETTERLOCK_BY_POLICY, &r, MS,
	                                       &e), 0);
	assert_string_equal(r->outcome, "refused");
	assert_true(r->may_be_readable);
	assert_false(r->is_signed);
	assert_int_equal(r->n, 2);
	assert_string_equal(r->recipient[0]->fpr, "F");
	assert_int_equal(r->recipient[0]->since, 5);
	assert_true(r->recipient[0]->sealed_before);
	assert_null(r->recipient[1]->fpr);
	assert_string_equal(r->recipient[1]->state, "no-key");
	assert_string_equal(r->recipient[1]->words, "V");
	letterlock_recipients_free(r);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(letterlock_recipients(
			l, "a", to, LETTERLOCK_NO, LETTERLOCK_NO, &r, MS, &e),
			-1);
		assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
		assert_null(r);
	}
	assert_int_equal(letterlock_recipients(l, "a", bad, LETTERLOCK_NO,
	                                       LETTERLOCK_NO, &r, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

static void test_accounts_and_status(void **state)
{
	struct letterlock_accounts *a;
	struct letterlock_status *st;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"accounts\":[{\"address\":\"a\","
	                "\"login\":\"l\",\"aliases\":[\"x\",1,\"y\"],"
	                "\"submission\":true}]}}\n"
	                "{\"id\":3,\"ok\":{\"accounts\":[{\"address\":1}]}}\n"
	                "{\"id\":4,\"ok\":{\"started\":9,\"accounts\":[{"
	                "\"address\":\"a\",\"key\":\"locked\",\"pop3\":{"
	                "\"failed\":3,\"failure\":\"F\"}},{\"address\":\"b\"}]}}\n"
	                "{\"id\":5,\"ok\":{\"accounts\":[[]]}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_accounts(l, &a, MS, &e), 0);
	assert_int_equal(a->n, 1);
	assert_int_equal(a->account[0]->n_aliases, 2);
	assert_string_equal(a->account[0]->alias[1], "y");
	assert_true(a->account[0]->submission);
	assert_false(a->account[0]->pop3);
	letterlock_accounts_free(a);
	assert_int_equal(letterlock_accounts(l, &a, MS, &e), -1);
	assert_null(a);
	assert_int_equal(letterlock_status(l, true, &st, MS, &e), 0);
	assert_int_equal(st->started, 9);
	assert_int_equal(st->n_accounts, 2);
	assert_string_equal(st->account[0]->key, "locked");
	assert_string_equal(st->account[0]->pop3.failure, "F");
	assert_int_equal(st->account[0]->submission.failed, 0);
	assert_null(st->account[1]->key);
	letterlock_status_free(st);
	assert_int_equal(letterlock_status(l, true, &st, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

/* ---- threads ---- */

enum { THREADS = 4, CALLS = 200 };

/* Answers each line with its "x", and says an event each time. */
static void *echo(void *of)
{
	FILE *f = of;
	char *line = NULL, out[200];
	size_t size = 0;
	json_t *j;
	int n;

	while (getline(&line, &size, f) > 0) {
		j = json_loads(line, 0, NULL);
		n = snprintf(out, sizeof out, EVENT("0") "\n{\"id\":%d,\"ok\":{"
		             "\"x\":%d}}\n", (int)result_number(j, "id"),
		             (int)result_number(j, "x"));
		json_decref(j);
		if (send(fileno(f), out, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	free(line);
	return NULL;
}

struct caller {
	struct letterlock *l;
	int first, bad, events;
	pthread_t thread;
};

static void *call_many(void *of)
{
	struct caller *c = of;
	char members[40], want[40], *ok, *event;

	for (int i = c->first; i < c->first + CALLS; i++) {
		snprintf(members, sizeof members, "{\"x\":%d}", i);
		snprintf(want, sizeof want, "{\"x\":%d}", i);
		if (letterlock_call(c->l, "x", members, &ok, MS, NULL)
		    || strcmp(ok, want) != 0 || letterlock_fd(c->l) == -1)
			c->bad++;
		free(ok);
		if (letterlock_next_event(c->l, &event, 0, NULL) == 1)
			c->events++;
		free(event);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct caller c[THREADS];
	struct letterlock *l;
	pthread_t server;
	int ours, events = 0;
	char *event;
	FILE *f;

	(void)state;
	l = stream(&ours);
	f = fdopen(ours, "r+");
	assert_non_null(f);
	/* hello was answered before it was asked */
	assert_int_equal(fgetc(f), '{');
	while (fgetc(f) != '\n')
		;
	assert_int_equal(pthread_create(&server, NULL, echo, f), 0);
	for (int i = 0; i < THREADS; i++) {
		c[i] = (struct caller){ .l = l, .first = i * CALLS };
		assert_int_equal(pthread_create(&c[i].thread, NULL, call_many,
		                                &c[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(c[i].thread, NULL);
		assert_int_equal(c[i].bad, 0);
		events += c[i].events;
	}
	for (; letterlock_next_event(l, &event, 0, NULL) == 1; events++)
		free(event);
	assert_int_equal(events, THREADS * CALLS);
	letterlock_close(l);
	pthread_join(server, NULL);
	fclose(f);
}

static void *wait_long(void *of)
{
	struct caller *c = of;
	char *event;

	c->events = letterlock_next_event(c->l, &event, MS, NULL);
	free(event);
	return NULL;
}

/* While one waits, another does no longer than it has time for. */
static void test_in_use(void **state)
{
	struct letterlock_error e = { .code = LETTERLOCK_OK };
	struct caller c = { .first = 0 };
	bool waits;
	char *event;
	int ours;

	(void)state;
	c.l = stream(&ours);
	assert_int_equal(pthread_create(&c.thread, NULL, wait_long, &c), 0);
	do {
		pthread_mutex_lock(&c.l->lock);
		waits = c.l->busy;
		pthread_mutex_unlock(&c.l->lock);
	} while (!waits && usleep(1000) == 0);
	assert_int_equal(letterlock_next_event(c.l, &event, 0, NULL), 0);
	assert_int_equal(letterlock_call(c.l, "x", NULL, NULL, 1, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_IN_USE);
	assert_int_not_equal(letterlock_fd(c.l), -1);
	assert_int_equal(write(ours, S(EVENT("1") "\n")),
	                 sizeof EVENT("1"));
	pthread_join(c.thread, NULL);
	assert_int_equal(c.events, 1);
	letterlock_close(c.l);
	close(ours);
}

/* ---- the socket ---- */

static char dir[] = "/tmp/lllib.XXXXXX", path[sizeof dir + 8];

static int folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/s", dir);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int bound(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, sizeof path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static enum letterlock_code connect_fails(const char *where)
{
	struct letterlock_error e;
	struct letterlock *l;

	assert_int_equal(letterlock_connect(&l, where, MS, &e), -1);
	assert_null(l);
	assert_true(*e.text && *e.word);
	return e.code;
}

static void test_nobody_listens(void **state)
{
	char longest[200];
	int fd;

	(void)state;
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	fd = bound();
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	close(fd);
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	assert_int_equal(setenv("LETTERLOCK_SOCKET", path, 1), 0);
	assert_int_equal(connect_fails(NULL), LETTERLOCK_NOT_RUNNING);
	unsetenv("LETTERLOCK_SOCKET");
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(connect_fails(NULL), LETTERLOCK_USE);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(connect_fails(NULL), LETTERLOCK_NOT_RUNNING);
	assert_int_equal(connect_fails("relative"), LETTERLOCK_USE);
	memset(longest, '/', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(connect_fails(longest), LETTERLOCK_USE);
}

static void test_stranger(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	fd = bound();
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(connect_fails(path), LETTERLOCK_STRANGER);
	close(fd);
}

/* Says hello, and hangs up after so many calls; the second time it is good. */
static void *serve_twice(void *of)
{
	int fd = *(int *)of, c;
	FILE *f;

	c = accept(fd, NULL, NULL);
	if (c >= 0 && send(c, S(HELLO), MSG_NOSIGNAL) > 0)
		close(c);
	c = accept(fd, NULL, NULL);
	if (c >= 0 && (f = fdopen(c, "r+"))) {
		echo(f);
		fclose(f);
	}
	return NULL;
}

static void test_reconnect(void **state)
{
	struct letterlock_error e;
	struct letterlock *l;
	pthread_t server;
	int fd = bound();
	char *ok;

	(void)state;
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(pthread_create(&server, NULL, serve_twice, &fd), 0);
	assert_int_equal(letterlock_connect(&l, path, MS, &e), 0);
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_LOST);
	assert_int_equal(letterlock_fd(l), -1);
	assert_int_equal(letterlock_reconnect(l, MS, &e), 0);
	assert_int_equal(letterlock_call(l, "x", "{\"x\":5}", &ok, MS, &e), 0);
	assert_string_equal(ok, "{\"x\":5}");
	free(ok);
	letterlock_close(l);
	pthread_join(server, NULL);
	close(fd);
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
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_open_is_refused),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_accounts_and_status),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_reconnect),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
