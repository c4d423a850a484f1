/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call and its answer; events may come before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin-api/private.h"

static int put(struct letterlock *l, const json_t *request, int64_t until,
               struct letterlock_error *e)
{
	char *line = read_text(request);
	size_t n = line ? strlen(line) : 0;
	int rc;

	if (!line)
		return error_memory(e);
	line[n++] = '\n';	/* where the NUL was */
	if (n > REQUEST_MAX)
		rc = error_set(e, LETTERLOCK_TOO_LARGE, "A request may have "
		               "%d octets at most", REQUEST_MAX);
	else
		rc = lines_put(l, line, n, until, e);
	free(line);
	return rc;
}

/* The answer to the last request, or NULL. */
static json_t *get(struct letterlock *l, int64_t until,
                   struct letterlock_error *e)
{
	const char *line;
	size_t n;
	json_t *j = NULL;
	int rc;

	do
		rc = lines_get(l, &line, &n, until, e);
	while (rc == 1 && events_put(l, line, n, &j));
	if (rc == 1 && !j)
		error_set(e, LETTERLOCK_BAD_ANSWER,
		          "What Letterlock says is not understood");
	if (rc == 0)
		error_set(e, LETTERLOCK_TIMEOUT, "Letterlock did not answer "
		          "in time");
	return j;
}

/* The word is compared by programs and shown to nobody. */
static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n && n < LETTERLOCK_WORD_MAX && !s[n];
}

/* As much of it as there is room for, without half a character. */
static void take_text(struct letterlock_error *e, const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof e->text) {
		n = sizeof e->text - 1;
		while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(e->text, s, n);
	e->text[n] = '\0';
}

static void take_error(const json_t *error, struct letterlock_error *e)
{
	const char *code, *text;

	code = json_string_value(json_object_get(error, "code"));
	text = json_string_value(json_object_get(error, "text"));
	error_set(e, LETTERLOCK_REFUSED, "%s", "");
	if (code && text && is_word(code)) {
		memcpy(e->word, code, strlen(code) + 1);
		take_text(e, text);
	} else {
		error_set(e, LETTERLOCK_BAD_ANSWER,
		          "What Letterlock says is not understood");
	}
}

/* An error without an id is the connection's last word (busy, too-long). */
static json_t *take_ok(struct letterlock *l, json_t *answer,
                       struct letterlock_error *e)
{
	json_t *id = json_object_get(answer, "id");
	json_t *ok = json_object_get(answer, "ok");
	json_t *error = json_object_get(answer, "error");
	bool mine = json_is_integer(id) && json_integer_value(id) == l->id;

	if (mine && json_is_object(ok))
		return json_incref(ok);
	if (json_is_object(error) && (mine || json_is_null(id)))
		take_error(error, e);
	else
		error_set(e, LETTERLOCK_BAD_ANSWER,
		          "What Letterlock says is not understood");
	if (!mine)
		handle_hang_up(l);
	return NULL;
}

json_t *call_make(struct letterlock *l, const char *call, json_t *members,
                  int64_t until, struct letterlock_error *e)
{
	json_t *request = json_pack("{s:I, s:s}", "id", ++l->id, "call", call);
	json_t *answer = NULL, *ok = NULL;
	struct letterlock_error own;

	e = e ? e : &own;
	e->code = LETTERLOCK_OK;
	if (request && members && (json_object_get(members, "id")
	                           || json_object_get(members, "call"))) {
		error_set(e, LETTERLOCK_USE, "id and call are the library's");
	} else if (!request
	           || (members && json_object_update(request, members))) {
		error_set(e, LETTERLOCK_USE, "The call's name is not UTF-8");
	} else if (put(l, request, until, e) == 0
	           && (answer = get(l, until, e))) {
		ok = take_ok(l, answer, e);
	}
	if (!ok)
		handle_failed(l, e);
	json_decref(members);
	json_decref(request);
	json_decref(answer);
	return ok;
}

json_t *call_alone(struct letterlock *l, const char *call, json_t *members,
                   int ms, struct letterlock_error *e)
{
	int64_t until = time_until(ms);
	json_t *ok;

	if (handle_take(l, until, e)) {
		json_decref(members);
		return NULL;
	}
	if (letter_is_whole(call, members))
		ok = letter_call(l, call, members, until, e);
	else
		ok = call_make(l, call, members, until, e);
	handle_give(l);
	return ok;
}

int letterlock_call(struct letterlock *l, const char *call,
                    const char *members, char **ok, int ms,
                    struct letterlock_error *e)
{
	json_t *j = NULL;

	if (ok)
		*ok = NULL;
	if (members && !(j = read_object(members, strlen(members))))
		return error_set(e, LETTERLOCK_USE, "The members of the call "
		                 "are no JSON object");
	if (!(j = call_alone(l, call, j, ms, e)))
		return -1;
	if (ok)
		*ok = read_text(j);
	json_decref(j);
	return ok && !*ok ? error_memory(e) : 0;
}

int letterlock_unlock(struct letterlock *l, const char *account, int ms,
                      struct letterlock_error *e)
{
	json_t *members = json_pack("{s:s}", "account", account);
	json_t *ok;

	if (!members)
		return error_set(e, LETTERLOCK_USE,
		                 "The account's name is not UTF-8");
	ok = call_alone(l, "unlock", members, ms, e);
	json_decref(ok);
	return ok ? 0 : -1;
}
