/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What OAuth says in SASL: the token, and the server's no. */
#ifndef AGENT_SASL_OAUTH_H
#define AGENT_SASL_OAUTH_H

#include "agent/sasl.h"

/* The message that carries the token (OAUTHBEARER, RFC 7628 section 3.1, or
 * Google's XOAUTH2) into out_secret[size], *n octets. */
int oauth_token(const struct sasl_login *l, bool xoauth2, char *out_secret,
                size_t size, size_t *n, struct err *e);
/* The word in {"status":"invalid_token",...} (n octets), or "". */
void oauth_status(const char *json, size_t n,
                  char out[SASL_STATUS_MAX + 1]);

#endif
