/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A letter passed on readable but signed (RFC 3156 section 5): the octets that go
 * up are those that gpg is fed.  Its head names the digest, so that all waits until
 * gpg has said which. */
#include <stdio.h>
#include <string.h>

#include "agent/crypt_out.h"

enum {
	/* gpg says it when it begins, with some 64 KB in the pipe and as many in
	 * a block of ours; far beyond that it says nothing */
	SIGN_HELD_MAX = 1 << 20,
	SIGNATURE_OCTETS_MAX = 32 << 10
};

struct signing {
	struct source source;	/* what gpg is fed, and what goes up */
	struct outgoing *out;
	struct membuf held;
	bool fed;		/* the head is here: something came behind it */
	char name[20];		/* of the digest, once it is known */
};

static int to_pipe(struct signing *s, const void *p, size_t n, struct err *e)
{
	if (sink_put(&s->out->pipe.sink, p, n, e) == 0)
		return 0;
	s->out->lost = true;
	return -1;
}

/* The digest is known and the head is here. */
static int begin(struct signing *s, struct err *e)
{
	const struct incoming *in = s->out->in;
	size_t at = in->micalg_at;

	if (!at)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "a part of the agent went wrong");
	if (to_pipe(s, s->out->fields->buf, s->out->fields->len, e)
	    || to_pipe(s, in->head.buf, at, e)
	    || to_pipe(s, s->name, strlen(s->name), e)
	    || to_pipe(s, in->head.buf + at, in->head.len - at, e)
	    || to_pipe(s, s->held.buf, s->held.len, e))
		return -1;
	membuf_free(&s->held);
	s->out->begun = true;
	return 0;
}

static ssize_t signing_get(struct source *source, void *buf, size_t n,
                           struct err *e)
{
	struct signing *s = (struct signing *)source;
	struct source *in = &s->out->in->source;
	ssize_t got = in->get(in, buf, n, e);

	if (got < 0)
		return -1;
	s->fed = true;
	if (s->out->begun)
		return to_pipe(s, buf, (size_t)got, e) ? -1 : got;
	if (sink_put(&s->held.sink, buf, (size_t)got, NULL))
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE), "GnuPG did not "
		               "say in time how it signs");
	return s->name[0] && begin(s, e) ? -1 : got;
}

static int signing_micalg(void *arg, const char *name, struct err *e)
{
	struct signing *s = arg;

	snprintf(s->name, sizeof s->name, "%s", name);
	return s->fed ? begin(s, e) : 0;
}

static int end(struct outgoing *o, const struct membuf *sig, struct err *e)
{
	const struct incoming *in = o->in;

	if (!in->complete || !in->signature_at)
		return err_set(e, gpg_error(GPG_ERR_INCOMPLETE_LINE),
		               "the letter was not complete");
	if (sink_put(&o->pipe.sink, in->tail.buf, in->signature_at, e)
	    || sink_put(&o->armor.sink, sig->buf, sig->len, e)) {
		o->lost = true;
		return -1;
	}
	return outgoing_end(o, e);
}

int crypt_sign(struct crypt *c, struct unpack *u)
{
	static struct people people;
	static struct outgoing o;
	struct signing s = { .source.get = signing_get, .out = &o };
	struct err e = { .text = "" };
	struct incoming in;
	struct membuf sig;
	int rc;

	membuf_init(&s.held, SIGN_HELD_MAX);
	membuf_init(&sig, SIGNATURE_OCTETS_MAX);
	incoming_init(&in, &c->ends->mime);
	outgoing_init(&o, c, &in);
	armor_init_label(&o.armor, "PGP SIGNATURE", &o.pipe.sink);
	rc = crypt_people(c, u, &people, false, &e);
	if (rc == 0 && people.own.state != KEY_USABLE)
		rc = err_set(&e, gpg_error(GPG_ERR_NO_SECKEY),
		             "no usable key of our own");
	if (rc == 0)
		rc = engine_sign(c->engine, &people.own.key, &s.source,
		                 signing_micalg, &s, &sig, &e);
	if (rc == 0)
		rc = end(&o, &sig, &e);
	rc = rc == 0 ? crypt_done(c, DONE_OK, "") : outgoing_failed(&o, c, &e);
	if (rc == 0)
		crypt_used(c, people.account, &people.own.key);
	membuf_free(&s.held);
	membuf_free(&sig);
	incoming_free(&in);
	return rc;
}
