/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict: the Letterlock-Status header, its words, its MAC. */
#ifndef CRYPTO_VERDICT_H
#define CRYPTO_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/addr.h"
#include "crypto/header.h"
#include "crypto/sink.h"

#define VERDICT_NAME "Letterlock-Status"

enum verdict_encryption { ENC_NONE, ENC_OK, ENC_FAILED };
enum verdict_signature {
	SIG_NONE, SIG_GOOD, SIG_BAD, SIG_UNKNOWN_KEY, SIG_UNTRUSTED,
	SIG_EXPIRED, SIG_REVOKED, SIG_WEAK, SIG_MISMATCH
};
enum verdict_trust { TRUST_NONE, TRUST_VERIFIED, TRUST_SEEN };
enum verdict_reason {
	REASON_NONE, REASON_NO_SECRET_KEY, REASON_INTEGRITY, REASON_MALFORMED,
	REASON_UNSUPPORTED, REASON_TOO_LARGE, REASON_TIMEOUT
};

enum { VERDICT_DIGEST = 32, VERDICT_KEY = 32, VERDICT_LINE_MAX = 1000 };

struct verdict {
	enum verdict_encryption encryption;
	enum verdict_signature signature;
	enum verdict_trust trust;
	enum verdict_reason reason;
	char signer[ADDR_MAX + 1];	/* "" or the matched addr-spec */
	char fpr[41];			/* "" or 40 hex digits, upper case */
	bool has_body;			/* body is set: where something is claimed */
	unsigned char body[32];		/* SHA-256 of the delivered body */
	int64_t t;			/* unix time, seconds */
};

/* SHA-256 over what the MAC covers besides the verdict itself: the fields
 * From, To, Cc, Reply-To, Date, Subject, Message-ID and all Content-* but
 * Content-Length, which clients write when they store a letter (absent ones
 * marked, each in DKIM's relaxed header form, RFC 6376 section 3.4.2). */
int verdict_digest(const struct header *h, unsigned char out[VERDICT_DIGEST],
                   struct err *e);

/* SHA-256 of a body in DKIM's relaxed canonical form (RFC 6376 section
 * 3.4.4), streaming, any line ends. */
struct body_digest;
struct body_digest *body_digest_new(void);
struct sink *body_digest_sink(struct body_digest *b);
int body_digest_end(struct body_digest *b, unsigned char out[VERDICT_DIGEST],
                    struct err *e);
void body_digest_free(struct body_digest *b);

/* Does a verdict claim something (so that the body belongs under the MAC)? */
bool verdict_claims(const struct verdict *v);

/* The complete field, never folded, CRLF at its end:
 * "Letterlock-Status: v=1; encryption=...; ...; t=...; kid=8HEX; [bh=...; ]mac=..."
 * bh (with has_body only) and mac are base64url without padding.  kid is the
 * first 8 hex digits of SHA-256 of the key.  mac is HMAC-SHA-256 under the key
 * over the text before "mac=" and then the digest of the header fields.
 * Nothing but our words, 40 hex digits and an addr_ok() address of printable
 * ASCII without ';' gets into it, else GPG_ERR_INV_VALUE; nor is a claim
 * written without has_body. */
int verdict_format(const struct verdict *v,
                   const unsigned char digest[VERDICT_DIGEST],
                   const unsigned char key_secret[VERDICT_KEY],
                   char line[VERDICT_LINE_MAX], struct err *e);

enum verdict_check {
	VERDICT_GENUINE,
	VERDICT_CHANGED,	/* the MAC is right, the body is another one */
	VERDICT_OTHER_KEY,	/* from another installation: kid differs */
	VERDICT_FORGED		/* or not strictly our own form */
};

/* Parse the field's text (behind "Letterlock-Status:") and check it against
 * the digest of the header fields and the body's digest as they are now.  v is
 * filled as far as the text is of our form. */
enum verdict_check verdict_check(const char *text,
                                 const unsigned char digest[VERDICT_DIGEST],
                                 const unsigned char body[VERDICT_DIGEST],
                                 const unsigned char key_secret[VERDICT_KEY],
                                 struct verdict *v);

#endif
