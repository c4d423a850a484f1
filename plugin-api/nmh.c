/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock-nmh: Thunderbird starts it, and speaks with Letterlock through it. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "plugin-api/nmh.h"

#define ADD_ON "addon@letterlock"

static const char HELP[] =
"Usage: letterlock-nmh MANIFEST ID\n"
"Thunderbird starts this program for Letterlock's add-on, which speaks with\n"
"Letterlock through it (native messaging on stdin and stdout).\n"
"\n"
"  -h, --help     show this\n"
"      --version  the version\n";

/* A request, or NULL: it is none. */
static struct request *request_read(const char *p, size_t n)
{
	struct request *r = calloc(1, sizeof *r);
	json_t *j, *id;
	const char *call;

	j = memchr(p, '\0', n) ? NULL
	    : json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	id = json_object_get(j, "id");
	call = json_string_value(json_object_get(j, "call"));
	if (!r || !json_is_integer(id) || !call || !(r->call = strdup(call))) {
		json_decref(j);
		free(r);
		return NULL;
	}
	r->id = json_integer_value(id);
	r->n = n;
	r->members = j;
	json_object_del(j, "id");
	json_object_del(j, "call");
	return r;
}

static int serve(void)
{
	const char *why;
	struct request *r;
	char *p;
	size_t n;
	int rc;

	while ((rc = frame_read(STDIN_FILENO, &p, &n, &why)) == 1) {
		r = request_read(p, n);
		free(p);
		if (!r) {
			why = "a message is no request";
			rc = -1;
			break;
		}
		lanes_put(r);
	}
	if (rc == 0)
		return 0;
	fprintf(stderr, "letterlock-nmh: %s\n", why);
	return EX_PROTOCOL;
}

static int usage(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "-h") == 0
	                  || strcmp(argv[1], "--help") == 0)) {
		fputs(HELP, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts(PACKAGE_STRING);
		return 0;
	}
	fputs("letterlock-nmh: Thunderbird starts this program; see "
	      "letterlock-nmh(8)\n", stderr);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	pthread_t watch;
	int rc;

	if (argc != 3)
		return usage(argc, argv);
	if (strcmp(argv[2], ADD_ON) != 0) {
		fputs("letterlock-nmh: this is for Letterlock's add-on only\n",
		      stderr);
		return EX_NOPERM;
	}
	prctl(PR_SET_DUMPABLE, 0);	/* letters pass through */
	signal(SIGPIPE, SIG_IGN);
	json_object_seed(0);
	if (lanes_start() || pthread_create(&watch, NULL, watch_run, NULL)) {
		fputs("letterlock-nmh: no thread could be started\n", stderr);
		return EX_OSERR;
	}
	rc = serve();
	/* without the threads, which may be in the middle of a call */
	say_end();
	_exit(rc);
}
