/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of commands that only ask the running agent. */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "agent/cmd.h"

int cmd_options(int argc, char **argv, const char *usage, int words_max,
                bool *json)
{
	enum { OPT_JSON = 256 };
	static const struct option opts[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ NULL, 0, NULL, 0 }
	}, without[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", json ? opts : without,
	                        NULL)) != -1)
		switch (c) {
		case OPT_JSON: *json = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (argc - optind <= words_max)
		return -1;
	fputs(usage, stderr);
	return EX_USAGE;
}
