/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: keys shown to a plug-in, and put into the user's keyring. */
#include <string.h>

#include "agent/crypt_out.h"
#include "agent/crypt_ring.h"
#include "agent/keeper.h"
#include "agent/log.h"

/* Whose keys are told, and what was said of them. */
struct telling {
	struct crypt *c;
	const struct account *account;	/* our own of this one, or NULL */
	struct judgement judged;	/* of those for an address */
	enum key_from from;
	char told[LISTED_MAX][41];
	size_t n;
};

/* Is it a key of this account? */
static bool is_of(const struct account *a, const struct listed *k)
{
	char addr[ADDR_MAX + 1];

	if (a->key && strcmp(a->key, k->fpr) == 0)
		return true;
	for (unsigned i = 0; i < k->n; i++)
		if (addr_of_uid(k->uid[i], addr) && account_owns(a, addr))
			return true;
	return false;
}

static int tell_key(void *arg, const struct listed *k, struct err *e)
{
	struct telling *t = arg;
	struct pack p;

	if (t->account && !is_of(t->account, k))
		return 0;
	pack_init(&p);
	pack_str(&p, k->fpr);
	pack_u64(&p, (uint64_t)k->created);
	pack_u64(&p, (uint64_t)k->expires);
	pack_u32(&p, (k->secret ? KEY_FLAG_SECRET : 0)
	         | (k->usable ? KEY_FLAG_USABLE : 0)
	         | (k->valid ? KEY_FLAG_VALID : 0)
	         | (k->revoked ? KEY_FLAG_REVOKED : 0)
	         | (k->expired ? KEY_FLAG_EXPIRED : 0));
	pack_u32(&p, judgement_of(&t->judged, k->fpr));
	pack_u32(&p, t->from);
	pack_u32(&p, k->n);
	for (unsigned i = 0; i < k->n; i++)
		pack_str(&p, k->uid[i]);
	if (t->n < LISTED_MAX)
		memcpy(t->told[t->n++], k->fpr, sizeof t->told[0]);
	return pack_send(&p, &t->c->ends->front, C_KEY, e);
}

static int failed(struct crypt *c, const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_FORBIDDEN: case GPG_ERR_BAD_DATA: case GPG_ERR_NO_PUBKEY:
	case GPG_ERR_TOO_LARGE:
		return crypt_done(c, DONE_REFUSED, e->text);
	default:
		return crypt_done(c, DONE_FAILED, e->text);
	}
}

static bool is_told(const struct telling *t, const char *fpr)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->told[i], fpr) == 0)
			return true;
	return false;
}

/* Those that came by letters and look-ups; without them the others are told. */
static int tell_peers(struct telling *t, const char *addr, struct err *e)
{
	struct peer_known known;
	char fpr[1][41];
	int rc = 0;

	if (keeper_peer(&t->c->ends->keeper, addr, &known, e))
		return -1;
	if (known.n == 0)
		return 0;
	if (crypt_ring(t->c, e) != 1) {
		log_error("keys that came with letters can't be used: %s",
		          e->text);
		return 0;
	}
	engine_ring_use(t->c->engine, true);
	for (unsigned i = 0; i < known.n && rc == 0; i++) {
		memcpy(fpr[0], known.key[i].fpr, sizeof fpr[0]);
		t->from = known.key[i].from;
		if (!is_told(t, fpr[0]) && t->n < LISTED_MAX)
			rc = engine_show(t->c->engine, fpr, 1, tell_key, t, e);
	}
	engine_ring_use(t->c->engine, false);
	return rc;
}

int crypt_list(struct crypt *c, struct unpack *u)
{
	static struct telling t;
	char addr[ADDR_MAX + 1], waits[41];
	struct err e;
	int rc;

	memset(&t, 0, sizeof t);
	t.c = c;
	unpack_str(u, addr, sizeof addr);
	if (!addr[0])
		t.account = crypt_account(c, u);
	if (!unpack_end(u) || (addr[0] && !addr_ok(addr)))
		return -1;
	if (t.account)
		rc = engine_show_own(c->engine, tell_key, &t, &e);
	else if (keeper_judged(&c->ends->keeper, addr, &t.judged, waits, &e))
		rc = -1;
	else
		rc = engine_show_addr(c->engine, addr, tell_key, &t, &e)
		     || tell_peers(&t, addr, &e) ? -1 : 0;
	return rc ? failed(c, &e) : crypt_done(c, DONE_OK, "");
}

int crypt_import(struct crypt *c, struct unpack *u)
{
	static char fpr[IMPORT_KEYS_MAX][41];
	static struct telling t;
	size_t n, new;
	struct pack p;
	struct err e;

	memset(&t, 0, sizeof t);
	t.c = c;
	if (engine_import(c->engine, u->p, u->left, fpr, &n, &new, &e))
		return failed(c, &e);
	pack_init(&p);
	pack_u32(&p, (uint32_t)new);
	if (pack_send(&p, &c->ends->front, C_IMPORTED, NULL))
		return -1;
	return engine_show(c->engine, fpr, n, tell_key, &t, &e)
	       ? failed(c, &e) : crypt_done(c, DONE_OK, "");
}

int crypt_tell_ends(struct crypt *c, struct unpack *u)
{
	const struct account *a = crypt_account(c, u);
	struct found own;
	struct pack p;

	if (!unpack_end(u))
		return -1;
	pack_init(&p);
	pack_u64(&p, crypt_find_own(c, a, &own, NULL)
	             ? 0 : (uint64_t)crypt_ends(&own));
	return pack_send(&p, &c->ends->front, C_ENDS_AT, NULL);
}
