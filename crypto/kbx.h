/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyrings as gpg 2.1 and later has them ("keybox", kbx/keybox-blob.c in GnuPG): a
 * blob that begins the file, then one for each key.  gpg needs some milliseconds to
 * import a key, since it checks all signatures of it, and writes the whole keyring
 * anew for each; of a key in a keyring it checks them when it is used. */
#ifndef CRYPTO_KBX_H
#define CRYPTO_KBX_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/sink.h"

/* The blob that begins a file, made now (unix time). */
int kbx_begin(struct sink *out, int64_t now, struct err *e);
/* The blob of a key.  Of its packets those that keydata_clean() leaves are put
 * there, so that nothing in it can tell gpg that it was checked.  -1: what
 * keydata_read() says; no memory; out failed. */
int kbx_key(struct sink *out, const void *key, size_t n, int64_t now,
            struct err *e);
/* The octets of the first blob in n of a file, 0: it is none of these; *fpr: in it
 * the key's fingerprint (20 octets), NULL: it is the one that begins a file. */
size_t kbx_first(const void *p, size_t n, const unsigned char **fpr);

#endif
