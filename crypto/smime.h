/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A letter that S/MIME has enveloped (RFC 8551 section 3.3): its label is not
 * believed, its first octets are. */
#ifndef CRYPTO_SMIME_H
#define CRYPTO_SMIME_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

enum {
	SMIME_HEAD_MAX = 4096	/* octets of the body among which its head must be */
};

/* Does the header block say application/pkcs7-mime (or x-pkcs7-mime) in base64,
 * once and clearly? */
bool smime_is(const struct header *h);

/* A filter for the body: octets pass unchanged, and none before the beginning was
 * seen to be a CMS ContentInfo (RFC 5652 section 3) of type EnvelopedData or
 * AuthEnvelopedData (RFC 5083), DER or BER. */
struct smime {
	struct sink sink;
	struct sink *out;
	bool right;			/* its head has been seen */
	bool failed;
	bool cr;			/* an LF must follow */
	unsigned pad;			/* '=' so far */
	unsigned quad;			/* characters of the last group */
	unsigned long bits;		/* of it */
	size_t n_head, n_held;
	unsigned char head[64];		/* decoded */
	unsigned char held[SMIME_HEAD_MAX];
};

/* put() is -1 with GPG_ERR_BAD_DATA for any octet that is neither base64 nor a
 * CRLF, for another head, and for all that follows an error. */
void smime_init(struct smime *s, struct sink *out);
/* The body is over: -1 with GPG_ERR_BAD_DATA if it was not whole. */
int smime_end(struct smime *s, struct err *e);

#endif
