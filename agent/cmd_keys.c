/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock keys: which keys there are, which of them you take for their owners',
 * and what becomes of your own. */
#include "agent/cmd_keys.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock keys [--json] [list]\n"
"       letterlock keys [--json] show ADDRESS\n"
"       letterlock keys [--json] find ADDRESS\n"
"       letterlock keys accept [--compared] ADDRESS [FINGERPRINT]\n"
"       letterlock keys reject ADDRESS [FINGERPRINT]\n"
"       letterlock keys verify [--yes] ADDRESS [FINGERPRINT]\n"
"       letterlock keys import FILE\n"
"       letterlock keys export [ADDRESS | FINGERPRINT]\n"
"       letterlock keys extend [-c FILE] [--years N] [ADDRESS | FINGERPRINT]\n"
"Which keys there are, and which of them you take for their owners'.  Without a\n"
"fingerprint the new key is meant, or the only one there is.\n"
"\n"
"  list               your keys, and those of your contacts\n"
"  show               the keys that there are for an address\n"
"  find               the key that a letter would be sealed for, and why\n"
"  accept             letters are sealed for this one\n"
"      --compared     and you have compared its fingerprint, by phone for example\n"
"  reject             letters are never sealed for this one\n"
"  verify             shows your fingerprint and theirs, to be compared by phone,\n"
"                     and accepts theirs once you say that both are right\n"
"      --yes          they are: do not ask\n"
"  import             public keys from a file (-: standard input)\n"
"  export             a public key to standard output; without a word, your own\n"
"  extend             let your own key last longer\n"
"      --years N      from now on (1 to 10, else 2)\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"      --json         write one line of JSON\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0, 65 where there is no such key, 66 where there is no such file,\n"
"69 where no agent runs, 77 where a comparison was not confirmed.\n";

enum { YEARS = 2, YEARS_MAX = 10 };

static const struct verb {
	const char *name;
	int (*run)(struct keys_job *j, struct err *e);
	unsigned min, max;		/* words behind it */
	const char *options;		/* letters of those it knows */
	int no;				/* exit status where the answer is no */
} verbs[] = {
	{ "list", keys_list, 0, 0, "j", 0 },
	{ "show", keys_show, 1, 1, "j", 0 },
	{ "find", keys_find, 1, 1, "j", EX_DATAERR },
	{ "accept", keys_accept, 1, 2, "d", 0 },
	{ "reject", keys_reject, 1, 2, "", 0 },
	{ "verify", keys_verify, 1, 2, "y", EX_NOPERM },
	{ "import", keys_import, 1, 1, "", 0 },
	{ "export", keys_export, 0, 1, "", 0 },
	{ "extend", keys_extend, 0, 1, "cn", 0 }
};

/* ---- what the verbs need ---- */

int keys_refuse(struct keys_job *j, struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(j->ask.code, sizeof j->ask.code, "request");
	return err_set(e, gpg_error(GPG_ERR_INV_VALUE), "%s", text);
}

const char *keys_text(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

bool keys_is(json_t *key, const char *what)
{
	return json_is_true(json_object_get(key, what));
}

const char *keys_day(json_t *j, const char *name, char day[KEYS_DAY_MAX])
{
	const time_t at = (time_t)json_integer_value(json_object_get(j, name));
	struct tm tm;

	if (!at || !localtime_r(&at, &tm)
	    || !strftime(day, KEYS_DAY_MAX, "%F", &tm))
		return NULL;
	return day;
}

void keys_print_fpr(const char *fpr)
{
	char text[KEYS_FPR + KEYS_FPR / 4 + 1];
	size_t n = 0;

	for (size_t i = 0; fpr && fpr[i] && n + 2 < sizeof text; i++) {
		if (i && i % 4 == 0)
			text[n++] = ' ';
		text[n++] = fpr[i];
	}
	text[n] = '\0';
	ask_print(text);
}

bool keys_take_fpr(const char *given, char fpr[KEYS_FPR + 1])
{
	static const char small[] = "abcdef";
	size_t n = 0;

	for (; *given && n <= KEYS_FPR; given++) {
		const char *low = strchr(small, *given);

		if (*given == ' ')
			continue;
		if (n == KEYS_FPR
		    || (!low && !strchr("0123456789ABCDEF", *given)))
			return false;
		fpr[n++] = low ? "ABCDEF"[low - small] : *given;
	}
	fpr[n] = '\0';
	return n == KEYS_FPR;
}

/* ---- calls ---- */

json_t *keys_of(struct keys_job *j, const char *what, const char *addr,
                struct err *e)
{
	return ask_call(&j->ask, "keys", json_pack("{s:o}", what,
	                                           json_words(addr)),
	                KEYS_SECONDS, e);
}

json_t *keys_accounts(struct keys_job *j, struct err *e)
{
	json_t *ok = ask_call(&j->ask, "accounts", NULL, KEYS_SECONDS, e);
	json_t *list, *a;
	size_t i;

	if (!ok)
		return NULL;
	list = json_array();
	json_array_foreach(json_object_get(ok, "accounts"), i, a)
		json_array_append(list, json_object_get(a, "address"));
	json_decref(ok);
	return list;
}

json_t *keys_recipient(struct keys_job *j, const char *addr, struct err *e)
{
	json_t *accounts = keys_accounts(j, e), *ok, *it;

	if (!accounts)
		return NULL;
	if (json_array_size(accounts) == 0) {
		json_decref(accounts);
		keys_refuse(j, e, "the configuration has no account");
		return NULL;
	}
	ok = ask_call(&j->ask, "recipients", json_pack("{s:O, s:[o], s:b}",
	              "account", json_array_get(accounts, 0), "to",
	              json_words(addr), "wait", true), KEYS_SECONDS, e);
	json_decref(accounts);
	it = json_incref(json_array_get(json_object_get(ok, "recipients"), 0));
	json_decref(ok);
	if (ok && !it)
		err_set(e, gpg_error(GPG_ERR_GENERAL),
		        "what letterlockd says is not understood");
	return it;
}

int keys_own(struct keys_job *j, const char *account, char fpr[KEYS_FPR + 1],
             struct err *e)
{
	json_t *ok = keys_of(j, "account", account, e), *key;
	unsigned n = 0;
	size_t i;

	if (!ok)
		return -1;
	json_array_foreach(json_object_get(ok, "keys"), i, key)
		if (keys_is(key, "usable")
		    && keys_take_fpr(keys_text(key, "fpr"), fpr))
			n++;
	json_decref(ok);
	if (n == 1)
		return 0;
	return keys_refuse(j, e, n ? "%s has several keys: name one by its "
	                   "fingerprint (letterlock keys list)"
	                   : "%s has no usable key", account);
}

/* ---- the command ---- */

static int status_of(const struct ask *a, const struct err *e)
{
	if (gpg_err_code(e->code) == GPG_ERR_ENOENT)
		return EX_NOINPUT;
	return strcmp(a->code, "request") == 0 || strcmp(a->code, "no-key") == 0
	       || strcmp(a->code, "no-account") == 0
	       || strcmp(a->code, "too-large") == 0
	       ? EX_DATAERR : EX_UNAVAILABLE;
}

static int run(struct keys_job *j, const struct verb *v)
{
	struct err e = { .text = "a key was not understood" };
	int rc = ask_open(&j->ask, &e);

	if (rc == 0)
		rc = v->run(j, &e);
	ask_close(&j->ask);
	if (rc == -1) {
		fprintf(stderr, "letterlock keys: %s\n", e.text);
		return status_of(&j->ask, &e);
	}
	return fflush(stdout) ? EX_IOERR : rc ? v->no : 0;
}

/* NULL: there is no such verb, or it is not used like that. */
static const struct verb *verb_of(struct keys_job *j, const char *given)
{
	const char *name = j->n ? j->word[0] : "list";
	const struct verb *v = verbs, *end = v + sizeof verbs / sizeof *verbs;

	while (v < end && strcmp(v->name, name) != 0)
		v++;
	if (j->n) {
		j->n--;
		j->word++;
	}
	if (v == end || j->n < v->min || j->n > v->max
	    || given[strspn(given, v->options)])
		return NULL;
	return v;
}

static bool take_years(struct keys_job *j, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	j->years = (unsigned)n;
	return *text && !*end && n >= 1 && n <= YEARS_MAX;
}

int cmd_keys(int argc, char **argv)
{
	enum { COMPARED = 'd', JSON = 'j', YES = 'y', FOR_YEARS = 'n' };
	static const struct option opts[] = {
		{ "compared", no_argument, NULL, COMPARED },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, JSON },
		{ "years", required_argument, NULL, FOR_YEARS },
		{ "yes", no_argument, NULL, YES },
		{ NULL, 0, NULL, 0 }
	};
	struct keys_job j = { .years = YEARS, .ask = { .fd = -1 } };
	const struct verb *v;
	char given[16] = "";
	size_t n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == 'c')
			j.config = optarg;
		j.compared = j.compared || c == COMPARED;
		j.json = j.json || c == JSON;
		j.yes = j.yes || c == YES;
		if (c == '?' || n + 1 == sizeof given
		    || (c == FOR_YEARS && !take_years(&j, optarg))) {
			fputs(usage, stderr);
			return EX_USAGE;
		}
		given[n++] = (char)c;
	}
	j.n = (unsigned)(argc - optind);
	j.word = argv + optind;
	if (!(v = verb_of(&j, given))) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return run(&j, v);
}
