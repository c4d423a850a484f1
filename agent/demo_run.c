/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's programs: started as one of its people, waited for, ended. */
#include "agent/demo_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENV_MAX = 16, END_PATIENCE = 3000 /* ms */ };

volatile sig_atomic_t demo_stopped;

/* A person's own environment; nothing of ours but what finds programs. */
static char **env_make(const char *home)
{
	static const char *const own[][2] = {
		{ "HOME", "" }, { "GNUPGHOME", "/gnupg" },
		{ "XDG_CONFIG_HOME", "/config" },
		{ "XDG_STATE_HOME", "/state" }, { "XDG_RUNTIME_DIR", "/run" },
	};
	static const char *const kept[] = {
		"PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "LSAN_OPTIONS",
		"UBSAN_OPTIONS",
	};
	char **env = calloc(ENV_MAX, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; env && i < sizeof own / sizeof *own; i++)
		if (asprintf(&env[n], "%s=%s%s", own[i][0], home,
		             own[i][1]) > 0)
			n++;
	for (size_t i = 0; env && i < sizeof kept / sizeof *kept; i++)
		if (getenv(kept[i]) &&
		    asprintf(&env[n], "%s=%s", kept[i], getenv(kept[i])) > 0)
			n++;
	return env;
}

static void env_free(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

/* In the child: it ends with us, and none of our signals' ways are its own. */
static _Noreturn void child_exec(const char *const *argv, char **env,
                                 const int fd[3])
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			_exit(127);
	execvpe(argv[0], (char *const *)argv, env);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t demo_spawn(const char *home, const char *log, const char *const *argv,
                 int in, int out, struct err *e)
{
	char *path = NULL, **env = NULL;
	int fd[3] = { in, out, -1 }, null;
	pid_t pid = -1;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (asprintf(&path, "%s/%s", home, log) < 0)
		path = NULL;
	else
		fd[2] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		             0600);
	env = env_make(home);
	if (null < 0 || fd[2] < 0 || !env) {
		err_errno(e, log);
		goto out;
	}
	fd[0] = in < 0 ? null : in;
	fd[1] = out < 0 ? null : out;
	pid = fork();
	if (pid == 0)
		child_exec(argv, env, fd);
	if (pid < 0)
		err_errno(e, argv[0]);
out:
	if (null >= 0)
		close(null);
	if (fd[2] >= 0)
		close(fd[2]);
	env_free(env);
	free(path);
	return pid;
}

int demo_wait(pid_t pid, const char *what, struct err *e)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(e, what);
		if (demo_stopped)
			kill(pid, SIGKILL);
	}
	if (demo_stopped)
		return err_set(e, GPG_ERR_CANCELED, "Interrupted");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, GPG_ERR_ENOENT, "%s was not found", what);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, GPG_ERR_GENERAL, "%s failed", what);
	return 0;
}

int demo_slurp(int fd, struct membuf *out, struct err *e)
{
	char buf[4096];
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, buf, sizeof buf, at)) > 0; at += n)
		if (sink_put(&out->sink, buf, (size_t)n, e) < 0)
			return -1;
	if (n < 0)
		return err_errno(e, "reading");
	return sink_put(&out->sink, "", 1, e);
}

int demo_memfd(const char *text, size_t n, struct err *e)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n ||
	    lseek(fd, 0, SEEK_SET) < 0)
		err_errno(e, "memory for a letter");
	return fd;
}

void demo_sleep(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

void demo_end(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int ms = 0; ms < END_PATIENCE; ms += 10) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		demo_sleep(10);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

