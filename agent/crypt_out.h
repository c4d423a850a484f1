/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What crypt's files for the way out share: a letter from mime, and the same
 * letter on its way to upstream. */
#ifndef AGENT_CRYPT_OUT_H
#define AGENT_CRYPT_OUT_H

#include "agent/crypt.h"
#include "agent/smtp.h"
#include "crypto/armor.h"

/* ---- crypt_out.c ---- */

/* Whom a letter is for, from the frame of its command. */
struct people {
	const struct account *account;
	struct found own;
	size_t n;
	char addr[RCPT_MAX][ADDR_MAX + 1];
	struct key key[RCPT_MAX + 1];	/* theirs; room for our own */
};
/* Our own key and, where the command names people, theirs, which must be there.
 * -1 with e filled. */
int crypt_people(struct crypt *c, struct unpack *u, struct people *p,
                 bool named, struct err *e);

int crypt_done(struct crypt *c, enum outcome o, const char *words);
/* The account a frame names next, or NULL and u->bad. */
const struct account *crypt_account(struct crypt *c, struct unpack *u);

/* C_WARM: is our own key ready, or made ready by asking now?  -1: front spoke
 * nonsense or has gone. */
int crypt_warm(struct crypt *c, struct unpack *u);	/* crypt_warm.c */

/* crypt_autocrypt.c: C_FROM, C_GOSSIP: 0, also where there is no key to go along;
 * or -1. */
int crypt_from(struct crypt *c, struct unpack *u);
int crypt_gossip(struct crypt *c, struct unpack *u);

/* crypt_found.c: f is what there is for an address: if that is no key, or one that has
 * ended, what the keeper has found by a look-up is learnt. */
int crypt_take_found(struct crypt *c, const char *addr, struct found *f,
                     struct err *e);

/* crypt_renew.c: the account's own key was used: c->renews says so where it is to be made
 * to last longer.  Then that is done, when nobody waits for us: gpg runs for it. */
void crypt_used(struct crypt *c, const struct account *a,
                const struct key *own);
void crypt_renew(struct crypt *c);

/* C_EXPORT: the same. */
int crypt_export(struct crypt *c, struct unpack *u);	/* crypt_export.c */
/* crypt_keys.c: C_LIST, C_IMPORT, C_ENDS: the same. */
int crypt_list(struct crypt *c, struct unpack *u);
int crypt_import(struct crypt *c, struct unpack *u);
int crypt_tell_ends(struct crypt *c, struct unpack *u);

/* ---- crypt_letter.c ---- */

struct incoming {
	struct source source;	/* X_DATA */
	struct chan *mime;
	struct membuf head, tail;
	size_t micalg_at;	/* in head, 0: nowhere */
	size_t signature_at;	/* in tail, 0: nowhere */
	const unsigned char *p;	/* what is left of the last frame, or stands
				 * before the first */
	size_t n;
	bool complete;		/* X_END came */
};
void incoming_init(struct incoming *in, struct chan *mime);
void incoming_free(struct incoming *in);

struct outgoing {
	struct sink sink;	/* sealed octets, binary: the first of them is
				 * what lets the head go */
	struct chan_sink pipe;
	struct armor armor;
	struct incoming *in;
	const struct membuf *fields;	/* of ours, above all */
	bool begun;
	bool lost;		/* upstream has gone */
	bool refused;		/* it is the letter's fault, in words */
};
void outgoing_init(struct outgoing *o, struct crypt *c, struct incoming *in);
/* The armor's end, the tail (behind where the signature stands), and P_END. */
int outgoing_end(struct outgoing *o, struct err *e);
/* Tell front why; what stands in the pipe is never followed by P_END, so that
 * upstream drops its connection.  Returns -1. */
int outgoing_failed(struct outgoing *o, struct crypt *c, const struct err *e);

/* A letter from mime to upstream, from its command to its C_DONE: 0, or -1: this
 * crypt is of no use any more. */
int crypt_seal(struct crypt *c, struct unpack *u);
int crypt_clear(struct crypt *c);
int crypt_sign(struct crypt *c, struct unpack *u);	/* crypt_sign.c */
int crypt_pass(struct crypt *c, struct unpack *u);	/* crypt_pass.c */

#endif
