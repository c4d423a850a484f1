/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From an answer's JSON to structures. */
#include <stdlib.h>
#include <string.h>

#include "plugin-api/private.h"

const char *result_word(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t result_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

bool result_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

int result_bad(struct letterlock_error *e)
{
	return error_set(e, LETTERLOCK_BAD_ANSWER,
	                 "Letterlock's answer lacks what it should have");
}

struct room {
	struct room *next;
	max_align_t first[];
};

void *result_room(struct result *r, size_t n)
{
	struct room *m = calloc(1, sizeof *m + n);

	if (!m)
		return NULL;
	m->next = r->rooms;
	r->rooms = m;
	return m->first;
}

struct result *result_new(json_t *ok, size_t size, struct letterlock_error *e)
{
	struct result *r = ok ? calloc(1, sizeof *r + size) : NULL;

	if (r)
		r->ok = ok;
	else if (ok)
		error_memory(e);
	if (!r)
		json_decref(ok);
	return r;
}

void *result_give(struct result *r, bool whole)
{
	if (whole)
		return r->whole;
	if (r)
		result_free(r->whole);
	return NULL;
}

void result_free(void *whole)
{
	struct result *r;
	struct room *m, *next;

	if (!whole)
		return;
	r = (struct result *)((char *)whole - offsetof(struct result, whole));
	for (m = r->rooms; m; m = next) {
		next = m->next;
		free(m);
	}
	json_decref(r->ok);
	free(r);
}

void *result_list(struct result *r, const json_t *array, size_t size,
                  int (*fill)(struct result *r, void *item,
                              const json_t *object),
                  size_t *n, struct letterlock_error *e)
{
	json_t *object;
	char *items;
	void **list;
	size_t i;

	*n = json_array_size(array);
	list = result_room(r, (*n + 1) * sizeof *list);
	items = result_room(r, *n * size);
	if (!list || !items) {
		error_memory(e);
		return NULL;
	}
	json_array_foreach(array, i, object) {
		list[i] = items + i * size;
		if (fill(r, list[i], object)) {
			result_bad(e);
			return NULL;
		}
	}
	return list;
}
