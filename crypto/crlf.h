/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A filter that makes every line end CRLF: a bare CR or LF becomes one. */
#ifndef CRYPTO_CRLF_H
#define CRYPTO_CRLF_H

#include <stdbool.h>

#include "crypto/sink.h"

struct crlf {
	struct sink sink;
	struct sink *out;
	bool cr;		/* a CR waits for its LF */
};

void crlf_init(struct crlf *c, struct sink *out);
/* Nothing follows: a CR that waits becomes CRLF. */
int crlf_end(struct crlf *c, struct err *e);

#endif
