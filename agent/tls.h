/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verified TLS towards a provider as a low stream of libetpan's: TLS 1.2 or
 * later, chain and host name checked (RFC 8314, RFC 9525), no way around. */
#ifndef AGENT_TLS_H
#define AGENT_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <libetpan/mailstream.h>

#include "crypto/err.h"

struct tls_trust;

/* Whom to believe: the system's CAs, read now, so that no file is needed later,
 * and decoded as a server's chain wants them.  NULL with e filled. */
struct tls_trust *tls_trust_new(struct err *e);
/* The same from this PEM file, or if NULL from where OpenSSL would look. */
struct tls_trust *tls_trust_read(const char *bundle, struct err *e);
/* Believe the certificates in this PEM file as well. */
int tls_trust_add(struct tls_trust *t, const char *ca_file, struct err *e);
/* Besides a good chain, a certificate in it must have a public key with one of
 * these SHA-256; with only, the server's own must, and neither chain nor name
 * are looked at.  pin is not copied. */
void tls_trust_pin(struct tls_trust *t, const unsigned char (*pin)[32],
                   unsigned n, bool only);
void tls_trust_free(struct tls_trust *t);

/* Shake hands over the connected socket fd, which does not block, until
 * deadline (stream_clock()), with a host of this name or IP address.  NULL with
 * e filled ("smtp.example.org: its certificate has expired"), and fd is
 * still the caller's; else the stream owns it.  See stream.h for its data. */
mailstream_low *tls_low_new(struct tls_trust *t, int fd, const char *host,
                            int64_t deadline, struct err *e);

enum { TLS_BINDING_MAX = 64 };
struct tls_binding {		/* what this connection has and no other */
	const char *type;	/* "tls-exporter" (RFC 9266) of TLS 1.3, or
				 * "tls-unique" (RFC 5929) of 1.2 */
	unsigned char data[TLS_BINDING_MAX];
	size_t n;
};
/* Is this a stream of tls_low_new()'s? */
bool tls_is(const mailstream_low *low);
/* False: there is none, in clear or without RFC 7627's master secret. */
bool tls_binding(mailstream_low *low, struct tls_binding *b);

#endif
