/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock setup: from an address to a configuration that works. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/box.h"
#include "agent/cmd.h"
#include "agent/conf_value.h"
#include "agent/setup_end.h"
#include "crypto/idn.h"

static const char usage[] =
"Usage: letterlock setup [OPTION]... ADDRESS\n"
"Finds your provider's servers, logs in to them, finds or makes your key and\n"
"writes the configuration.  Run it again whenever something is not well: what is\n"
"right stays as it is.\n"
"\n"
"      --smtp SERVER      where to send, such as 'mail.example.org:465 tls' or\n"
"                         'mail.example.org:587 starttls'\n"
"      --pop3 SERVER      where to fetch, such as 'mail.example.org:995 tls'\n"
"      --user NAME        the login, where it is not the address\n"
"      --ca-file FILE     an authority (PEM) that vouches for the servers\n"
"      --sending-only     fetch as before; so it is where Thunderbird has an IMAP\n"
"                         account for the address\n"
"      --with-pop3        fetch through the agent even then\n"
"      --password-fd N    read the password from this descriptor, a line\n"
"      --password-command COMMAND, --token-command COMMAND\n"
"                         have this command tell the agent the password, or an\n"
"                         OAuth token, instead of the mail program\n"
"      --no-login         do not try the servers, and need no password\n"
"      --offline          ask nobody: as with each --no- of the next and --no-wkd\n"
"      --no-isp           not in Thunderbird's list of providers\n"
"      --no-autoconfig    not at the domain's web server\n"
"      --ispdb            in Mozilla's list, too, which learns the domain by that\n"
"      --no-dns           not in DNS\n"
"      --no-guess         not by the usual names\n"
"      --isp-dir DIR      that list (default: " SETUP_ISP_DIR ")\n"
"      --no-wkd           do not look for a key of yours at the provider (WKD)\n"
"      --key FINGERPRINT  the key to use, where there are several\n"
"      --new-key          make a new key, even where there is one\n"
"      --name NAME        your name, for a new key\n"
"      --passphrase-fd N  read the passphrase of a new key there, a line\n"
"      --no-passphrase    protect a new key by none\n"
"      --listen-smtp ADDRESS, --listen-pop3 ADDRESS\n"
"                         where mail programs connect (see submission and pop3\n"
"                         in letterlock.conf(5))\n"
"      --thunderbird      have Thunderbird's account send through the agent, and\n"
"                         take the add-on; or have it find the agent when you add\n"
"                         the account\n"
"      --no-thunderbird   do not ask for that\n"
"      --units WHICH      who holds the ports: systemd for you (system), your own\n"
"                         systemd (user), letterlockd itself (none); default: the\n"
"                         first of these that can be had\n"
"      --no-start         do not start the agent\n"
"      --no-welcome       send no letter to yourself to see that it works\n"
"      --welcome-wait N   wait as many seconds for it (default: 60)\n"
"      --backup FILE      make a backup, whose recovery code is shown once\n"
"      --no-backup        do not ask for one\n"
"  -y, --yes              ask nothing, and do what would be asked\n"
"  -c, --config FILE      the configuration (default:\n"
"                         $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 done, 64 wrong usage, 65 a key is there that can't be used yet,\n"
"69 a server or GnuPG does not work, 73 a file could not be written, 77 the\n"
"password was refused, 78 the configuration is wrong.\n";

struct job {
	struct setup s;
	const char *config;
	int password_fd, passphrase_fd;
};

/* ---- before anything ---- */

static int say_provider(const struct setup *s)
{
	const struct setup_provider *p = s->provider;

	if (!p)
		return 0;
	if (s->by_mx)
		printf("%s has its mail with %s, DNS says.\n", s->domain,
		       p->name);
	switch (p->works) {
	case SETUP_WORKS:
		printf("%s works.\n", p->name);
		break;
	case SETUP_APP_PASSWORD:
		printf("%s works, with a password of its own for mail programs.\n",
		       p->name);
		break;
	case SETUP_NOT_YET:
		if (s->no_login || s->server[SESSION_SMTP] || s->old
		    || (s->oauth && p->smtp))
			break;
		if (s->by_mx) {		/* which may be only where mail goes through */
			printf("%s does not work by this command yet.\n",
			       p->name);
			break;
		}
		return setup_fail(EX_UNAVAILABLE, "%s does not work by this "
		                  "command yet: %s", p->name, p->todo);
	}
	if (p->todo && !s->oauth)
		printf("%s\n", p->todo);
	if (!p->pop3 && !s->by_mx && !s->server[SESSION_POP3] && !s->sending_only)
		return setup_fail(EX_USAGE, "%s has no POP3: say --sending-only",
		                  p->name);
	return 0;
}

static int get_password(struct job *w)
{
	struct setup *s = &w->s;
	char question[ADDR_MAX + 64];
	struct err e;

	if (s->command)
		return setup_command(s);
	/* a command of the user's tells it then, and to the agent alone */
	if (s->old && s->old->command)
		s->no_login = true;
	if (s->no_login)
		return 0;
	if (w->password_fd == -1 && s->yes)
		return setup_fail(EX_USAGE, "the password is wanted: --password-fd "
		                  "N (or --no-login)");
	snprintf(question, sizeof question, "Password for %s at the provider: ",
	         s->address);
	s->password_secret = setup_secret(question, w->password_fd, &e);
	return s->password_secret ? 0 : setup_fail(EX_USAGE, "%s", e.text);
}

static void choose_key(struct setup *s)
{
	s->key.address = s->address;
	s->key.home = s->has_conf ? s->conf.gnupghome : NULL;
	s->name_key = s->key.fpr != NULL;
	if (!s->key.fpr && s->old)
		s->key.fpr = s->old->key;
}

/* It works from here on: one step that fails does not keep the others back. */
static int finish(struct setup *s)
{
	int rc = setup_run_agent(s), next;

	if (!rc)
		setup_agent_places(s);
	if (!s->thunderbird && !s->no_thunderbird && !s->yes
	    && setup_thunderbird_has(s))
		s->thunderbird = setup_ask(s, "Have Thunderbird send as %s "
		                           "through Letterlock, and take its "
		                           "add-on?", s->address);
	next = s->thunderbird ? setup_thunderbird(s) : 0;
	if (!rc)
		rc = next ? next : setup_welcome(s);
	next = setup_backup(s);
	if (!rc)
		rc = next;
	setup_tell(s);
	return rc;
}

static int run(struct job *w)
{
	struct setup *s = &w->s;
	char *pass_secret = NULL;
	struct err e;
	int rc;

	if ((rc = setup_conf_read(s, w->config)))
		return rc;
	setup_know(s);
	setup_imap(s);
	if ((rc = say_provider(s)) || (rc = get_password(w)))
		return rc;
	if (w->passphrase_fd != -1
	    && !(pass_secret = setup_secret("", w->passphrase_fd, &e)))
		return setup_fail(EX_USAGE, "%s", e.text);
	s->key.passphrase_secret = pass_secret;
	choose_key(s);
	rc = setup_servers(s);
	if (s->command)
		setup_forget(s);	/* a mail program will not have it either */
	if (!rc)
		rc = setup_own_key(s);
	if (!rc)
		rc = setup_units(s);
	if (!rc)
		rc = setup_write(s);
	if (!rc)
		rc = finish(s);
	if (pass_secret)
		explicit_bzero(pass_secret, strlen(pass_secret));
	free(pass_secret);
	return rc;
}

/* ---- the command line ---- */

static int usage_error(const char *words)
{
	if (words)
		setup_fail(EX_USAGE, "%s", words);
	fputs("Try: letterlock help setup\n", stderr);
	return EX_USAGE;
}

static int number(const char *text, int *out)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (!*text || *end || v < 0 || v > 1023)
		return -1;
	*out = (int)v;
	return 0;
}

static int start(struct job *w, int argc, char **argv)
{
	if (argc != 1)
		return usage_error("one address is wanted");
	w->s.address = argv[0];
	if (!addr_ok(argv[0]))
		return usage_error("an address such as alice@example.org is "
		                   "wanted");
	w->s.domain = strrchr(argv[0], '@') + 1;
	if (!idn_to_ascii(w->s.domain, w->s.ascii, sizeof w->s.ascii))
		w->s.ascii[0] = '\0';	/* it can't be looked for */
	return run(w);
}

static int take_server(struct setup *s, enum session_kind kind)
{
	const struct conf_value v = { .path = "", .key = "", .text = optarg };
	struct server got = { .host = NULL };

	if (conf_value_server(&v, &got, NULL))
		return usage_error("a server is wanted as HOST:PORT and one of tls, "
		                   "starttls, such as 'mail.example.org:465 tls'");
	free(got.host);
	s->server[kind] = optarg;
	return 0;
}

static int take_units(struct setup *s)
{
	static const char *const word[] = { [UNITS_SYSTEM] = "system",
		[UNITS_USER] = "user", [UNITS_NONE] = "none" };

	for (int i = UNITS_SYSTEM; i <= UNITS_NONE; i++)
		if (strcmp(optarg, word[i]) == 0) {
			s->units = (enum setup_units)i;
			return 0;
		}
	return usage_error("--units wants one of system, user, none");
}

enum {
	OPT_SMTP = 256, OPT_POP3, OPT_USER, OPT_CA, OPT_SENDING, OPT_PASSWORD,
	OPT_PASSWORD_COMMAND, OPT_TOKEN_COMMAND, OPT_NO_LOGIN, OPT_OFFLINE,
	OPT_NO_ISP, OPT_NO_AUTOCONFIG, OPT_ISPDB, OPT_NO_WKD, OPT_NO_DNS,
	OPT_NO_GUESS,
	OPT_ISP_DIR, OPT_THUNDERBIRD, OPT_KEY, OPT_NEW, OPT_NAME, OPT_PASSPHRASE,
	OPT_NO_PASSPHRASE, OPT_LISTEN_SMTP, OPT_LISTEN_POP3, OPT_UNITS,
	OPT_NO_START, OPT_NO_WELCOME, OPT_WITH_POP3, OPT_BACKUP, OPT_NO_BACKUP,
	OPT_WAIT, OPT_NO_THUNDERBIRD
};
static const struct option opts[] = {
	{ "smtp", required_argument, NULL, OPT_SMTP },
	{ "pop3", required_argument, NULL, OPT_POP3 },
	{ "user", required_argument, NULL, OPT_USER },
	{ "ca-file", required_argument, NULL, OPT_CA },
	{ "sending-only", no_argument, NULL, OPT_SENDING },
	{ "password-fd", required_argument, NULL, OPT_PASSWORD },
	{ "password-command", required_argument, NULL, OPT_PASSWORD_COMMAND },
	{ "token-command", required_argument, NULL, OPT_TOKEN_COMMAND },
	{ "no-login", no_argument, NULL, OPT_NO_LOGIN },
	{ "offline", no_argument, NULL, OPT_OFFLINE },
	{ "no-isp", no_argument, NULL, OPT_NO_ISP },
	{ "no-autoconfig", no_argument, NULL, OPT_NO_AUTOCONFIG },
	{ "ispdb", no_argument, NULL, OPT_ISPDB },
	{ "no-wkd", no_argument, NULL, OPT_NO_WKD },
	{ "no-dns", no_argument, NULL, OPT_NO_DNS },
	{ "no-guess", no_argument, NULL, OPT_NO_GUESS },
	{ "isp-dir", required_argument, NULL, OPT_ISP_DIR },
	{ "thunderbird", no_argument, NULL, OPT_THUNDERBIRD },
	{ "no-thunderbird", no_argument, NULL, OPT_NO_THUNDERBIRD },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "new-key", no_argument, NULL, OPT_NEW },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "passphrase-fd", required_argument, NULL, OPT_PASSPHRASE },
	{ "no-passphrase", no_argument, NULL, OPT_NO_PASSPHRASE },
	{ "listen-smtp", required_argument, NULL, OPT_LISTEN_SMTP },
	{ "listen-pop3", required_argument, NULL, OPT_LISTEN_POP3 },
	{ "units", required_argument, NULL, OPT_UNITS },
	{ "no-start", no_argument, NULL, OPT_NO_START },
	{ "no-welcome", no_argument, NULL, OPT_NO_WELCOME },
	{ "welcome-wait", required_argument, NULL, OPT_WAIT },
	{ "with-pop3", no_argument, NULL, OPT_WITH_POP3 },
	{ "backup", required_argument, NULL, OPT_BACKUP },
	{ "no-backup", no_argument, NULL, OPT_NO_BACKUP },
	{ "yes", no_argument, NULL, 'y' },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

/* 0, an exit status, or -1 for help. */
static int take(struct job *w, int c)
{
	struct setup *s = &w->s;

	switch (c) {
	case OPT_SMTP: return take_server(s, SESSION_SMTP);
	case OPT_POP3: return take_server(s, SESSION_POP3);
	case OPT_USER: s->user = optarg; return 0;
	case OPT_CA:
		free(s->ca_file);
		if (!(s->ca_file = realpath(optarg, NULL)))
			return setup_fail(EX_NOINPUT, "%s: %s", optarg,
			                  strerror(errno));
		return 0;
	case OPT_SENDING: s->sending_only = true; return 0;
	case OPT_PASSWORD:
		return number(optarg, &w->password_fd)
		       ? usage_error("--password-fd wants a number") : 0;
	case OPT_PASSWORD_COMMAND: case OPT_TOKEN_COMMAND:
		s->command = optarg;
		s->oauth = c == OPT_TOKEN_COMMAND;
		return 0;
	case OPT_NO_LOGIN: s->no_login = true; return 0;
	case OPT_OFFLINE:
		s->no_isp = s->no_autoconfig = s->no_dns = s->no_guess = true;
		s->no_wkd = true;
		return 0;
	case OPT_NO_ISP: s->no_isp = true; return 0;
	case OPT_NO_AUTOCONFIG: s->no_autoconfig = true; return 0;
	case OPT_NO_WKD: s->no_wkd = true; return 0;
	case OPT_ISPDB: s->ispdb = true; return 0;
	case OPT_NO_DNS: s->no_dns = true; return 0;
	case OPT_NO_GUESS: s->no_guess = true; return 0;
	case OPT_ISP_DIR: s->isp_dir = optarg; return 0;
	case OPT_THUNDERBIRD: s->thunderbird = true; return 0;
	case OPT_NO_THUNDERBIRD: s->no_thunderbird = true; return 0;
	case OPT_KEY: s->key.fpr = optarg; return 0;
	case OPT_NEW: s->key.anew = true; return 0;
	case OPT_NAME: s->key.name = optarg; return 0;
	case OPT_PASSPHRASE:
		return number(optarg, &w->passphrase_fd)
		       ? usage_error("--passphrase-fd wants a number") : 0;
	case OPT_NO_PASSPHRASE: s->key.no_passphrase = true; return 0;
	case OPT_LISTEN_SMTP: s->listen[SESSION_SMTP] = optarg; return 0;
	case OPT_LISTEN_POP3: s->listen[SESSION_POP3] = optarg; return 0;
	case OPT_UNITS: return take_units(s);
	case OPT_NO_START: s->no_start = true; return 0;
	case OPT_NO_WELCOME: s->no_welcome = true; return 0;
	case OPT_WAIT:
		return number(optarg, &s->welcome_wait)
		       ? usage_error("--welcome-wait wants a number") : 0;
	case OPT_WITH_POP3: s->with_pop3 = true; return 0;
	case OPT_BACKUP: s->backup = optarg; return 0;
	case OPT_NO_BACKUP: s->no_backup = true; return 0;
	case 'y': s->yes = true; return 0;
	case 'c': w->config = optarg; return 0;
	case 'h': return -1;
	default: return usage_error(NULL);
	}
}

int cmd_setup(int argc, char **argv)
{
	static struct job w = { .password_fd = -1, .passphrase_fd = -1,
	                        .s.isp_dir = SETUP_ISP_DIR,
	                        .s.welcome_wait = SETUP_WELCOME_WAIT };
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, "yc:h", opts, NULL)) != -1)
		rc = take(&w, c);
	if (rc == -1) {
		fputs(usage, stdout);
		return 0;
	}
	box_hide();		/* the password is nobody else's */
	if (!rc)
		rc = start(&w, argc - optind, argv + optind);
	setup_free(&w.s);
	if (fflush(stdout) || ferror(stdout))
		rc = rc ? rc : EX_IOERR;
	return rc;
}
