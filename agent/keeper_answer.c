/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers of the keeper: one to each K_ frame that wants one. */
#include "agent/keeper_answer.h"

#include <string.h>
#include <time.h>

#include "agent/frames.h"
#include "agent/keeper_contacts.h"
#include "agent/keeper_ends.h"
#include "agent/keeper_event.h"
#include "agent/keeper_lookup.h"
#include "agent/keeper_peers.h"
#include "agent/log.h"
#include "agent/token.h"
#include "crypto/verdict.h"

enum { TEXT_MAX = 60000 };

int64_t keeper_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void answer_mac(struct kept *k, struct unpack *u, struct pack *p)
{
	unsigned char digest[VERDICT_DIGEST];
	char line[VERDICT_LINE_MAX];
	struct verdict v = { .t = time(NULL) };

	v.encryption = (enum verdict_encryption)unpack_u32(u);
	v.signature = (enum verdict_signature)unpack_u32(u);
	v.trust = (enum verdict_trust)unpack_u32(u);
	v.reason = (enum verdict_reason)unpack_u32(u);
	unpack_str(u, v.signer, sizeof v.signer);
	unpack_str(u, v.fpr, sizeof v.fpr);
	v.has_body = unpack_u32(u) != 0;
	unpack_mem(u, v.body, sizeof v.body);
	unpack_mem(u, digest, sizeof digest);
	if (!unpack_end(u) || verdict_format(&v, digest,
	                                     memory_key(k->memory), line, NULL))
		line[0] = '\0';
	pack_str(p, line);
}

static void answer_check(struct kept *k, struct unpack *u, struct pack *p,
                         char *text)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	struct verdict v;

	unpack_str(u, text, TEXT_MAX);
	unpack_mem(u, digest, sizeof digest);
	unpack_mem(u, body, sizeof body);
	pack_u32(p, unpack_end(u) ? verdict_check(text, digest, body,
	                                          memory_key(k->memory), &v)
	            : VERDICT_FORGED);
}

static void answer_recall(struct kept *k, struct unpack *u, struct pack *p,
                          char *text)
{
	uint64_t stamp = unpack_u64(u);
	const void *value = NULL;
	size_t n = 0;

	unpack_str(u, text, TEXT_MAX);
	if (unpack_end(u))
		value = memory_recall(k->memory, stamp, text, &n);
	pack_u32(p, value != NULL);
	if (value)
		pack_mem(p, value, n);
}

static void note_lookup(struct kept *k, struct unpack *u, char *text)
{
	uint64_t stamp = unpack_u64(u);

	unpack_str(u, text, TEXT_MAX);
	if (!u->bad)
		memory_remember(k->memory, stamp, text, u->p, u->left);
}

static void note_came(struct kept *k, struct unpack *u, char *text)
{
	struct err e;

	unpack_str(u, text, TEXT_MAX);
	if (unpack_end(u) && memory_add(k->memory, MEMORY_CAME, text, &e))
		log_error("a letter that came is not remembered: %s", e.text);
}

static void answer_code(struct kept *k, struct unpack *u, struct pack *p,
                        char *text)
{
	int64_t day = time(NULL) / 86400;

	unpack_str(u, text, TEXT_MAX);
	pack_u32(p, memory_code(k->memory, text, day));
	pack_u32(p, memory_code(k->memory, text, day - 1));
}

static void answer_part(struct kept *k, struct unpack *u, struct pack *p)
{
	unsigned char digest[32];
	const void *list;
	size_t n;

	unpack_mem(u, digest, sizeof digest);
	list = memory_part_find(k->memory, digest, time(NULL), &n);
	if (list)
		pack_mem(p, list, n);
	else
		pack_u32(p, 0);
}

static void note_part(struct kept *k, struct unpack *u)
{
	unsigned char digest[32];

	unpack_mem(u, digest, sizeof digest);
	if (!u->bad)
		memory_part_keep(k->memory, digest, time(NULL), u->p, u->left);
}

static void say_failed(struct pack *p, enum secret_found found,
                       const char *words)
{
	pack_u32(p, found);
	pack_str(p, words);
}

/* The token first: nobody else makes a command run. */
static int answer_secret(struct kept *k, struct unpack *u, struct pack *p,
                         uint32_t generation, uint32_t *account)
{
	const struct account *a;
	char token_secret[TOKEN_TEXT + 1];
	struct err e;
	bool right;
	int rc;

	*account = unpack_u32(u);
	/* the number of an account in another configuration says nothing */
	if (generation != k->generation || *account >= k->conf->n_accounts)
		return -1;
	a = &k->conf->account[*account];
	if (!a->command)
		return -1;
	/* what is longer than any token is a wrong one */
	unpack_str(u, token_secret, sizeof token_secret);
	rc = token_check(k->dir, a->address, token_secret, &right, &e);
	explicit_bzero(token_secret, sizeof token_secret);
	if (rc) {
		log_error("tokens: %s", e.text);
		say_failed(p, SECRET_FAILED, e.text);
		return 1;
	}
	if (!right) {
		say_failed(p, SECRET_WRONG_TOKEN, "");
		return 1;
	}
	if (!secrets_want(k->secrets, *account, keeper_now()))
		return KEEPER_LATER;
	secrets_tell(k->secrets, *account, p);
	return 1;
}

static int answer_wait(struct kept *k, struct unpack *u, struct pack *p)
{
	char peer[PEER_MAX];

	unpack_str(u, peer, sizeof peer);
	if (!unpack_end(u))
		return -1;
	pack_u32(p, logins_wait(k->logins, peer, keeper_now()));
	return 1;
}

static int note_login(struct kept *k, struct unpack *u, uint32_t generation)
{
	struct logged in;

	unpack_str(u, in.peer, sizeof in.peer);
	in.account = unpack_u32(u);
	in.kind = unpack_u32(u);
	in.outcome = (enum outcome)unpack_u32(u);
	in.code = unpack_u32(u);
	unpack_str(u, in.words, sizeof in.words);
	if (!unpack_end(u))
		return -1;
	if (generation != k->generation || in.account >= k->conf->n_accounts)
		in.account = UINT32_MAX;	/* none of now */
	/* a wrong password is the matter of who typed it */
	in.outage = in.outcome == DONE_UNREACHABLE || in.outcome == DONE_FAILED
	            || (in.outcome == DONE_DENIED && in.account != UINT32_MAX
	                && k->conf->account[in.account].command);
	if (logins_note(k->logins, &in, keeper_now(), time(NULL)))
		event_error(k, in.account, in.kind);
	if (in.outcome == DONE_DENIED && in.account != UINT32_MAX)
		secrets_drop(k->secrets, in.account);
	return 0;
}

static int answer_unproven(struct kept *k, struct unpack *u, struct pack *p,
                           uint32_t generation)
{
	uint32_t account = unpack_u32(u), kind = unpack_u32(u);

	if (!unpack_end(u))
		return -1;
	if (generation != k->generation)
		account = UINT32_MAX;
	pack_u32(p, logins_unproven(k->logins, account, kind, keeper_now()));
	return 1;
}

bool keeper_may(enum role role, enum session_kind kind, unsigned type)
{
	switch (type) {
	case K_MAC: case K_RECALL: case K_REMEMBER: case K_CAME: case K_DOOR:
	case K_KEY: case K_ENDS: case K_JUDGED: case K_WAITS: case K_PEER:
	case K_PEER_KEY: case K_PEER_KEYS: case K_LEARNT: case K_FOUND:
	case K_UNFIT: case K_RENEWED: case K_LASTS:
		return role == ROLE_CRYPT;
	case K_STATUS: case K_CHANGED: case K_WATCH: case K_CONTACTS:
	case K_RENEWAL: case K_ENDING:
	case K_CONTACT_SET:
		return role == ROLE_PLUGIN;
	case K_CHECK:
		return role == ROLE_PLUGIN || role == ROLE_FRONT;
	/* what becomes of a letter is told before it is sent, too: a plug-in is
	 * the user's own, and sees no more here than by sending letters */
	case K_CONTACT: case K_CODE: case K_DID_COME: case K_LOOKUP:
		return role == ROLE_PLUGIN
		       || (role == ROLE_FRONT && kind == SESSION_SMTP);
	case K_SEALED: case K_CLEAR: case K_PART_FIND: case K_PART_KEEP:
		return role == ROLE_FRONT && kind == SESSION_SMTP;
	}
	return role == ROLE_FRONT;
}

int keeper_answer(struct kept *k, const struct frame *f, struct pack *p,
                  uint32_t generation, uint32_t *account)
{
	static char text[TEXT_MAX];
	struct unpack u;

	unpack_init(&u, f);
	pack_init(p);
	switch (f->type) {
	case K_MAC: answer_mac(k, &u, p); return 1;
	case K_CHECK: answer_check(k, &u, p, text); return 1;
	case K_RECALL: answer_recall(k, &u, p, text); return 1;
	case K_CODE: answer_code(k, &u, p, text); return 1;
	case K_PART_FIND: answer_part(k, &u, p); return 1;
	case K_DID_COME:
		unpack_str(&u, text, sizeof text);
		pack_u32(p, memory_has(k->memory, MEMORY_CAME, text));
		return 1;
	case K_REMEMBER: note_lookup(k, &u, text); return 0;
	case K_CAME: note_came(k, &u, text); return 0;
	case K_PART_KEEP: note_part(k, &u); return 0;
	case K_SECRET: return answer_secret(k, &u, p, generation, account);
	case K_WAIT: return answer_wait(k, &u, p);
	case K_LOGIN: return note_login(k, &u, generation);
	case K_UNPROVEN: return answer_unproven(k, &u, p, generation);
	case K_STATUS:
		if (generation != k->generation)
			return -1;
		logins_status(k->logins, unpack_u32(&u), p);
		return 1;
	case K_PEER: case K_PEER_KEY: case K_PEER_KEYS: case K_LEARNT:
		return keeper_peers_answer(k, f->type, &u, p);
	case K_RENEWAL: case K_ENDING:
		return ends_answer(k, f->type, &u, p, generation);
	case K_FOUND: case K_UNFIT:
		return keeper_found_answer(k, f->type, &u, p);
	}
	return keeper_contacts_answer(k, f->type, &u, p);
}
