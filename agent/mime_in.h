/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mime's way in shares: letters as they came (mime_in.c), that are signed
 * (mime_signed.c) or opened (mime_open.c) or were so once (mime_check.c), how they
 * were stored (mime_stored.c), their header blocks (mime_show.c), the keys that came
 * along (mime_learn.c), and the talk with crypt (mime_spool.c). */
#ifndef AGENT_MIME_IN_H
#define AGENT_MIME_IN_H

#include "agent/mime.h"
#include "crypto/addr.h"
#include "crypto/header.h"
#include "crypto/kind.h"
#include "crypto/signed.h"
#include "crypto/verdict.h"

/* The header block, what is looked at of the body, and the frame that was one too
 * much for either. */
enum { HEAD_MAX = HEADER_MAX + KIND_PROBE_MAX + 5 * FRAME_MAX };

/* A letter as a mail program stored it: the mbox line above it goes, and where its
 * lines end by LF they get CRLF.  See mime_stored.c. */
struct stored {
	enum { STORED_TOP, STORED_MBOX, STORED_LETTER } at;
	unsigned held;		/* octets of "From " that came */
	bool known, lf;		/* the first line's end was seen; it was LF */
	bool cr;		/* the last octet was CR */
	size_t n;
	unsigned char out[2 * FRAME_MAX + 16];
};
void stored_begin(struct stored *s);
/* More of it, n octets: what they become, valid until the next call; returns how
 * many octets that are, which may be none. */
size_t stored_put(struct stored *s, const unsigned char *p, size_t n,
                  const unsigned char **out);
/* Nothing follows: the same for what was held back. */
size_t stored_end(struct stored *s, const unsigned char **out);

struct in {
	struct chan *front, *crypt, *pipe;
	enum fetched how;
	bool ahead;		/* kept until front asks for it */
	bool before;		/* perhaps it has a verdict already */
	bool stored;		/* from a plug-in, as a mail program stored it */
	bool verdict_only;	/* the same: it is not opened */
	bool sender_only;	/* nor is more looked at than its header block */
	bool ask;		/* a passphrase may be asked for */
	uint32_t lines;		/* of the body that are wanted, for TOP */
	bool learns;		/* keys that come along are to be remembered */
	bool delivered;		/* front has all of it, for the client */
	bool at_end;		/* the pipe gave P_END (or failed) */
	bool lost;		/* it failed */
	bool opaque;		/* its header block can't be cut into fields */
	uint64_t octets;	/* of it that came */
	struct stored as_stored;
	struct membuf head;	/* the header block and what came with it */
	size_t head_len;
	struct header outer;
	struct chan_sink to_front;
	struct sink body;	/* counts lines, then to_front */
	bool body_done;
	/* the last verdict, what it speaks of, and the letter's Message-ID as shown */
	char verdict[VERDICT_LINE_MAX];
	unsigned char digest[VERDICT_DIGEST], judged_body[VERDICT_DIGEST];
	char id[ID_MAX + 1];
	struct chan_sink cipher;	/* to crypt */
};

/* The next octets of the letter from upstream: 1, or 0 at its end. */
int in_next_data(struct in *in, struct frame *f);
/* What it is: 0, or -1. */
int in_kind(struct in *in, enum letter_kind *kind);
enum form in_form(enum letter_kind kind);

/* To front, each 0 or -1: the end of a letter; no letter, and why (last: the
 * session can't go on). */
int in_finish(struct in *in);
int in_tell_bad(struct in *in, unsigned last, const char *words);
int in_tell_lost(struct in *in);
/* Something of ours failed: with last, so that no other letter will do better. */
int in_tell_broken_so(struct in *in, unsigned last);
int in_tell_broken(struct in *in);
/* What it is, where it has no verdict and is not to be opened. */
int in_tell_form(struct in *in, enum letter_kind kind);

/* Fetched ahead: 1 when it is to be handed over now, 0 forgotten, -1. */
int in_await_send(struct in *in);

/* As it came, its header block taken: 0, or -1 when front is gone.  So the others:
 * a letter of KIND_SIGNED; one that is sealed, in any of the ways. */
int in_plain(struct in *in);
int in_signed(struct in *in);
int in_sealed(struct in *in, enum letter_kind kind);

/* Perhaps handed over before (FETCHED_BEFORE, FETCHED_VERDICT), its header block
 * taken: front hears what its verdict speaks of; 1: it has none, -1: front is gone. */
int in_check(struct in *in);

/* ---- header blocks (mime_show.c) ---- */

/* The verdict and what is shown under it, n octets, with a body of so many octets
 * below.  A plug-in's is told first what the verdict speaks of. */
int in_put_top(struct in *in, const char *line, const void *shown, size_t n,
               uint64_t body);
/* Octets of the body as it came, once all of it has come. */
uint64_t in_raw_body(const struct in *in);
/* The verdict and the header block without look-alikes.  A block that can't be
 * cut is text behind an empty line, where a look-alike is none.  body: the digest
 * of the body where something may be claimed, else NULL. */
int in_put_original(struct in *in, const unsigned char *body);
/* The header block to show, judged: the protected fields of inner with content's
 * Content-* (see protect_restore_signed()), and with the inner From where its
 * address is the outer one's or is proven by the signature, else with the outer
 * one (I6). */
int in_restore(struct in *in, const struct header *inner,
               const struct header *content, const unsigned char *body,
               struct membuf *shown, char line[VERDICT_LINE_MAX]);
/* The same for a body that was one armored message (R2). */
int in_restore_inline(struct in *in, const unsigned char *body,
                      struct membuf *shown, char line[VERDICT_LINE_MAX]);

/* Exactly one From with exactly one mailbox, or none at all (R6): a list to be
 * freed. */
void in_from(const struct header *h, struct addrs *list);

/* ---- keys that came along (mime_learn.c) ---- */

/* Tell crypt, once the letter was delivered: its sender's, by the header block it
 * came with; and, of one that was opened, others' by the payload's own block,
 * inner being that with the protected fields.  What fails is silent. */
void in_learn(struct in *in);
/* FETCHED_SENDER: tell front whose key came along; read: the header block could be
 * cut.  0 or -1. */
int in_tell_sender(struct in *in, bool read);
void in_learn_gossip(struct in *in, const struct header *root,
                     const struct header *inner);

/* ---- crypt and its spools (mime_spool.c) ---- */

/* All of the letter to crypt, as it came, and its body to a sink too. */
int in_feed(struct in *in, struct sink *body);
struct in_opened {
	uint32_t encryption, reason, held;
};
/* That was all: what came of it. */
int in_feed_end(struct in *in, enum raw what, struct in_opened *o);
/* Have the signature that s found in a body verified, which begins behind skip
 * octets of the spool; that of SPOOL_CLEAR was read with CRLF line ends. */
int in_verify(struct in *in, enum spool_name which, uint64_t skip,
              const struct signed_scan *s, enum held *held, bool *counts);
/* in_read(), then in_next() until it is not 1: octets of a spool; 0 its end, -1. */
int in_read(struct in *in, enum spool_name which);
int in_next(struct in *in, struct frame *f);
/* The body as it came, from its spool, and the end of the letter. */
int in_put_raw_body(struct in *in);

#endif
