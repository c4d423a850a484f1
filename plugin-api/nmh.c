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

static json_t *parsed(const char *p, size_t n)
{
	return memchr(p, '\0', n) ? NULL
	    : json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
}

/* A request that comes in parts, in a row: one big message takes Thunderbird
 * quadratic time to write. */
struct whole {
	json_int_t id, part;	/* of the last part */
	char *p;
	size_t n;
};

/* One more part: 1, it was the last; 0; -1: it does not belong there. */
static int whole_add(struct whole *w, json_t *j)
{
	json_t *text = json_object_get(j, "text");
	json_int_t id = json_integer_value(json_object_get(j, "id")),
	    part = json_integer_value(json_object_get(j, "part")),
	    of = json_integer_value(json_object_get(j, "of"));
	size_t n = json_string_length(text);
	char *p;

	if (!w->p)
		w->id = id;
	if (!json_is_string(text) || id != w->id || part != w->part + 1
	    || part > of || n > NMH_IN_MAX - w->n
	    || !(p = realloc(w->p, w->n + n + 1)))
		return -1;
	memcpy(p + w->n, json_string_value(text), n);
	w->p = p;
	w->n += n;
	w->part = part;
	return part == of;
}

/* What is whole now, NULL where it is no JSON. */
static json_t *whole_take(struct whole *w, size_t *n)
{
	json_t *j = parsed(w->p, w->n);

	*n = w->n;
	free(w->p);
	*w = (struct whole){ .p = NULL };
	return j;
}

/* A request of n octets, or NULL: it is none.  The reference is taken. */
static struct request *request_new(json_t *j, size_t n)
{
	struct request *r = calloc(1, sizeof *r);
	json_t *id = json_object_get(j, "id");
	const char *call = json_string_value(json_object_get(j, "call"));

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

/* A message: 0, or -1: it is neither a request nor the next part of one. */
static int message(struct whole *w, const char *p, size_t n)
{
	json_t *j = parsed(p, n);
	struct request *r;
	int rc;

	if (json_object_get(j, "part")) {
		rc = whole_add(w, j);
		json_decref(j);
		if (rc < 1)
			return rc;
		j = whole_take(w, &n);
	} else if (w->p) {
		json_decref(j);
		return -1;
	}
	if (!(r = request_new(j, n)))
		return -1;
	lanes_put(r);
	return 0;
}

static int serve(void)
{
	struct whole w = { .p = NULL };
	const char *why;
	char *p;
	size_t n;
	int rc;

	while ((rc = frame_read(STDIN_FILENO, &p, &n, &why)) == 1) {
		rc = message(&w, p, n);
		free(p);
		if (rc) {
			why = "a message is no request";
			break;
		}
	}
	free(w.p);
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
