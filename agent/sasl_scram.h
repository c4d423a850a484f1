/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of SCRAM (RFC 5802, RFC 7677), with channel binding (RFC
 * 9266, RFC 5929).  libgsasl 2.2 has it too, but cannot say "y": I could have
 * bound to this channel, had you offered it. */
#ifndef AGENT_SASL_SCRAM_H
#define AGENT_SASL_SCRAM_H

#include "agent/sasl.h"

enum { SCRAM_TEXT_MAX = 4096 };	/* octets of one message, either way */

struct scram;

/* plus: with channel binding, for which l->binding must be there.  NULL with e
 * filled. */
struct scram *scram_new(const struct sasl_login *l, bool sha256, bool plus,
                        struct err *e);
/* The answer to what the server said (n octets; at first nothing), with a NUL,
 * into out_secret[SCRAM_TEXT_MAX].  Errors as of sasl_answer(). */
int scram_answer(struct scram *s, const char *said, size_t n, char *out_secret,
                 struct err *e);
/* Has the server proven that it knows the password? */
bool scram_done(const struct scram *s);
void scram_free(struct scram *s);

#endif
