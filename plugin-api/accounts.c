/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls accounts and status, with types. */
#include <stdlib.h>

#include "plugin-api/private.h"

/* ---- accounts ---- */

struct accounts {
	struct letterlock_accounts a;
	struct result r;
};

static int fill_account(struct result *r, void *item, const json_t *from)
{
	struct letterlock_account *a = item;
	json_t *aliases = json_object_get(from, "aliases"), *alias;
	const char **list;
	size_t i;

	a->address = result_word(from, "address");
	a->login = result_word(from, "login");
	a->encrypt = result_word(from, "encrypt");
	a->sign = result_word(from, "sign");
	a->submission = result_true(from, "submission");
	a->pop3 = result_true(from, "pop3");
	list = result_room(r, (json_array_size(aliases) + 1) * sizeof *list);
	if (!list)
		return -1;
	json_array_foreach(aliases, i, alias)
		if (json_is_string(alias))
			list[a->n_aliases++] = json_string_value(alias);
	a->alias = list;
	return a->address ? 0 : -1;
}

int letterlock_accounts(struct letterlock *l, struct letterlock_accounts **a,
                        int ms, struct letterlock_error *e)
{
	struct accounts *r = calloc(1, sizeof *r);

	*a = NULL;
	if (!r)
		return error_memory(e);
	r->r.ok = call_alone(l, "accounts", NULL, ms, e);
	if (r->r.ok)
		r->a.account = result_list(
			&r->r, json_object_get(r->r.ok, "accounts"),
			sizeof **r->a.account, fill_account, &r->a.n, e);
	if (r->a.account)
		*a = &r->a;
	else
		letterlock_accounts_free(&r->a);
	return *a ? 0 : -1;
}

void letterlock_accounts_free(struct letterlock_accounts *a)
{
	struct accounts *r = (struct accounts *)a;

	if (r)
		result_free(&r->r);
	free(r);
}

/* ---- status ---- */

struct status {
	struct letterlock_status s;
	struct result r;
};

static void fill_server(struct letterlock_server *s, const json_t *from)
{
	s->reached = result_number(from, "reached");
	s->failed = result_number(from, "failed");
	s->failure = result_word(from, "failure");
}

static int fill_status(struct result *r, void *item, const json_t *from)
{
	struct letterlock_account_status *a = item;

	(void)r;
	a->address = result_word(from, "address");
	a->key = result_word(from, "key");
	fill_server(&a->submission, json_object_get(from, "submission"));
	fill_server(&a->pop3, json_object_get(from, "pop3"));
	return a->address ? 0 : -1;
}

int letterlock_status(struct letterlock *l, bool keys,
                      struct letterlock_status **status, int ms,
                      struct letterlock_error *e)
{
	struct status *r = calloc(1, sizeof *r);
	struct letterlock_status *s = &r->s;
	json_t *ok;

	*status = NULL;
	if (!r)
		return error_memory(e);
	r->r.ok = ok = call_alone(l, "status", json_pack("{s:b}", "keys", keys),
	                          ms, e);
	if (ok) {
		s->started = result_number(ok, "started");
		s->sessions = result_number(ok, "sessions");
		s->sessions_most = result_number(ok, "sessions-most");
		s->account = result_list(
			&r->r, json_object_get(ok, "accounts"),
			sizeof **s->account, fill_status, &s->n_accounts, e);
	}
	if (s->account)
		*status = s;
	else
		letterlock_status_free(s);
	return *status ? 0 : -1;
}

void letterlock_status_free(struct letterlock_status *s)
{
	struct status *r = (struct status *)s;

	if (r)
		result_free(&r->r);
	free(r);
}
