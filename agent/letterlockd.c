/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlockd: the agent.  Started by a person or systemd it is the guard;
 * started by the guard with --role it is one of the roles. */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/guard.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "agent/roles.h"
#include "agent/spawn.h"

static const char usage[] =
"Usage: letterlockd [-c FILE] [-v]\n"
"Seals the mail you send and opens the mail you get.  Your mail client talks\n"
"to it as its outgoing (SMTP) and incoming (POP3) server on this computer.\n"
"\n"
"  -c, --config FILE  the configuration (default:\n"
"                     $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -t, --test         check the configuration and end\n"
"  -v, --verbose      say more on stderr (twice: still more)\n"
"  -q, --quiet        say errors only\n"
"  -h, --help         this text\n"
"      --version      the version\n"
"\n"
"It stays in the foreground; SIGTERM ends it.  See letterlockd(8) and\n"
"letterlock.conf(5).\n";

static int usage_error(void)
{
	fputs("Try: letterlockd --help\n", stderr);
	return EX_USAGE;
}

/* ---- as a role ---- */

static void take(struct chan *leash, struct chan *c)
{
	chan_init(c, chan_take_fd(leash));
}

static int run_front(const struct conf *conf, struct chan *leash,
                     enum session_kind kind)
{
	struct front_ends f = { .guard = *leash };

	f.client = chan_take_fd(&f.guard);
	take(&f.guard, &f.keeper);
	take(&f.guard, &f.mime);
	take(&f.guard, &f.crypt);
	take(&f.guard, &f.upstream);
	return front_run(conf, kind, &f);
}

static int run_mime(const struct conf *conf, struct chan *leash,
                    enum session_kind kind)
{
	struct mime_ends m;

	take(leash, &m.front);
	take(leash, &m.crypt);
	take(leash, &m.upstream);
	chan_close(leash);
	return mime_run(conf, kind, &m);
}

static int run_crypt(struct crypt *crypt, struct chan *leash,
                     enum session_kind kind)
{
	struct crypt_ends c;

	take(leash, &c.front);
	take(leash, &c.mime);
	take(leash, &c.keeper);
	chan_init(&c.upstream, -1);
	if (kind == SESSION_SMTP)
		take(leash, &c.upstream);
	c.spool[0] = chan_take_fd(leash);
	c.spool[1] = chan_take_fd(leash);
	chan_close(leash);
	return crypt_run(crypt, kind, &c);
}

static int run_upstream(struct upstream *up, struct chan *leash,
                        enum session_kind kind)
{
	struct upstream_ends u;

	take(leash, &u.front);
	take(leash, &u.pipe);
	chan_close(leash);
	return upstream_run(up, kind, &u);
}

/* What a spare does before a client comes, the wait, and its life. */
static int run_role(enum role role)
{
	static struct conf conf;
	struct crypt *crypt = NULL;
	struct upstream *up = NULL;
	struct chan leash;
	struct unpack u;
	struct frame f;
	struct err e;
	enum session_kind kind;

	if (spawn_arrive(role, &leash, &conf, &e) == -1) {
		log_error("%s", e.text);
		return EX_SOFTWARE;
	}
	if (role == ROLE_KEEPER)
		return keeper_run(&conf, &leash);
	if (role == ROLE_CRYPT && !(crypt = crypt_prepare(&conf)))
		return EX_UNAVAILABLE;
	if (role == ROLE_UPSTREAM && !(up = upstream_prepare(&conf)))
		return EX_UNAVAILABLE;
	if (chan_expect(&leash, G_START, &f, &e) == -1)
		return 0;	/* the guard has gone */
	unpack_init(&u, &f);
	kind = unpack_u32(&u) == SESSION_POP3 ? SESSION_POP3 : SESSION_SMTP;
	switch (role) {
	case ROLE_FRONT: return run_front(&conf, &leash, kind);
	case ROLE_MIME: return run_mime(&conf, &leash, kind);
	case ROLE_CRYPT: return run_crypt(crypt, &leash, kind);
	case ROLE_UPSTREAM: return run_upstream(up, &leash, kind);
	default: return EX_SOFTWARE;
	}
}

static int role_of(const char *name)
{
	for (int r = 0; r < ROLES; r++)
		if (strcmp(name, role_name[r]) == 0)
			return r;
	return -1;
}

/* ---- as the guard ---- */

static int run_guard(const char *given, bool test)
{
	struct conf conf;
	char *path = conf_path(given), *text = NULL;
	size_t len;
	struct err e;
	int rc = EX_CONFIG;

	if (!path || !(text = conf_read(path, &len, &e))
	    || conf_parse(&conf, path, text, len, &e)) {
		fprintf(stderr, "letterlockd: %s\n",
		        path ? e.text : "no home folder is known");
		goto out;
	}
	rc = 0;
	if (test)
		printf("%s: fine\n", path);
	else
		rc = guard_run(&conf, text, len);
	conf_free(&conf);
out:
	free(text);
	free(path);
	return rc;
}

int main(int argc, char **argv)
{
	enum { OPT_VERSION = 256, OPT_ROLE, OPT_LEVEL };
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "role", required_argument, NULL, OPT_ROLE },
		{ "level", required_argument, NULL, OPT_LEVEL },
		{ NULL, 0, NULL, 0 }
	};
	const char *config = NULL;
	bool test = false;
	int c, role = ROLES;

	while ((c = getopt_long(argc, argv, "c:tvqh", opts, NULL)) != -1)
		switch (c) {
		case 'c': config = optarg; break;
		case 't': test = true; break;
		case 'v': log_level++; break;
		case 'q': log_level = 0; break;
		case 'h': fputs(usage, stdout); return 0;
		case OPT_VERSION: puts(PACKAGE_STRING); return 0;
		case OPT_ROLE: role = role_of(optarg); break;
		case OPT_LEVEL: log_level = optarg[0] - '0'; break;
		default: return usage_error();
		}
	if (optind < argc || role == -1)
		return usage_error();
	if (role != ROLES)
		return run_role((enum role)role);
	return run_guard(config, test);
}
