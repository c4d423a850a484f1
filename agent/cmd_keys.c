/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock keys: which keys there are for an address, and which of them you take
 * for its owner's. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/ask.h"
#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock keys show ADDRESS\n"
"       letterlock keys accept [--compared] ADDRESS [FINGERPRINT]\n"
"       letterlock keys reject ADDRESS [FINGERPRINT]\n"
"Which keys there are for an address, and which of them you take for its owner's.\n"
"Without a fingerprint the new key is meant, or the only one there is.\n"
"\n"
"  show            the keys, with their fingerprints\n"
"  accept          letters are sealed for this one\n"
"      --compared  and you have compared its fingerprint, by phone for example\n"
"  reject          letters are never sealed for this one\n"
"  -h, --help      this text\n"
"\n"
"Exit status: 0, 65 where there is no such key, 69 where no agent runs.\n";

enum { SECONDS = 60, FPR = 40, FPR_TEXT = FPR + FPR / 4 + 1 };

static const char *text_of(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

/* In groups of four, as they are read out. */
static void print_fpr(const char *fpr)
{
	char text[FPR_TEXT];
	size_t n = 0;

	for (size_t i = 0; fpr && fpr[i] && n + 2 < sizeof text; i++) {
		if (i && i % 4 == 0)
			text[n++] = ' ';
		text[n++] = fpr[i];
	}
	text[n] = '\0';
	ask_print(text);
}

/* What the user writes: blanks and small letters are fine.  False: it is none. */
static bool take_fpr(const char *given, char fpr[FPR + 1])
{
	static const char small[] = "abcdef";
	size_t n = 0;

	for (; *given && n <= FPR; given++) {
		const char *low = strchr(small, *given);

		if (*given == ' ')
			continue;
		if (n == FPR || (!low && !strchr("0123456789ABCDEF", *given)))
			return false;
		fpr[n++] = low ? "ABCDEF"[low - small] : *given;
	}
	fpr[n] = '\0';
	return n == FPR;
}

/* ---- show ---- */

static bool is(json_t *key, const char *what)
{
	return json_is_true(json_object_get(key, what));
}

static void print_key(json_t *key)
{
	json_t *uid;
	size_t i;

	print_fpr(text_of(key, "fpr"));
	if (is(key, "revoked"))
		fputs("  revoked", stdout);
	else if (is(key, "expired"))
		fputs("  ended", stdout);
	else if (!is(key, "usable"))
		fputs("  of no use", stdout);
	if (is(key, "valid"))
		fputs("  valid to GnuPG", stdout);
	if (is(key, "accepted"))
		fputs("  accepted", stdout);
	putchar('\n');
	json_array_foreach(json_object_get(key, "uids"), i, uid) {
		fputs("  ", stdout);
		ask_print(json_string_value(uid));
		putchar('\n');
	}
}

static json_t *keys_of(struct ask *a, const char *addr, struct err *e)
{
	return ask_call(a, "keys", json_pack("{s:o}", "address",
	                                     json_words(addr)), SECONDS, e);
}

static int show(struct ask *a, const char *addr, struct err *e)
{
	json_t *ok = keys_of(a, addr, e), *list, *key;
	size_t i;

	if (!ok)
		return -1;
	list = json_object_get(ok, "keys");
	json_array_foreach(list, i, key)
		print_key(key);
	if (json_array_size(list) == 0)
		puts("there is no key for this address");
	json_decref(ok);
	return 0;
}

/* ---- accept and reject ---- */

/* The one that waits to be accepted, or the only one for the address. */
static int find(struct ask *a, const char *addr, char fpr[FPR + 1],
                struct err *e)
{
	json_t *ok = ask_call(a, "contacts", json_pack("{s:o}", "address",
	                      json_words(addr)), SECONDS, e), *list;
	const char *found;

	if (!ok)
		return -1;
	found = text_of(json_array_get(json_object_get(ok, "contacts"), 0),
	                "changed");
	if (!found) {
		json_decref(ok);
		if (!(ok = keys_of(a, addr, e)))
			return -1;
		list = json_object_get(ok, "keys");
		if (json_array_size(list) == 1)
			found = text_of(json_array_get(list, 0), "fpr");
		else
			err_set(e, gpg_error(GPG_ERR_NO_PUBKEY), "%s",
			        json_array_size(list) == 0
			        ? "there is no key for this address"
			        : "there are several keys for this address: "
			          "name one by its fingerprint (letterlock keys "
			          "show)");
	}
	if (found && !take_fpr(found, fpr))
		found = NULL;
	json_decref(ok);
	if (found)
		return 0;
	snprintf(a->code, sizeof a->code, "no-key");
	return -1;
}

static int judge(struct ask *a, const char *verb, bool compared,
                 const char *addr, const char *given, struct err *e)
{
	char fpr[FPR + 1];
	json_t *members, *ok;

	if (given && !take_fpr(given, fpr)) {
		snprintf(a->code, sizeof a->code, "request");
		return err_set(e, gpg_error(GPG_ERR_INV_VALUE),
		               "a fingerprint has 40 digits from 0 to F");
	}
	if (!given && find(a, addr, fpr, e))
		return -1;
	members = json_pack("{s:o, s:s}", "address", json_words(addr), verb, fpr);
	if (compared)
		json_object_set_new(members, "verified", json_true());
	ok = ask_call(a, "contacts", members, SECONDS, e);
	json_decref(ok);
	if (!ok)
		return -1;
	printf("%sed for ", verb);
	ask_print(addr);
	fputs(":\n", stdout);
	print_fpr(fpr);
	putchar('\n');
	return 0;
}

/* ---- the command ---- */

static int run(int n, char **word, bool compared)
{
	bool shows = n == 2 && strcmp(word[0], "show") == 0;
	bool accepts = n >= 2 && strcmp(word[0], "accept") == 0;
	bool rejects = n >= 2 && strcmp(word[0], "reject") == 0;
	struct err e = { .text = "a key was not understood" };
	struct ask a;
	int rc;

	if ((!shows && !accepts && !rejects) || n > 3 || (compared && !accepts)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	rc = ask_open(&a, &e);
	if (rc == 0)
		rc = shows ? show(&a, word[1], &e)
		     : judge(&a, word[0], compared, word[1],
		             n == 3 ? word[2] : NULL, &e);
	ask_close(&a);
	if (rc == 0)
		return fflush(stdout) ? EX_IOERR : 0;
	fprintf(stderr, "letterlock keys: %s\n", e.text);
	return strcmp(a.code, "request") == 0 || strcmp(a.code, "no-key") == 0
	       ? EX_DATAERR : EX_UNAVAILABLE;
}

int cmd_keys(int argc, char **argv)
{
	enum { OPT_COMPARED = 256 };
	static const struct option opts[] = {
		{ "compared", no_argument, NULL, OPT_COMPARED },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	bool compared = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", opts, NULL)) != -1)
		switch (c) {
		case OPT_COMPARED: compared = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	return run(argc - optind, argv + optind, compared);
}
