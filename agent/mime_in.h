/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mime's way in shares between letters as they came (mime_in.c) and letters
 * that are opened (mime_open.c). */
#ifndef AGENT_MIME_IN_H
#define AGENT_MIME_IN_H

#include "agent/mime.h"
#include "crypto/header.h"
#include "crypto/verdict.h"

enum { HEAD_MAX = HEADER_MAX + 2 * FRAME_MAX };

struct in {
	struct chan *front, *crypt, *pipe;
	enum fetched how;
	bool ahead;		/* kept until front asks for it */
	uint32_t lines;		/* of the body that are wanted, for TOP */
	bool at_end;		/* the pipe gave P_END (or failed) */
	bool lost;		/* it failed */
	bool opaque;		/* its header block can't be cut into fields */
	struct membuf head;	/* the header block and what came with it */
	size_t head_len;
	struct header outer;
	struct chan_sink to_front;
	struct sink body;	/* counts lines, then to_front */
	bool body_done;
	struct chan_sink cipher;	/* to crypt */
};

/* The next octets of the letter from upstream: 1, or 0 at its end. */
int in_next_data(struct in *in, struct frame *f);

/* To front, each 0 or -1: the end of a letter; no letter, and why (last: the
 * session can't go on). */
int in_finish(struct in *in);
int in_tell_bad(struct in *in, unsigned last, const char *words);
int in_tell_lost(struct in *in);
/* Something of ours failed: with last, so that no other letter will do better. */
int in_tell_broken_so(struct in *in, unsigned last);
int in_tell_broken(struct in *in);

/* Crypt's verdict on a header block as it will be shown, and on the From. */
int in_judge(struct in *in, const struct header *shown,
             const struct addrs *from, const unsigned char *body,
             char line[VERDICT_LINE_MAX]);
/* The verdict and the header block without look-alikes.  A block that can't be
 * cut is text behind an empty line, where a look-alike is none. */
int in_put_original(struct in *in);
/* Fetched ahead: 1 when it is to be handed over now, 0 forgotten, -1. */
int in_await_send(struct in *in);

/* A sealed letter, its header block taken: 0, or -1 when front is gone. */
int in_sealed(struct in *in);

#endif
