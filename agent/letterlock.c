/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock: the command line; each command is in a file of its own. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/cmd.h"
#include "agent/log.h"
#include "agent/roles.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "demo", cmd_demo, "show all of it, with two throw-away people" },
	{ "setup", cmd_setup, "make it work for your address" },
	{ "seal", cmd_seal, "sign and encrypt a letter from standard input" },
	{ "open", cmd_open, "decrypt and verify a letter from standard input" },
	{ "contacts", cmd_contacts, "what is remembered of people, and allowed" },
	{ "keys", cmd_keys, "look at keys, accept, verify, renew them" },
	{ "scan", cmd_scan, "learn the keys that came with old letters" },
	{ "status", cmd_status, "say what the running agent does" },
	{ "thunderbird", cmd_thunderbird, "put the add-on into Thunderbird" },
	{ "doctor", cmd_doctor, "look for what is wrong, and say what to do" },
	{ "token", cmd_token, "make what a mail program uses as password" },
	{ "unlock", cmd_unlock, "be asked for your passphrase now" },
	{ "backup", cmd_backup, "save keys and contacts in one sealed file" },
	{ "restore", cmd_restore, "put a backup back" },
	{ "undo", cmd_undo, "take an address out again" },
	{ "certificate", cmd_certificate,
	  "show, export or renew the certificate for mail programs" },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *f)
{
	fputs("Usage: letterlock COMMAND [ARGUMENT]...\n\n", f);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-11s %s\n", commands[i].name, commands[i].what);
	fputs("  help        say more about a command\n\n"
	      "letterlock help COMMAND tells its options.  The agent itself is "
	      "letterlockd(8).\n", f);
}

static const struct command *find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "letterlock: there is no command %s\n", name);
	return NULL;
}

static int help(const char *name)
{
	static char word[] = "--help";
	char *argv[3] = { NULL, word, NULL };
	const struct command *c;

	if (!name) {
		usage(stdout);
		return 0;
	}
	if (!(c = find(name)))
		return EX_USAGE;
	argv[0] = (char *)(uintptr_t)c->name;
	return c->run(2, argv);
}

int main(int argc, char **argv)
{
	const struct command *c;
	const char *word = argc > 1 ? argv[1] : "";

	/* a part of the agent that a command started */
	if (strncmp(word, "--role=", 7) == 0)
		return role_main(word + 7);
	log_level = 0;
	if (strcmp(word, "--version") == 0) {
		puts(PACKAGE_STRING);
		return 0;
	}
	if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0
	    || strcmp(word, "-h") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (!*word) {
		usage(stderr);
		return EX_USAGE;
	}
	c = find(word);
	return c ? c->run(argc - 1, argv + 1) : EX_USAGE;
}
