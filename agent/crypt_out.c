/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt on the way out: whose keys there are, and one copy of a letter sealed
 * or passed on, straight from mime into the pipe to upstream. */
#include <stdlib.h>
#include <string.h>

#include "agent/crypt.h"
#include "agent/log.h"
#include "agent/smtp.h"
#include "crypto/armor.h"

enum { WRAP_MAX = 4 << 20 };	/* octets around what is sealed */

/* ---- answers to front ---- */

static int done(struct crypt *c, enum outcome o, const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, o);
	pack_str(&p, words);
	return pack_send(&p, &c->ends->front, C_DONE, NULL);
}

static const struct account *account_of(struct crypt *c, struct unpack *u)
{
	uint32_t n = unpack_u32(u);

	if (u->bad || n >= c->conf->n_accounts) {
		u->bad = true;
		return NULL;
	}
	return &c->conf->account[n];
}

/* Is the signing key ready, or made ready by asking now? */
static int warm(struct crypt *c, struct unpack *u)
{
	const struct account *a = account_of(c, u);
	uint32_t ask = unpack_u32(u);
	struct found own;
	struct err e;

	if (!unpack_end(u))
		return -1;
	if (crypt_find_own(c, a, &own, &e))
		return done(c, DONE_FAILED, e.text);
	if (own.state != KEY_USABLE)
		return done(c, DONE_REFUSED, "no usable key");
	switch (engine_warm(c->engine, own.key.grip_sign, &e)) {
	case 1: return done(c, DONE_OK, "");
	case 0: break;
	default: return done(c, DONE_FAILED, e.text);
	}
	if (!ask || engine_unlock(c->engine, own.key.fpr,
	                          c->conf->unlock_timeout, &e))
		return done(c, DONE_LOCKED, "locked");
	return done(c, DONE_OK, "");
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
	const struct account *a = account_of(c, u);
	uint32_t n = unpack_u32(u);
	struct found *f = known.of;
	char *addr;
	struct pack p;
	struct err e;

	forget();
	c->stamp = engine_stamp(c->engine);	/* once for all of them */
	if (u->bad || n > RCPT_MAX || crypt_find_own(c, a, &known.own, &e))
		goto failed;
	pack_init(&p);
	pack_u32(&p, known.own.state);
	for (; known.n < n; known.n++, f++) {
		addr = known.addr[known.n];
		unpack_str(u, addr, sizeof known.addr[0]);
		if (u->bad || crypt_find(c, addr, f, &e))
			goto failed;
		pack_u32(&p, f->state);
		pack_u32(&p, f->key.valid);
		pack_u64(&p, (uint64_t)f->key.expires);
		pack_str(&p, f->key.fpr);
	}
	known.account = a;
	c->stamp = 0;
	return pack_send(&p, &c->ends->front, C_KEYS_FOUND, NULL);
failed:
	c->stamp = 0;
	forget();
	return done(c, DONE_FAILED, "the keys could not be looked up");
}

/* ---- a letter from mime ---- */

struct incoming {
	struct source source;
	struct chan *mime;
	struct membuf head, tail;
	const unsigned char *p;	/* what is left of the last frame */
	size_t n;
	bool complete;		/* X_END came */
};

static ssize_t incoming_get(struct source *s, void *buf, size_t n,
                            struct err *e)
{
	struct incoming *in = (struct incoming *)s;
	struct frame f;

	while (in->n == 0) {
		if (in->complete)
			return 0;
		if (chan_recv(in->mime, &f, e))
			return -1;
		switch (f.type) {
		case X_DATA:
			in->p = f.data;
			in->n = f.len;
			break;
		case X_HEAD:
			if (sink_put(&in->head.sink, f.data, f.len, e))
				return -1;
			break;
		case X_TAIL:
			if (sink_put(&in->tail.sink, f.data, f.len, e))
				return -1;
			break;
		case X_END:
			in->complete = true;
			break;
		default:
			return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
			               "a part of the agent went wrong");
		}
	}
	if (n > in->n)
		n = in->n;
	memcpy(buf, in->p, n);
	in->p += n;
	in->n -= n;
	return (ssize_t)n;
}

static void incoming_init(struct incoming *in, struct chan *mime)
{
	memset(in, 0, sizeof *in);
	in->source.get = incoming_get;
	in->mime = mime;
	membuf_init(&in->head, WRAP_MAX);
	membuf_init(&in->tail, WRAP_MAX);
}

static void incoming_free(struct incoming *in)
{
	membuf_free(&in->head);
	membuf_free(&in->tail);
}

/* After a failure: mime must not wait for us. */
static void incoming_drain(struct incoming *in)
{
	struct frame f;

	while (!in->complete && chan_recv(in->mime, &f, NULL) == 0)
		in->complete = f.type == X_END;
}

/* ---- a letter to upstream ---- */

struct outgoing {
	struct sink sink;	/* sealed octets, binary */
	struct chan_sink pipe;
	struct armor armor;
	struct incoming *in;
	bool begun;
	bool lost;		/* upstream has gone */
};

/* The first sealed octet is what lets the outer header go. */
static int outgoing_put(struct sink *s, const void *buf, size_t n,
                        struct err *e)
{
	struct outgoing *o = (struct outgoing *)s;

	if (o->in->head.len == 0)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "sealed octets came before the outer header");
	if (!o->begun && sink_put(&o->pipe.sink, o->in->head.buf,
	                          o->in->head.len, e))
		goto lost;
	o->begun = true;
	if (sink_put(&o->armor.sink, buf, n, e) == 0)
		return 0;
lost:
	o->lost = true;
	return -1;
}

static int outgoing_end(struct outgoing *o, struct err *e)
{
	struct chan *pipe = o->pipe.chan;

	if (!o->in->complete || !o->begun)
		return err_set(e, gpg_error(GPG_ERR_INCOMPLETE_LINE),
		               "the letter was not complete");
	if (armor_end(&o->armor, e)
	    || sink_put(&o->pipe.sink, o->in->tail.buf, o->in->tail.len, e)
	    || chan_sink_flush(&o->pipe, e)
	    || chan_send(pipe, P_END, NULL, 0, e)) {
		o->lost = true;
		return -1;
	}
	return 0;
}

/* Whom it is for: the wanted keys and our own. */
static int take_keys(struct crypt *c, struct unpack *u, struct key *to,
                     size_t *n_to, struct key *own, bool *sign, struct err *e)
{
	const struct account *a = account_of(c, u);
	uint32_t n;
	char addr[ADDR_MAX + 1];
	struct found f;

	*sign = unpack_u32(u) != 0;
	n = unpack_u32(u);
	if (u->bad || n == 0 || n > RCPT_MAX || find_own(c, a, &f, e))
		return err_set(e, gpg_error(GPG_ERR_NO_SECKEY),
		               "no key of our own");
	*n_to = 0;
	if (f.state != KEY_USABLE)
		return err_set(e, gpg_error(GPG_ERR_NO_SECKEY),
		               "no usable key of our own");
	*own = f.key;
	to[(*n_to)++] = f.key;
	while (n--) {
		unpack_str(u, addr, sizeof addr);
		if (u->bad || find(c, addr, &f, e)
		    || f.state != KEY_USABLE)
			return err_set(e, gpg_error(GPG_ERR_NO_PUBKEY),
			               "a key is no longer there");
		to[(*n_to)++] = f.key;
	}
	return unpack_end(u) ? 0 : err_set(e, gpg_error(GPG_ERR_BAD_DATA),
	                                   "a part of the agent went wrong");
}

/* Report why, let the pipe break (no P_END: upstream drops the connection). */
static int seal_failed(struct crypt *c, struct outgoing *o,
                       const struct err *e)
{
	enum outcome why = DONE_FAILED;

	switch (gpg_err_code(e->code)) {
	case GPG_ERR_NO_PIN_ENTRY: case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED: case GPG_ERR_BAD_PASSPHRASE:
		why = DONE_LOCKED;
		break;
	default:
		break;
	}
	if (o->lost)
		why = DONE_LOST;
	if (why == DONE_FAILED)
		log_error("sealing failed: %s", e->text);
	chan_close(&c->ends->upstream);
	done(c, why, e->text);
	incoming_drain(o->in);
	return -1;
}

static int seal(struct crypt *c, struct unpack *u)
{
	static struct key to[RCPT_MAX + 1];
	static struct outgoing o;
	struct incoming in;
	struct key own;
	size_t n = 0;
	bool sign;
	struct err e = { .text = "" };
	int rc;

	incoming_init(&in, &c->ends->mime);
	memset(&o, 0, sizeof o);
	o.sink.put = outgoing_put;
	o.in = &in;
	chan_sink_init(&o.pipe, &c->ends->upstream, P_DATA);
	armor_init(&o.armor, &o.pipe.sink);
	rc = take_keys(c, u, to, &n, &own, &sign, &e);
	forget();
	if (rc == 0)
		rc = engine_seal(c->engine, &own, sign, to, n, &in.source,
		                 &o.sink, &e);
	if (rc == 0)
		rc = outgoing_end(&o, &e);
	if (rc == 0)
		rc = done(c, DONE_OK, "");
	else
		rc = seal_failed(c, &o, &e);
	incoming_free(&in);
	return rc;
}

/* A letter that policy lets go as it is. */
static int clear(struct crypt *c)
{
	struct chan *mime = &c->ends->mime, *pipe = &c->ends->upstream;
	struct frame f;

	do {
		if (chan_recv(mime, &f, NULL))
			return -1;
		if (f.type == X_DATA && chan_send(pipe, P_DATA, f.data, f.len,
		                                  NULL))
			goto lost;
	} while (f.type == X_DATA);
	if (f.type != X_END)
		return -1;
	if (chan_send(pipe, P_END, NULL, 0, NULL))
		goto lost;
	return done(c, DONE_OK, "");
lost:
	done(c, DONE_LOST, "");
	while (f.type != X_END && chan_recv(mime, &f, NULL) == 0)
		;
	return -1;
}

int crypt_out(struct crypt *c)
{
	struct unpack u;
	struct frame f;
	int rc = 0;

	while (rc == 0 && chan_recv(&c->ends->front, &f, NULL) == 0) {
		unpack_init(&u, &f);
		switch (f.type) {
		case C_WARM: rc = warm(c, &u); break;
		case C_KEYS: rc = keys(c, &u); break;
		case C_SEAL: rc = seal(c, &u); break;
		case C_CLEAR: rc = clear(c); break;
		default: rc = -1;
		}
	}
	return 0;
}
