/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock undo: take an account out of the configuration again. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/cmd.h"
#include "agent/setup_end.h"

static const char usage[] =
"Usage: letterlock undo [-y] [-c FILE] ADDRESS\n"
"Takes the account out of the configuration, ends the agent with the last of them,\n"
"and says what to put back into your mail program.  Your keys, and what is known\n"
"of others, stay.\n"
"\n"
"  -y, --yes          do not ask\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"      --isp-dir DIR  Thunderbird's list of providers (default:\n"
"                     " SETUP_ISP_DIR "), from which what\n"
"                     setup --thunderbird put there is removed\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0 done, or there is no such account, 64 wrong usage, 73 the\n"
"configuration could not be written, 75 Thunderbird runs: end it, then run this\n"
"command again, 78 the configuration is wrong.\n";

static void tell(const struct setup *s)
{
	char text[SETUP_SERVER_MAX];

	printf("In your mail program, put back for %s:\n", s->address);
	setup_server_text(&s->old->smtp, text);
	if (*text)
		printf("  sending   %s\n", text);
	setup_server_text(&s->old->pop3, text);
	if (*text)
		printf("  fetching  %s\n", text);
	printf("  user      %s\n", s->old->user);
}

/* The last one out switches off the light. */
static void quit(const struct setup *s, bool others)
{
	const pid_t pid = setup_agent_pid();

	if (pid && !setup_agent_reads(pid, s->conf_path))
		printf("letterlockd goes on: it has another configuration\n");
	else if (!others)
		setup_units_undo(s);
	else if (pid && kill(pid, SIGHUP) == 0)
		printf("letterlockd has read its configuration anew\n");
}

/* What is left where the account is not, or not any more. */
static int nothing(const struct setup *s)
{
	printf("%s has no account %s\n", s->conf_path, s->address);
	if (!s->has_conf || s->conf.n_accounts == 0)
		quit(s, false);
	return setup_thunderbird_undo(s);
}

static int run(struct setup *s, const char *config)
{
	struct err e = { .text = "the account is not found in the file" };
	struct membuf m;
	int rc = setup_conf_read(s, config);

	if (rc)
		return rc;
	if (!s->old)
		return nothing(s);
	if (!setup_ask(s, "Take %s out of %s?", s->address, s->conf_path))
		return EX_USAGE;
	membuf_init(&m, SETUP_CONF_MAX);
	if (setup_conf_remove(&m, s->text, s->len, s->old->address, &e)) {
		fprintf(stderr, "letterlock undo: %s\n", e.text);
		rc = EX_CANTCREAT;
	} else if (!(rc = setup_conf_store(s, &m))) {
		quit(s, s->conf.n_accounts > 1);
		rc = setup_thunderbird_undo(s);
		tell(s);
	}
	membuf_free(&m);
	return rc;
}

int cmd_undo(int argc, char **argv)
{
	enum { OPT_ISP_DIR = 256 };
	static const struct option opts[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "config", required_argument, NULL, 'c' },
		{ "isp-dir", required_argument, NULL, OPT_ISP_DIR },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	static struct setup s = { .isp_dir = SETUP_ISP_DIR };
	const char *config = NULL;
	int c, rc;

	while ((c = getopt_long(argc, argv, "yc:h", opts, NULL)) != -1)
		switch (c) {
		case 'y': s.yes = true; break;
		case 'c': config = optarg; break;
		case OPT_ISP_DIR: s.isp_dir = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	s.address = argv[optind];
	s.domain = strrchr(s.address, '@');
	s.domain = s.domain ? s.domain + 1 : "";
	rc = run(&s, config);
	setup_free(&s);
	return rc;
}
