/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The letterlockd that runs for this user: found, started without systemd, ended,
 * and asked where it listens. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/clock.h"
#include "agent/conf_value.h"
#include "agent/file.h"
#include "agent/plugin_socket.h"
#include "agent/setup_end.h"

enum {
	PROGRAM_SIZE = 4096, STATUS_SECONDS = 30, STATUS_TRIES = 100,
	START_MS = 30000, STOP_MS = 15000, SLICE_MS = 50,
	PID_FILE_MAX = 32, CMDLINE_MAX = 64 << 10, LOG_MAX = 1 << 20
};

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* A file of the state folder: malloced. */
static char *state_file(const char *name, struct err *e)
{
	char *dir = conf_state_dir(e);
	char *path = dir ? file_path(dir, name, NULL) : NULL;

	free(dir);
	return path;
}

/* ---- which one runs ---- */

/* Who listens at the plug-in socket. */
static pid_t pid_of_socket(void)
{
	struct sockaddr_un a;
	struct ucred peer = { .pid = 0 };
	socklen_t n = sizeof peer;
	struct err e;
	int fd;

	if (plugin_socket_addr(&a, &e)
	    || (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return 0;
	if (connect(fd, (const void *)&a, sizeof a)
	    || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n)
	    || peer.uid != geteuid())
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

/* Is this process a letterlockd of ours that lives?  Its number may be another's by
 * now, or be kept until init has looked at it. */
static bool is_letterlockd(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (pid <= 1 || kill(pid, 0) || !(f = fopen(path, "re")))
		return false;
	if (fscanf(f, "%*d (letterlockd) %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state != 'Z' && state != 'X';
}

/* The one that setup started, which may have no socket. */
static pid_t pid_of_file(void)
{
	struct err e;
	char *path = state_file("/letterlockd.pid", &e);
	char *text = NULL;
	size_t n;
	long pid = 0;

	if (path && (text = file_read(path, PID_FILE_MAX, &n, &e)))
		pid = strtol(text, NULL, 10);
	free(text);
	free(path);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

pid_t setup_agent_pid(void)
{
	pid_t pid = pid_of_socket();

	if (!is_letterlockd(pid))
		pid = pid_of_file();
	return is_letterlockd(pid) ? pid : 0;
}

bool setup_agent_reads(pid_t pid, const char *path)
{
	char name[64], *line, *real = NULL, *usual = NULL;
	const char *its = NULL, *word;
	struct err e;
	bool reads;
	size_t n;

	snprintf(name, sizeof name, "/proc/%d/cmdline", (int)pid);
	if (!(line = file_read(name, CMDLINE_MAX, &n, &e)))
		return true;
	for (word = line; word < line + n; word += strlen(word) + 1)
		if (strcmp(word, "-c") == 0 && word + 3 < line + n)
			its = word + 3;
	if (!its)
		its = usual = conf_path(NULL);
	real = its ? realpath(its, NULL) : NULL;
	/* a path from a folder that nobody knows may be any */
	reads = !its || its[0] != '/' || strcmp(real ? real : its, path) == 0;
	free(usual);
	free(real);
	free(line);
	return reads;
}

/* ---- starting one ---- */

/* A socket at which letterlockd says that it is ready, as to systemd: its name
 * goes into the environment. */
static int ready_socket(struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = sizeof a;
	char name[sizeof a.sun_path + 1];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* the kernel finds a name that nobody has (unix(7), Autobind) */
	if (fd == -1 || bind(fd, (const void *)&a, sizeof a.sun_family)
	    || getsockname(fd, (void *)&a, &n)) {
		err_errno(e, "a socket");
		if (fd != -1)
			close(fd);
		return -1;
	}
	n -= (socklen_t)sizeof a.sun_family;
	snprintf(name, sizeof name, "@%.*s", (int)n - 1, a.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/* By itself, before it is one: who started it may be killed any time. */
static void keep_pid(void)
{
	struct err e;
	char *path = state_file("/letterlockd.pid", &e), text[PID_FILE_MAX];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (path)
		file_write(path, text, (size_t)n, 0600, &e);
	free(path);
}

static _Noreturn void child(const char *conf, int log)
{
	char program[PROGRAM_SIZE];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t later;

	file_program("LETTERLOCKD", "letterlockd", program, sizeof program);
	setsid();
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	/* until it takes it: another setup may find it before */
	sigemptyset(&later);
	sigaddset(&later, SIGHUP);
	sigprocmask(SIG_SETMASK, &later, NULL);
	unsetenv("LISTEN_FDS");
	if (null == -1 || dup2(null, 0) == -1 || dup2(log, 1) == -1
	    || dup2(log, 2) == -1 || chdir("/"))
		_exit(127);
	closefrom(STDERR_FILENO + 1);	/* a file with a password, perhaps */
	keep_pid();
	execlp(program, "letterlockd", "-c", conf, (char *)NULL);
	dprintf(2, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* The last line of what it has said is why it ended. */
static void words_of_log(const char *path, struct err *e)
{
	size_t n;
	char *text = file_read(path, LOG_MAX, &n, e), *line;

	if (!text)
		return;
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	err_set(e, GPG_ERR_GENERAL, "%s", *line ? line : "it ended at once");
	free(text);
}

/* Until it is ready: 0, or -1 where it has ended, or does not come. */
static int wait_ready(int fd, pid_t pid, const char *log, struct err *e)
{
	const int64_t until = now_ms() + START_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char state[256];
	ssize_t n;

	while (now_ms() < until) {
		if (poll(&p, 1, SLICE_MS) > 0) {
			n = recv(fd, state, sizeof state - 1, 0);
			state[n > 0 ? n : 0] = '\0';
			if (strncmp(state, "READY=1", 7) == 0)
				return 0;
		}
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			words_of_log(log, e);
			return -1;
		}
	}
	kill(pid, SIGTERM);
	return err_set(e, GPG_ERR_TIMEOUT, "it does not get ready; what it says "
	               "is in %s", log);
}

int setup_agent_start(const struct setup *s, struct err *e)
{
	char *path = state_file("/letterlockd.log", e);
	int log = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
	                      | O_CLOEXEC, 0600) : -1;
	int ready = -1, rc = -1;
	pid_t pid;

	if (log == -1) {
		if (path)
			err_errno(e, path);
		goto out;
	}
	if ((ready = ready_socket(e)) == -1)
		goto out;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(s->conf_path, log);
	unsetenv("NOTIFY_SOCKET");
	if (pid == -1)
		err_errno(e, "fork");
	else
		rc = wait_ready(ready, pid, path, e);
out:
	if (ready != -1)
		close(ready);
	if (log != -1)
		close(log);
	free(path);
	return rc;
}

int setup_agent_stop(pid_t pid)
{
	const int64_t until = now_ms() + STOP_MS;
	struct err e;
	char *path;

	kill(pid, SIGTERM);
	while (is_letterlockd(pid)) {
		if (now_ms() > until)
			return -1;
		pause_ms(SLICE_MS);
	}
	if ((path = state_file("/letterlockd.pid", &e)))
		file_remove(path, &e);
	free(path);
	return 0;
}

/* ---- where it listens ---- */

static void take_place(struct setup *s, json_t *one)
{
	struct conf *c = &s->conf;
	const char *address = NULL, *kind = NULL, *tls = "";
	struct listen got[CONF_LISTEN_MAX];
	struct conf_value v = { .path = "", .key = "" };
	char text[200];
	unsigned n = 0;
	bool smtp;

	json_unpack(one, "{s:s, s:s, s?s}", "address", &address, "protocol",
	            &kind, "tls", &tls);
	if (!address || !kind || (!(smtp = strcmp(kind, "submission") == 0)
	                          && strcmp(kind, "pop3") != 0))
		return;
	snprintf(text, sizeof text, "%s %s", address,
	         strcmp(tls, "offered") == 0 ? "" : tls);
	v.text = text;
	if (conf_value_listen(&v, got, &n, NULL) || n != 1)
		return;
	if (smtp && c->n_submission < CONF_LISTEN_MAX)
		c->submission[c->n_submission++] = got[0];
	else if (!smtp && c->n_pop3 < CONF_LISTEN_MAX)
		c->pop3[c->n_pop3++] = got[0];
}

/* What it says of itself, or NULL.  One that has just read its configuration again
 * ends the connections that it had: so more than once. */
static json_t *ask_status(void)
{
	json_t *ok = NULL;
	struct ask a;
	struct err e;
	bool runs = true;

	for (int i = 0; !ok && runs && i < STATUS_TRIES; i++) {
		if (i)
			pause_ms(SLICE_MS);
		if (ask_open(&a, &e) == 0)
			ok = ask_call(&a, "status", NULL, STATUS_SECONDS, &e);
		else
			runs = gpg_err_code(e.code) != GPG_ERR_NO_AGENT
			       && gpg_err_code(e.code) != GPG_ERR_NOT_FOUND;
		ask_close(&a);
	}
	return ok;
}

void setup_agent_places(struct setup *s)
{
	json_t *ok = ask_status(), *one;
	json_t *list = json_object_get(ok, "listening");
	size_t i;

	if (json_array_size(list) > 1) {	/* one is the plug-in socket */
		s->conf.n_submission = s->conf.n_pop3 = 0;
		json_array_foreach(list, i, one)
			take_place(s, one);
	}
	json_decref(ok);
}
