/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock unlock: be asked for a key's passphrase now, through letterlockd. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/ask.h"
#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock unlock [ADDRESS]\n"
"Has GnuPG ask you for the passphrase of the key of this account, or of all\n"
"accounts, so that letters can be signed and opened.  How long it then stays\n"
"unlocked is GnuPG's to say (default-cache-ttl in gpg-agent.conf).\n"
"\n"
"  -h, --help  this text\n"
"\n"
"Exit status: 0 unlocked, 77 it stays locked, 69 no letterlockd runs, 65 there is\n"
"no such account or no key.\n";

/* As long as two prompts may last, and more; unlock-timeout ends them before. */
enum { UNLOCK_SECONDS = 7300, STATUS_SECONDS = 30 };

static int exit_of(const struct ask *a)
{
	if (strcmp(a->code, "no-account") == 0
	    || strcmp(a->code, "no-key") == 0)
		return EX_DATAERR;
	if (strcmp(a->code, "cancelled") == 0
	    || strcmp(a->code, "timeout") == 0 || strcmp(a->code, "wrong") == 0)
		return EX_NOPERM;
	return EX_UNAVAILABLE;
}

static int unlock_one(struct ask *a, const char *address)
{
	struct err e;
	json_t *ok = ask_call(a, "unlock", json_pack("{s:o}", "account",
	                                             json_words(address)),
	                      UNLOCK_SECONDS, &e);

	if (!ok) {
		fprintf(stderr, "letterlock unlock: %s\n", e.text);
		return exit_of(a);
	}
	fputs("unlocked: ", stdout);
	ask_print(json_string_value(json_object_get(ok, "account")));
	putchar('\n');
	json_decref(ok);
	return 0;
}

/* The worst of them; after a Cancel nobody wants to be asked for the next. */
static int unlock_all(struct ask *a)
{
	struct err e;
	json_t *ok = ask_call(a, "status", NULL, STATUS_SECONDS, &e), *account;
	int rc = 0, r;
	size_t i;

	if (!ok) {
		fprintf(stderr, "letterlock unlock: %s\n", e.text);
		return EX_UNAVAILABLE;
	}
	json_array_foreach(json_object_get(ok, "accounts"), i, account) {
		r = unlock_one(a, json_string_value(
			json_object_get(account, "address")));
		rc = r ? r : rc;
		if (r && r != EX_DATAERR)
			break;
	}
	json_decref(ok);
	return rc;
}

int cmd_unlock(int argc, char **argv)
{
	struct ask a;
	struct err e;
	int rc = cmd_options(argc, argv, usage, 1, NULL);

	if (rc >= 0)
		return rc;
	if (ask_open(&a, &e)) {
		fprintf(stderr, "letterlock unlock: %s\n", e.text);
		return EX_UNAVAILABLE;
	}
	rc = optind < argc ? unlock_one(&a, argv[optind]) : unlock_all(&a);
	ask_close(&a);
	return rc;
}
