/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent as systemd runs it, or else by itself: taken, started, given up. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/conf_value.h"
#include "agent/file.h"
#include "agent/setup_end.h"

enum { ARGS_MAX = 8, SAID_MAX = 64 << 10, UNIT_MAX = 64 };

/* As the units in agent/letterlock*.socket have them. */
static const struct place {
	uint16_t smtp, pop3;
	enum local_tls tls;
} place_of[] = {
	[UNITS_SYSTEM] = { 587, 110, LOCAL_OFFERED },
	[UNITS_USER] = { 1587, 1110, LOCAL_TLS },
};

/* ---- systemctl ---- */

static _Noreturn void child(const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	signal(SIGPIPE, SIG_DFL);
	if (null == -1 || dup2(null, 0) == -1 || dup2(out, 1) == -1
	    || dup2(out, 2) == -1)
		_exit(127);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(2, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* Run "systemctl ARGS", the list ending by NULL: its exit status, and what it said
 * with a NUL behind it. */
static int systemctl(enum setup_units units, const char *const args[],
                     char *said, size_t size)
{
	const char *argv[ARGS_MAX + 4] = { "systemctl" };
	int n = 1, fd[2], status = -1;
	size_t len = 0;
	ssize_t r;
	pid_t pid;

	argv[n++] = units == UNITS_USER ? "--user" : "--system";
	for (int i = 0; args[i] && i < ARGS_MAX; i++)
		argv[n++] = args[i];
	said[0] = '\0';
	if (pipe2(fd, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(argv, fd[1]);
	close(fd[1]);
	while (pid != -1 && len < size - 1) {
		r = read(fd[0], said + len, size - 1 - len);
		if (r <= 0 && !(r == -1 && errno == EINTR))
			break;
		len += r > 0 ? (size_t)r : 0;
	}
	close(fd[0]);
	while (len && (said[len - 1] == '\n' || said[len - 1] == ' '))
		len--;
	said[len] = '\0';
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return pid != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* "socket" or "service": each has a place of its own. */
static const char *unit(enum setup_units units, const char *kind)
{
	static char names[2][2][UNIT_MAX];
	char *name = names[units == UNITS_USER][kind[1] == 'e'];

	if (units == UNITS_USER)
		snprintf(name, UNIT_MAX, "letterlock.%s", kind);
	else
		snprintf(name, UNIT_MAX, "letterlock@%lu.%s",
		         (unsigned long)getuid(), kind);
	return name;
}

/* Does a manager run, and does it know the unit?  "offline" and words of a bus
 * that is not there are none. */
static bool has_unit(enum setup_units units)
{
	char said[SAID_MAX];
	const char *const state[] = { "is-system-running", NULL };
	const char *const load[] = { "show", "--property=LoadState",
	                             unit(units, "socket"), NULL };

	systemctl(units, state, said, sizeof said);
	if (strcmp(said, "running") != 0 && strcmp(said, "degraded") != 0
	    && strcmp(said, "starting") != 0)
		return false;
	return systemctl(units, load, said, sizeof said) == 0
	       && strcmp(said, "LoadState=loaded") == 0;
}

static bool is_active(enum setup_units units)
{
	char said[SAID_MAX];
	const char *const args[] = { "is-active", unit(units, "service"), NULL };

	return systemctl(units, args, said, sizeof said) == 0;
}

/* ---- may it be so? ---- */

static bool at(const struct listen *l, uint16_t port, enum local_tls tls)
{
	const struct sockaddr_in *in = (const void *)&l->addr;

	return in->sin_family == AF_INET && ntohs(in->sin_port) == port
	       && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK) && l->tls == tls;
}

/* Is what the user said, or wrote once, just what the unit has? */
static bool one_fits(const struct setup *s, enum session_kind kind,
                     uint16_t port, enum local_tls tls)
{
	const struct conf_value v = { .path = "", .key = "",
	                              .text = s->listen[kind] };
	struct listen got[CONF_LISTEN_MAX];
	unsigned n = 0;

	if (v.text)
		return conf_value_listen(&v, got, &n, NULL) == 0 && n == 1
		       && at(&got[0], port, tls);
	if (!s->has_conf)
		return true;
	return kind == SESSION_SMTP
	       ? s->conf.n_submission == 1
	         && at(&s->conf.submission[0], port, tls)
	       : s->conf.n_pop3 == 1 && at(&s->conf.pop3[0], port, tls);
}

static bool fits(const struct setup *s, enum setup_units units)
{
	const struct place *p = &place_of[units];

	return one_fits(s, SESSION_SMTP, p->smtp, p->tls)
	       && one_fits(s, SESSION_POP3, p->pop3, p->tls);
}

/* A service sees nothing of this shell's environment. */
static bool usual_folders(const struct setup *s)
{
	const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
	char *conf = home ? file_path(home, "/.config/letterlock/letterlock.conf",
	                              NULL) : NULL;
	char *dir = home ? file_path(home, "/.local/state", NULL) : NULL;
	char *real = conf ? realpath(conf, NULL) : NULL;
	bool usual = conf && dir && (strcmp(s->conf_path, conf) == 0
	             || (real && strcmp(s->conf_path, real) == 0))
	             && (!state || !*state || strcmp(state, dir) == 0);

	free(real);
	free(dir);
	free(conf);
	return usual;
}

/* The system's unit may write below these folders only. */
static bool home_is_writable(void)
{
	char said[SAID_MAX], *save = NULL, *dir;
	const char *const args[] = { "show", "--property=ReadWritePaths",
	                             unit(UNITS_SYSTEM, "service"), NULL };
	const char *home = getenv("HOME");
	size_t n;

	if (!home || systemctl(UNITS_SYSTEM, args, said, sizeof said))
		return false;
	for (dir = strtok_r(said + strcspn(said, "=") + (strchr(said, '=') != 0),
	                    " ", &save); dir; dir = strtok_r(NULL, " ", &save)) {
		dir += *dir == '-';
		n = strlen(dir);
		if (strncmp(home, dir, n) == 0
		    && (home[n] == '/' || home[n] == '\0'))
			return true;
	}
	return false;
}

/* ---- before the configuration is written ---- */

/* Its socket, now and from now on. */
static bool take(const struct setup *s, enum setup_units units)
{
	const char *name = unit(units, "socket");
	const bool ask = units == UNITS_SYSTEM && s->units == UNITS_SYSTEM
	                 && !s->yes;
	const char *const quiet[] = { "--no-ask-password", "enable", "--now",
	                              name, NULL };
	char said[SAID_MAX];

	if ((s->units != UNITS_ANY && s->units != units) || !fits(s, units)
	    || !has_unit(units)
	    || (units == UNITS_SYSTEM && !home_is_writable()))
		return false;
	printf("systemd %s the ports %u and %u (%s) ... ",
	       units == UNITS_USER ? "of yours holds" : "holds",
	       (unsigned)place_of[units].smtp, (unsigned)place_of[units].pop3,
	       name);
	fflush(stdout);
	if (systemctl(units, ask ? quiet + 1 : quiet, said, sizeof said) == 0) {
		printf("done\n");
		return true;
	}
	printf("no: %s\n", *said ? said : "systemctl failed");
	return false;
}

int setup_units(struct setup *s)
{
	const enum setup_units wish = s->units;

	if (s->no_start || wish == UNITS_NONE || !usual_folders(s)) {
		s->units = UNITS_NONE;
	} else if (setup_agent_pid() && !is_active(UNITS_SYSTEM)
	           && !is_active(UNITS_USER)) {
		s->units = UNITS_NONE;	/* it has the ports */
	} else if (take(s, UNITS_SYSTEM)) {
		s->units = UNITS_SYSTEM;
	} else {
		s->units = take(s, UNITS_USER) ? UNITS_USER : UNITS_NONE;
	}
	if (s->units != wish && (wish == UNITS_SYSTEM || wish == UNITS_USER))
		return setup_fail(EX_UNAVAILABLE, "systemd can't hold the ports "
		                  "here: there is no such unit, or what is said "
		                  "above. Leave out --units");
	return 0;
}

/* ---- when it is written ---- */

static int failed(const struct setup *s, const char *said)
{
	return setup_fail(EX_UNAVAILABLE, "letterlockd does not start: %s\n"
	                  "See why: %s%s. Then run this command again", said,
	                  s->units == UNITS_SYSTEM ? "journalctl -u "
	                  : s->units == UNITS_USER ? "journalctl --user -u "
	                  : "letterlockd -t -c ",
	                  s->units == UNITS_NONE ? s->conf_path
	                                         : unit(s->units, "service"));
}

static int run_unit(const struct setup *s)
{
	const char *const enable[] = { "--no-ask-password", "enable",
	                               unit(UNITS_USER, "service"), NULL };
	const char *const run[] = { "--no-ask-password", "reload-or-restart",
	                            unit(s->units, "service"), NULL };
	char said[SAID_MAX];

	/* the system's begins with the first connection */
	if ((s->units == UNITS_USER
	     && systemctl(s->units, enable, said, sizeof said))
	    || systemctl(s->units, run, said, sizeof said))
		return failed(s, *said ? said : "systemctl failed");
	printf("Letterlock runs, and begins again by itself\n");
	return 0;
}

/* What is said of a start that nobody will repeat. */
static void tell_again(const struct setup *s)
{
	printf("Nothing begins it again by itself: when you have logged in anew, "
	       "run\n  letterlockd -c %s &\n", s->conf_path);
}

int setup_run_agent(struct setup *s)
{
	struct err e;
	pid_t pid;

	if (s->no_start)
		return 0;
	if (s->units != UNITS_NONE)
		return run_unit(s);
	if ((pid = setup_agent_pid())) {
		if (!setup_agent_reads(pid, s->conf_path))
			return setup_fail(EX_UNAVAILABLE, "a letterlockd runs with "
			                  "another configuration. End it: kill %d\n"
			                  "Then run this command again", (int)pid);
		if (kill(pid, SIGHUP))
			return failed(s, strerror(errno));
		printf("Letterlock runs already, and has read its configuration "
		       "anew\n");
		return 0;
	}
	if (setup_agent_start(s, &e))
		return failed(s, e.text);
	printf("Letterlock runs now\n");
	tell_again(s);
	return 0;
}

/* ---- undo ---- */

static void give_up(enum setup_units units)
{
	const char *const is[] = { "is-enabled", unit(units, "socket"), NULL };
	const char *const off[] = { "--no-ask-password", "disable", "--now",
	                            unit(units, "socket"),
	                            unit(units, "service"), NULL };
	char said[SAID_MAX];

	if (!has_unit(units)
	    || (systemctl(units, is, said, sizeof said) && !is_active(units)))
		return;
	if (systemctl(units, off, said, sizeof said) == 0)
		printf("systemd %sdoes not start Letterlock any more\n",
		       units == UNITS_USER ? "of yours " : "");
	else
		printf("systemd goes on with Letterlock: %s\nEnd it:\n"
		       "  %ssystemctl %sdisable --now %s\n",
		       *said ? said : "systemctl failed",
		       units == UNITS_SYSTEM ? "sudo " : "",
		       units == UNITS_USER ? "--user " : "",
		       unit(units, "socket"));
}

void setup_units_undo(const struct setup *s)
{
	pid_t pid;

	if (usual_folders(s)) {
		give_up(UNITS_SYSTEM);
		give_up(UNITS_USER);
	}
	if (!(pid = setup_agent_pid()))
		return;
	if (setup_agent_stop(pid))
		printf("letterlockd lives on: kill %d\n", (int)pid);
	else
		printf("letterlockd was ended\n");
}
