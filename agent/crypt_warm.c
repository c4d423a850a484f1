/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: is our own key ready?  If it may, it has gpg-agent ask for the passphrase. */
#include <string.h>
#include <time.h>

#include "agent/crypt_out.h"
#include "agent/keeper_tell.h"

enum { TINY_MAX = 1 << 16 };	/* octets of a sealed word */

/* As crypt_done(), and who watches hears of it. */
static int is_ready(struct crypt *c)
{
	keeper_tell_key(&c->ends->keeper, c->account, KEY_IS_OPEN);
	return crypt_done(c, DONE_OK, "");
}

static int is_locked(struct crypt *c, const char *why)
{
	keeper_tell_key(&c->ends->keeper, c->account, KEY_IS_LOCKED);
	return crypt_done(c, DONE_LOCKED, why);
}

static int not_unlocked(struct crypt *c, const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_CANCELED:
		return is_locked(c, "cancelled");
	case GPG_ERR_TIMEOUT:
		return is_locked(c, "timeout");
	case GPG_ERR_BAD_PASSPHRASE:
		return is_locked(c, "wrong");
	default:
		return is_locked(c, "locked");
	}
}

struct octets {
	struct source source;
	const char *p;
	size_t n;
};

static ssize_t octets_get(struct source *s, void *buf, size_t n, struct err *e)
{
	struct octets *o = (struct octets *)s;

	(void)e;
	n = n < o->n ? n : o->n;
	memcpy(buf, o->p, n);
	o->p += n;
	o->n -= n;
	return (ssize_t)n;
}

/* The key that opens letters is another one to gpg-agent than that which signs: a
 * word is sealed for it, and opened. */
static int warm_opening(struct crypt *c, const struct key *own)
{
	struct octets in = { { octets_get }, "Letterlock", 10 };
	unsigned patience = c->conf->unlock_timeout;
	struct membuf sealed, opened;
	struct opened o = { .locked = false };
	struct err e = { .text = "" };
	time_t began = time(NULL);
	int rc;

	membuf_init(&sealed, TINY_MAX);
	membuf_init(&opened, TINY_MAX);
	rc = engine_seal(c->engine, NULL, false, own, 1, &in.source,
	                 &sealed.sink, &e);
	if (rc == 0) {
		in.p = sealed.buf;
		in.n = sealed.len;
		rc = engine_open(c->engine, patience, TINY_MAX, &in.source,
		                 &opened.sink, &o, &e);
	}
	if (rc)
		rc = crypt_done(c, DONE_FAILED, e.text);
	else if (!o.locked)
		rc = o.encryption == ENC_OK ? is_ready(c)
		     : crypt_done(c, DONE_FAILED, "what is sealed for it can't "
		                  "be opened");
	else
		rc = is_locked(c, time(NULL) - began >= (time_t)patience
		               ? "timeout" : "cancelled");
	opened_free(&o);
	membuf_free(&sealed);
	membuf_free(&opened);
	return rc;
}

static int warm(struct crypt *c, const struct account *a, enum asking ask)
{
	struct found own;
	struct err e;
	int is, rc;

	if (crypt_find_own(c, a, &own, &e))
		return crypt_done(c, DONE_FAILED, e.text);
	if (own.state != KEY_USABLE)
		return crypt_done(c, DONE_REFUSED, "no usable key");
	is = engine_warm(c->engine, own.key.grip_sign, &e);
	if (is == -1)
		return crypt_done(c, DONE_FAILED, e.text);
	if (is == 0 && ask == ASK_NOT)
		return crypt_done(c, DONE_LOCKED, "locked");
	/* a signature has gpg-agent try its passphrase on the sister, too, which
	 * opens; that it did last with another account's, perhaps */
	if (is == 0 || ask == ASK_ALL) {
		if (engine_unlock(c->engine, own.key.fpr,
		                  c->conf->unlock_timeout, &e))
			return not_unlocked(c, &e);
		c->unlocked = true;
	}
	if (ask != ASK_ALL)
		return is_ready(c);
	rc = warm_opening(c, &own.key);
	if (rc == 0)
		crypt_used(c, a, &own.key);
	return rc;
}

int crypt_warm(struct crypt *c, struct unpack *u)
{
	const struct account *a = crypt_account(c, u);
	uint32_t ask = unpack_u32(u);

	if (!unpack_end(u))
		return -1;
	c->account = (uint32_t)(a - c->conf->account);
	return warm(c, a, (enum asking)ask);
}
