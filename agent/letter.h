/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One letter on its way out, as front conducts it. */
#ifndef AGENT_LETTER_H
#define AGENT_LETTER_H

#include "agent/dots.h"
#include "agent/resend.h"
#include "agent/smtp.h"
#include "crypto/crlf.h"

struct letter {
	struct smtp *s;
	/* from the client */
	struct undots undots;
	struct crlf crlf;	/* behind it: no bare CR or LF gets further */
	struct resend resend;	/* behind that: is it sent again? */
	unsigned char digest[RESEND_DIGEST];
	struct addrs have;	/* who have it already, in the last hour */
	struct sink null;	/* for what is only drained */
	bool done;		/* CRLF.CRLF was met */
	struct membuf head;	/* header block and what came with it */
	size_t head_len;	/* of the header block in it */
	struct chan_sink to_mime;
	uint64_t octets;	/* of the letter so far */
	bool gone;		/* the client */
	bool at_mime;		/* mime knows of it */
	bool warm;		/* the signing key was asked for */
	bool broken;		/* a part of this session is no more */
	/* what mime found in the header */
	struct addrs from, shown;	/* From; To and Cc */
	struct wishes wishes;
	enum wish sign;
	enum form form;
	char id[EVENT_ID_MAX];	/* its Message-ID, once it went the one it has
				 * then; "" = none */
	int code;		/* of [clear 1234], or -1 */
	unsigned unfit;		/* the reply where it had to be sealed or signed
				 * and can't be, 0 = it can */
	char unfit_words[ERR_TEXT_MAX + 100];
	/* what was decided */
	struct recipient to[RCPT_MAX];
	size_t n;
	enum going how;
	bool signs;
	bool utf8;		/* its header block, as it goes, needs SMTPUTF8 */
	unsigned lanes;
	/* the answer */
	unsigned reply;		/* SMTP code, 0 = none yet */
	char words[1600];	/* with the enhanced code */
};

/* Set the answer, unless there is one already; returns -1. */
int letter_refuse(struct letter *l, unsigned reply, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A part of ours failed: 451, and the connection ends behind it; returns -1. */
int letter_broken(struct letter *l);

/* Our own key is locked, and stayed so: 451; returns -1. */
int letter_locked(struct letter *l);

/* See that the signing key is unlocked, asking for it once: 0, or -1 with the
 * answer set. */
int letter_warm(struct letter *l);
/* Have so many octets of the body in head too, where it has as many: the same. */
int letter_take_more(struct letter *l, size_t body);

/* letter_decide.c: from the header block to whether and how it goes: 0, or -1
 * with the answer set. */
int letter_decide(struct letter *l);
/* One of mime's frames about the letter: the same. */
int letter_take_fact(struct letter *l, const struct frame *f);

/* letter_lanes.c: envelope and sealing on every lane.  Each is 0, or -1 with the
 * answer set. */
int letter_open_lanes(struct letter *l);
int letter_envelope(struct letter *l);
int letter_go(struct letter *l);
int letter_data(struct letter *l);
/* Is recipient i on this lane?  Lane 0 is for those in To and Cc; each Bcc of a
 * sealed letter has its own; a letter to Bccs only begins with the first. */
bool letter_on_lane(const struct letter *l, size_t i, unsigned lane);
/* Set the answer from what upstream said on this lane; returns -1. */
int letter_failed(struct letter *l, const struct lane *lane);
/* The provider's name, for an answer. */
const char *letter_host(const struct letter *l);
/* The enhanced code (RFC 3463) a reply begins with moves before our words: into
 * out, and what is behind it is returned.  One is made from the reply's class
 * where it has none. */
const char *letter_enhanced(const char *text, unsigned code, char out[12]);

/* letter_finish.c: to the final dot on every lane: 0, or -1 with the answer
 * set. */
int letter_finish(struct letter *l);
/* After a failure: nothing of it may go on anywhere. */
void letter_drop_lanes(struct letter *l);

#endif
