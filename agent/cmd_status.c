/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock status: what a running letterlockd says of itself. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/ask.h"
#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock status [--json]\n"
"Says what the letterlockd that runs for you listens at, which walls stand\n"
"around its parts, and how it went with each account's provider.\n"
"\n"
"      --json  write all of it as one line of JSON\n"
"  -h, --help  this text\n"
"\n"
"Exit status: 0, or 69 where no letterlockd runs.\n";

enum { STATUS_SECONDS = 30, WHEN_MAX = 64, DAY = 86400, SOON = 30 };

static const char *text_of(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static json_int_t number_of(json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static const char *when(json_int_t t)
{
	static char s[WHEN_MAX];
	const time_t at = (time_t)t;
	struct tm tm;

	if (!localtime_r(&at, &tm) || !strftime(s, sizeof s, "%F %T", &tm))
		return "?";
	return s;
}

static void print_listening(json_t *ok)
{
	const char *tls;
	json_t *l;
	size_t i;

	json_array_foreach(json_object_get(ok, "listening"), i, l) {
		fputs(i ? "           " : "listening  ", stdout);
		ask_print(text_of(l, "address"));
		fputs(" (", stdout);
		ask_print(text_of(l, "protocol"));
		if ((tls = text_of(l, "tls")) && strcmp(tls, "offered") != 0)
			printf(", %s", strcmp(tls, "tls") == 0
			       ? "TLS" : "STARTTLS");
		puts(")");
	}
}

static void print_kind(const char *name, json_t *j)
{
	json_int_t well = number_of(j, "reached");
	json_int_t failed = number_of(j, "failed");

	if (well)
		printf("  %-10s reached %s\n", name, when(well));
	if (failed) {
		printf("  %-10s failed %s: ", name, when(failed));
		ask_print(text_of(j, "failure"));
		putchar('\n');
	}
	if (json_is_object(j) && !well && !failed)
		printf("  %-10s not asked yet\n", name);
}

/* A key that ends within SOON days, or has. */
static void print_end(json_int_t end)
{
	long long left = end - (long long)time(NULL);
	long long days = (left + DAY - 1) / DAY;

	if (!end || days > SOON)
		return;
	printf("  %-10s ", "key");
	if (left <= 0)
		printf("ended on %.10s", when(end));
	else
		printf("ends in %lld day%s, on %.10s", days,
		       days == 1 ? "" : "s", when(end));
	puts(": letterlock keys extend");
}

/* What became of the last try to let it last longer. */
static void print_renewal(json_t *a)
{
	const char *why = text_of(a, "key-not-renewed");
	json_int_t at = number_of(a, "key-renewed");

	if (at) {
		printf("  %-10s renewed on %.10s:", "key", when(at));
		printf(" it now lasts until %.10s\n",
		       when(number_of(a, "key-expires")));
	}
	if (why) {
		printf("  %-10s could not be renewed: ", "key");
		ask_print(why);
		puts(": letterlock keys extend");
	}
}

/* Contacts whose keys end soon. */
static void print_ending(json_t *ok)
{
	json_int_t end;
	long long days;
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(ok, "ending"), i, c) {
		end = number_of(c, "key-expires");
		days = ((long long)end - (long long)time(NULL) + DAY - 1) / DAY;
		if (i == 0)
			puts("\nkeys of contacts that end");
		fputs("  ", stdout);
		ask_print(text_of(c, "address"));
		printf(" in %lld day%s, on %.10s\n", days, days == 1 ? "" : "s",
		       when(end));
	}
	if (i)
		puts("  A letter from them, or letterlock keys find, may bring "
		     "a renewed key; else ask them for one.");
}

static void print_accounts(json_t *ok)
{
	const char *key;
	json_t *a;
	size_t i;

	json_array_foreach(json_object_get(ok, "accounts"), i, a) {
		putchar('\n');
		ask_print(text_of(a, "address"));
		putchar('\n');
		if ((key = text_of(a, "key")))
			printf("  %-10s %s\n", "key",
			       strcmp(key, "none") == 0 ? "none is usable"
			       : strcmp(key, "unlocked") == 0 ? "unlocked"
			       : strcmp(key, "locked") == 0
			         ? "locked (letterlock unlock)" : "unknown");
		print_end(number_of(a, "key-expires"));
		print_renewal(a);
		print_kind("submission", json_object_get(a, "submission"));
		print_kind("pop3", json_object_get(a, "pop3"));
	}
}

static void print_all(json_t *ok)
{
	json_t *walls = json_object_get(ok, "walls");

	printf("running    since %s\n", when(number_of(ok, "started")));
	print_listening(ok);
	printf("sessions   %lld now, %lld at most at one time\n",
	       (long long)number_of(ok, "sessions"),
	       (long long)number_of(ok, "sessions-most"));
	fputs("walls      ", stdout);
	ask_print(text_of(walls, "words"));
	puts(json_is_true(json_object_get(walls, "whole"))
	     ? "" : " (this system lacks some)");
	print_accounts(ok);
	print_ending(ok);
}

static int status(bool json)
{
	struct ask a;
	struct err e;
	json_t *ok = NULL;
	char *line;

	if (ask_open(&a, &e) == 0)
		ok = ask_call(&a, "status", json_pack("{s:b}", "keys", 1),
		              STATUS_SECONDS, &e);
	ask_close(&a);
	if (!ok) {
		fprintf(stderr, "letterlock status: %s\n", e.text);
		return EX_UNAVAILABLE;
	}
	if (!json)
		print_all(ok);
	else if ((line = json_dumps(ok, JSON_COMPACT))) {
		puts(line);
		free(line);
	}
	json_decref(ok);
	return fflush(stdout) ? EX_IOERR : 0;
}

int cmd_status(int argc, char **argv)
{
	bool json = false;
	int rc = cmd_options(argc, argv, usage, 0, &json);

	return rc >= 0 ? rc : status(json);
}
