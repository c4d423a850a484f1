/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mime's files for the way out share. */
#ifndef AGENT_MIME_OUT_H
#define AGENT_MIME_OUT_H

#include "agent/mime.h"
#include "agent/smtp.h"
#include "crypto/pgpmime.h"
#include "crypto/protect.h"
#include "crypto/sevenbit.h"
#include "crypto/smime.h"

/* Holds a header block back until something comes behind it. */
struct late {
	struct sink sink;
	struct sink *out;
	struct membuf head;
};

struct out {
	struct sink sink;	/* X_DATA to the lanes, gathered into full frames */
	size_t len;
	unsigned char buf[FRAME_DATA];
	struct chan *front;
	struct chan lane[LANES];
	unsigned lanes;		/* of this letter */
	struct membuf text;	/* the header block */
	struct header header;
	/* the letter on its way */
	enum going how;
	char boundary[40];
	struct sevenbit *seven;
	struct pgpmime *sealed;
	struct smime smime;
	struct late late;
	bool is_smime;
};

/* Does its header block say that it is signed, sealed by PGP/MIME or enveloped
 * by S/MIME? */
enum form out_form(const struct header *h);
/* The letter goes to its lanes, this way: first its head, then the body, in any
 * cutting, and the end.  0, or -1 with the reason in words: nothing more may
 * follow then. */
int out_begin(struct out *o, enum going how, const struct protect_new *add,
              struct err *e);
int out_body(struct out *o, const void *p, size_t n, struct err *e);
int out_end(struct out *o, struct err *e);
void out_free(struct out *o);	/* what these have made */

#endif
