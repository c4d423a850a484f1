/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Content-Transfer-Encoding taken away (RFC 2045 section 6), streaming. */
#ifndef CRYPTO_TRANSFER_H
#define CRYPTO_TRANSFER_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

enum transfer { TRANSFER_NONE, TRANSFER_QP, TRANSFER_BASE64, TRANSFER_UNKNOWN };

struct untransfer {
	struct sink sink;
	struct sink *out;
	enum transfer how;
	unsigned bits, n_bits, pad;
	char esc[3];		/* of quoted-printable: "=", "=X", "=CR" */
	unsigned n_esc;
	bool bad;		/* it was not what it said to be */
};

/* By the token of a Content-Transfer-Encoding field; NULL: none. */
enum transfer transfer_of(const char *token);
/* By a header block; UNKNOWN where there are two such fields, or one that can't be
 * read. */
enum transfer transfer_in(const struct header *h);
void untransfer_init(struct untransfer *t, enum transfer how, struct sink *out);
/* Nothing follows: sets bad where something is cut off. */
void untransfer_end(struct untransfer *t);

#endif
