/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock scan: what came of it, in words. */
#include "agent/cmd_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MAX = 32, SHOWN_MAX = 20 };

static const char *plural(unsigned long n)
{
	return n == 1 ? "" : "s";
}

static const char *from_words(const char *from)
{
	static const char *const word[][2] = {
		{ "autocrypt", "from their letters" },
		{ "gossip", "from letters of others" },
		{ "keyring", "from your GnuPG keyring" },
		{ "wkd", "from their provider" },
		{ "import", "imported" }
	};

	for (size_t i = 0; from && i < sizeof word / sizeof *word; i++)
		if (strcmp(word[i][0], from) == 0)
			return word[i][1];
	return "";
}

static const char *text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

static void print_person(json_t *p)
{
	const time_t at = (time_t)json_integer_value(
		json_object_get(p, "since"));
	char day[DAY_MAX];
	struct tm tm;

	fputs("  ", stdout);
	ask_print(text(p, "address"));
	if (at && localtime_r(&at, &tm) && strftime(day, sizeof day, "%F", &tm))
		printf("  since %s", day);
	if (json_object_get(p, "from"))
		printf("  %s", from_words(text(p, "from")));
	if (json_is_true(json_object_get(p, "left")))
		fputs(", but not with the last ones: ask whether they still "
		      "have it", stdout);
	putchar('\n');
}

static void print_waits(json_t *list)
{
	bool said = false;
	json_t *p;
	size_t i;

	json_array_foreach(list, i, p) {
		if (strcmp(text(p, "state"), "changed") != 0)
			continue;
		if (!said)
			puts("These have more than one key, or another than you "
			     "know. Ask them which one is\ntheirs, by phone for "
			     "example; letters to them wait for that:");
		said = true;
		fputs("  letterlock keys verify ", stdout);
		ask_print(text(p, "address"));
		putchar('\n');
	}
	said = false;
	json_array_foreach(list, i, p) {
		if (strcmp(text(p, "state"), "changed") == 0)
			continue;
		if (!said)
			puts("These have a key that is not used. To see why: "
			     "letterlock keys find ADDRESS");
		said = true;
		fputs("  ", stdout);
		ask_print(text(p, "address"));
		putchar('\n');
	}
}

static void print_list(json_t *list, const char *head)
{
	size_t i, n = json_array_size(list);
	json_t *p;

	if (n)
		puts(head);
	for (i = 0; i < n && i < SHOWN_MAX; i++) {
		p = json_array_get(list, i);
		fputs("  ", stdout);
		ask_print(json_is_string(p) ? json_string_value(p)
		                            : text(p, "address"));
		if (*text(p, "words")) {
			fputs(": ", stdout);
			ask_print(text(p, "words"));
		}
		putchar('\n');
	}
	if (n > SHOWN_MAX)
		printf("  and %zu more\n", n - SHOWN_MAX);
}

static const struct {
	const char *name;	/* in JSON */
	const char *words;
} why[SCAN_WHYS] = {
	[SCAN_OWN] = { "own", "your own" },
	[SCAN_MACHINE] = { "machine", "written by machines" },
	[SCAN_DELETED] = { "deleted", "deleted" },
	[SCAN_UNREAD] = { "unread", "without one sender that can be read" },
	[SCAN_CUT] = { "cut", "cut off, or with too large a header" },
	[SCAN_NO_DATE] = { "no-date", "without a date" },
	[SCAN_TOO_MANY] = { "too-many", "beyond what can be told apart" },
	[SCAN_JUNK] = { "junk", "folders of junk or of what was deleted" },
	[SCAN_LINKS] = { "links", "symbolic links" },
	[SCAN_DEEP] = { "deep", "folders too deep within one another" }
};

static void print_read(struct scan *s)
{
	json_t *two;
	bool any = false;
	size_t i;

	printf("Read %lu letter%s in %lu file%s. With %lu of them came a key\n",
	       s->letters, plural(s->letters), s->files, plural(s->files),
	       s->keys);
	for (i = 0; i < SCAN_WHYS; i++) {
		if (!s->why[i])
			continue;
		printf("%s%lu %s", any ? ", " : "Passed over: ", s->why[i],
		       why[i].words);
		any = true;
	}
	if (any)
		putchar('\n');
	json_array_foreach(s->unread, i, two) {
		fputs("Not read: ", stdout);
		ask_print(json_string_value(json_array_get(two, 0)));
		fputs(": ", stdout);
		ask_print(json_string_value(json_array_get(two, 1)));
		putchar('\n');
	}
	if (s->unread_n > i)
		printf("Not read: %lu more\n", s->unread_n - i);
}

void scan_print(struct scan *s)
{
	json_t *people = json_object_get(s->result, "people"), *p;
	size_t i, n = json_array_size(people);

	print_read(s);
	print_list(json_object_get(s->result, "unfit"),
	           "These have sent a key that is of no use:");
	print_list(json_object_get(s->result, "attached"),
	           "These have attached a key. It is not used unless you import it "
	           "(letterlock keys import):");
	print_waits(json_object_get(s->result, "changed"));
	if (scan_stopped)
		puts("Stopped: this is what was found so far. Run it again for "
		     "the rest");
	if (n == 0)
		puts(s->dry ? "Nobody new could be written sealed to"
		            : "None of these letters brought a key that can be "
		              "used");
	else
		printf("You %s write sealed to %zu %s%s\n",
		       s->dry ? "could" : "can already", n,
		       n == 1 ? "person" : "people", s->dry
		       ? ", if nothing you know speaks against it:" : ":");
	json_array_foreach(people, i, p)
		print_person(p);
}

void scan_print_json(struct scan *s)
{
	json_t *whys = json_object(), *unread = json_array(), *two;
	char *line;
	size_t i;

	for (i = 0; i < SCAN_WHYS; i++)
		if (s->why[i])
			json_object_set_new(whys, why[i].name, json_integer(
				(json_int_t)s->why[i]));
	json_array_foreach(s->unread, i, two)
		json_array_append_new(unread, json_pack("{s:O, s:O}", "file",
			json_array_get(two, 0), "words",
			json_array_get(two, 1)));
	json_object_update_new(s->result, json_pack(
		"{s:I, s:I, s:I, s:o, s:o, s:b, s:b}", "letters",
		(json_int_t)s->letters, "files", (json_int_t)s->files, "keys",
		(json_int_t)s->keys, "passed-over", whys, "not-read", unread,
		"dry-run", s->dry, "stopped", scan_stopped != 0));
	if ((line = json_dumps(s->result, JSON_COMPACT)))
		puts(line);
	free(line);
}
