/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events that wait to be taken; where they become too many, their number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin-api/private.h"

static void keep(struct letterlock *l, const char *p, size_t n)
{
	struct event *v = NULL;

	if (l->n_events < EVENTS_MAX && l->n_octets + n <= EVENTS_OCTETS_MAX
	    && !l->n_lost)
		v = malloc(sizeof *v);
	if (!v || !(v->text = strndup(p, n))) {
		l->n_lost++;
		free(v);
		return;
	}
	v->next = NULL;
	v->n = n;
	*l->last = v;
	l->last = &v->next;
	l->n_events++;
	l->n_octets += n;
}

bool events_put(struct letterlock *l, const char *line, size_t n,
                json_t **other)
{
	json_t *j = read_object(line, n);
	bool event = json_is_string(json_object_get(j, "event"));

	if (event)
		keep(l, line, n);
	if (!event && other)
		*other = j;
	else
		json_decref(j);
	return event;
}

char *events_take(struct letterlock *l)
{
	static const char form[] = "{\"event\":\"lost\",\"count\":%zu}";
	struct event *v = l->first;
	char *text;

	if (!v && l->n_lost) {
		if ((text = malloc(sizeof form + 20)))
			snprintf(text, sizeof form + 20, form, l->n_lost);
		l->n_lost = 0;
		return text;
	}
	if (!v)
		return NULL;
	l->first = v->next;
	if (!l->first)
		l->last = &l->first;
	l->n_events--;
	l->n_octets -= v->n;
	text = v->text;
	free(v);
	return text;
}

void events_free(struct letterlock *l)
{
	char *text;

	while ((text = events_take(l)))
		free(text);
}

int letterlock_next_event(struct letterlock *l, char **event, int ms,
                          struct letterlock_error *e)
{
	int64_t until = time_until(ms);
	struct letterlock_error own;
	const char *line;
	int rc = 1;
	size_t n;

	e = e ? e : &own;
	*event = NULL;
	if (handle_take(l, until, e))
		return 0;
	while (rc == 1 && !(*event = events_take(l))) {
		rc = lines_get(l, &line, &n, until, e);
		if (rc != 1)
			break;
		if (!events_put(l, line, n, NULL))
			rc = error_set(e, LETTERLOCK_BAD_ANSWER, "Letterlock "
			               "answers what was not asked");
	}
	if (rc < 0)
		handle_failed(l, e);
	handle_give(l);
	return rc;
}

int letterlock_watch(struct letterlock *l, int ms, struct letterlock_error *e)
{
	json_t *ok = call_alone(l, "watch", NULL, ms, e);

	json_decref(ok);
	return ok ? 0 : -1;
}
