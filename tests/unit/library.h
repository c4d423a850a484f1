/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock with a server that is played. */
#ifndef TESTS_LIBRARY_H
#define TESTS_LIBRARY_H

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

static inline void note(struct membuf *m, int rc, char *text,
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
static inline void session(int fd, struct membuf *m)
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

static inline void play(const char *in, size_t n, size_t split, uint8_t how,
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

static inline void check(const char *in, size_t n, const char *want)
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

/* A stream between this thread and a handle; p may be long. */
static inline struct letterlock *stream(int *ours)
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

#endif
