/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock thunderbird: put the add-on where Thunderbird finds it, or take it
 * away again. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/thunderbird.h"

static const char usage[] =
"Usage: letterlock thunderbird install|uninstall [--system]\n"
"Puts Letterlock's add-on into your Thunderbird, or takes it out again.  Start\n"
"Thunderbird anew after it.\n"
"\n"
"      --system      for everybody on this computer, in profiles of today and of\n"
"                    later (as root): each can switch it off or remove it\n"
"      --addon FILE  the add-on (default: " LETTERLOCK_XPI ")\n"
"      --host FILE   the program it speaks with (default:\n"
"                    " LETTERLOCK_NMH ")\n"
"      --root DIR    with --system: as if / were there, to build a package\n"
"  -h, --help        this text\n"
"\n"
"Exit status: 0 done, 66 the add-on, its program or a profile is missing, 73 a\n"
"file could not be written.\n";

struct job {
	struct thunderbird t;
	bool remove, system;
};

/* What stands in other files has to be found from everywhere. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	if (!real)
		fprintf(stderr, "letterlock thunderbird: %s: %s\n", path,
		        strerror(errno));
	return real;
}

static int run(const struct job *j, struct err *e)
{
	const struct thunderbird *t = &j->t;

	if (j->remove)
		return (j->system ? thunderbird_policy_remove(t, e)
		        : thunderbird_profiles_remove(t, e))
		       || thunderbird_host_remove(t, e);
	return thunderbird_host_add(t, e)
	       || (j->system ? thunderbird_policy_add(t, e)
	           : thunderbird_profiles_add(t, e));
}

static int exit_of(const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_CONFIGURATION: return EX_DATAERR;
	case GPG_ERR_NO_DATA: case GPG_ERR_ENOENT: return EX_NOINPUT;
	default: return EX_CANTCREAT;
	}
}

static int start(struct job *j, const char *addon, const char *host)
{
	struct err e = { .text = "" };
	char *a = NULL, *h = NULL;
	int rc = EX_NOINPUT;

	j->t.home = j->system ? NULL : getenv("HOME");
	if (!j->system && !j->t.home) {
		fputs("letterlock thunderbird: HOME is not set\n", stderr);
		return EX_CONFIG;
	}
	/* a package's add-on is not installed yet while it is built */
	if (!j->remove && !*j->t.root
	    && (!(a = absolute(addon)) || !(h = absolute(host))))
		goto out;
	j->t.addon = a ? a : addon;
	j->t.host = h ? h : host;
	rc = 0;
	if (run(j, &e)) {
		fprintf(stderr, "letterlock thunderbird: %s\n", e.text);
		rc = exit_of(&e);
	}
out:
	free(a);
	free(h);
	return rc;
}

int cmd_thunderbird_install(void)
{
	struct job j = { .t = { .root = "" } };

	return start(&j, LETTERLOCK_XPI, LETTERLOCK_NMH);
}

int cmd_thunderbird(int argc, char **argv)
{
	enum { OPT_SYSTEM = 256, OPT_ADDON, OPT_HOST, OPT_ROOT };
	static const struct option opts[] = {
		{ "system", no_argument, NULL, OPT_SYSTEM },
		{ "addon", required_argument, NULL, OPT_ADDON },
		{ "host", required_argument, NULL, OPT_HOST },
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *addon = LETTERLOCK_XPI, *host = LETTERLOCK_NMH;
	struct job j = { .t = { .root = "" } };
	int c;

	while ((c = getopt_long(argc, argv, "h", opts, NULL)) != -1)
		switch (c) {
		case OPT_SYSTEM: j.system = true; break;
		case OPT_ADDON: addon = optarg; break;
		case OPT_HOST: host = optarg; break;
		case OPT_ROOT: j.t.root = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (optind + 1 != argc || (strcmp(argv[optind], "install") != 0
	                           && strcmp(argv[optind], "uninstall") != 0)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	j.remove = strcmp(argv[optind], "uninstall") == 0;
	return start(&j, addon, host);
}
