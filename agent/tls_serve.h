/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS towards a mail client (RFC 8314, RFC 3207, RFC 2595): the server's side,
 * TLS 1.2 or later, which opens no file. */
#ifndef AGENT_TLS_SERVE_H
#define AGENT_TLS_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "crypto/err.h"

struct tls_serve;

/* Over fd, which does not block and stays the caller's, with the certificate
 * and key of this text (see cert.h), which is needed no longer.  NULL with e
 * filled: it can't be read, or has ended. */
struct tls_serve *tls_serve_new(int fd, const char *pem_secret, size_t len,
                                struct err *e);
/* Each of these: more than 0 is done (the number of octets), 0: call again
 * once poll() saw *want, -1: there is nobody any more, see tls_serve_why(). */
int tls_serve_shake(struct tls_serve *t, short *want);
ssize_t tls_serve_read(struct tls_serve *t, void *buf, size_t n, short *want);
ssize_t tls_serve_write(struct tls_serve *t, const void *buf, size_t n,
                        short *want);
/* Has it said goodbye, or gone?  What it has said besides is still to be read. */
bool tls_serve_ended(struct tls_serve *t);
/* For the log, why the other side may have gone; NULL: it just went. */
const char *tls_serve_why(const struct tls_serve *t);
/* Says goodbye if all was well, and frees.  NULL is fine. */
void tls_serve_free(struct tls_serve *t);

#endif
