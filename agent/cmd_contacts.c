/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock contacts: what the running agent remembers of people, and what you say
 * of them. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/ask.h"
#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock contacts [--json] [list]\n"
"       letterlock contacts [--json] show ADDRESS\n"
"       letterlock contacts set ADDRESS encrypt=POLICY\n"
"       letterlock contacts allow-clear ADDRESS\n"
"       letterlock contacts forbid-clear ADDRESS\n"
"What is remembered of the people you write to, and what you say of them.\n"
"\n"
"  set           always, ask, when-possible or never; nothing behind the = takes\n"
"                it back.  The strictest of this, the account's and the\n"
"                configuration's counts\n"
"  allow-clear   letters to this address may be readable by anyone on the way,\n"
"                until a key is known\n"
"  forbid-clear  takes that back\n"
"      --json    write one line of JSON\n"
"  -h, --help    this text\n"
"\n"
"Exit status: 0, 65 where the agent does not take it, 69 where none runs.\n";

enum { SECONDS = 60, WHEN_MAX = 64 };

static const char *text_of(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

/* ---- for people ---- */

static const char *day(json_t *j, const char *name)
{
	static char s[WHEN_MAX];
	const time_t at = (time_t)json_integer_value(json_object_get(j, name));
	struct tm tm;

	if (!at || !localtime_r(&at, &tm) || !strftime(s, sizeof s, "%F", &tm))
		return NULL;
	return s;
}

static void line(const char *name, const char *value)
{
	printf("  %-9s ", name);
	ask_print(value);
}

static void print_key(json_t *c)
{
	const char *fpr = text_of(c, "key"), *since = day(c, "since");
	json_t *a;
	size_t i;

	if (fpr) {
		line("key", fpr);
		printf("%s%s\n", since ? ", since " : "", since ? since : "");
	}
	json_array_foreach(json_object_get(c, "accepted"), i, a) {
		line("accepted", json_string_value(a));
		putchar('\n');
	}
	if (text_of(c, "changed")) {
		line("new key", text_of(c, "changed"));
		fputs("\n            ask by phone, then: letterlock keys accept ",
		      stdout);
		ask_print(text_of(c, "address"));
		putchar('\n');
	}
}

/* Keys that came, and nothing else is said of above. */
static void print_came(json_t *c)
{
	const char *key = text_of(c, "key"), *changed = text_of(c, "changed");
	const char *fpr, *trust;
	json_t *k;
	size_t i;

	json_array_foreach(json_object_get(c, "keys"), i, k) {
		fpr = text_of(k, "fpr");
		trust = text_of(k, "trust");
		if (!fpr || !trust || (key && strcmp(key, fpr) == 0)
		    || (changed && strcmp(changed, fpr) == 0))
			continue;
		line("came", fpr);
		printf(", %s\n", trust);
	}
}

static void print_contact(json_t *c)
{
	const char *sealed = day(c, "sealed-before");

	ask_print(text_of(c, "address"));
	putchar('\n');
	if (text_of(c, "encrypt")) {
		line("encrypt", text_of(c, "encrypt"));
		putchar('\n');
	}
	if (sealed)
		printf("  %-9s last on %s: letters stay sealed\n", "sealed",
		       sealed);
	if (json_is_true(json_object_get(c, "readable-allowed")))
		printf("  %-9s allowed, until a key is known\n", "readable");
	print_key(c);
	print_came(c);
}

/* ---- from the agent ---- */

/* Add what came: the address to go on behind, or NULL at the end. */
static const char *add(json_t *all, json_t *ok)
{
	json_t *list = json_object_get(ok, "contacts");
	size_t n = json_array_size(list);

	json_array_extend(all, list);
	if (!n || !json_is_true(json_object_get(ok, "more")))
		return NULL;
	return text_of(json_array_get(list, n - 1), "address");
}

/* Every page: a list, or NULL with e filled. */
static json_t *list(struct ask *a, struct err *e)
{
	json_t *all = json_array(), *ok = NULL, *members;
	const char *after = NULL;

	do {
		members = after ? json_pack("{s:s}", "after", after) : NULL;
		json_decref(ok);
		ok = ask_call(a, "contacts", members, SECONDS, e);
		if (!ok) {
			json_decref(all);
			return NULL;
		}
		after = add(all, ok);
	} while (after);
	json_decref(ok);
	return all;
}

/* One, as it is now, after what members say: the same. */
static json_t *one(struct ask *a, const char *addr, json_t *members,
                   struct err *e)
{
	json_t *all = json_array(), *ok;

	json_object_set_new(members, "address", json_words(addr));
	ok = ask_call(a, "contacts", members, SECONDS, e);
	if (ok)
		add(all, ok);
	else
		json_decref(all);
	json_decref(ok);
	return ok ? all : NULL;
}

/* ---- the command ---- */

static int print(json_t *all, bool json, const char *addr)
{
	json_t *ok, *c;
	char *text;
	size_t i;

	if (json) {
		ok = json_pack("{s:O}", "contacts", all);
		if ((text = json_dumps(ok, JSON_COMPACT)))
			puts(text);
		free(text);
		json_decref(ok);
	} else {
		json_array_foreach(all, i, c) {
			if (i)
				putchar('\n');
			print_contact(c);
		}
		if (json_array_size(all) == 0) {
			fputs(addr ? "nothing is known of " : "nobody is known "
			      "yet", stdout);
			ask_print(addr);
			putchar('\n');
		}
	}
	json_decref(all);
	return fflush(stdout) ? EX_IOERR : 0;
}

/* What the words of the command mean: members for the call, or NULL: nothing. */
static json_t *members_of(int n, char **word)
{
	static const char key[] = "encrypt=";

	if (n == 2 && strcmp(word[0], "show") == 0)
		return json_object();
	if (n == 2 && strcmp(word[0], "allow-clear") == 0)
		return json_pack("{s:{s:b}}", "set", "readable", 1);
	if (n == 2 && strcmp(word[0], "forbid-clear") == 0)
		return json_pack("{s:{s:b}}", "set", "readable", 0);
	if (n == 3 && strcmp(word[0], "set") == 0
	    && strncmp(word[2], key, sizeof key - 1) == 0)
		return json_pack("{s:{s:o}}", "set", "encrypt",
		                 json_words(word[2] + sizeof key - 1));
	return NULL;
}

static int run(int n, char **word, bool json)
{
	bool every = n == 0 || (n == 1 && strcmp(word[0], "list") == 0);
	json_t *members = every ? NULL : members_of(n, word), *all = NULL;
	struct ask a;
	struct err e;
	int rc = EX_UNAVAILABLE;

	if (!every && !members) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (ask_open(&a, &e) == 0) {
		all = every ? list(&a, &e) : one(&a, word[1], members, &e);
		if (strcmp(a.code, "request") == 0)
			rc = EX_DATAERR;
	} else {
		json_decref(members);
	}
	ask_close(&a);
	if (all)
		return print(all, json, every ? NULL : word[1]);
	fprintf(stderr, "letterlock contacts: %s\n", e.text);
	return rc;
}

int cmd_contacts(int argc, char **argv)
{
	bool json = false;
	int rc = cmd_options(argc, argv, usage, 3, &json);

	return rc >= 0 ? rc : run(argc - optind, argv + optind, json);
}
