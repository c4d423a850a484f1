/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Content-Transfer-Encoding put on (RFC 2045 section 6), streaming. */
#ifndef CRYPTO_ENCODE_H
#define CRYPTO_ENCODE_H

#include "crypto/sink.h"
#include "crypto/transfer.h"

enum {
	ENCODE_COLUMNS = 76,	/* of a line, its soft break included */
	ENCODE_AHEAD = 5	/* octets read ahead: "From " */
};

/* TRANSFER_QP, for text: CRLF stays a line's end; blanks before one, controls,
 * bare CR and LF, NUL and all over 126 are encoded, and so are the "F" of "From "
 * and the first of "--" where they begin a line that is written.
 * TRANSFER_BASE64: lines of 76, and no line end behind the last.
 * What is written does not depend on how the input is cut. */
struct encode {
	struct sink sink;
	struct sink *out;
	enum transfer how;
	unsigned column;
	unsigned char held[2 * ENCODE_AHEAD];	/* not written yet */
	size_t n_held;
};

void encode_init(struct encode *c, enum transfer how, struct sink *out);
/* Nothing follows: write what is held. */
int encode_end(struct encode *c, struct err *e);

#endif
