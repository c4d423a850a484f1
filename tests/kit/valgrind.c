/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loaded before a program of ours, it starts the roles under valgrind, which
 * can't follow the execution of /proc/self/exe, and has them go without the
 * filter of system calls, which valgrind can't live with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

typedef int spawn_fn(pid_t *, const char *, const posix_spawn_file_actions_t *,
                     const posix_spawnattr_t *, char *const [], char *const []);

enum { ARGS_MAX = 32 };

int posix_spawn(pid_t *pid, const char *path,
                const posix_spawn_file_actions_t *fa,
                const posix_spawnattr_t *at, char *const argv[],
                char *const envp[])
{
	spawn_fn *real = (spawn_fn *)dlsym(RTLD_NEXT, "posix_spawn");
	char *args[ARGS_MAX] = { VALGRIND }, program[4096];
	ssize_t len = readlink(path, program, sizeof program - 1);
	int n = 0;

	if (strcmp(path, "/proc/self/exe") != 0)
		return real(pid, path, fa, at, argv, envp);
	if (len < 0)
		return errno;
	program[len] = '\0';
	while (args[n])
		n++;
	args[n++] = program;
	for (int i = 1; argv[i]; i++) {
		if (n == ARGS_MAX - 1)
			return E2BIG;
		args[n++] = argv[i];
	}
	return real(pid, args[0], fa, at, args, envp);
}

#ifndef WITH_FILTER
int seccomp_load(void *filter)
{
	(void)filter;
	return -ENOSYS;
}
#endif
