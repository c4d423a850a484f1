/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock-gpg: gpg with a keyring of ours beside the user's, for GPGME, which can
 * name none.  It runs that one program and nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/ring.h"

enum { ADDED = 3 };

static _Noreturn void refuse(const char *what, const char *why)
{
	fprintf(stderr, "letterlock-gpg: %s: %s\n", what, why);
	exit(2);
}

/* By its whole path, and nobody but root and ourselves could have changed it. */
static bool is_ours(const char *path, struct stat *st)
{
	return path && path[0] == '/' && lstat(path, st) == 0
	       && S_ISREG(st->st_mode)
	       && (st->st_uid == geteuid() || st->st_uid == 0)
	       && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static const char *gpg(void)
{
	const char *path = secure_getenv(RING_GPG);
	struct stat st, self;

	if (!is_ours(path, &st))
		refuse("gpg", "there is none, or others may change it");
	if (stat("/proc/self/exe", &self) == 0 && self.st_ino == st.st_ino
	    && self.st_dev == st.st_dev)
		refuse("gpg", "that is this program");
	return path;
}

/* What stands in front of the arguments.  gpg would make a keyring where there is
 * none. */
static char **add_ring(char **p)
{
	const char *ring = secure_getenv(RING_FILE);
	struct stat st;
	bool there = is_ours(ring, &st);

	if (!there && (!ring || ring[0] != '/' || lstat(ring, &st) == 0
	               || errno != ENOENT))
		refuse("the keyring", "it is none of ours");
	if (there) {
		*p++ = (char *)"--keyring";
		*p++ = (char *)ring;
	}
	return p;
}

int main(int argc, char **argv)
{
	const char *program = gpg();
	char **args = calloc((size_t)argc + ADDED, sizeof *args), **p = args;

	if (!args || argc < 1)
		refuse("memory", strerror(errno));
	*p++ = argv[0];
	if (argc != 2 || strcmp(argv[1], "--version"))
		p = add_ring(p);
	for (int i = 1; i < argc; i++)
		*p++ = argv[i];
	execv(program, args);
	refuse(program, strerror(errno));
}
