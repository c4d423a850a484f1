/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that are read whole, and written whole or not at all. */
#ifndef AGENT_FILE_H
#define AGENT_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "crypto/err.h"

/* All of it, at most max octets, with a NUL behind them: malloced; NULL with e
 * filled (GPG_ERR_ENOENT: there is none, GPG_ERR_TOO_LARGE). */
char *file_read(const char *path, size_t max, size_t *n, struct err *e);
/* Write it with this mode, in place of one that is there; folders on the way are
 * made (0777 less the umask).  Who reads it meanwhile has the old one or the new.
 * 0 or -1. */
int file_write(const char *path, const void *p, size_t n, mode_t mode,
               struct err *e);
/* The folders before the last /, made where they are not there: 0 or -1. */
int file_folders(const char *path, struct err *e);
/* Remove it: 1, or 0 where there was none; -1. */
int file_remove(const char *path, struct err *e);
/* Remove a folder with the files in it, as far as that can be done. */
void file_remove_folder(const char *dir);
/* A program of ours: as this variable of the environment names it, beside the one
 * that runs, or by its name alone, for PATH; "" where there is no room. */
void file_program(const char *variable, const char *name, char *out,
                  size_t size);
/* The parts one behind the other, up to a NULL: malloced; NULL: no memory. */
char *file_path(const char *first, ...) __attribute__((sentinel));

#endif
