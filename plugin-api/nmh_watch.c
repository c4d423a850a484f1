/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watching: events are handed on, and whether Letterlock runs. */
#include "plugin-api/nmh.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum {
	CONNECT_MS = 5000,
	AGAIN_MS = 100,		/* until the second try; then twice that ... */
	AGAIN_MS_MAX = 1000,	/* until it is this */
	LIVED_SECONDS = 2	/* after such a life the first try is at once */
};

static void say_running(struct letterlock *l)
{
	char *hello;
	json_t *j;

	if (letterlock_hello(l, &hello, NULL))
		return;
	j = json_loads(hello, 0, NULL);
	free(hello);
	json_object_set_new(j, "event", json_string("agent"));
	json_object_set_new(j, "running", json_true());
	say_event(j);
}

static void say_not_running(const struct letterlock_error *e)
{
	say_event(json_pack("{s:s, s:b, s:s, s:s}", "event", "agent", "running",
	                    0, "code", e->word, "text", e->text));
}

/* Until the connection ends. */
static void hand_on(struct letterlock *l)
{
	char *event;

	while (letterlock_next_event(l, &event, LETTERLOCK_FOREVER, NULL)
	       == 1) {
		say_event_text(event);
		free(event);
	}
}

/* One connection, as long as it lives: true, and false if there is none to be had,
 * which is told once. */
static bool watch(bool *told)
{
	struct letterlock_error e;
	struct letterlock *l;

	if (letterlock_connect(&l, NULL, CONNECT_MS, &e)) {
		if (!*told)
			say_not_running(&e);
		*told = true;
		return false;
	}
	*told = false;
	letterlock_watch(l, CONNECT_MS, NULL);
	say_running(l);
	hand_on(l);
	letterlock_close(l);
	return true;
}

/* Connections end, too, when the configuration was read again. */
void *watch_run(void *unused)
{
	int pause = AGAIN_MS;
	bool told = false;
	time_t since;

	(void)unused;
	for (;;) {
		since = time(NULL);
		if (watch(&told) && time(NULL) - since >= LIVED_SECONDS) {
			pause = AGAIN_MS;
			continue;
		}
		poll(NULL, 0, pause);
		pause = 2 * pause < AGAIN_MS_MAX ? 2 * pause : AGAIN_MS_MAX;
	}
	return NULL;
}
