/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The call recipients, with types. */
#include "plugin-api/private.h"

static int fill_recipient(struct result *r, void *item, const json_t *from)
{
	struct letterlock_recipient *one = item;
	json_t *key = json_object_get(from, "key");

	(void)r;
	one->address = result_word(from, "address");
	one->state = result_word(from, "state");
	one->encrypt = result_word(from, "encrypt");
	one->words = result_word(from, "words");
	one->sealed_before = result_true(from, "sealed-before");
	one->readable_allowed = result_true(from, "readable-allowed");
	one->fpr = result_word(key, "fpr");
	one->from = result_word(key, "from");
	one->trust = result_word(key, "trust");
	one->since = result_number(key, "since");
	one->expires = result_number(key, "expires");
	return one->address && one->state ? 0 : -1;
}

static int fill(struct result *r, struct letterlock_error *e)
{
	struct letterlock_recipients *all = (void *)r->whole;
	json_t *ok = r->ok;

	all->outcome = result_word(ok, "outcome");
	if (!all->outcome)
		return result_bad(e);
	all->words = result_word(ok, "words");
	all->key = result_word(ok, "key");
	all->is_signed = result_true(ok, "signed");
	all->may_be_readable = result_true(ok, "may-be-readable");
	all->recipient = result_list(r, json_object_get(ok, "recipients"),
	                             sizeof **all->recipient, fill_recipient,
	                             &all->n, e);
	return all->recipient ? 0 : -1;
}

static json_t *question(const char *account, const char *const *to,
                        enum letterlock_choice encrypt,
                        enum letterlock_choice sign)
{
	json_t *list = json_array(), *j;
	int bad = 0;

	for (; *to; to++)
		bad |= json_array_append_new(list, json_string(*to));
	j = json_pack("{s:s, s:o}", "account", account, "to", list);
	if (encrypt != LETTERLOCK_BY_POLICY)
		bad |= json_object_set_new(j, "encrypt", json_boolean(
			encrypt == LETTERLOCK_YES));
	if (sign != LETTERLOCK_BY_POLICY)
		bad |= json_object_set_new(j, "sign", json_boolean(
			sign == LETTERLOCK_YES));
	if (!bad)
		return j;
	json_decref(j);
	return NULL;
}

int letterlock_recipients(struct letterlock *l, const char *account,
                          const char *const *to,
                          enum letterlock_choice encrypt,
                          enum letterlock_choice sign,
                          struct letterlock_recipients **all, int ms,
                          struct letterlock_error *e)
{
	json_t *members = question(account, to, encrypt, sign);
	struct result *r;

	*all = NULL;
	if (!members)
		return error_set(e, LETTERLOCK_USE, "An address is not UTF-8");
	r = result_new(call_alone(l, "recipients", members, ms, e),
	               sizeof **all, e);
	*all = result_give(r, r && fill(r, e) == 0);
	return *all ? 0 : -1;
}

void letterlock_recipients_free(struct letterlock_recipients *all)
{
	result_free(all);
}
