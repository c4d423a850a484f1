/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate that mail clients are shown: an authority that may vouch for
 * this machine only and whose key is thrown away once it has signed (RFC 5280
 * section 4.2.1.10), and one server certificate by it, all in one PEM text. */
#ifndef AGENT_CERT_H
#define AGENT_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/types.h>

#include "crypto/err.h"

enum {
	CERT_NAMES_MAX = 32,
	CERT_NAME_MAX = 253,
	CERT_PEM_MAX = 32 << 10,
	CERT_DAYS = 730,
	CERT_SOON_DAYS = 30,	/* it is told that it ends soon */
	CERT_PRINT = 3 * 32	/* "AB:CD:...", with its NUL */
};

/* Host names (A-labels) and IP addresses besides localhost, 127.0.0.1, ::1. */
struct cert_names {
	unsigned n;
	char name[CERT_NAMES_MAX][CERT_NAME_MAX + 1];
};
/* 0 also where it was there; -1: it is neither, or there are too many. */
int cert_names_add(struct cert_names *names, const char *name, struct err *e);
bool cert_names_have(const struct cert_names *names, const char *name);

/* A new one for these names: malloced PEM text that begins with the server's
 * certificate and ends with its key, with a NUL behind it; to be freed by
 * cert_free(). */
int cert_make(const struct cert_names *names, char **pem_secret, size_t *len,
              struct err *e);
void cert_free(char *pem_secret, size_t len);

/* What stands in one. */
struct cert_look {
	struct cert_names names;
	time_t from, until;
	char authority[CERT_PRINT], server[CERT_PRINT];	/* SHA-256 */
};
/* -1: it is not whole, or its parts do not belong together.  One that has
 * ended, or has not begun, is looked at as well: see cert_valid(). */
int cert_look(const char *pem_secret, size_t len, struct cert_look *look,
              struct err *e);
/* -1 with words where the time now is not between from and until. */
int cert_valid(const struct cert_look *look, time_t now, struct err *e);
/* The authority's certificate alone: PEM (or DER), malloced. */
int cert_authority(const char *pem_secret, size_t len, bool der, char **out,
                   size_t *out_len, struct err *e);

/* ---- the pieces, for the TLS server and for tests ---- */

struct cert_pair {
	X509 *cert;
	EVP_PKEY *key;		/* NULL: thrown away, or not wanted */
};
void cert_pair_free(struct cert_pair *p);
int cert_new_authority(struct cert_pair *out, const struct cert_names *names,
                       struct err *e);
int cert_new_server(struct cert_pair *out, const struct cert_pair *by,
                    const struct cert_names *names, struct err *e);
/* Take the text apart; authority may be NULL. */
int cert_read(const char *pem_secret, size_t len, struct cert_pair *server,
              X509 **authority, struct err *e);
/* cert_look() of what was taken apart. */
int cert_look_at(X509 *server, X509 *authority, struct cert_look *look,
                 struct err *e);

#endif
