/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock scan: keys that came with letters of the time before. */
#include "agent/cmd_scan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/file.h"
#include "agent/thunderbird.h"

static const char usage[] =
"Usage: letterlock scan [-n] [-y] [--json] [FOLDER | FILE]...\n"
"Reads old letters for the keys that came along with them (Autocrypt), so that you\n"
"can write sealed to more people at once.  It reads files of letters (mbox, as\n"
"Thunderbird keeps them), Maildir folders and single letters (.eml), and all that\n"
"lies below a folder.  Without a word it shows what Thunderbird has on this\n"
"computer, and asks.  Nothing leaves this computer, and no letter is changed.\n"
"\n"
"  -n, --dry-run  only say what would be learnt\n"
"  -y, --yes      do not ask before Thunderbird's letters are read\n"
"      --json     write one line of JSON\n"
"  -h, --help     this text\n"
"\n"
"What is thrown away or junk is passed over unless you name it; keys that are\n"
"attached to letters, or that lie in sealed ones, are not used.  Ctrl-C ends the\n"
"reading, and keeps what was found so far.\n"
"\n"
"Exit status: 0, 65 where the configuration wants no such keys, 66 where there is\n"
"no such folder, 69 where no agent runs, 130 after Ctrl-C.\n";

enum { PLACES_MAX = 64, DAY_MAX = 32, SHOWN_MAX = 20, INTERRUPTED = 130 };

volatile sig_atomic_t scan_stopped;

static void stop(int sig)
{
	(void)sig;
	scan_stopped = 1;
}

/* ---- for people ---- */

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

	printf("Read %lu letter%s in %lu file%s, %lu of them with a key\n",
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

static void print(struct scan *s)
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

static void print_json(struct scan *s)
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

/* ---- Thunderbird's ---- */

struct places {
	char *path[PLACES_MAX];
	int n;
};

static int add_place(void *arg, const char *profile, struct err *e)
{
	static const char *const below[] = { "/Mail", "/ImapMail" };
	struct places *p = arg;
	struct stat st;
	char *path;

	for (int i = 0; i < 2; i++) {
		if (!(path = file_path(profile, below[i], NULL)))
			return err_errno(e, "memory");
		if (p->n < PLACES_MAX && stat(path, &st) == 0
		    && S_ISDIR(st.st_mode))
			p->path[p->n++] = path;
		else
			free(path);
	}
	return 0;
}

static bool agreed(const struct scan *s, const struct places *p)
{
	char answer[16];

	if (s->yes)
		return true;
	puts("Thunderbird's letters on this computer:");
	for (int i = 0; i < p->n; i++) {
		fputs("  ", stdout);
		ask_print(p->path[i]);
		putchar('\n');
	}
	fputs("Read them for keys? Nothing leaves this computer [y/n] ", stdout);
	fflush(stdout);
	if (!fgets(answer, sizeof answer, stdin)) {
		putchar('\n');
		return false;
	}
	return answer[0] == 'y' || answer[0] == 'Y';
}

static int find_places(struct places *p)
{
	const char *home = getenv("HOME");
	struct err e = { .text = "HOME is not set" };

	if (!home || thunderbird_profiles(home, add_place, p, &e) < 0) {
		fprintf(stderr, "letterlock scan: %s\n", e.text);
		return EX_OSERR;
	}
	if (p->n)
		return 0;
	fputs("letterlock scan: Thunderbird has no letters on this computer. Name "
	      "a folder: letterlock scan FOLDER\n", stderr);
	return EX_NOINPUT;
}

/* ---- the command ---- */

static int finish(struct scan *s, int rc)
{
	if (s->tty)
		fputs("\r\033[K", stderr);
	if (rc)
		return rc;
	if (s->json)
		print_json(s);
	else
		print(s);
	return fflush(stdout) ? EX_IOERR : scan_stopped ? INTERRUPTED : 0;
}

static bool stopped(const struct err *e)
{
	return scan_stopped && gpg_err_code(e->code) == GPG_ERR_CANCELED;
}

/* 0, or an exit status, with e filled. */
static int read_all(struct scan *s, int n, char **path, struct err *e)
{
	for (int i = 0; i < n && !scan_stopped; i++) {
		if (scan_walk(s, path[i], e) == 0 || stopped(e))
			continue;
		return gpg_err_code(e->code) == GPG_ERR_ENOENT ? EX_NOINPUT
		       : strcmp(s->ask.code, "request") == 0 ? EX_DATAERR
		       : EX_UNAVAILABLE;
	}
	if (scan_flush(s, e) == 0 && scan_learn(s, e) == 0)
		return 0;
	return strcmp(s->ask.code, "request") == 0 ? EX_DATAERR
	                                           : EX_UNAVAILABLE;
}

static int run(struct scan *s, int n, char **path)
{
	/* the second one ends it at once */
	const struct sigaction sa = { .sa_handler = stop,
	                              .sa_flags = (int)SA_RESETHAND | SA_RESTART };
	struct err e = { .text = "nothing" };
	int rc;

	if (ask_open(&s->ask, &e)) {
		fprintf(stderr, "letterlock scan: %s\n", e.text);
		return EX_UNAVAILABLE;
	}
	sigaction(SIGINT, &sa, NULL);
	s->tty = !s->json && isatty(STDERR_FILENO);
	s->people = json_object();
	s->unread = json_array();
	s->batch = json_array();
	rc = finish(s, read_all(s, n, path, &e));
	if (rc && rc != INTERRUPTED)
		fprintf(stderr, "letterlock scan: %s\n", e.text);
	json_decref(s->people);
	json_decref(s->unread);
	json_decref(s->batch);
	json_decref(s->result);
	ask_close(&s->ask);
	return rc;
}

static int run_places(struct scan *s)
{
	struct places p = { .n = 0 };
	int rc = find_places(&p);

	if (rc == 0 && agreed(s, &p))
		rc = run(s, p.n, p.path);
	for (int i = 0; i < p.n; i++)
		free(p.path[i]);
	return rc;
}

int cmd_scan(int argc, char **argv)
{
	enum { OPT_JSON = 256 };
	static const struct option opts[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "yes", no_argument, NULL, 'y' },
		{ NULL, 0, NULL, 0 }
	};
	static struct scan s;
	int c;

	while ((c = getopt_long(argc, argv, "hny", opts, NULL)) != -1)
		switch (c) {
		case OPT_JSON: s.json = true; break;
		case 'n': s.dry = true; break;
		case 'y': s.yes = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	json_object_seed(0);
	if (optind == argc)
		return run_places(&s);
	return run(&s, argc - optind, argv + optind);
}
