/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sealed spool: octets wait in memory, and beyond that in an unlinked file
 * of AES-256-GCM records whose key lives in memory only. */
#ifndef CRYPTO_SPOOL_H
#define CRYPTO_SPOOL_H

#include <stdint.h>
#include <sys/types.h>

#include "crypto/sink.h"

enum {
	SPOOL_RECORD = 64 << 10,	/* octets of cleartext in a record */
	SPOOL_MEMORY = 256 << 10	/* held in memory before the file is used */
};

struct spool;

/* fd: an empty file open for reading and writing, already unlinked (O_TMPFILE);
 * -1: memory only, GPG_ERR_TOO_LARGE beyond SPOOL_MEMORY.  The spool does not
 * close it.  NULL when out of memory or randomness. */
struct spool *spool_new(int fd);
/* As a sink, for writing.  Errors: ENOSPC, EIO ... as gpg_error codes; after
 * one it takes nothing more until a reset.  Past a file-size limit there is
 * EFBIG only where SIGXFSZ is ignored. */
struct sink *spool_sink(struct spool *s);
uint64_t spool_size(const struct spool *s);
/* Read up to n octets at offset off: the number, 0 at the end, -1 if a record
 * is not what was written (GPG_ERR_CHECKSUM) or can't be read. */
ssize_t spool_read(struct spool *s, uint64_t off, void *buf, size_t n,
                   struct err *e);
/* Empty it, wipe it, choose a new key, truncate the file.  On -1 it is empty
 * too, and takes nothing. */
int spool_reset(struct spool *s, struct err *e);
void spool_free(struct spool *s);

#endif
