/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper: what has to be remembered between sessions, and the MAC key. */
#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include "agent/chan.h"
#include "agent/conf.h"
#include "agent/contacts.h"
#include "agent/frames.h"
#include "agent/peers.h"
#include "crypto/verdict.h"

/* Serve askers, which the guard passes over the leash, until it closes. */
int keeper_run(const struct conf *conf, struct chan *leash);

/* ---- the asker's side: one request, one answer; -1 when the keeper is gone
 * or its answer is none ---- */
int keeper_mac(struct chan *k, const struct verdict *v,
               const unsigned char digest[VERDICT_DIGEST],
               char line[VERDICT_LINE_MAX], struct err *e);
/* What is a verdict worth, the field's text with these digests? */
int keeper_check(struct chan *k, const char *text,
                 const unsigned char digest[VERDICT_DIGEST],
                 const unsigned char body[VERDICT_DIGEST],
                 enum verdict_check *check, struct err *e);
/* From crypt's box: its connect()s come by fd, path is where gpg-agent is. */
int keeper_door(struct chan *k, int fd, const char *path, struct err *e);
/* *n octets at most into value; *found tells. */
int keeper_recall(struct chan *k, uint64_t stamp, const char *key,
                  void *value, size_t n, bool *found, struct err *e);
/* The same for what has no length of its own: *n says how much fits, and then how
 * much there is. */
int keeper_recall_some(struct chan *k, uint64_t stamp, const char *key,
                       void *value, size_t *n, bool *found, struct err *e);
int keeper_remember(struct chan *k, uint64_t stamp, const char *key,
                    const void *value, size_t n, struct err *e);

/* ---- contacts: keeper_ask_contacts.c ---- */

struct keeper_contact {
	enum policy policy;	/* its own, or POLICY_UNSET */
	bool sealed;		/* ever sealed to */
	bool clear;		/* readable letters are allowed */
	char used[41];		/* the key last sealed to, or "" */
	int64_t since;		/* when it was first sealed to */
};
int keeper_contact(struct chan *k, const char *addr, struct keeper_contact *c,
                   struct err *e);
/* What was said of the keys for an address; waits: one that waits, or "". */
int keeper_judged(struct chan *k, const char *addr, struct judgement *j,
                  char waits[41], struct err *e);
int keeper_waits(struct chan *k, const char *addr, const char *fpr,
                 struct err *e);
/* It is on the disk when this has returned; GPG_ERR_EIO: it can't be. */
struct keeper_sealing {
	const char *addr, *fpr;
};
int keeper_sealed(struct chan *k, const struct keeper_sealing *to, size_t n,
                  struct err *e);
int keeper_clear(struct chan *k, const char *addr, struct err *e);
/* Those behind an address ("": from the first), or only this one, who were written to
 * or of whom a key came: take is called with each, until it returns false.  Of what
 * peers.h has it gets the address, own and the keys.  *more: there are more behind
 * the last. */
typedef bool keeper_take(void *arg, const struct contact_known *c,
                         const struct peer_known *peer);
int keeper_contacts(struct chan *k, bool only, const char *addr,
                    keeper_take *take, void *arg, bool *more, struct err *e);
/* Change what of it says (enum contact_set).  -1: the code of e tells why the keeper
 * did not, as in contacts.h. */
struct keeper_set {
	unsigned what;
	bool readable;
	enum policy policy;
	const char *fpr;
	enum judged judged;
};
int keeper_set(struct chan *k, const char *addr, const struct keeper_set *s,
               struct err *e);

/* ---- peers' keys: keeper_ask_peers.c, for crypt ---- */

int keeper_peer(struct chan *k, const char *addr, struct peer_known *known,
                struct err *e);
/* key->n is 0 where there is none. */
int keeper_peer_key(struct chan *k, const char *fpr, struct peer_key *key,
                    struct err *e);
enum { KEEPER_KEYS_MAX = 1000 };
struct keeper_keys {
	uint64_t last;		/* serial of all; 0: there never was a key */
	unsigned all;		/* keys there are */
	size_t n;		/* the first of those behind the asked serial */
	struct peer_serial key[KEEPER_KEYS_MAX];
};
int keeper_peer_keys(struct chan *k, uint64_t after, struct keeper_keys *keys,
                     struct err *e);
/* What gpg has judged: it is on the disk when this has returned 0.  -1: see the
 * code, as in contacts.h.  Most should call crypt_learn(). */
int keeper_learnt(struct chan *k, const struct peer_news *w, bool *taken,
                  struct err *e);

/* ---- look-ups: keeper_ask_lookup.c ---- */

struct found_key {
	unsigned char data[PEER_KEY_MAX];
	size_t n;		/* 0: there is none */
	int64_t when;		/* unix time */
};
/* Begin to look for keys of n addresses (LOOKUP_ADDRS_MAX at most); how: of enum
 * lookup. */
int keeper_lookup(struct chan *k, unsigned how, const char *const *addr,
                  size_t n, enum looked *is, struct err *e);
/* What was found, for crypt, which says whether it is of no use. */
int keeper_found(struct chan *k, const char *addr, struct found_key *key,
                 struct err *e);
int keeper_unfit(struct chan *k, const char *addr, struct err *e);

/* ---- the rest ---- */

/* Message-IDs of letters that came sealed. */
int keeper_came(struct chan *k, const char *id, struct err *e);
int keeper_did_come(struct chan *k, const char *id, bool *sealed,
                    struct err *e);
int keeper_code(struct chan *k, const char *text, unsigned *today,
                unsigned *yesterday, struct err *e);
/* How long the next login of this client has to wait. */
int keeper_wait(struct chan *k, const char *peer, uint32_t *ms, struct err *e);
/* What came of one: see K_LOGIN. */
int keeper_login(struct chan *k, const char *peer, uint32_t account,
                 enum session_kind kind, enum outcome outcome, unsigned code,
                 const char *words, struct err *e);
/* Did the account's provider give no proof lately? */
int keeper_unproven(struct chan *k, uint32_t account, enum session_kind kind,
                    bool *unproven, struct err *e);
/* An account's secret, for its token: asked for, and taken once k can be read,
 * which may take as long as SECRET_ASK_MS.  Both wipe what they handled. */
int keeper_secret_ask(struct chan *k, uint32_t account,
                      const char *token_secret, struct err *e);
int keeper_secret_take(struct chan *k, enum secret_found *found,
                       char *secret_or_words, size_t size, struct err *e);
/* When an account's provider was last reached and last failed. */
struct keeper_reached {
	uint64_t good, bad;	/* unix time, 0 = never */
	char words[500];	/* of the last failure */
};
int keeper_status(struct chan *k, uint32_t account,
                  struct keeper_reached *smtp, struct keeper_reached *pop3,
                  struct err *e);
/* Who has the letter with this digest already (within an hour)? */
int keeper_part_find(struct chan *k, const unsigned char digest[32],
                     struct addrs *have, struct err *e);
int keeper_part_keep(struct chan *k, const unsigned char digest[32],
                     const struct addrs *have, struct err *e);

#endif
