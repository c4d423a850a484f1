/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock-nmh's messages: cut at every octet, too long, in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin-api/nmh.h"

#define S(s) s, sizeof(s) - 1
#define EARLY "a message ended too early"

/* ---- coming ---- */

struct writer {
	int fd;
	const char *p;
	size_t n, split, step;	/* the first split octets, then step by step */
};

/* Each piece once the last was read. */
static void *write_pieces(void *of)
{
	struct writer *w = of;
	size_t n = w->split;
	int left;

	for (size_t at = 0; at < w->n; at += n, n = w->step) {
		if (n > w->n - at)
			n = w->n - at;
		if (write(w->fd, w->p + at, n) != (ssize_t)n)
			break;
		do
			left = 0;
		while (ioctl(w->fd, FIONREAD, &left) == 0 && left > 0
		       && sched_yield() == 0);
	}
	close(w->fd);
	return NULL;
}

/* What is read of these octets: "text\n" for each, and how it ended. */
static char *read_pieces(const char *in, size_t n, size_t split, size_t step)
{
	struct writer w = { .p = in, .n = n, .split = split, .step = step };
	char *got = calloc(1, 200), *p;
	const char *why;
	pthread_t thread;
	int fd[2], rc;
	size_t len;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	w.fd = fd[1];
	assert_int_equal(pthread_create(&thread, NULL, write_pieces, &w), 0);
	while ((rc = frame_read(fd[0], &p, &len, &why)) == 1) {
		assert_int_equal(strlen(p), len);
		assert_true(strlen(got) + len < 190);
		strcat(strcat(got, p), "\n");
		free(p);
	}
	assert_null(p);
	strcat(got, rc ? why : "end");
	close(fd[0]);
	pthread_join(thread, NULL);
	return got;
}

static void check(const char *in, size_t n, const char *want)
{
	char *got;

	for (size_t i = 1; i <= n + 1; i++) {
		got = i <= n ? read_pieces(in, n, i, n)
		             : read_pieces(in, n, 1, 1);
		assert_string_equal(got, want);
		free(got);
	}
}

static size_t frame_put(char *to, size_t at, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	memcpy(to + at, &len, sizeof len);
	memcpy(to + at + sizeof len, text, len);
	return at + sizeof len + len;
}

static void test_frames(void **state)
{
	char in[100];
	size_t n;

	(void)state;
	n = frame_put(in, 0, "{\"id\":1}");
	n = frame_put(in, n, "");
	n = frame_put(in, n, "{\"id\":\"\xe2\x82\xac\"}");
	check(in, n, "{\"id\":1}\n\n{\"id\":\"\xe2\x82\xac\"}\nend");
	check(in, 2, EARLY);
	check(in, n - 1, "{\"id\":1}\n\n" EARLY);
	check(in, n - 11, "{\"id\":1}\n\n" EARLY);
}

static void test_lengths(void **state)
{
	uint32_t len = NMH_IN_MAX + 1;
	char in[8];

	(void)state;
	memcpy(in, &len, sizeof len);
	check(in, sizeof len, "a message is too long");
	len = NMH_IN_MAX;	/* may be, but does not come */
	memcpy(in, &len, sizeof len);
	check(in, sizeof len, EARLY);
}

/* ---- going ---- */

static void test_parts(void **state)
{
	static char euro[NMH_PART + 10];
	static const char bytes[] = "\xe2\x82\xac";

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		for (size_t i = 0; i < sizeof euro; i++)
			euro[i] = bytes[(i + shift) % 3];
		/* it begins with the rest of one, as no text does */
		assert_int_equal(frame_part(euro, sizeof euro) % 3,
		                 (3 - shift) % 3);
		assert_true(frame_part(euro, sizeof euro) > NMH_PART - 3);
		assert_int_equal(frame_part(euro, NMH_PART), NMH_PART);
		assert_int_equal(frame_part(euro, 7), 7);
	}
	assert_int_equal(frame_part(euro, 0), 0);
	memset(euro, 0x80, sizeof euro);	/* no text at all */
	assert_true(frame_part(euro, sizeof euro) >= NMH_PART - 4);
}

static int text_file;

/* What was said: its messages, whose parts are joined; the longest's octets. */
static json_t *said(size_t *longest)
{
	char *p, *text = calloc(1, 4 << 20);
	json_t *j;
	size_t n;
	json_int_t part = 0, of = 1;
	const char *why;

	*longest = 0;
	lseek(text_file, 0, SEEK_SET);
	while (frame_read(text_file, &p, &n, &why) == 1) {
		*longest = n > *longest ? n : *longest;
		j = json_loads(p, 0, NULL);
		assert_non_null(j);
		free(p);
		if (!json_object_get(j, "part")) {
			free(text);
			return j;
		}
		of = json_integer_value(json_object_get(j, "of"));
		assert_int_equal(json_integer_value(json_object_get(j, "part")),
		                 ++part);
		assert_int_equal(json_integer_value(json_object_get(j, "id")), 7);
		strcat(text, json_string_value(json_object_get(j, "text")));
		json_decref(j);
	}
	assert_int_equal(part, of);
	j = json_loads(text, 0, NULL);
	free(text);
	return j;
}

/* ok: {"x":"..."} of n octets of text, each of the kind that grows most. */
static void say_long(size_t n, const char *what)
{
	char *ok = calloc(1, n + 40);
	json_t *j;
	size_t longest;

	text_file = memfd_create("said", MFD_CLOEXEC);
	assert_int_not_equal(text_file, -1);
	say_to(text_file);
	strcpy(ok, "{\"x\":\"");
	for (size_t at = 6; at + strlen(what) <= n; at += strlen(what))
		memcpy(ok + at, what, strlen(what));
	strcat(ok, "\"}");
	say_ok(7, ok);
	j = said(&longest);
	assert_true(longest <= NMH_OUT_MAX);
	assert_int_equal(json_integer_value(json_object_get(j, "id")), 7);
	json_decref(j);
	free(ok);
	close(text_file);
}

static void test_say(void **state)
{
	static const char *const what[] = { "x", "\\\"", "\\\\", "\xe2\x82\xac",
	                                    "\xf0\x9f\x94\x92" };

	(void)state;
	for (size_t i = 0; i < sizeof what / sizeof what[0]; i++) {
		say_long(10, what[i]);
		say_long(NMH_OUT_MAX - 40, what[i]);
		say_long(NMH_OUT_MAX + 40, what[i]);
	}
	for (size_t n = 0; n < 8; n++) {
		say_long(NMH_OUT_MAX - 20 + n, what[0]);
		say_long(3 * NMH_PART - 20 + n, what[0]);
		say_long(3 * NMH_PART - 20 + n, what[3]);
	}
}

static void test_say_event(void **state)
{
	static char event[NMH_OUT_MAX + 2];
	size_t longest;
	json_t *j;

	(void)state;
	text_file = memfd_create("said", MFD_CLOEXEC);
	say_to(text_file);
	memset(event, ' ', sizeof event - 1);
	memcpy(event, S("{\"event\":\"x\"}"));
	say_event_text(event);
	j = said(&longest);
	assert_string_equal(json_string_value(json_object_get(j, "event")),
	                    "lost");
	json_decref(j);
	close(text_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_say_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
