/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock keys import, export, extend: keys that come, go, and last longer. */
#include "agent/cmd_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/file.h"
#include "agent/gpg_run.h"

enum {
	IMPORT_MAX = 1 << 20,		/* octets of a file that are looked at */
	LISTING_MAX = 1 << 20,		/* of what gpg says of one key */
	EXTENDED_MAX = 64		/* keys at one time */
};

/* ---- import ---- */

/* Standard input, whole: malloced, or NULL with e filled. */
static char *read_stdin(struct err *e)
{
	struct membuf m;
	char buf[8192], *text;
	ssize_t n;

	membuf_init(&m, IMPORT_MAX);
	while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
		if (sink_put(&m.sink, buf, (size_t)n, e)) {
			membuf_free(&m);
			return NULL;
		}
	text = strndup(m.len ? m.buf : "", m.len);
	membuf_free(&m);
	return text;
}

/* Keys that lie in a text, without what stands around them; NULL: none do. */
static char *cut(char *text)
{
	static const char end[] = "-----END PGP PUBLIC KEY BLOCK-----";
	char *begin = strstr(text, "-----BEGIN PGP "), *last = NULL;

	for (char *p = begin; p && (p = strstr(p, end)); p += sizeof end - 1)
		last = p + sizeof end - 1;
	if (begin && last)
		*last = '\0';
	return begin;
}

static void print_imported(json_t *ok)
{
	json_t *list = json_object_get(ok, "keys"), *key, *uid;
	size_t i, k;

	json_array_foreach(list, i, key) {
		keys_print_fpr(keys_text(key, "fpr"));
		putchar('\n');
		json_array_foreach(json_object_get(key, "uids"), k, uid) {
			fputs("  ", stdout);
			ask_print(json_string_value(uid));
			putchar('\n');
		}
	}
	printf("%zu imported, %lld of them new. Whether one is used: letterlock "
	       "keys find ADDRESS\n", json_array_size(list), (long long)
	       json_integer_value(json_object_get(ok, "imported")));
}

int keys_import(struct keys_job *j, struct err *e)
{
	bool typed = strcmp(j->word[0], "-") == 0;
	json_t *ok;
	char *text, *armor;
	size_t n;

	text = typed ? read_stdin(e) : file_read(j->word[0], IMPORT_MAX, &n, e);
	if (!text)
		return -1;
	if (!(armor = cut(text))) {
		free(text);
		return keys_refuse(j, e, "%s: there is no key in it that begins "
		                   "by -----BEGIN PGP PUBLIC KEY BLOCK-----. "
		                   "Keys in another form: gpg --import",
		                   typed ? "standard input" : j->word[0]);
	}
	ok = ask_call(&j->ask, "keys", json_pack("{s:o}", "import",
	                                         json_words(armor)),
	              KEYS_SECONDS, e);
	free(text);
	if (!ok)
		return -1;
	print_imported(ok);
	json_decref(ok);
	return 0;
}

/* ---- export ---- */

static bool is_account(json_t *accounts, const char *addr)
{
	json_t *a;
	size_t i;

	json_array_foreach(accounts, i, a)
		if (addr_same(json_string_value(a), addr))
			return true;
	return false;
}

/* The key that letters to somebody else are sealed for. */
static int theirs(struct keys_job *j, const char *addr, char fpr[KEYS_FPR + 1],
                  struct err *e)
{
	json_t *it = keys_recipient(j, addr, e);
	const char *found = keys_text(json_object_get(it, "key"), "fpr");
	int rc = -1;

	if (!it)
		return -1;
	if (found && keys_take_fpr(found, fpr))
		rc = 0;
	else
		keys_refuse(j, e, "there is no key of %s to be used", addr);
	json_decref(it);
	return rc;
}

static int to_export(struct keys_job *j, char fpr[KEYS_FPR + 1], struct err *e)
{
	const char *addr = j->n ? j->word[0] : NULL;
	json_t *accounts;
	int rc;

	if (addr && keys_take_fpr(addr, fpr))
		return 0;
	if (!(accounts = keys_accounts(j, e)))
		return -1;
	if (!addr && json_array_size(accounts) != 1)
		rc = keys_refuse(j, e, "say whose: there are %zu accounts",
		                 json_array_size(accounts));
	else if (!addr || is_account(accounts, addr))
		rc = keys_own(j, addr ? addr : json_string_value(
			      json_array_get(accounts, 0)), fpr, e);
	else
		rc = theirs(j, addr, fpr, e);
	json_decref(accounts);
	return rc;
}

int keys_export(struct keys_job *j, struct err *e)
{
	char fpr[KEYS_FPR + 1];
	json_t *ok;

	if (to_export(j, fpr, e))
		return -1;
	ok = ask_call(&j->ask, "keys", json_pack("{s:s}", "export", fpr),
	              KEYS_SECONDS, e);
	if (!ok)
		return -1;
	fputs(keys_text(ok, "armor"), stdout);
	json_decref(ok);
	return 0;
}

/* ---- extend ---- */

/* What is to last longer. */
struct extended {
	char fpr[KEYS_FPR + 1];
	/* of its subkeys, the newest that opens and that which signs; "": none */
	char newest[2][KEYS_FPR + 1];
	unsigned long made[2];
};

/* Where gpg has the keys: 0, *home malloced or NULL; -1. */
static int home_of(const char *config, char **home, struct err *e)
{
	char *path = conf_path(config), *text = NULL;
	struct conf conf;
	size_t len;
	int rc = -1;

	*home = NULL;
	if (path && (text = conf_read(path, &len, e))
	    && conf_parse(&conf, path, text, len, e) == 0) {
		rc = conf.gnupghome && !(*home = strdup(conf.gnupghome))
		     ? err_errno(e, "memory") : 0;
		conf_free(&conf);
	}
	free(text);
	free(path);
	return rc;
}

/* Field n (from 1) of a line of gpg's, which ends by :. */
static const char *field(const char *line, int n, size_t *len)
{
	while (--n && *line && (line = strchr(line, ':')))
		line++;
	*len = line ? strcspn(line, ":") : 0;
	return line ? line : "";
}

/* One line of what gpg says of a key, see doc/DETAILS of GnuPG: sub, and the fpr
 * behind it. */
static void take_line(struct extended *x, const char *line, bool is[2],
                      unsigned long *made)
{
	size_t n;
	const char *f;

	if (strncmp(line, "sub:", 4) == 0) {
		bool revoked = field(line, 2, &n)[0] == 'r';

		*made = strtoul(field(line, 6, &n), NULL, 10);
		f = field(line, 12, &n);
		is[0] = !revoked && memchr(f, 'e', n);
		is[1] = !revoked && memchr(f, 's', n);
	} else if (strncmp(line, "fpr:", 4) == 0) {
		f = field(line, 10, &n);
		for (int i = 0; i < 2; i++)
			if (is[i] && n == KEYS_FPR && *made >= x->made[i]) {
				snprintf(x->newest[i], sizeof x->newest[i],
				         "%.*s", KEYS_FPR, f);
				x->made[i] = *made;
			}
		is[0] = is[1] = false;
	}
}

static int look_at_subkeys(struct extended *x, const char *home, struct err *e)
{
	const char *const args[] = { "--with-colons", "--fixed-list-mode",
	                             "--list-keys", x->fpr, NULL };
	struct membuf out;
	struct gpg_run r = { .home = home, .out = &out };
	bool is[2] = { false, false };
	unsigned long made = 0;
	char *line, *save = NULL;
	int rc;

	membuf_init(&out, LISTING_MAX);
	rc = gpg_run(&r, args, e) || sink_put(&out.sink, "", 1, e) ? -1 : 0;
	for (line = rc ? NULL : strtok_r(out.buf, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		take_line(x, line, is, &made);
	membuf_free(&out);
	return rc;
}

static int extend(struct extended *x, unsigned years, const char *home,
                  struct err *e)
{
	struct gpg_run r = { .home = home };
	const char *args[7] = { "--quick-set-expire", x->fpr };
	char end[8];
	int n = 3;

	snprintf(end, sizeof end, "%uy", years);
	args[2] = end;
	if (gpg_run(&r, args, e) || look_at_subkeys(x, home, e))
		return -1;
	if (x->newest[0][0])
		args[n++] = x->newest[0];
	if (x->newest[1][0] && strcmp(x->newest[0], x->newest[1]) != 0)
		args[n++] = x->newest[1];
	return n > 3 ? gpg_run(&r, args, e) : 0;
}

/* The keys of an account that end some time, or have: how many, or -1. */
static int ending(struct keys_job *j, const char *account, const char *fpr,
                  struct extended *x, int n, struct err *e)
{
	json_t *ok = keys_of(j, "account", account, e), *key;
	const char *is;
	bool known;
	size_t i;

	if (!ok)
		return -1;
	json_array_foreach(json_object_get(ok, "keys"), i, key) {
		is = keys_text(key, "fpr");
		known = !is || !keys_is(key, "secret") || keys_is(key, "revoked")
		        || !json_object_get(key, "expires") || n == EXTENDED_MAX
		        || (fpr[0] && strcmp(is, fpr) != 0);
		for (int k = 0; k < n && !known; k++)
			known = strcmp(x[k].fpr, is) == 0;
		if (!known && keys_take_fpr(is, x[n].fpr))
			n++;
	}
	json_decref(ok);
	return n;
}

/* Those that are meant: how many, or -1. */
static int to_extend(struct keys_job *j, json_t *accounts, struct extended *x,
                     struct err *e)
{
	const char *given = j->n ? j->word[0] : NULL, *addr;
	char fpr[KEYS_FPR + 1] = "";
	bool any = !given || keys_take_fpr(given, fpr);
	json_t *a;
	int n = 0;
	size_t i;

	if (!any)
		return is_account(accounts, given)
		       ? ending(j, given, "", x, 0, e)
		       : keys_refuse(j, e, "you have no account %s", given);
	if (!given)
		fpr[0] = '\0';
	json_array_foreach(accounts, i, a) {
		addr = json_string_value(a);
		if (n != -1)
			n = ending(j, addr, fpr, x, n, e);
	}
	return n;
}

static void print_extended(struct keys_job *j, json_t *accounts,
                           const char *fpr)
{
	char day[KEYS_DAY_MAX];
	const char *is;
	json_t *a, *ok, *key;
	size_t i, k;

	json_array_foreach(accounts, i, a) {
		ok = keys_of(j, "account", json_string_value(a), NULL);
		json_array_foreach(json_object_get(ok, "keys"), k, key) {
			is = keys_text(key, "fpr");
			if (!is || strcmp(is, fpr) != 0)
				continue;
			ask_print(json_string_value(a));
			fputs("\n  ", stdout);
			keys_print_fpr(fpr);
			printf("  until %s\n", keys_day(key, "expires", day)
			                       ? day : "?");
		}
		json_decref(ok);
	}
}

int keys_extend(struct keys_job *j, struct err *e)
{
	static struct extended x[EXTENDED_MAX];
	json_t *accounts;
	char *home = NULL;
	int n, rc = 0;

	if (home_of(j->config, &home, e))
		return -1;
	accounts = keys_accounts(j, e);
	n = accounts ? to_extend(j, accounts, x, e) : -1;
	for (int i = 0; i < n && rc == 0; i++)
		rc = extend(&x[i], j->years, home, e);
	for (int i = 0; i < n && rc == 0; i++)
		print_extended(j, accounts, x[i].fpr);
	if (n == 0)
		puts("no key of yours ends: there is nothing to do");
	else if (n > 0 && rc == 0)
		puts("Others get this with your next letters to them.");
	json_decref(accounts);
	free(home);
	return n == -1 ? -1 : rc;
}
