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

enum { PLACES_MAX = 64, INTERRUPTED = 130 };

volatile sig_atomic_t scan_stopped;

static void stop(int sig)
{
	(void)sig;
	scan_stopped = 1;
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
		scan_print_json(s);
	else
		scan_print(s);
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
