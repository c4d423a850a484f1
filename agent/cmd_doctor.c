/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock doctor: look at everything, and say what to do. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/cmd.h"
#include "agent/doctor.h"
#include "agent/json.h"

static const char usage[] =
"Usage: letterlock doctor [-c FILE] [--offline] [--json]\n"
"Looks at everything that can go wrong, from the configuration to Thunderbird,\n"
"and says of each whether it is well or what to do.  Nothing is changed.  Your\n"
"provider's servers are asked, too; it logs in where a command of the configuration\n"
"knows the password.\n"
"\n"
"      --offline      ask no servers\n"
"      --json         as one line of JSON\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0 nothing is wrong, 78 something is.\n";

static const char *const state_name[] = { "ok", "note", "wrong" };

void doctor_say(struct doctor *d, enum doctor_state state, const char *check,
                const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	/* parts of it come from files and from other programs */
	for (char *p = text; *p; p++)
		if (*p < ' ' && *p >= 0)
			*p = '?';
	json_array_append_new(d->found, json_pack(
		"{s:s, s:s, s:o}", "check", check, "state", state_name[state],
		"text", json_words(text)));
}

static int print(const struct doctor *d, bool json)
{
	static const char *const mark[] = { "ok   ", "note ", "WRONG" };
	json_t *one, *all;
	const char *state;
	char *line;
	bool wrong = false;
	size_t i;

	json_array_foreach(d->found, i, one) {
		state = json_string_value(json_object_get(one, "state"));
		wrong = wrong || strcmp(state, "wrong") == 0;
		for (int s = 0; s < 3 && !json; s++)
			if (strcmp(state, state_name[s]) == 0)
				printf("%s  %s\n", mark[s], json_string_value(
					json_object_get(one, "text")));
	}
	if (json) {
		all = json_pack("{s:O, s:b}", "checks", d->found, "well", !wrong);
		line = json_dumps(all, JSON_COMPACT);
		puts(line ? line : "{}");
		free(line);
		json_decref(all);
	}
	if (fflush(stdout))
		return EX_IOERR;
	return wrong ? EX_CONFIG : 0;
}

static int look(const char *config, bool offline, bool json)
{
	struct doctor d = { .conf_path = conf_path(config),
	                    .held = json_array(), .found = json_array() };
	int rc;

	if (!d.conf_path || !d.held || !d.found) {
		fputs("letterlock doctor: no memory\n", stderr);
		return EX_OSERR;
	}
	signal(SIGPIPE, SIG_IGN);	/* from what it asks */
	doctor_configuration(&d);
	doctor_units(&d);
	doctor_agent(&d);
	doctor_certificate(&d);
	if (!offline)
		doctor_provider(&d);
	doctor_gnupg(&d);
	doctor_system(&d);
	doctor_thunderbird(&d);
	rc = print(&d, json);
	conf_free(&d.conf);
	free(d.text);
	json_decref(d.held);
	json_decref(d.status);
	json_decref(d.found);
	free(d.conf_path);
	return rc;
}

int cmd_doctor(int argc, char **argv)
{
	enum { OPT_JSON = 256, OPT_OFFLINE };
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "offline", no_argument, NULL, OPT_OFFLINE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *config = NULL;
	bool json = false, offline = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) != -1)
		switch (c) {
		case OPT_JSON: json = true; break;
		case OPT_OFFLINE: offline = true; break;
		case 'c': config = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return look(config, offline, json);
}
