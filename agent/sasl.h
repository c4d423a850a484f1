/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of SASL (RFC 4422), in the base64 that SMTP and POP3 carry
 * it in: SCRAM with SHA-256 and SHA-1, with channel binding (-PLUS) or without,
 * PLAIN (RFC 4616), LOGIN, and OAuth's OAUTHBEARER (RFC 7628) and XOAUTH2. */
#ifndef AGENT_SASL_H
#define AGENT_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

enum sasl_mech {
	SASL_LOGIN = 1,
	SASL_PLAIN = 2,
	SASL_XOAUTH2 = 4,
	SASL_OAUTHBEARER = 8,
	SASL_SCRAM_SHA_1 = 16,
	SASL_SCRAM_SHA_256 = 32,
	SASL_SCRAM_SHA_1_PLUS = 64,
	SASL_SCRAM_SHA_256_PLUS = 128,
	/* sets of them */
	SASL_BY_TOKEN = SASL_XOAUTH2 | SASL_OAUTHBEARER,
	SASL_PLUS = SASL_SCRAM_SHA_1_PLUS | SASL_SCRAM_SHA_256_PLUS,
	SASL_SCRAM = SASL_SCRAM_SHA_1 | SASL_SCRAM_SHA_256 | SASL_PLUS,
	SASL_BY_PASSWORD = SASL_LOGIN | SASL_PLAIN | SASL_SCRAM
};
enum {
	SASL_ANSWER_MAX = 12288,	/* octets of one answer (RFC 4954) */
	SASL_ROUNDS_MAX = 8,		/* challenges in one exchange */
	SASL_ITERATIONS_MAX = 1000000,	/* of SCRAM's hash, about a second */
	SASL_STATUS_MAX = 40		/* characters of an error's word */
};

/* The mechanism of this name, of n octets in any case, or 0. */
unsigned sasl_named(const char *name, size_t n);
/* The strongest of a set of mechanisms, or 0. */
unsigned sasl_best(unsigned set);
const char *sasl_name(unsigned mech);
/* Does the client speak first? */
bool sasl_first(unsigned mech);

/* A user's name with "=2C" and "=3D" for "," and "=" (RFC 5801 section 4). */
int sasl_escape(const char *user, char *out, size_t size);

struct tls_binding;
struct sasl_login {
	const char *user;
	const char *password_secret;	/* or a token */
	const char *host;
	unsigned port;
	const struct tls_binding *binding;	/* NULL: there is none */
	const char *nonce;		/* SCRAM's; NULL: a random one */
};
struct sasl;

/* NULL with e filled.  l is only read, what it points to must stay. */
struct sasl *sasl_new(unsigned mech, const struct sasl_login *l,
                      struct err *e);
/* The answer to a challenge, both in base64; the first challenge may be "".
 * out_secret has SASL_ANSWER_MAX octets.  Errors: GPG_ERR_BAD_SIGNATURE when
 * the server's proof is wrong, GPG_ERR_BAD_DATA for any other nonsense. */
int sasl_answer(struct sasl *s, const char *challenge, char *out_secret,
                struct err *e);
/* Has all been said?  With SCRAM: and has the server proven that it knows the
 * password?  A success before that is none. */
bool sasl_done(const struct sasl *s);
/* The word an OAuth server gave for its no, such as "invalid_token", or "". */
const char *sasl_status(const struct sasl *s);
void sasl_free(struct sasl *s);

#endif
