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

/* Where a key came from, if it did. */
static const char *from_words(const char *from)
{
	static const struct { const char *from, *words; } known[] = {
		{ "keyring", "from your GnuPG keyring" },
		{ "autocrypt", "from a letter of theirs (Autocrypt)" },
		{ "gossip", "from a letter that somebody else wrote to you both" },
		{ "wkd", "published by their own provider (WKD)" },
		{ "import", "imported by you" }
	};

	for (size_t i = 0; from && i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].from, from) == 0)
			return known[i].words;
	return NULL;
}

static void print_from(json_t *key)
{
	const char *from = keys_text(key, "from"), *words = from_words(from);
	char day[KEYS_DAY_MAX];

	if (!from)
		return;
	fputs(words ? "  " : "  from ", stdout);
	ask_print(words ? words : from);
	if (keys_day(key, "learnt", day))
		printf(", %s", day);
	putchar('\n');
}

/* Trust, where it is not the user's own. */
static void print_trust(json_t *key)
{
	const char *trust = keys_text(key, "trust");
	char day[KEYS_DAY_MAX];

	if (!trust)
		trust = "new";
	fputs(strcmp(trust, "own") == 0 ? "yours" : trust, stdout);
	if (strcmp(trust, "seen") == 0 && keys_day(key, "since", day))
		printf(" since %s", day);
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
	if (keys_text(key, "trust")) {
		fputs("  ", stdout);
		print_trust(key);
		putchar('\n');
	}
	print_from(key);
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

/* Keys that are remembered, but which no keyring has. */
static void add_remembered(json_t *list, json_t *contact)
{
	static const char *const name[] = { "key", "changed" };
	static const char *const trust[] = { "seen", "changed" };
	json_t *since = json_object_get(contact, "since"), *key;
	const char *fpr;

	for (int i = 0; i < 2; i++) {
		if (!(fpr = keys_text(contact, name[i])) || has(list, fpr))
			continue;
		key = json_pack("{s:s, s:s}", "fpr", fpr, "trust", trust[i]);
		if (i == 0 && since)
			json_object_set(key, "since", since);
		json_array_append_new(list, key);
	}
}

/* Keys came, but no letter went there: GnuPG is not asked about each of hundreds. */
static bool is_unused(json_t *contact)
{
	return json_array_size(json_object_get(contact, "keys"))
	       && !json_array_size(json_object_get(contact, "accepted"))
	       && !keys_text(contact, "key") && !keys_text(contact, "changed")
	       && !json_object_get(contact, "sealed-before");
}

/* {"address":..., "keys":[...]}, each with how far it is trusted; NULL, e filled. */
static json_t *entry(struct keys_job *j, const char *what, const char *addr,
                     json_t *contact, struct err *e)
{
	json_t *ok = is_unused(contact)
	             ? json_pack("{s:O}", "keys", json_object_get(contact, "keys"))
	             : keys_of(j, what, addr, e);

	if (!ok)
		return NULL;
	add_remembered(json_object_get(ok, "keys"), contact);
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
static void print_more(json_t *key, bool from)
{
	const char *was = keys_text(key, "from");
	char day[KEYS_DAY_MAX];

	fputs("  ", stdout);
	print_trust(key);
	if (keys_is(key, "revoked"))
		fputs(", revoked", stdout);
	else if (keys_day(key, "expires", day))
		printf(", %s %s", keys_is(key, "expired") ? "ended" : "until",
		       day);
	putchar('\n');
	if (from && was && strcmp(was, "keyring")) {
		fputs("  ", stdout);
		print_from(key);
	}
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
			print_more(key, true);
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

int keys_find(struct keys_job *j, struct err *e)
{
	json_t *it = keys_recipient(j, j->word[0], e), *key;
	const char *state = keys_text(it, "state");
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
			print_more(key, false);
			print_from(key);
		}
	}
	json_decref(it);
	return no;
}
