/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock keys list, show, find: what there is, and how far it is trusted. */
#include "agent/cmd_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_json(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	if (text)
		puts(text);
	free(text);
	return 0;
}

static void print_line(const char *s)
{
	ask_print(s);
	putchar('\n');
}

/* ---- show ---- */

static void print_key(json_t *key)
{
	char day[KEYS_DAY_MAX];
	json_t *uid;
	size_t i;

	keys_print_fpr(keys_text(key, "fpr"));
	if (keys_is(key, "revoked"))
		fputs("  revoked", stdout);
	else if (keys_is(key, "expired"))
		fputs("  ended", stdout);
	else if (!keys_is(key, "usable"))
		fputs("  of no use", stdout);
	if (keys_is(key, "valid"))
		fputs("  valid to GnuPG", stdout);
	if (keys_is(key, "accepted"))
		fputs("  accepted", stdout);
	if (keys_is(key, "rejected"))
		fputs("  rejected", stdout);
	putchar('\n');
	json_array_foreach(json_object_get(key, "uids"), i, uid) {
		fputs("  ", stdout);
		print_line(json_string_value(uid));
	}
	if (keys_day(key, "expires", day))
		printf("  until %s\n", day);
}

int keys_show(struct keys_job *j, struct err *e)
{
	json_t *ok = keys_of(j, "address", j->word[0], e), *list, *key;
	size_t i;

	if (!ok)
		return -1;
	list = json_object_get(ok, "keys");
	if (j->json)
		print_json(ok);
	else
		json_array_foreach(list, i, key)
			print_key(key);
	if (!j->json && json_array_size(list) == 0)
		puts("there is no key for this address");
	json_decref(ok);
	return 0;
}

/* ---- list ---- */

/* "own", "rejected", "verified", "changed", "seen" (accepted, or sealed to) or
 * "new"; contact: what the call contacts says, or NULL. */
static const char *trust_of(json_t *key, json_t *contact)
{
	const char *fpr = keys_text(key, "fpr");
	const char *used = keys_text(contact, "key");
	const char *waits = keys_text(contact, "changed");

	if (keys_is(key, "secret"))
		return "own";
	if (keys_is(key, "rejected"))
		return "rejected";
	if (keys_is(key, "verified") || keys_is(key, "valid"))
		return "verified";
	if (fpr && waits && strcmp(fpr, waits) == 0)
		return "changed";
	if (keys_is(key, "accepted") || (fpr && used && strcmp(fpr, used) == 0))
		return "seen";
	return "new";
}

static bool has(json_t *list, const char *fpr)
{
	const char *s;
	json_t *key;
	size_t i;

	json_array_foreach(list, i, key)
		if ((s = keys_text(key, "fpr")) && strcmp(s, fpr) == 0)
			return true;
	return false;
}

/* Keys that are remembered, but which the keyring does not have. */
static void add_remembered(json_t *list, json_t *contact)
{
	static const char *const name[] = { "key", "changed" };
	const char *fpr;

	for (int i = 0; i < 2; i++)
		if ((fpr = keys_text(contact, name[i])) && !has(list, fpr))
			json_array_append_new(list, json_pack(
				"{s:s}", "fpr", fpr));
}

/* {"address":..., "keys":[...]}, each with how far it is trusted; NULL, e filled. */
static json_t *entry(struct keys_job *j, const char *what, const char *addr,
                     json_t *contact, struct err *e)
{
	json_t *ok = keys_of(j, what, addr, e), *list, *key, *since;
	const char *used = keys_text(contact, "key"), *fpr;
	size_t i;

	if (!ok)
		return NULL;
	list = json_object_get(ok, "keys");
	add_remembered(list, contact);
	json_array_foreach(list, i, key) {
		fpr = keys_text(key, "fpr");
		since = json_object_get(contact, "since");
		json_object_set_new(key, "trust",
		                    json_string(trust_of(key, contact)));
		if (since && fpr && used && strcmp(fpr, used) == 0)
			json_object_set(key, "since", since);
	}
	json_object_set_new(ok, "address", json_words(addr));
	return ok;
}

static int list_own(struct keys_job *j, json_t *all, struct err *e)
{
	json_t *accounts = keys_accounts(j, e), *a, *it = accounts;
	size_t i;

	json_array_foreach(accounts, i, a) {
		it = entry(j, "account", json_string_value(a), NULL, e);
		if (!it)
			break;
		json_array_append_new(all, it);
	}
	json_decref(accounts);
	return it ? 0 : -1;
}

/* One page: the address to go on behind, or NULL at the end; *rc -1: e filled. */
static const char *list_page(struct keys_job *j, json_t *all, json_t *ok,
                             int *rc, struct err *e)
{
	json_t *c, *it, *list = json_object_get(ok, "contacts");
	const char *addr = NULL;
	size_t i;

	json_array_foreach(list, i, c) {
		addr = keys_text(c, "address");
		it = addr ? entry(j, "address", addr, c, e) : NULL;
		if (!it) {
			*rc = -1;
			return NULL;
		}
		json_array_append_new(all, it);
	}
	return keys_is(ok, "more") ? addr : NULL;
}

static int list_contacts(struct keys_job *j, json_t *all, struct err *e)
{
	const char *after = NULL;
	json_t *ok = NULL, *members;
	int rc = 0;

	do {
		members = after ? json_pack("{s:s}", "after", after) : NULL;
		json_decref(ok);
		ok = ask_call(&j->ask, "contacts", members, KEYS_SECONDS, e);
		if (!ok)
			return -1;
		after = list_page(j, all, ok, &rc, e);
	} while (after);
	json_decref(ok);
	return rc;
}

/* What follows a fingerprint. */
static void print_trust(json_t *key)
{
	const char *trust = keys_text(key, "trust");
	char day[KEYS_DAY_MAX];

	if (!trust)
		trust = "new";
	printf("  %s", strcmp(trust, "own") == 0 ? "yours" : trust);
	if (strcmp(trust, "seen") == 0 && keys_day(key, "since", day))
		printf(" since %s", day);
	if (keys_is(key, "revoked"))
		fputs(", revoked", stdout);
	else if (keys_day(key, "expires", day))
		printf(", %s %s", keys_is(key, "expired") ? "ended" : "until",
		       day);
	putchar('\n');
}

static void print_entries(json_t *all, const char *what)
{
	json_t *it, *list, *key;
	size_t i, k;

	json_array_foreach(json_object_get(all, what), i, it) {
		list = json_object_get(it, "keys");
		print_line(keys_text(it, "address"));
		json_array_foreach(list, k, key) {
			fputs("  ", stdout);
			keys_print_fpr(keys_text(key, "fpr"));
			print_trust(key);
		}
		if (json_array_size(list) == 0)
			puts("  no key");
	}
}

int keys_list(struct keys_job *j, struct err *e)
{
	json_t *all = json_pack("{s:[], s:[]}", "own", "contacts");
	int rc = list_own(j, json_object_get(all, "own"), e)
	         || list_contacts(j, json_object_get(all, "contacts"), e)
	         ? -1 : 0;

	if (rc == 0 && j->json) {
		print_json(all);
	} else if (rc == 0) {
		print_entries(all, "own");
		print_entries(all, "contacts");
	}
	json_decref(all);
	return rc;
}

/* ---- find ---- */

static void print_from(const char *from)
{
	static const struct { const char *from, *words; } known[] = {
		{ "keyring", "from your GnuPG keyring" },
		{ "autocrypt", "from a letter of theirs (Autocrypt)" },
		{ "gossip", "from a letter that somebody else wrote to you both" },
		{ "wkd", "published by their own provider (WKD)" },
		{ "import", "imported by you" }
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].from, from) == 0) {
			printf("  %s\n", known[i].words);
			return;
		}
	fputs("  from ", stdout);
	print_line(from);
}

int keys_find(struct keys_job *j, struct err *e)
{
	json_t *it = keys_recipient(j, j->word[0], e), *key;
	const char *state = keys_text(it, "state"), *from;
	int no;

	if (!it)
		return -1;
	no = !state || strcmp(state, "sealed") != 0;
	key = json_object_get(it, "key");
	if (j->json) {
		print_json(it);
	} else {
		print_line(keys_text(it, "words"));
		if (key) {
			fputs("  ", stdout);
			keys_print_fpr(keys_text(key, "fpr"));
			print_trust(key);
		}
		if ((from = keys_text(key, "from")))
			print_from(from);
	}
	json_decref(it);
	return no;
}
