/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the add-on is told, in parts where it is long. */
#include "plugin-api/nmh.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENVELOPE = 64 };		/* octets around what is "ok" */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = STDOUT_FILENO;

void say_to(int fd)
{
	out = fd;
}

void say_end(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	pthread_mutex_timedlock(&lock, &t);
}

static void say(const char *text, size_t n)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = frame_write(out, text, n);
	pthread_mutex_unlock(&lock);
	if (rc)
		_exit(1);
}

static void no_memory(void)
{
	fputs("letterlock-nmh: no memory left\n", stderr);
	_exit(1);
}

static void say_object(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (!text)
		no_memory();
	say(text, strlen(text));
	free(text);
}

/* Other messages may come between the parts. */
static void say_parts(json_int_t id, const char *text, size_t n)
{
	json_int_t of = 0, part = 0;
	size_t at, len;

	for (at = 0; at < n; at += frame_part(text + at, n - at))
		of++;
	for (at = 0; at < n; at += len) {
		len = frame_part(text + at, n - at);
		say_object(json_pack("{s:I, s:I, s:I, s:s%}", "id", id, "part",
		                     ++part, "of", of, "text", text + at, len));
	}
}

void say_ok(json_int_t id, const char *ok)
{
	size_t n = strlen(ok) + ENVELOPE;
	char *text = malloc(n);
	int len;

	if (!text)
		no_memory();
	len = snprintf(text, n, "{\"id\":%" JSON_INTEGER_FORMAT ",\"ok\":%s}",
	               id, ok);
	if (len > NMH_OUT_MAX)
		say_parts(id, text, (size_t)len);
	else
		say(text, (size_t)len);
	free(text);
}

void say_error(json_int_t id, const char *code, const char *text)
{
	say_object(json_pack("{s:I, s:{s:s, s:s}}", "id", id, "error",
	                     "code", code, "text", text));
}

/* To the add-on, an agent that went is one that does not run. */
void say_failed(json_int_t id, const struct letterlock_error *e)
{
	say_error(id, e->code == LETTERLOCK_LOST ? "not-running" : e->word,
	          e->text);
}

void say_event(json_t *event)
{
	say_object(event);
}

void say_event_text(const char *event)
{
	size_t n = strlen(event);

	if (n <= NMH_OUT_MAX)
		say(event, n);
	else
		say_event(json_pack("{s:s, s:i}", "event", "lost", "count", 1));
}
