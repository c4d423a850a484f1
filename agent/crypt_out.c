/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt on the way out: front's commands, and whose keys there are. */
#include "agent/crypt_out.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	IDLE_MS = 1000,		/* without a word of front's */
	END_MS = 300		/* and once it has gone */
};

#include "agent/crypt_learn.h"

/* ---- answers to front ---- */

int crypt_done(struct crypt *c, enum outcome o, const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, o);
	pack_str(&p, words);
	return pack_send(&p, &c->ends->front, C_DONE, NULL);
}

const struct account *crypt_account(struct crypt *c, struct unpack *u)
{
	uint32_t n = unpack_u32(u);

	if (u->bad || n >= c->conf->n_accounts) {
		u->bad = true;
		return NULL;
	}
	return &c->conf->account[n];
}

/* What C_KEYS found, on which the letter is judged, serves for its C_SEAL. */
static struct {
	const struct account *account;	/* NULL: nothing is known */
	struct found own, of[RCPT_MAX];
	char addr[RCPT_MAX][ADDR_MAX + 1];
	size_t n;
} known;

static int find_own(struct crypt *c, const struct account *a, struct found *f,
                    struct err *e)
{
	if (a != known.account)
		return crypt_find_own(c, a, f, e);
	*f = known.own;
	return 0;
}

static int find(struct crypt *c, const char *addr, struct found *f,
                struct err *e)
{
	for (size_t i = 0; i < known.n; i++)
		if (strcmp(known.addr[i], addr) == 0) {
			*f = known.of[i];
			return 0;
		}
	return crypt_find(c, addr, f, e);
}

static void forget(void)
{
	known.account = NULL;
	known.n = 0;
}

static int keys(struct crypt *c, struct unpack *u)
{
	const struct account *a = crypt_account(c, u);
	uint32_t n = unpack_u32(u);
	struct found *f = known.of;
	char *addr;
	struct pack p;
	struct err e = { .code = 0 };

	forget();
	c->stamp = engine_stamp(c->engine);	/* once for all of them */
	if (u->bad || n > RCPT_MAX || crypt_find_own(c, a, &known.own, &e))
		goto failed;
	pack_init(&p);
	pack_u32(&p, known.own.state);
	for (; known.n < n; known.n++, f++) {
		addr = known.addr[known.n];
		unpack_str(u, addr, sizeof known.addr[0]);
		if (u->bad || crypt_find(c, addr, f, &e)
		    || crypt_take_found(c, addr, f, &e))
			goto failed;
		pack_u32(&p, f->state);
		pack_u32(&p, f->key.valid);
		pack_u32(&p, f->key.verified);
		pack_u64(&p, (uint64_t)f->key.expires);
		pack_str(&p, f->key.fpr);
		pack_u32(&p, f->from);
	}
	known.account = a;
	c->stamp = 0;
	return pack_send(&p, &c->ends->front, C_KEYS_FOUND, NULL);
failed:
	c->stamp = 0;
	forget();
	return gpg_err_code(e.code) == GPG_ERR_NO_PUBKEY
	       ? crypt_done(c, DONE_REFUSED, e.text)
	       : crypt_done(c, DONE_FAILED, "the keys could not be looked up");
}

int crypt_people(struct crypt *c, struct unpack *u, struct people *p,
                 bool named, struct err *e)
{
	struct found f;
	uint32_t n = 0;
	int rc = -1;

	p->n = 0;
	p->account = crypt_account(c, u);
	if (u->bad || find_own(c, p->account, &p->own, e)) {
		err_set(e, gpg_error(GPG_ERR_NO_SECKEY), "no key of our own");
		goto out;
	}
	n = named ? unpack_u32(u) : 0;
	if (u->bad || n > RCPT_MAX || (named && n == 0)) {
		err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		        "a part of the agent went wrong");
		goto out;
	}
	for (; p->n < n; p->n++) {
		unpack_str(u, p->addr[p->n], sizeof p->addr[0]);
		if (u->bad || find(c, p->addr[p->n], &f, e)
		    || f.state != KEY_USABLE) {
			err_set(e, gpg_error(GPG_ERR_NO_PUBKEY),
			        "a key is no longer there");
			goto out;
		}
		p->key[p->n] = f.key;
	}
	rc = unpack_end(u) ? 0 : err_set(e, gpg_error(GPG_ERR_BAD_DATA),
	                                 "a part of the agent went wrong");
out:
	forget();
	return rc;
}

/* Nobody waits, and nothing has come for a while. */
static void when_idle(struct crypt *c)
{
	if (c->renews && !chan_wait(&c->ends->front, IDLE_MS))
		crypt_renew(c);
}

/* Who has hung up may be about to end us: then nothing is begun. */
static void at_the_end(struct crypt *c)
{
	const struct timespec nap = { 0, END_MS * 1000000L };

	if (!c->renews)
		return;
	nanosleep(&nap, NULL);
	crypt_renew(c);
}

int crypt_out(struct crypt *c)
{
	struct unpack u;
	struct frame f;
	int rc = 0;

	while (rc == 0) {
		when_idle(c);
		if (chan_recv(&c->ends->front, &f, NULL))
			break;
		unpack_init(&u, &f);
		switch (f.type) {
		case C_FROM: rc = crypt_from(c, &u); continue;
		case C_GOSSIP: rc = crypt_gossip(c, &u); continue;
		case C_WARM: rc = crypt_warm(c, &u); break;
		case C_KEYS: rc = keys(c, &u); break;
		case C_EXPORT: rc = crypt_export(c, &u); break;
		case C_SEAL: rc = crypt_seal(c, &u); break;
		case C_SIGN: rc = crypt_sign(c, &u); break;
		case C_PASS: rc = crypt_pass(c, &u); break;
		case C_CLEAR: rc = crypt_clear(c); break;
		case C_LIST: rc = crypt_list(c, &u); break;
		case C_LEARN: rc = crypt_learn_told(c, &u); break;
		case C_ENDS: rc = crypt_tell_ends(c, &u); break;
		case C_IMPORT: rc = crypt_import(c, &u); break;
		default: rc = -1;
		}
		membuf_free(&c->fields);	/* they were for one letter */
		membuf_free(&c->inside);
	}
	if (rc == 0)
		at_the_end(c);
	return 0;
}
