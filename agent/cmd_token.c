/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock token: what a mail program uses in place of a password. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/cmd.h"
#include "agent/conf.h"
#include "agent/token.h"

static const char usage[] =
"Usage: letterlock token [-c FILE] [ADDRESS]\n"
"       letterlock token [-c FILE] --remove ADDRESS\n"
"       letterlock token --list\n"
"Makes a token for an account whose password a command tells the agent\n"
"(credentials = command in letterlock.conf(5)).  Put it into your mail program\n"
"as the password.  It is shown once; a new one takes the place of the old.\n"
"\n"
"      --list         which accounts have one, and since when\n"
"      --remove       take it back: nobody can log in with it any more\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n";

static int complain(const struct err *e, int status)
{
	fprintf(stderr, "letterlock token: %s\n", e->text);
	return status;
}

static int list(const char *dir)
{
	struct tokens t;
	struct err e;
	char day[32];

	if (tokens_read(dir, &t, &e))
		return complain(&e, EX_DATAERR);
	for (size_t i = 0; i < t.n; i++) {
		time_t since = (time_t)t.token[i].since;
		struct tm tm;

		if (!localtime_r(&since, &tm)
		    || !strftime(day, sizeof day, "%Y-%m-%d", &tm))
			memcpy(day, "?", 2);
		printf("%s  since %s\n", t.token[i].address, day);
	}
	tokens_free(&t);
	return fflush(stdout) ? EX_IOERR : 0;
}

static int take_back(const char *dir, const char *address)
{
	struct err e;
	bool had;

	if (token_remove(dir, address, &had, &e))
		return complain(&e, EX_CANTCREAT);
	if (had)
		return 0;
	err_set(&e, gpg_error(GPG_ERR_NOT_FOUND), "%s has no token", address);
	return complain(&e, EX_DATAERR);
}

/* The account of this name, or the only one with a command. */
static const struct account *choose(const struct conf *conf, const char *name,
                                    struct err *e)
{
	const struct account *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < conf->n_accounts; i++) {
		const struct account *a = &conf->account[i];

		if (name ? !addr_same(a->address, name) : !a->command)
			continue;
		found = a;
		n++;
	}
	if (n == 1)
		return found;
	if (name)
		err_set(e, gpg_error(GPG_ERR_NOT_FOUND),
		        "%s: there is no account %s", conf->path, name);
	else if (n)
		err_set(e, gpg_error(GPG_ERR_AMBIGUOUS), "for which account? "
		        "Say its address");
	else
		err_set(e, gpg_error(GPG_ERR_NOT_FOUND), "%s: no account has "
		        "credentials = command, so none needs a token",
		        conf->path);
	return NULL;
}

static int make(const struct conf *conf, const char *dir, const char *name)
{
	char text_secret[TOKEN_TEXT];
	const struct account *a;
	struct err e;
	int rc;

	if (!(a = choose(conf, name, &e)))
		return complain(&e, EX_USAGE);
	if (token_make(dir, a->address, time(NULL), text_secret, &e))
		return complain(&e, EX_CANTCREAT);
	rc = puts(text_secret) < 0 || fflush(stdout) ? EX_IOERR : 0;
	explicit_bzero(text_secret, sizeof text_secret);
	if (rc)
		return rc;
	fprintf(stderr, "\nThis is the token for %s.  Put it into your mail "
	        "program as the password,\nfor sending and for receiving.  It "
	        "is not shown again.\n", a->address);
	if (!a->command)
		fprintf(stderr, "\nIt is of no use yet: this account has "
		        "credentials = client, and its own\npassword is what "
		        "counts.  See credentials in letterlock.conf(5).\n");
	return 0;
}

static int make_in(const char *config, const char *dir, const char *name)
{
	static struct conf conf;
	char *path = conf_path(config), *text = NULL;
	struct err e;
	size_t len;
	int rc;

	if (!path)
		err_set(&e, gpg_error(GPG_ERR_CONFIGURATION),
		        "no home folder is known");
	if (!path || !(text = conf_read(path, &len, &e))
	    || conf_parse(&conf, path, text, len, &e)) {
		rc = complain(&e, EX_CONFIG);
	} else {
		rc = make(&conf, dir, name);
		conf_free(&conf);
	}
	free(text);
	free(path);
	return rc;
}

int cmd_token(int argc, char **argv)
{
	enum { MAKE, LIST = 256, REMOVE };
	static const struct option opts[] = {
		{ "list", no_argument, NULL, LIST },
		{ "remove", no_argument, NULL, REMOVE },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *config = NULL, *name;
	int c, what = MAKE, rc;
	struct err e;
	char *dir;

	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) != -1)
		switch (c) {
		case LIST:
		case REMOVE: what = what == MAKE ? c : -1; break;
		case 'c': config = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: what = -1; break;
		}
	name = optind < argc ? argv[optind] : NULL;
	if (what == -1 || argc > optind + 1 || (what == LIST && name)
	    || (what == REMOVE && !name)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (!(dir = conf_state_dir(&e)))
		return complain(&e, EX_CANTCREAT);
	rc = what == LIST ? list(dir) : what == REMOVE ? take_back(dir, name)
	     : make_in(config, dir, name);
	free(dir);
	return rc;
}
