/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock keys accept, reject, verify: what you say of a key. */
#include "agent/cmd_keys.h"

#include <stdio.h>
#include <string.h>

/* A member of the contact that waits, or the only key there is for the address. */
static int find(struct keys_job *j, const char *addr, char fpr[KEYS_FPR + 1],
                struct err *e)
{
	json_t *ok = ask_call(&j->ask, "contacts", json_pack("{s:o}", "address",
	                      json_words(addr)), KEYS_SECONDS, e), *list;
	const char *found;

	if (!ok)
		return -1;
	found = keys_text(json_array_get(json_object_get(ok, "contacts"), 0),
	                  "changed");
	if (!found) {
		json_decref(ok);
		if (!(ok = keys_of(j, "address", addr, e)))
			return -1;
		list = json_object_get(ok, "keys");
		if (json_array_size(list) == 1)
			found = keys_text(json_array_get(list, 0), "fpr");
		else
			err_set(e, gpg_error(GPG_ERR_NO_PUBKEY), "%s",
			        json_array_size(list) == 0
			        ? "there is no key for this address"
			        : "there are several keys for this address: "
			          "name one by its fingerprint (letterlock keys "
			          "show)");
	}
	if (found && !keys_take_fpr(found, fpr))
		found = NULL;
	json_decref(ok);
	if (found)
		return 0;
	snprintf(j->ask.code, sizeof j->ask.code, "no-key");
	return -1;
}

/* The one that is meant: 0, or -1. */
static int meant(struct keys_job *j, char fpr[KEYS_FPR + 1], struct err *e)
{
	if (j->n == 1)
		return find(j, j->word[0], fpr, e);
	if (!keys_take_fpr(j->word[1], fpr))
		return keys_refuse(j, e, "a fingerprint has 40 digits from 0 to "
		                   "F");
	return 0;
}

static int judge(struct keys_job *j, const char *verb, bool verified,
                 const char *fpr, struct err *e)
{
	const char *addr = j->word[0];
	json_t *ok, *members = json_pack("{s:o, s:s}", "address",
	                                 json_words(addr), verb, fpr);

	if (verified)
		json_object_set_new(members, "verified", json_true());
	ok = ask_call(&j->ask, "contacts", members, KEYS_SECONDS, e);
	json_decref(ok);
	if (!ok)
		return -1;
	printf("%sed for ", verb);
	ask_print(addr);
	fputs(":\n", stdout);
	keys_print_fpr(fpr);
	putchar('\n');
	return 0;
}

int keys_accept(struct keys_job *j, struct err *e)
{
	char fpr[KEYS_FPR + 1];

	return meant(j, fpr, e) ? -1 : judge(j, "accept", j->compared, fpr, e);
}

int keys_reject(struct keys_job *j, struct err *e)
{
	char fpr[KEYS_FPR + 1];

	return meant(j, fpr, e) ? -1 : judge(j, "reject", false, fpr, e);
}

/* ---- verify ---- */

static void print_whose(const char *before, const char *addr, const char *fpr)
{
	fputs(before, stdout);
	ask_print(addr);
	fputs(":\n\n    ", stdout);
	keys_print_fpr(fpr);
	fputs("\n\n", stdout);
}

/* Theirs has to be there: who compares what is not has wasted a call. */
static int look_for(struct keys_job *j, const char *fpr, struct err *e)
{
	json_t *ok = keys_of(j, "address", j->word[0], e), *key;
	bool found = false;
	const char *s;
	size_t i;

	if (!ok)
		return -1;
	json_array_foreach(json_object_get(ok, "keys"), i, key)
		found = found || ((s = keys_text(key, "fpr"))
		                  && strcmp(s, fpr) == 0);
	json_decref(ok);
	return found ? 0 : keys_refuse(j, e, "there is no such key for this "
	                               "address");
}

static bool says_yes(void)
{
	char line[16] = "";

	fputs("Are both right, digit by digit? [yes/no] ", stdout);
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		putchar('\n');
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, "yes") == 0 || strcmp(line, "y") == 0;
}

int keys_verify(struct keys_job *j, struct err *e)
{
	char theirs[KEYS_FPR + 1], own[KEYS_FPR + 1];
	json_t *accounts, *a;
	size_t i;

	if (meant(j, theirs, e) || look_for(j, theirs, e)
	    || !(accounts = keys_accounts(j, e)))
		return -1;
	print_whose("The key of ", j->word[0], theirs);
	json_array_foreach(accounts, i, a)
		if (keys_own(j, json_string_value(a), own, NULL) == 0)
			print_whose("Your key, ", json_string_value(a), own);
	json_decref(accounts);
	puts("Compare them by phone or when you meet, not by mail: you read yours "
	     "out, and have\ntheirs read to you.\n");
	if (j->yes || says_yes())
		return judge(j, "accept", true, theirs, e);
	puts("Nothing was changed.");
	return 1;
}
