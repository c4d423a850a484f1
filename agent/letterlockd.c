/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlockd: the agent.  Started by a person or systemd it is the guard;
 * started by the guard with --role it is one of the roles. */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/guard.h"
#include "agent/log.h"
#include "agent/roles.h"

static const char usage[] =
"Usage: letterlockd [-c FILE] [-t] [-v | -q] [--syslog]\n"
"Seals the mail you send and opens the mail you get.  Your mail client talks\n"
"to it as its outgoing (SMTP) and incoming (POP3) server on this computer.\n"
"\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -t, --test         check the configuration and end\n"
"  -v, --verbose      say more on stderr (twice: still more)\n"
"  -q, --quiet        say errors only\n"
"      --log-addresses  name mail addresses in what is said\n"
"      --syslog       say it to syslog(3) instead, as facility mail\n"
"  -h, --help         this text\n"
"      --version      the version\n"
"\n"
"It stays in the foreground; SIGTERM ends it, SIGHUP makes it read its\n"
"configuration again.  See letterlockd(8) and letterlock.conf(5).\n";

static int usage_error(void)
{
	fputs("Try: letterlockd --help\n", stderr);
	return EX_USAGE;
}

/* ---- as the guard ---- */

static int run_guard(const char *given, bool test)
{
	struct conf conf;
	char *path = conf_path(given), *text = NULL;
	size_t len;
	struct err e;
	int rc = EX_CONFIG;

	if (!path || !(text = conf_read(path, &len, &e))
	    || conf_parse(&conf, path, text, len, &e)) {
		fprintf(stderr, "letterlockd: %s\n",
		        path ? e.text : "no home folder is known");
		goto out;
	}
	rc = 0;
	log_open();
	if (test)
		printf("%s: fine\n", path);
	else
		rc = guard_run(&conf, text, len);
	conf_free(&conf);
out:
	free(text);
	free(path);
	return rc;
}

/* Nothing that is opened later may become a standard stream by its number. */
static bool have_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd == -1)
		return false;
	close(fd);
	return true;
}

int main(int argc, char **argv)
{
	enum {
		OPT_VERSION = 256, OPT_ROLE, OPT_LEVEL, OPT_ADDRESSES, OPT_SYSLOG
	};
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "syslog", no_argument, NULL, OPT_SYSLOG },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "log-addresses", no_argument, NULL, OPT_ADDRESSES },
		{ "role", required_argument, NULL, OPT_ROLE },
		{ "level", required_argument, NULL, OPT_LEVEL },
		{ NULL, 0, NULL, 0 }
	};
	const char *config = NULL;
	bool test = false;
	const char *role = NULL;
	int c;

	if (!have_streams())
		return EX_OSERR;
	while ((c = getopt_long(argc, argv, "c:tvqh", opts, NULL)) != -1)
		switch (c) {
		case 'c': config = optarg; break;
		case 't': test = true; break;
		case 'v': log_level++; break;
		case 'q': log_level = 0; break;
		case OPT_SYSLOG: log_syslog = true; break;
		case 'h': fputs(usage, stdout); return 0;
		case OPT_VERSION: puts(PACKAGE_STRING); return 0;
		case OPT_ADDRESSES: log_addresses = true; break;
		case OPT_ROLE: role = optarg; break;
		case OPT_LEVEL: log_level = optarg[0] - '0'; break;
		default: return usage_error();
		}
	if (optind < argc)
		return usage_error();
	if (role)
		return role_main(role);
	return run_guard(config, test);
}
