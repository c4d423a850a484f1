/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock open: a letter from standard input, opened, to standard output. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/keeper.h"
#include "agent/rig.h"

static const char usage[] =
"Usage: letterlock open [-c FILE] [--verdict] < letter > opened\n"
"Decrypts and verifies a letter as the agent would when you fetch it.  The\n"
"first header of what is written, Letterlock-Status, says what was found.\n"
"\n"
"      --verdict      write the verdict alone; of a letter that was handed over\n"
"                     by an agent once and then stored: what its verdict is\n"
"                     worth now (genuine, changed, other, forged), and the verdict\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help         this text\n"
"\n"
"Exit status: 0 opened or not sealed, 65 sealed and not to be opened (the\n"
"letter is written as it came) or a verdict that is not genuine, 75 your key is\n"
"locked.\n";

enum { FIRST_LINE_MAX = 1100 };

struct job {
	struct rig rig;
	bool verdict_only;
	char first[FIRST_LINE_MAX];	/* the verdict */
	size_t first_len;
	bool checked;		/* it has been handed over before */
	enum verdict_check check;
	char text[VERDICT_LINE_MAX];	/* of the verdict then */
};

/* A process that feeds the letter, as upstream would. */
static pid_t feeder_start(struct job *j)
{
	static char buf[FRAME_DATA];
	pid_t pid = fork();
	ssize_t n;

	if (pid)
		return pid;
	chan_close(&j->rig.to_mime);
	chan_close(&j->rig.to_crypt);
	while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
		if (chan_send(&j->rig.pipe, P_DATA, buf, (size_t)n, NULL))
			_exit(EX_SOFTWARE);
	if (n == 0)
		chan_send(&j->rig.pipe, P_END, NULL, 0, NULL);
	_exit(n == 0 ? 0 : EX_IOERR);
}

/* Keep the first line, and write what is wanted. */
static int write_out(struct job *j, const unsigned char *p, size_t n,
                     struct err *e)
{
	for (size_t i = 0; i < n && j->first_len < sizeof j->first - 1
	     && !strchr(j->first, '\n'); i++)
		j->first[j->first_len++] = (char)p[i];
	if (j->verdict_only)
		return 0;
	return fwrite(p, 1, n, stdout) == n ? 0
	       : err_errno(e, "standard output");
}

/* mime reads, in its box, what the keeper judges: an overtaken one has no verdict
 * with a MAC to offer but the letter's own. */
static int take_check(struct job *j, const struct frame *f, struct err *e)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	struct unpack u;
	bool strict;

	unpack_init(&u, f);
	strict = unpack_u32(&u) != 0;
	unpack_str(&u, j->text, sizeof j->text);
	unpack_mem(&u, digest, sizeof digest);
	unpack_mem(&u, body, sizeof body);
	unpack_u32(&u);
	unpack_u64(&u);
	if (!unpack_end(&u))
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "a part of the agent went wrong");
	j->checked = true;
	j->check = VERDICT_FORGED;
	if (!strict)
		return 0;
	return keeper_check(&j->rig.to_keeper, j->text, digest, body, &j->check,
	                    e);
}

static int take_letter(struct job *j, struct err *e)
{
	char words[900];
	struct unpack u;
	struct frame f;

	for (;;) {
		if (chan_recv(&j->rig.to_mime, &f, e))
			return -1;
		if (f.type != M_DATA)
			break;
		if (write_out(j, f.data, f.len, e))
			return -1;
	}
	if (f.type == M_CHECKED)
		return take_check(j, &f, e);
	if (f.type == M_END)
		return fflush(stdout) ? err_errno(e, "standard output") : 0;
	unpack_init(&u, &f);
	unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	return err_set(e, gpg_error(GPG_ERR_CANCELED), "%s", words
	               + (strncmp(words, "[SYS/TEMP] ", 11) == 0 ? 11 : 0));
}

static int open_letter(struct job *j, struct err *e)
{
	struct pack p;

	if (feeder_start(j) < 0)
		return err_errno(e, "fork");
	chan_close(&j->rig.pipe);
	pack_init(&p);
	pack_u32(&p, j->verdict_only ? FETCHED_BEFORE : FETCHED_ALL);
	pack_u32(&p, 0);
	pack_u32(&p, false);	/* a file tells nothing of who is a peer */
	if (pack_send(&p, &j->rig.to_mime, M_OPEN, e))
		return -1;
	return take_letter(j, e);
}

/* Nothing of a stranger's gets to a terminal but printable ASCII. */
static int print_check(struct job *j)
{
	static const char *const words[] = {
		[VERDICT_GENUINE] = "genuine", [VERDICT_CHANGED] = "changed",
		[VERDICT_OTHER_KEY] = "other", [VERDICT_FORGED] = "forged"
	};

	if ((unsigned)j->check > VERDICT_FORGED)
		j->check = VERDICT_FORGED;
	for (char *p = j->text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	printf("%s; %s\n", words[j->check], j->text);
	return j->check == VERDICT_GENUINE ? 0 : EX_DATAERR;
}

int cmd_open(int argc, char **argv)
{
	enum { OPT_VERDICT = 256 };
	static const struct option opts[] = {
		{ "verdict", no_argument, NULL, OPT_VERDICT },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	static struct job j;
	const char *config = NULL, *status;
	struct err e = { .text = "" };
	int c, rc;

	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) != -1)
		switch (c) {
		case OPT_VERDICT: j.verdict_only = true; break;
		case 'c': config = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (rig_start(&j.rig, config, NULL, SESSION_POP3, &e)) {
		fprintf(stderr, "letterlock open: %s\n", e.text);
		return gpg_err_code(e.code) == GPG_ERR_CONFIGURATION
		       ? EX_CONFIG : EX_SOFTWARE;
	}
	rc = open_letter(&j, &e);
	rig_stop(&j.rig);
	if (rc) {
		fprintf(stderr, "letterlock open: %s\n", e.text);
		return gpg_err_code(e.code) == GPG_ERR_CANCELED ? EX_TEMPFAIL
		       : EX_SOFTWARE;
	}
	if (j.checked)
		return print_check(&j);
	if (j.verdict_only && (status = strchr(j.first, ':')))
		printf("%.*s\n", (int)strcspn(status + 2, "\r\n"), status + 2);
	return strstr(j.first, "encryption=failed") ? EX_DATAERR : 0;
}
