/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One copy of a letter, straight from mime into the pipe to upstream: sealed, or
 * as it is. */
#include "agent/crypt_out.h"
#include "agent/keeper_tell.h"

#include <string.h>

#include "agent/log.h"

enum { WRAP_MAX = 4 << 20 };	/* octets around what is sealed */

/* ---- a letter from mime ---- */

/* The one place of a mark in a text. */
static int mark(size_t *at, const struct membuf *m, struct err *e)
{
	if (*at || m->len == 0)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "a part of the agent went wrong");
	*at = m->len;
	return 0;
}

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
		case X_MICALG:
			if (mark(&in->micalg_at, &in->head, e))
				return -1;
			break;
		case X_SIGNATURE:
			if (mark(&in->signature_at, &in->tail, e))
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

void incoming_init(struct incoming *in, struct chan *mime)
{
	memset(in, 0, sizeof *in);
	in->source.get = incoming_get;
	in->mime = mime;
	membuf_init(&in->head, WRAP_MAX);
	membuf_init(&in->tail, WRAP_MAX);
}

void incoming_free(struct incoming *in)
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

/* The first sealed octet is what lets the outer header go. */
static int outgoing_put(struct sink *s, const void *buf, size_t n,
                        struct err *e)
{
	struct outgoing *o = (struct outgoing *)s;

	if (o->in->head.len == 0)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "sealed octets came before the outer header");
	if (!o->begun && (sink_put(&o->pipe.sink, o->fields->buf,
	                           o->fields->len, e)
	                  || sink_put(&o->pipe.sink, o->in->head.buf,
	                              o->in->head.len, e)))
		goto lost;
	o->begun = true;
	if (sink_put(&o->armor.sink, buf, n, e) == 0)
		return 0;
lost:
	o->lost = true;
	return -1;
}

void outgoing_init(struct outgoing *o, struct crypt *c, struct incoming *in)
{
	memset(o, 0, sizeof *o);
	o->sink.put = outgoing_put;
	o->in = in;
	o->fields = &c->fields;
	chan_sink_init(&o->pipe, &c->ends->upstream, P_DATA);
	armor_init(&o->armor, &o->pipe.sink);
}

int outgoing_end(struct outgoing *o, struct err *e)
{
	struct incoming *in = o->in;
	size_t at = in->signature_at;

	if (!in->complete || !o->begun)
		return err_set(e, gpg_error(GPG_ERR_INCOMPLETE_LINE),
		               "the letter was not complete");
	if (armor_end(&o->armor, e)
	    || sink_put(&o->pipe.sink, in->tail.buf + at, in->tail.len - at, e)
	    || chan_sink_flush(&o->pipe, e)
	    || chan_send(o->pipe.chan, P_END, NULL, 0, e)) {
		o->lost = true;
		return -1;
	}
	return 0;
}

int outgoing_failed(struct outgoing *o, struct crypt *c, const struct err *e)
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
	if (o->refused)
		why = DONE_REFUSED;
	if (o->lost)
		why = DONE_LOST;
	if (why == DONE_LOCKED)
		keeper_tell_key(&c->ends->keeper, c->account, KEY_IS_LOCKED);
	if (why == DONE_FAILED)
		log_error("sealing failed: %s", e->text);
	chan_close(&c->ends->upstream);
	crypt_done(c, why, e->text);
	incoming_drain(o->in);
	return -1;
}

/* ---- the commands ---- */

int crypt_seal(struct crypt *c, struct unpack *u)
{
	static struct people people;
	static struct outgoing o;
	struct incoming in;
	struct err e = { .text = "" };
	bool sign = unpack_u32(u) != 0;
	int rc;

	incoming_init(&in, &c->ends->mime);
	in.p = (const unsigned char *)c->inside.buf;
	in.n = c->inside.len;
	outgoing_init(&o, c, &in);
	rc = crypt_people(c, u, &people, true, &e);
	if (rc == 0 && people.own.state != KEY_USABLE)
		rc = err_set(&e, gpg_error(GPG_ERR_NO_SECKEY),
		             "no usable key of our own");
	people.key[people.n] = people.own.key;
	if (rc == 0)
		rc = engine_seal(c->engine, &people.own.key, sign, people.key,
		                 people.n + 1, &in.source, &o.sink, &e);
	if (rc == 0)
		rc = outgoing_end(&o, &e);
	rc = rc == 0 ? crypt_done(c, DONE_OK, "") : outgoing_failed(&o, c, &e);
	if (rc == 0)
		crypt_used(c, people.account, &people.own.key);
	incoming_free(&in);
	return rc;
}

/* A letter that policy lets go as it is. */
int crypt_clear(struct crypt *c)
{
	struct chan *mime = &c->ends->mime, *pipe = &c->ends->upstream;
	struct frame f = { .type = X_DATA };

	if (c->fields.len && chan_send(pipe, P_DATA, c->fields.buf,
	                               c->fields.len, NULL))
		goto lost;
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
	return crypt_done(c, DONE_OK, "");
lost:
	crypt_done(c, DONE_LOST, "");
	while (f.type != X_END && chan_recv(mime, &f, NULL) == 0)
		;
	return -1;
}
