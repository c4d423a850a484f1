/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watching: events are handed on, and whether Letterlock runs. */
#include "plugin-api/nmh.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { CONNECT_MS = 5000, AGAIN_MS = 1000 };

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

	while (letterlock_next_event(l, &event, LETTERLOCK_FOREVER, NULL) == 1) {
		say_event_text(event);
		free(event);
	}
}

/* Connections end, too, when the configuration was read again: so a new one is
 * tried at once, but never twice a second. */
void *watch_run(void *unused)
{
	struct letterlock_error e;
	struct letterlock *l;
	bool told = false;
	time_t since;

	(void)unused;
	for (;;) {
		since = time(NULL);
		if (letterlock_connect(&l, NULL, CONNECT_MS, &e)) {
			if (!told)
				say_not_running(&e);
			told = true;
		} else {
			told = false;
			letterlock_watch(l, CONNECT_MS, NULL);
			say_running(l);
			hand_on(l);
			letterlock_close(l);
		}
		if (time(NULL) - since <= 1)
			poll(NULL, 0, AGAIN_MS);
	}
	return NULL;
}
