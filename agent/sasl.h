/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of SASL (RFC 4422): SCRAM-SHA-256 (RFC 7677), PLAIN (RFC
 * 4616) and LOGIN, in the base64 that SMTP and POP3 carry it in. */
#ifndef AGENT_SASL_H
#define AGENT_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

enum sasl_mech { SASL_LOGIN = 1, SASL_PLAIN = 2, SASL_SCRAM_SHA_256 = 4 };
enum {
	SASL_ANSWER_MAX = 12288,	/* octets of one answer (RFC 4954) */
	SASL_ROUNDS_MAX = 8,		/* challenges in one exchange */
	SASL_ITERATIONS_MAX = 1000000	/* of SCRAM's hash, about a second */
};

/* The mechanism of this name, of n octets in any case, or 0. */
unsigned sasl_named(const char *name, size_t n);
/* The strongest of a set of mechanisms, or 0. */
unsigned sasl_best(unsigned set);
const char *sasl_name(unsigned mech);
/* Does the client speak first? */
bool sasl_first(unsigned mech);

struct sasl;

/* NULL with e filled. */
struct sasl *sasl_new(unsigned mech, const char *user,
                      const char *password_secret, struct err *e);
/* The answer to a challenge, both in base64; the first challenge may be "".
 * out_secret has SASL_ANSWER_MAX octets.  Errors: GPG_ERR_BAD_SIGNATURE when
 * the server's proof is wrong, GPG_ERR_BAD_DATA for any other nonsense. */
int sasl_answer(struct sasl *s, const char *challenge, char *out_secret,
                struct err *e);
/* Has all been said?  With SCRAM: and has the server proven that it knows the
 * password?  A success before that is none. */
bool sasl_done(const struct sasl *s);
void sasl_free(struct sasl *s);

#endif
