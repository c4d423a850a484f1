/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bundle of CA certificates that is indexed at once and decoded late: a
 * connection needs one or two of its 140, and OpenSSL takes 20 ms for all. */
#ifndef AGENT_TLS_CAS_H
#define AGENT_TLS_CAS_H

#include <openssl/x509.h>

struct tls_cas;

/* Read a PEM file (1.7 ms for 144 certificates) and know each certificate's
 * subject; what is not a certificate is skipped.  NULL: none in it, or no
 * memory. */
struct tls_cas *tls_cas_read(const char *file);
void tls_cas_free(struct tls_cas *c);

/* Decode into store, in the file's order per name, each certificate that a
 * path from one of certs could look up: those whose subject is the subject or
 * issuer of one of certs, or the issuer of one so added.  Names are equal as
 * they are for X509_STORE's own look-ups, so that X509_verify_cert() says what
 * it would say with the whole bundle.  0, or -1: no memory. */
int tls_cas_supply(struct tls_cas *c, X509_STORE *store,
                   STACK_OF(X509) *certs);

/* The i-th certificate, for tests: its subject as it was found, NULL after the
 * last; *decoded says if tls_cas_supply() has used it. */
const X509_NAME *tls_cas_subject(const struct tls_cas *c, size_t i,
                                 int *decoded);

#endif
