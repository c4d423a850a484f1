/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A letter that the client has sealed already (RULES.md O24): passed on as OpenPGP
 * octets in a wrapper of ours, once its head shows that it is for those it goes
 * to, and for nobody else. */
#include <string.h>

#include "agent/crypt_out.h"

static bool reads(const struct key *k, uint64_t id)
{
	for (unsigned i = 0; i < k->n_enc; i++)
		if (k->enc[i] == id)
			return true;
	return false;
}

static unsigned count(const struct packet_head *h, const struct key *k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++)
		n += reads(k, h->key[i]);
	return n;
}

/* Is there a reader (or a password) that is neither wanted nor ourselves? */
static bool has_other(const struct packet_head *h, const struct people *p)
{
	bool known;

	if (h->symmetric || h->unknown)
		return true;
	for (unsigned i = 0; i < h->n; i++) {
		known = p->own.state == KEY_USABLE
		        && reads(&p->own.key, h->key[i]);
		for (size_t j = 0; j < p->n; j++)
			known = known || reads(&p->key[j], h->key[i]);
		if (!known)
			return true;
	}
	return false;
}

/* The words go between "did not send this: " and ". Switch ..." */
static int check(const struct packet_head *h, const struct people *p,
                 struct err *e)
{
	if (!h->encrypted)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "it says that it "
		               "is sealed, and is not");
	if (h->tag == 9)
		return err_set(e, gpg_error(GPG_ERR_FORBIDDEN), "your mail "
		               "program sealed it in an old way that can be "
		               "changed on the way");
	for (size_t i = 0; i < p->n; i++)
		if (count(h, &p->key[i]) != 1)
			return err_set(e, gpg_error(GPG_ERR_FORBIDDEN), "your "
			               "mail program sealed it, but not for the "
			               "key of %s", p->addr[i]);
	if (has_other(h, p))
		return err_set(e, gpg_error(GPG_ERR_FORBIDDEN), "your mail "
		               "program sealed it, but for other keys too "
		               "than those of the people it goes to");
	return 0;
}

/* Octets until the head is whole: 0, or -1. */
static int take_head(struct incoming *in, struct membuf *m,
                     struct packet_head *h, struct err *e)
{
	char buf[8192];
	ssize_t n;
	int r;

	do {
		n = in->source.get(&in->source, buf, sizeof buf, e);
		if (n < 0 || sink_put(&m->sink, buf, (size_t)n, e))
			return -1;
		r = packet_head(h, m->buf, m->len, NULL);
	} while (r == 0 && n > 0);
	if (r > 0)
		return 0;
	memset(h, 0, sizeof *h);	/* which is none */
	return 0;
}

static int pass(struct outgoing *o, const struct people *p, struct err *e)
{
	struct incoming *in = o->in;
	struct packet_head h;
	struct membuf m;
	char buf[8192];
	ssize_t n;
	int rc;

	membuf_init(&m, PACKET_HEAD_MAX + sizeof buf);
	rc = take_head(in, &m, &h, e);
	if (rc == 0) {
		rc = check(&h, p, e);
		o->refused = rc != 0;
	}
	if (rc == 0)
		rc = sink_put(&o->sink, m.buf, m.len, e);
	membuf_free(&m);
	while (rc == 0) {
		n = in->source.get(&in->source, buf, sizeof buf, e);
		if (n <= 0)
			return (int)n;
		rc = sink_put(&o->sink, buf, (size_t)n, e);
	}
	return rc;
}

int crypt_pass(struct crypt *c, struct unpack *u)
{
	static struct people people;
	static struct outgoing o;
	struct err e = { .text = "" };
	struct incoming in;
	int rc;

	incoming_init(&in, &c->ends->mime);
	outgoing_init(&o, c, &in);
	rc = crypt_people(c, u, &people, true, &e);
	if (rc == 0)
		rc = pass(&o, &people, &e);
	if (rc == 0)
		rc = outgoing_end(&o, &e);
	rc = rc == 0 ? crypt_done(c, DONE_OK, "") : outgoing_failed(&o, c, &e);
	incoming_free(&in);
	return rc;
}
