/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock backup and restore: nothing is lost with the computer. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/backup.h"
#include "agent/cmd.h"
#include "agent/file.h"
#include "agent/qr.h"
#include "agent/recovery.h"

static const char backup_usage[] =
"Usage: letterlock backup [-c FILE] [--force] [--qr | --no-qr] BACKUP\n"
"Saves your keys, those of others, what is known of your contacts, the\n"
"configuration and the key of verdicts in one file.  It is sealed to a recovery\n"
"code that is shown once: write it down, and keep it apart from the file.\n"
"\n"
"      --force        in place of a file that is there\n"
"      --qr           show the recovery code as a QR code too, for a phone to\n"
"                     keep (without it: where the terminal can show one)\n"
"      --no-qr        do not\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n"
"\n"
"GnuPG asks for the passphrases of your keys; they keep them in the backup.\n"
"Without Letterlock, gpg -d BACKUP | tar x opens it, too.\n";

static const char restore_usage[] =
"Usage: letterlock restore [-c FILE] [--force] BACKUP\n"
"Puts back what letterlock backup saved.  It asks for the recovery code (or reads\n"
"it from standard input).\n"
"\n"
"      --force        in place of a Letterlock that is set up here already\n"
"  -c, --config FILE  where the configuration goes (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0 done, 65 another code or a damaged file, 66 there is no such\n"
"file, 73 something is there already or cannot be written, 75 letterlockd runs.\n";

enum { QR_MAX = 64 << 10 };	/* octets of its picture */

struct wish {
	const char *name, *usage;
	const char *config, *file;
	bool force;
	int qr;			/* 1 or 0; -1: as the terminal can */
};

static int complain(const struct wish *w, const struct err *e)
{
	fprintf(stderr, "letterlock %s: %s\n", w->name, e->text);
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_BAD_PASSPHRASE: case GPG_ERR_BAD_DATA:
	case GPG_ERR_NO_SECKEY: return EX_DATAERR;
	case GPG_ERR_CONFIGURATION: return EX_CONFIG;
	case GPG_ERR_ENOENT: return EX_NOINPUT;
	case GPG_ERR_GENERAL: return EX_UNAVAILABLE;
	default: return EX_CANTCREAT;
	}
}

/* -1: go on; else the exit status. */
static int options(struct wish *w, int argc, char **argv)
{
	enum { OPT_FORCE = 256, OPT_QR, OPT_NO_QR };
	static const struct option restore_opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	}, backup_opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "help", no_argument, NULL, 'h' },
		{ "no-qr", no_argument, NULL, OPT_NO_QR },
		{ "qr", no_argument, NULL, OPT_QR },
		{ NULL, 0, NULL, 0 }
	};
	const struct option *opts = w->usage == backup_usage ? backup_opts
	                                                     : restore_opts;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) != -1)
		switch (c) {
		case OPT_QR: w->qr = 1; break;
		case OPT_NO_QR: w->qr = 0; break;
		case 'c': w->config = optarg; break;
		case OPT_FORCE: w->force = true; break;
		case 'h': fputs(w->usage, stdout); return 0;
		default: fputs(w->usage, stderr); return EX_USAGE;
		}
	if (optind + 1 != argc) {
		fputs(w->usage, stderr);
		return EX_USAGE;
	}
	w->file = argv[optind];
	return -1;
}

/* ---- backup ---- */

/* A backup that does not open is none: it is opened before it is written. */
static int make(const struct wish *w, const char *code_secret,
                struct membuf *sealed, struct err *e)
{
	struct backup_places places;
	struct membuf archive, again;
	int rc = -1;

	membuf_init(&archive, BACKUP_MAX);
	membuf_init(&again, BACKUP_MAX);
	if (backup_places(&places, w->config, false, e))
		return -1;
	if (backup_collect(&places, time(NULL), &archive, e)
	    || backup_seal(&archive, code_secret, sealed, e)
	    || backup_open(sealed->buf, sealed->len, code_secret, &again, e))
		goto out;
	if (again.len != archive.len
	    || memcmp(again.buf, archive.buf, again.len) != 0)
		err_set(e, gpg_error(GPG_ERR_GENERAL),
		        "What was sealed does not open as it was");
	else
		rc = 0;
out:
	membuf_free(&archive);
	membuf_free(&again);
	backup_places_free(&places);
	return rc;
}

/* The code is there to be copied as it is: without a picture it is all the same. */
static void print_qr(const char *code_secret)
{
	struct membuf m;

	membuf_init(&m, QR_MAX);
	if (qr_draw(code_secret, isatty(STDOUT_FILENO), &m.sink, NULL) == 0) {
		fwrite(m.buf, 1, m.len, stdout);
		putchar('\n');
	}
	membuf_free(&m);
}

static int show_code(const struct wish *w, const char *code_secret)
{
	printf("The recovery code of %s, shown only now:\n\n    %s\n\n",
	       w->file, code_secret);
	if (w->qr == 1 || (w->qr == -1 && qr_fits()))
		print_qr(code_secret);
	puts("Write it on paper and keep it apart from the file.  Who has both "
	     "has your keys, but\nfor their passphrases.");
	return fflush(stdout) ? -1 : 0;
}

/* The code comes first: a file whose code nobody saw would look like a backup, or
 * stand in the place of one. */
static int backup(const struct wish *w)
{
	char code_secret[RECOVERY_SIZE];
	struct membuf sealed;
	struct err e;
	int rc = 0;

	if (!w->force && access(w->file, F_OK) == 0) {
		fprintf(stderr, "letterlock backup: %s is there already; "
		        "--force writes it anew\n", w->file);
		return EX_CANTCREAT;
	}
	membuf_init(&sealed, BACKUP_MAX);
	if (recovery_make(code_secret, &e)
	    || make(w, code_secret, &sealed, &e)) {
		rc = complain(w, &e);
	} else if (show_code(w, code_secret)) {
		fprintf(stderr, "letterlock backup: the recovery code could not "
		        "be shown, so nothing was written\n");
		rc = EX_IOERR;
	} else if (file_write(w->file, sealed.buf, sealed.len, 0600, &e)) {
		rc = complain(w, &e);
	} else {
		printf("%s is written.\n", w->file);
	}
	explicit_bzero(code_secret, sizeof code_secret);
	membuf_free(&sealed);
	return !rc && fflush(stdout) ? EX_IOERR : rc;
}

int cmd_backup_make(const char *config, const char *file, bool force)
{
	const struct wish w = { .name = "backup", .config = config,
	                        .file = file, .force = force, .qr = -1 };

	return backup(&w);
}

int cmd_backup(int argc, char **argv)
{
	struct wish w = { .name = "backup", .usage = backup_usage, .qr = -1 };
	int rc = options(&w, argc, argv);

	return rc == -1 ? backup(&w) : rc;
}

/* ---- restore ---- */

/* One line, unseen where it is typed. */
static bool ask_code(char code_secret[RECOVERY_SIZE])
{
	char line_secret[200] = "";
	struct termios was, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &was) == 0, ok;

	if (tty) {
		fputs("Recovery code: ", stderr);
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	ok = fgets(line_secret, sizeof line_secret, stdin)
	     && recovery_read(line_secret, code_secret);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	explicit_bzero(line_secret, sizeof line_secret);
	return ok;
}

/* What it has in memory would be written over what is put back. */
static bool agent_runs(void)
{
	struct ask a;
	struct err e;

	if (ask_open(&a, &e))
		return false;
	ask_close(&a);
	return true;
}

static int put_back(const struct wish *w, const char *code_secret,
                    struct err *e)
{
	struct backup_places places;
	struct membuf archive;
	char *sealed;
	size_t n;
	int rc;

	if (!(sealed = file_read(w->file, BACKUP_MAX, &n, e)))
		return -1;
	membuf_init(&archive, BACKUP_MAX);
	rc = backup_open(sealed, n, code_secret, &archive, e);
	free(sealed);
	if (rc == 0 && (rc = backup_places(&places, w->config, true, e)) == 0) {
		rc = backup_put_back(&places, &archive, w->force, e);
		if (rc == 0)
			printf("Restored: your keys, your contacts, and %s.\n"
			       "Start letterlockd now.\n", places.conf);
		backup_places_free(&places);
	}
	membuf_free(&archive);
	return rc;
}

int cmd_restore(int argc, char **argv)
{
	struct wish w = { .name = "restore", .usage = restore_usage };
	char code_secret[RECOVERY_SIZE];
	struct err e;
	int rc = options(&w, argc, argv);

	if (rc != -1)
		return rc;
	if (agent_runs()) {
		fputs("letterlock restore: letterlockd runs.  Stop it first, "
		      "then try again\n", stderr);
		return EX_TEMPFAIL;
	}
	if (access(w.file, R_OK)) {
		err_errno(&e, w.file);
		return complain(&w, &e);
	}
	if (!ask_code(code_secret)) {
		fputs("letterlock restore: this is no recovery code, or it is "
		      "mistyped: it has 28 letters and digits\n", stderr);
		return EX_DATAERR;
	}
	rc = put_back(&w, code_secret, &e);
	explicit_bzero(code_secret, sizeof code_secret);
	return rc ? complain(&w, &e) : 0;
}
