/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wall before files, TCP and other people's processes: Landlock, in all that
 * the kernel at hand knows of it. */
#include "agent/box_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers are often older than the kernel: these came after Linux 6.1. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_FS_RESOLVE_UNIX
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX (1ULL << 16)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* struct landlock_ruleset_attr with all of its members: an older kernel takes
 * them as long as they are 0. */
struct ruleset {
	uint64_t fs, net, scoped;
};

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define EXECUTE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define CHANGE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define CONNECT LANDLOCK_ACCESS_FS_RESOLVE_UNIX
/* gpg makes, links, renames and removes files in its home, but no folders,
 * sockets or devices. */
#define HOME (READ | CHANGE | CONNECT | LANDLOCK_ACCESS_FS_MAKE_REG \
              | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ONE_FILE (EXECUTE | CHANGE | CONNECT | LANDLOCK_ACCESS_FS_IOCTL_DEV)

static void handle(struct ruleset *r, int abi)
{
	memset(r, 0, sizeof *r);
	r->fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	if (abi >= 2)
		r->fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		r->fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		r->net = LANDLOCK_ACCESS_NET_BIND_TCP
		         | LANDLOCK_ACCESS_NET_CONNECT_TCP;
	if (abi >= 5)
		r->fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi >= 6)
		r->scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		            | LANDLOCK_SCOPE_SIGNAL;
	if (abi >= 9)
		r->fs |= LANDLOCK_ACCESS_FS_RESOLVE_UNIX;
}

bool box_files_sockets(int abi)
{
	return abi >= 9;
}

/* ---- what stays open for gpg ---- */

/* What is below this path, if there is one; the descriptor stays open. */
static int allow_held(int rules, const struct ruleset *r, const char *path,
                      uint64_t what, int *fd)
{
	struct landlock_path_beneath_attr a = { .allowed_access = what & r->fs };
	struct stat st;

	*fd = a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (*fd == -1)
		return 0;
	if (fstat(*fd, &st))
		return -1;
	if (!S_ISDIR(st.st_mode))
		a.allowed_access &= ONE_FILE;
	if (a.allowed_access == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, rules,
	                    LANDLOCK_RULE_PATH_BENEATH, &a, 0);
}

static int allow(int rules, const struct ruleset *r, const char *path,
                 uint64_t what)
{
	int fd, rc = allow_held(rules, r, path, what, &fd);

	if (fd != -1)
		close(fd);
	return rc;
}

/* The loader of shared libraries: gpg's is ours. */
static int find_loader(struct dl_phdr_info *program, size_t size, void *arg)
{
	const char **loader = arg;

	(void)size;
	for (unsigned i = 0; i < program->dlpi_phnum; i++)
		if (program->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(program->dlpi_addr
			          + program->dlpi_phdr[i].p_vaddr);
	return 1;	/* the first is the program, no need of the others */
}

static int allow_system(int rules, const struct ruleset *r)
{
	static const char *const read[] = {
		"/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store",
		"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/gnupg",
		"/etc/gcrypt", "/etc/nsswitch.conf", "/etc/passwd",
		"/etc/localtime", "/proc/sys/crypto", "/dev/random",
		"/dev/urandom"
	};

	for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
		if (allow(rules, r, read[i], READ))
			return -1;
	return allow(rules, r, "/dev/null", READ | CHANGE);
}

static int allow_gpg(int rules, const struct ruleset *r,
                     const struct box_gpg *gpg)
{
	const char *loader = NULL, *slash = strrchr(gpg->socket, '/');
	char folder[PATH_MAX];
	int self, n;

	n = snprintf(folder, sizeof folder, "%.*s",
	             slash ? (int)(slash - gpg->socket) : 0, gpg->socket);
	if (n < 0 || (size_t)n >= sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	dl_iterate_phdr(find_loader, &loader);
	if (allow_system(rules, r)
	    || allow(rules, r, gpg->home, HOME)
	    || (n && allow(rules, r, folder, READ | CONNECT))
	    || (gpg->program && allow(rules, r, gpg->program, EXECUTE))
	    || (gpg->ring_program
	        && allow(rules, r, gpg->ring_program, EXECUTE))
	    || (gpg->ring && allow(rules, r, gpg->ring, HOME & ~CONNECT))
	    || (loader && allow(rules, r, loader, EXECUTE)))
		return -1;
	/* /proc makes another inode once it has forgotten this one, so it is
	 * held for good: the engine looks there for the gpg it started */
	return allow_held(rules, r, "/proc/self", READ, &self);
}

int box_files(int abi, const struct box_gpg *gpg)
{
	struct ruleset r;
	int fd, rc = -1, error;

	handle(&r, abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
	if (fd < 0)
		return -1;
	if (!gpg || allow_gpg(fd, &r, gpg) == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	error = errno;
	close(fd);
	errno = error;
	return rc;
}
