/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock certificate: what mail programs on this computer are shown for TLS. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/cert_file.h"
#include "agent/cmd.h"

static const char usage[] =
"Usage: letterlock certificate [show]\n"
"       letterlock certificate export [FILE]\n"
"       letterlock certificate make | renew [-n NAME]... [-c FILE]\n"
"The certificate that the agent shows to your mail program, where the two speak\n"
"TLS on this computer.\n"
"\n"
"  show    what it is, until when it is good, and how Thunderbird trusts it\n"
"  export  write the authority's certificate (PEM), which your mail program is\n"
"          to trust, to FILE or standard output; it is no secret\n"
"  make    make one, if there is none\n"
"  renew   make a new one instead of the old; your mail program must then be\n"
"          told to trust the new one\n"
"\n"
"  -n, --name NAME    a host name or IP address of this computer by which other\n"
"                     computers connect (allow-remote); may be repeated.\n"
"                     renew keeps the names there are if none is given\n"
"  -c, --config FILE  the configuration, whose listening addresses stand in it\n"
"                     (default: $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0, 66 there is none, 65 it is damaged or has ended, 64, 73, 78 as\n"
"in sysexits.h.\n";

static const char manual[] =
"\n"
"Thunderbird trusts it so:\n"
"  1. letterlock certificate export letterlock-ca.pem\n"
"  2. In Thunderbird: Settings, Privacy & Security, Certificates, Manage\n"
"     Certificates, Authorities, Import; choose the file, tick\n"
"     \"Trust this CA to identify websites\", OK\n"
"  3. Account Settings: choose STARTTLS (or SSL/TLS where letterlock.conf says\n"
"     tls) as connection security, both in Server Settings and for the Outgoing\n"
"     Server\n"
"By a command instead of 2, while Thunderbird is closed (package libnss3-tools):\n"
"     certutil -A -d sql:PROFILE -n Letterlock -t C,, -i letterlock-ca.pem\n";

struct job {
	const char *config, *dir;
	struct cert_names names;
	bool named;
};

static int complain(const struct err *e, int status)
{
	fprintf(stderr, "letterlock certificate: %s\n", e->text);
	return status;
}

/* The text of the one there is: 0, or an exit status (said). */
static int take(const char *dir, char **pem_secret, size_t *len)
{
	struct err e;
	int rc = cert_load(dir, pem_secret, len, &e);

	if (rc == 1)
		return 0;
	if (rc == -1)
		return complain(&e, EX_DATAERR);
	fputs("letterlock certificate: there is none yet. Make one: letterlock "
	      "certificate make\n", stderr);
	return EX_NOINPUT;
}

/* ---- show ---- */

static const char *day(time_t t)
{
	static char text[2][32];
	static int which;
	struct tm tm;

	which = !which;
	strftime(text[which], sizeof text[which], "%Y-%m-%d",
	         gmtime_r(&t, &tm));
	return text[which];
}

/* Does this file of Thunderbird's hold these octets?  What it deleted may still
 * be found, and what it was told of the trust is not looked for. */
static bool holds(const char *path, const char *der, size_t n)
{
	enum { DATABASE_MAX = 32 << 20 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *buf = NULL;
	size_t len = 0;
	ssize_t r;
	bool found = false;

	if (fd == -1)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
	    && st.st_size <= DATABASE_MAX
	    && (buf = malloc((size_t)st.st_size + 1))) {
		while (len < (size_t)st.st_size
		       && (r = read(fd, buf + len, (size_t)st.st_size - len))
		          > 0)
			len += (size_t)r;
		found = memmem(buf, len, der, n) != NULL;
	}
	free(buf);
	close(fd);
	return found;
}

static void show_profiles(const char *pem_secret, size_t len)
{
	static const char *const where[] = {
		"~/.thunderbird/*/cert9.db",
		"~/snap/thunderbird/common/.thunderbird/*/cert9.db",
		"~/.var/app/org.mozilla.Thunderbird/.thunderbird/*/cert9.db",
	};
	glob_t g = { 0 };
	size_t n;
	char *der;
	int flags = GLOB_TILDE;

	if (cert_authority(pem_secret, len, true, &der, &n, NULL))
		return;
	for (size_t i = 0; i < sizeof where / sizeof where[0]; i++) {
		glob(where[i], flags, NULL, &g);
		flags |= GLOB_APPEND;
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *path = g.gl_pathv[i], *slash = strrchr(path, '/');
		bool known = holds(path, der, n);

		if (slash)
			*slash = '\0';
		printf("Thunderbird: %s %s\n", path,
		       known ? "has it" : "does not have it");
	}
	globfree(&g);
	free(der);
}

static int show(const struct job *j)
{
	char *pem_secret;
	struct cert_look look;
	struct err e = { 0 };
	size_t len;
	int rc = take(j->dir, &pem_secret, &len);

	if (rc)
		return rc;
	if (cert_look(pem_secret, len, &look, &e)) {
		rc = complain(&e, EX_DATAERR);
		goto out;
	}
	printf("For:         localhost, 127.0.0.1, ::1");
	for (unsigned i = 0; i < look.names.n; i++)
		printf(", %s", look.names.name[i]);
	printf("\nGood:        from %s until %s\n", day(look.from),
	       day(look.until));
	printf("Authority:   its key was thrown away, so that it vouches for "
	       "nothing else; SHA-256\n             %s\n", look.authority);
	printf("Server:      SHA-256\n             %s\n", look.server);
	printf("File:        %s/" CERT_FILE "\n", j->dir);
	show_profiles(pem_secret, len);
	fputs(manual, stdout);
	if (cert_valid(&look, time(NULL), &e))
		rc = complain(&e, EX_DATAERR);
	else if (look.until - time(NULL) < CERT_SOON_DAYS * 86400L)
		printf("\nIt ends soon. Make a new one: letterlock certificate "
		       "renew\n");
out:
	cert_free(pem_secret, len);
	return rc;
}

/* ---- export ---- */

static int export_to(const char *file, const char *pem, size_t len)
{
	FILE *f = stdout;
	int fd;

	if (file) {
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd == -1 || !(f = fdopen(fd, "w"))) {
			if (fd != -1)
				close(fd);
			return -1;
		}
	}
	if (fwrite(pem, 1, len, f) != len) {
		if (file)
			fclose(f);
		return -1;
	}
	return file ? fclose(f) : fflush(f);
}

static int export(const struct job *j, const char *file)
{
	char *pem_secret, *ca = NULL;
	struct err e;
	size_t len, n;
	int rc = take(j->dir, &pem_secret, &len);

	if (rc)
		return rc;
	if (cert_authority(pem_secret, len, false, &ca, &n, &e)) {
		rc = complain(&e, EX_DATAERR);
	} else if (export_to(file, ca, n)) {
		err_errno(&e, file ? file : "standard output");
		rc = complain(&e, file ? EX_CANTCREAT : EX_IOERR);
	}
	free(ca);
	cert_free(pem_secret, len);
	return rc;
}

/* ---- make and renew ---- */

static int add_conf(struct job *j)
{
	char *path = conf_path(j->config), *text = NULL;
	struct conf conf;
	size_t len = 0;
	struct err e;
	int rc = EX_CONFIG;

	if (!j->config && path && access(path, F_OK) == -1) {
		rc = 0;		/* there need not be one yet */
		goto out;
	}
	err_set(&e, gpg_error(GPG_ERR_CONFIGURATION), "no home folder is known");
	if (!path || !(text = conf_read(path, &len, &e))
	    || conf_parse(&conf, path, text, len, &e)) {
		complain(&e, rc);
		goto out;
	}
	rc = cert_names_of_conf(&j->names, &conf, &e) ? complain(&e, EX_CONFIG)
	                                              : 0;
	conf_free(&conf);
out:
	free(text);
	free(path);
	return rc;
}

static void keep_names(struct job *j)
{
	struct cert_look old;
	char *pem_secret;
	size_t len;

	if (cert_load(j->dir, &pem_secret, &len, NULL) == 1
	    && cert_look(pem_secret, len, &old, NULL) == 0)
		j->names = old.names;
	cert_free(pem_secret, len);
}

static int make(struct job *j, bool over)
{
	char *pem_secret = NULL;
	size_t len = 0;
	struct err e;
	int rc;

	if (over && !j->named)
		keep_names(j);
	if ((rc = add_conf(j)))
		return rc;
	if (cert_make(&j->names, &pem_secret, &len, &e))
		return complain(&e, EX_SOFTWARE);
	rc = cert_store(j->dir, pem_secret, len, over, &e);
	cert_free(pem_secret, len);
	if (rc == -1)
		return complain(&e, EX_CANTCREAT);
	if (rc == 1)
		printf("There is one; it stays as it is.\n\n");
	else
		printf("A new certificate was made; sessions that begin now use "
		       "it.\n\n");
	return show(j);
}

/* ---- the command line ---- */

static int usage_error(const char *words)
{
	if (words)
		fprintf(stderr, "letterlock certificate: %s\n", words);
	fputs("Try: letterlock help certificate\n", stderr);
	return EX_USAGE;
}

static int run(struct job *j, int argc, char **argv)
{
	const char *what = argc ? argv[0] : "show";
	bool renew = strcmp(what, "renew") == 0;

	if (renew || strcmp(what, "make") == 0)
		return argc > 1 ? usage_error(NULL) : make(j, renew);
	if (j->named)
		return usage_error("--name goes with make and renew");
	if (strcmp(what, "export") == 0)
		return argc > 2 ? usage_error(NULL) : export(j, argv[1]);
	if (strcmp(what, "show") == 0)
		return argc > 1 ? usage_error(NULL) : show(j);
	return usage_error("one of show, export, make, renew is wanted");
}

int cmd_certificate(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	static struct job j;
	struct err e;
	char *dir;
	int c, rc;

	while ((c = getopt_long(argc, argv, "n:c:h", opts, NULL)) != -1)
		switch (c) {
		case 'n':
			j.named = true;
			if (cert_names_add(&j.names, optarg, &e))
				return complain(&e, EX_USAGE);
			break;
		case 'c': j.config = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return usage_error(NULL);
		}
	box_hide();		/* the keys are nobody else's */
	if (!(dir = conf_state_dir(&e)))
		return complain(&e, EX_CONFIG);
	j.dir = dir;
	rc = run(&j, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout))
		rc = rc ? rc : EX_IOERR;
	free(dir);
	return rc;
}
