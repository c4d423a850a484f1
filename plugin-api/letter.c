/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letters, which go and come in pieces. */
#include <stdlib.h>
#include <string.h>

#include "plugin-api/private.h"

/* ---- pieces ---- */

bool letter_is_whole(const char *call, const json_t *members)
{
	return (strcmp(call, "open") == 0 || strcmp(call, "verdict") == 0)
	       && json_is_string(json_object_get(members, "data"))
	       && !json_object_get(members, "more");
}

/* The letter goes; what the last of its pieces is answered with, or NULL. */
static json_t *send_pieces(struct letterlock *l, const char *call,
                           json_t *members, int64_t until,
                           struct letterlock_error *e)
{
	json_t *data = json_object_get(members, "data"), *ok = NULL, *j;
	const char *p = json_string_value(data);
	size_t left = json_string_length(data), n;

	do {
		n = left < PIECE ? left : PIECE;
		j = json_pack("{s:s%, s:b}", "data", p, n, "more", left > n);
		if (!j || (!ok && json_object_update_missing(j, members))) {
			json_decref(j);
			json_decref(ok);
			error_memory(e);
			return NULL;
		}
		json_decref(ok);
		ok = call_make(l, call, j, until, e);
		call = "put";
		p += n;
		left -= n;
	} while (ok && left);
	return ok;
}

/* Append the pieces that follow to *p, which has n octets: 0, or -1. */
static int get_pieces(struct letterlock *l, char **p, size_t n, int64_t until,
                      struct letterlock_error *e)
{
	size_t size = n, len;
	bool more = true;
	json_t *ok, *data;
	char *bigger;

	while (more) {
		if (!(ok = call_make(l, "get", NULL, until, e)))
			return -1;
		data = json_object_get(ok, "data");
		len = json_string_length(data);
		more = result_true(ok, "more");
		/* only the last may be empty, and none may lack */
		if (!json_is_string(data) || (len == 0 && more)
		    || len > DATA_MAX - n) {
			json_decref(ok);
			return result_bad(e);
		}
		if (n + len >= size) {
			size = 2 * (n + len);
			if (!(bigger = realloc(*p, size))) {
				json_decref(ok);
				return error_memory(e);
			}
			*p = bigger;
		}
		memcpy(*p + n, json_string_value(data), len);
		n += len;
		(*p)[n] = '\0';
		json_decref(ok);
	}
	return 0;
}

/* "data" of ok becomes the whole. */
static int take_rest(struct letterlock *l, json_t *ok, int64_t until,
                     struct letterlock_error *e)
{
	json_t *data = json_object_get(ok, "data");
	char *p = NULL;
	int rc;

	if (!json_is_string(data))
		return result_bad(e);
	p = strdup(json_string_value(data));
	rc = p ? get_pieces(l, &p, strlen(p), until, e) : error_memory(e);
	if (rc == 0 && json_object_set_new(ok, "data", json_string_nocheck(p)))
		rc = error_memory(e);
	free(p);
	return rc;
}

json_t *letter_call(struct letterlock *l, const char *call, json_t *members,
                    int64_t until, struct letterlock_error *e)
{
	struct letterlock_error own;
	json_t *ok = NULL;

	e = e ? e : &own;
	if (json_string_length(json_object_get(members, "data")) > DATA_MAX)
		error_set(e, LETTERLOCK_TOO_LARGE, "A letter may have %d "
		          "octets at most", LETTERLOCK_LETTER_MAX);
	else
		ok = send_pieces(l, call, members, until, e);
	json_decref(members);
	if (ok && result_true(ok, "more") && take_rest(l, ok, until, e)) {
		json_decref(ok);
		handle_failed(l, e);
		return NULL;
	}
	json_object_del(ok, "more");
	return ok;
}

/* ---- with types ---- */

/* The reference is taken. */
static int take_verdict(json_t *ok, struct letterlock_verdict **v,
                        struct letterlock_error *e)
{
	json_t *says = json_object_get(ok, "verdict");
	struct result *r = result_new(ok, sizeof **v, e);
	struct letterlock_verdict *it = result_give(r, r);

	*v = it;
	if (!it)
		return -1;
	it->state = result_word(ok, "state");
	it->sealed = result_true(ok, "sealed");
	it->encryption = result_word(says, "encryption");
	it->signature = result_word(says, "signature");
	it->signer = result_word(says, "signer");
	it->fpr = result_word(says, "fpr");
	it->trust = result_word(says, "trust");
	it->reason = result_word(says, "reason");
	it->time = result_number(says, "time");
	return 0;
}

void letterlock_verdict_free(struct letterlock_verdict *v)
{
	result_free(v);
}

/* With the letter in members, a reference that is taken. */
static json_t *call_with(struct letterlock *l, const char *call,
                         const void *letter, size_t n, json_t *members,
                         int ms, struct letterlock_error *e)
{
	json_t *data = NULL;
	size_t len;
	char *text;

	if (n > LETTERLOCK_LETTER_MAX) {
		json_decref(members);
		error_set(e, LETTERLOCK_TOO_LARGE, "A letter may have %d "
		          "octets at most", LETTERLOCK_LETTER_MAX);
		return NULL;
	}
	if ((text = base64_write(letter, n, &len)))
		data = json_stringn_nocheck(text, len);
	free(text);
	if (json_object_set_new(members, "data", data)) {
		json_decref(members);
		error_memory(e);
		return NULL;
	}
	return call_alone(l, call, members, ms, e);
}

int letterlock_verdict(struct letterlock *l, const void *letter, size_t n,
                       struct letterlock_verdict **v, int ms,
                       struct letterlock_error *e)
{
	json_t *ok = call_with(l, "verdict", letter, n, json_object(), ms, e);

	*v = NULL;
	if (!ok)
		return -1;
	if (!result_word(ok, "state")) {
		json_decref(ok);
		return result_bad(e);
	}
	return take_verdict(ok, v, e);
}

int letterlock_open(struct letterlock *l, const void *letter, size_t n,
                    bool ask, void **opened, size_t *n_opened,
                    struct letterlock_verdict **v, int ms,
                    struct letterlock_error *e)
{
	json_t *ok = call_with(l, "open", letter, n, json_pack("{s:b}", "ask",
	                                                       ask), ms, e);
	json_t *data = json_object_get(ok, "data");

	*opened = NULL;
	*n_opened = 0;
	*v = NULL;
	if (!ok)
		return -1;
	if (json_is_string(data)
	    && json_is_object(json_object_get(ok, "verdict")))
		*opened = base64_read(json_string_value(data),
		                      json_string_length(data), n_opened);
	json_object_del(ok, "data");
	if (*opened)
		return take_verdict(ok, v, e);
	json_decref(ok);
	return result_bad(e);
}
