/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain tar archives (POSIX.1 ustar) of a few small files, in memory. */
#ifndef AGENT_TAR_H
#define AGENT_TAR_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/sink.h"

enum { TAR_NAME_MAX = 100 };	/* octets, with its NUL */

/* A file: name is relative and shorter than TAR_NAME_MAX, its mode 0600, mtime in
 * seconds since 1970. */
int tar_put(struct sink *out, const char *name, const void *p, size_t n,
            int64_t mtime, struct err *e);
int tar_end(struct sink *out, struct err *e);

/* What is in an archive, in order. */
struct tar {
	const char *p;
	size_t left;
	char name[TAR_NAME_MAX];	/* of the file that was found */
	const char *file;		/* its octets, which stay the archive's */
	size_t n;
};
void tar_begin(struct tar *t, const void *p, size_t n);
/* The next file: 1, 0 at the end of the archive, -1: it is cut off or no such
 * archive (GPG_ERR_BAD_DATA).  Folders and links are no files, and an error. */
int tar_next(struct tar *t, struct err *e);

#endif
