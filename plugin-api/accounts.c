/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls accounts and status, with types. */
#include "plugin-api/private.h"

/* ---- accounts ---- */

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
	struct result *r = result_new(call_alone(l, "accounts", NULL, ms, e),
	                              sizeof **a, e);
	struct letterlock_accounts *all = r ? (void *)r->whole : NULL;

	if (r)
		all->account = result_list(
			r, json_object_get(r->ok, "accounts"),
			sizeof **all->account, fill_account, &all->n, e);
	*a = result_give(r, r && all->account);
	return *a ? 0 : -1;
}

void letterlock_accounts_free(struct letterlock_accounts *a)
{
	result_free(a);
}

/* ---- status ---- */

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
	struct result *r = result_new(
		call_alone(l, "status", json_pack("{s:b}", "keys", keys), ms, e),
		sizeof **status, e);
	struct letterlock_status *s = r ? (void *)r->whole : NULL;

	if (r) {
		s->started = result_number(r->ok, "started");
		s->sessions = result_number(r->ok, "sessions");
		s->sessions_most = result_number(r->ok, "sessions-most");
		s->account = result_list(
			r, json_object_get(r->ok, "accounts"),
			sizeof **s->account, fill_status, &s->n_accounts, e);
	}
	*status = result_give(r, r && s->account);
	return *status ? 0 : -1;
}

void letterlock_status_free(struct letterlock_status *s)
{
	result_free(s);
}
