/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's answers about contacts.  Who gets none has asked nonsense, or the
 * file has become unreadable: its session ends, and nothing is guessed. */
#include "agent/keeper_contacts.h"

#include <string.h>
#include <time.h>

#include "agent/frames.h"
#include "agent/keeper_event.h"
#include "agent/keeper_peers.h"
#include "agent/log.h"

/* Octets that one contact has in a frame at most. */
enum { CONTACT_MAX = ADDR_MAX + 350 + JUDGED_MAX * 80 + PEER_REFS_MAX * 80 };

static int said(const struct err *e)
{
	log_error("contacts: %s", e->text);
	return -1;
}

/* The address that comes next, and what is known of it: 0, or -1. */
static int known(struct contacts *c, struct unpack *u,
                 struct contact_known *k)
{
	char addr[ADDR_MAX + 1];
	struct err e;

	unpack_str(u, addr, sizeof addr);
	if (!unpack_end(u))
		return -1;
	return contacts_get(c, addr, k, &e) ? said(&e) : 0;
}

static int answer_contact(struct contacts *c, struct unpack *u, struct pack *p)
{
	struct contact_known k;
	int64_t since = 0;

	if (known(c, u, &k))
		return -1;
	for (unsigned i = 0; i < k.n; i++)
		if (strcmp(k.key[i].fpr, k.used) == 0)
			since = k.key[i].first;
	pack_u32(p, k.policy);
	pack_u32(p, k.first != 0);
	pack_u32(p, k.readable);
	pack_str(p, k.used);
	pack_u64(p, (uint64_t)since);
	return 1;
}

static int answer_judged(struct contacts *c, struct unpack *u, struct pack *p)
{
	struct contact_known k;
	uint32_t n = 0;

	if (known(c, u, &k))
		return -1;
	for (unsigned i = 0; i < k.n; i++)
		n += k.key[i].judged != JUDGED_NOT;
	pack_str(p, k.used);
	pack_str(p, k.waits);
	pack_u32(p, n);
	for (unsigned i = 0; i < k.n; i++)
		if (k.key[i].judged != JUDGED_NOT) {
			pack_str(p, k.key[i].fpr);
			pack_u32(p, k.key[i].judged);
		}
	return 1;
}

/* ---- changes ---- */

/* What was begun, to its end or not at all: 0, or -1 with e filled. */
static int ended(struct contacts *c, int rc, struct err *e)
{
	if (rc == 0)
		return contacts_end(c, e);
	contacts_undo(c);
	return -1;
}

static int sealed(struct contacts *c, struct unpack *u, struct err *e)
{
	char addr[ADDR_MAX + 1], fpr[41];
	int64_t now = time(NULL);
	int rc = 0;

	for (uint32_t n = unpack_u32(u); n && !u->bad && rc == 0; n--) {
		unpack_str(u, addr, sizeof addr);
		unpack_str(u, fpr, sizeof fpr);
		if (!u->bad)
			rc = contacts_sealed(c, addr, fpr, now, e);
	}
	if (rc == 0 && !unpack_end(u))
		rc = err_set(e, gpg_error(GPG_ERR_BAD_DATA), "nonsense");
	return rc;
}

static int answer_sealed(struct contacts *c, struct unpack *u, struct pack *p)
{
	struct err e;
	int rc;

	rc = contacts_begin(c, &e);
	if (rc == 0)
		rc = ended(c, sealed(c, u, &e), &e);
	if (rc)
		said(&e);
	pack_u32(p, rc == 0);
	return 1;
}

/* One that nobody waits for. */
static int note(struct contacts *c, unsigned type, struct unpack *u)
{
	char addr[ADDR_MAX + 1], fpr[41] = "";
	struct err e;
	int rc;

	unpack_str(u, addr, sizeof addr);
	if (type == K_WAITS)
		unpack_str(u, fpr, sizeof fpr);
	if (!unpack_end(u))
		return -1;
	rc = contacts_begin(c, &e);
	if (rc == 0)
		rc = ended(c, type == K_WAITS
		           ? contacts_waits(c, addr, fpr, &e)
		           : contacts_readable(c, addr, true, &e), &e);
	if (rc)
		said(&e);
	return 0;
}

static int set(struct contacts *c, struct unpack *u, char addr[ADDR_MAX + 1],
               struct err *e)
{
	char fpr[41];
	uint32_t what, readable, policy, judged;

	unpack_str(u, addr, ADDR_MAX + 1);
	what = unpack_u32(u);
	readable = unpack_u32(u);
	policy = unpack_u32(u);
	unpack_str(u, fpr, sizeof fpr);
	judged = unpack_u32(u);
	if (!unpack_end(u) || policy > POLICY_ALWAYS
	    || judged > JUDGED_REJECTED)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "nonsense");
	if ((what & SET_READABLE && contacts_readable(c, addr, readable, e))
	    || (what & SET_POLICY
	        && contacts_policy(c, addr, (enum policy)policy, e))
	    || (what & SET_JUDGED
	        && contacts_judge(c, addr, fpr, (enum judged)judged, e)))
		return -1;
	return 0;
}

static int answer_set(struct kept *k, struct unpack *u, struct pack *p)
{
	struct contacts *c = k->contacts;
	struct err e = { .code = 0 };
	char addr[ADDR_MAX + 1];
	const char *changed = addr;
	int rc;

	rc = contacts_begin(c, &e);
	if (rc == 0)
		rc = ended(c, set(c, u, addr, &e), &e);
	if (rc)
		said(&e);
	else
		event_changed(k, &changed, 1);
	pack_u32(p, rc ? gpg_err_code(e.code) : 0);
	return 1;
}

/* ---- all of them ---- */

void pack_contact(struct pack *p, const struct contact_known *k)
{
	pack_str(p, k->addr);
	pack_u64(p, (uint64_t)k->first);
	pack_u64(p, (uint64_t)k->last);
	pack_u32(p, k->readable);
	pack_u32(p, k->policy);
	pack_str(p, k->used);
	pack_str(p, k->waits);
	pack_u32(p, k->n);
	for (unsigned i = 0; i < k->n; i++) {
		pack_str(p, k->key[i].fpr);
		pack_u64(p, (uint64_t)k->key[i].first);
		pack_u64(p, (uint64_t)k->key[i].last);
		pack_u32(p, k->key[i].judged);
	}
}

static void pack_peer(struct pack *p, const struct peer_known *k)
{
	pack_str(p, k->own);
	pack_u32(p, k->n);
	for (unsigned i = 0; i < k->n; i++)
		pack_peer_ref(p, &k->key[i], true);
}

/* This one, or that behind it, of those that anything or a key is known of: its
 * address is "" where there is none. */
static int next(struct contacts *c, bool only, struct contact_known *k,
                struct peer_known *peer, struct err *e)
{
	char from[ADDR_MAX + 1], addr[ADDR_MAX + 1] = "";

	memcpy(from, k->addr, sizeof from);
	if (only ? contacts_get(c, from, k, e) || peers_get(c, from, peer, e)
	    : contacts_next(c, from, k, e) || peers_next(c, from, addr, e))
		return -1;
	if (only && peer->n)
		memcpy(addr, peer->addr, sizeof addr);
	if (addr[0] && (!k->addr[0] || strcmp(addr, k->addr) < 0)) {
		memset(k, 0, sizeof *k);
		memcpy(k->addr, addr, sizeof addr);
	}
	return only || !k->addr[0] ? 0 : peers_get(c, k->addr, peer, e);
}

static int answer_contacts(struct contacts *c, struct unpack *u,
                           struct pack *p)
{
	bool only = unpack_u32(u) != 0;
	struct contact_known k;
	struct peer_known peer;
	struct err e;

	unpack_str(u, k.addr, sizeof k.addr);
	if (!unpack_end(u))
		return -1;
	do {
		if (next(c, only, &k, &peer, &e))
			return said(&e);
		if (!k.addr[0] || p->len + CONTACT_MAX > sizeof p->buf)
			break;
		pack_u32(p, 1);
		pack_contact(p, &k);
		pack_peer(p, &peer);
	} while (!only);
	pack_u32(p, 0);
	pack_u32(p, !only && k.addr[0]);
	return 1;
}

int keeper_contacts_answer(struct kept *k, unsigned type, struct unpack *u,
                           struct pack *p)
{
	struct contacts *c = k->contacts;

	switch (type) {
	case K_CONTACT: return answer_contact(c, u, p);
	case K_JUDGED: return answer_judged(c, u, p);
	case K_SEALED: return answer_sealed(c, u, p);
	case K_CLEAR: case K_WAITS: return note(c, type, u);
	case K_CONTACTS: return answer_contacts(c, u, p);
	case K_CONTACT_SET: return answer_set(k, u, p);
	}
	return -1;
}
