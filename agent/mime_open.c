/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: what is sealed goes to crypt and comes back rebuilt, or as
 * it was (RFC 3156, 9788). */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/crlf.h"
#include "crypto/legacy.h"
#include "crypto/pgpmime.h"
#include "crypto/protect.h"

/* ---- to crypt ---- */

/* The body on its way: what is OpenPGP in it. */
struct cipher {
	struct sink sink;
	struct pgpmime *m;	/* NULL: it can't be read */
};

static int cipher_put(struct sink *s, const void *buf, size_t n,
                      struct err *e)
{
	struct cipher *c = (struct cipher *)s;

	return c->m ? pgpmime_put(c->m, buf, n, e) : 0;
}

static int feed_all(struct in *in, enum letter_kind kind, struct in_opened *o)
{
	struct cipher c = { .sink.put = cipher_put };
	bool right;
	int rc = -1;

	chan_sink_init(&in->cipher, in->crypt, X_CIPHER);
	c.m = pgpmime_new(&in->outer, kind, &in->cipher.sink, NULL);
	if (in_feed(in, &c.sink))
		goto out;
	right = c.m && !in->lost && pgpmime_end(c.m);
	if (chan_sink_flush(&in->cipher, NULL)
	    || chan_send(in->crypt, X_CIPHER_END, NULL, 0, NULL)
	    || in_feed_end(in, right ? RAW_SEALED : RAW_MALFORMED, o))
		goto out;
	rc = 0;
out:
	pgpmime_free(c.m);
	return rc;
}

/* What could not be opened: the original from its spool, behind the verdict. */
static int unopened(struct in *in)
{
	if (in_put_original(in, NULL))
		return in_tell_broken(in);
	return in_put_raw_body(in);
}

/* ---- the cleartext ---- */

struct payload {
	bool is_text;		/* not an entity: what was armored in a text */
	struct membuf head;	/* its header block, then what came with it */
	bool decided;		/* span is known */
	size_t span;		/* octets of the block; 0: there is none */
	struct header header;
	/* the body as it is delivered: crlf, then here, then legacy or out */
	struct crlf crlf;
	struct sink here;
	struct signed_scan *scan;	/* where its root is multipart/signed */
	bool scanning;			/* in the first reading */
	struct legacy *legacy;		/* where there may be such elements */
	struct sink *out;
	struct body_digest *digest;
	struct sink survey;	/* counts octets for digest */
	uint64_t octets;
	unsigned char body[VERDICT_DIGEST];
	bool counts;		/* scan found the letter's signature */
};

static void payload_free(struct payload *p)
{
	signed_free(p->scan);
	legacy_free(p->legacy);
	header_free(&p->header);
	membuf_free(&p->head);
	body_digest_free(p->digest);
}

static int here_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct payload *p = (struct payload *)(void *)((char *)s
	                     - offsetof(struct payload, here));

	if (p->scanning && signed_put(p->scan, buf, n, e))
		return -1;
	return p->legacy ? legacy_put(p->legacy, buf, n, e)
	                 : sink_put(p->out, buf, n, e);
}

static int survey_put(struct sink *s, const void *buf, size_t n,
                      struct err *e)
{
	struct payload *p = (struct payload *)(void *)((char *)s
	                     - offsetof(struct payload, survey));

	p->octets += n;
	return sink_put(body_digest_sink(p->digest), buf, n, e);
}

/* The body goes to out from now on.  What is signed inside is not touched. */
static int body_begin(struct payload *p, struct sink *out)
{
	p->here.put = here_put;
	p->out = out;
	p->scanning = p->scan && out == &p->survey;
	crlf_init(&p->crlf, &p->here);
	legacy_free(p->legacy);
	p->legacy = NULL;
	if (p->scan || p->is_text || !legacy_possible(&p->header))
		return 0;
	p->legacy = legacy_new(&p->header, out, NULL);
	return p->legacy ? 0 : -1;
}

static int body_end(struct payload *p)
{
	return crlf_end(&p->crlf, NULL)
	       || (p->legacy && legacy_end(p->legacy, NULL)) ? -1 : 0;
}

/* Where its body begins: the first octets of it are in head. */
static int decide(struct payload *p)
{
	struct err e = { 0 };

	p->decided = true;
	if (header_cut(&p->header, p->head.buf ? p->head.buf : "", p->span,
	               NULL)) {
		header_free(&p->header);	/* too many: none is shown */
		memset(&p->header, 0, sizeof p->header);
	}
	if (kind_of(&p->header, "", 0, true) == KIND_SIGNED) {
		p->scan = signed_new(&p->header, &e);
		if (!p->scan && gpg_err_code(e.code) != GPG_ERR_BAD_DATA)
			return -1;
	}
	if (body_begin(p, &p->survey))
		return -1;
	if (p->head.len == p->span)
		return 0;
	return sink_put(&p->crlf.sink, p->head.buf + p->span,
	                p->head.len - p->span, NULL);
}

static int payload_take(struct payload *p, const struct frame *f, size_t *from)
{
	if (p->decided)
		return sink_put(&p->crlf.sink, f->data, f->len, NULL);
	if (sink_put(&p->head.sink, f->data, f->len, NULL))
		return -1;
	if (!p->is_text)
		p->span = header_span(p->head.buf, p->head.len, from);
	if (p->span || p->is_text || p->head.len > HEADER_MAX)
		return decide(p);
	return 0;
}

/* First reading: the header block and the digest of the body as it will be
 * delivered, and a signature that is the root of it. */
static int survey(struct in *in, struct payload *p, enum held *held)
{
	size_t from = 0;
	struct frame f;
	int r;

	p->digest = body_digest_new();
	p->survey.put = survey_put;
	if (!p->digest || in_read(in, SPOOL_CLEAR))
		return -1;
	while ((r = in_next(in, &f)) == 1)
		if (payload_take(p, &f, &from))
			return -1;
	if (r || (!p->decided && decide(p)) || body_end(p)
	    || body_digest_end(p->digest, p->body, NULL))
		return -1;
	if (!p->scan || !signed_end(p->scan))
		return 0;
	return in_verify(in, SPOOL_CLEAR, p->span, p->scan, held, &p->counts);
}

/* The protected fields are those of what is inside of all layers. */
static const struct header *protecting(const struct payload *p)
{
	return p->counts ? signed_header(p->scan) : &p->header;
}

static int restore(struct in *in, const struct payload *p,
                   struct membuf *shown, char line[VERDICT_LINE_MAX])
{
	if (p->is_text)
		return in_restore_inline(in, p->body, shown, line);
	return in_restore(in, protecting(p), &p->header, p->body, shown, line);
}

/* Second reading: the body behind what is shown. */
static int put_body(struct in *in, struct payload *p)
{
	size_t n, skip = p->span;
	bool ended = false;
	struct frame f;
	int r;

	if (body_begin(p, &in->body) || in_read(in, SPOOL_CLEAR))
		return -1;
	while ((r = in_next(in, &f)) == 1) {
		n = f.len < skip ? f.len : skip;
		skip -= n;
		ended = ended || in->body_done;
		if (!ended && sink_put(&p->crlf.sink, f.data + n,
		                       f.len - n, NULL))
			return -1;
	}
	if (r || (!ended && body_end(p)))
		return -1;
	return in_finish(in);
}

static int opened(struct in *in, bool is_text)
{
	struct payload p = { .is_text = is_text };
	char line[VERDICT_LINE_MAX];
	enum held held = HELD_NOT;
	struct membuf shown;
	int rc = -1;

	membuf_init(&p.head, HEADER_MAX + 2 * FRAME_MAX);
	membuf_init(&shown, 4 * HEADER_MAX);
	if (survey(in, &p, &held) || held != HELD_NOT
	    || restore(in, &p, &shown, line)) {
		rc = in_tell_broken_so(in, held == HELD_NOT);
		goto out;
	}
	if (in_put_top(in, line, shown.buf, shown.len, p.octets))
		goto out;
	rc = put_body(in, &p);
	if (rc == 0 && in->delivered && in->learns && !is_text)
		in_learn_gossip(in, &p.header, protecting(&p));
out:
	payload_free(&p);
	membuf_free(&shown);
	return rc;
}

/* ---- one letter ---- */

/* TOP while the key is locked: the outer header, and no claim. */
static int outer_only(struct in *in)
{
	uint32_t ask = 0;

	if (chan_send(in->crypt, X_LETTER, &ask, sizeof ask, NULL)
	    || in_put_original(in, NULL))
		return in_tell_broken(in);
	return in_finish(in);
}

int in_sealed(struct in *in, enum letter_kind kind)
{
	struct in_opened o;
	int r;

	if (feed_all(in, kind, &o))
		return in_tell_broken(in);
	if (in->ahead && (r = in_await_send(in)) != 1)
		return r;
	if (in->lost)
		return in_tell_lost(in);
	if (o.held == HELD_BROKEN)
		return in_tell_broken_so(in, 0);
	if (o.held == HELD_LOCKED && in->how == FETCHED_FOR_TOP)
		return outer_only(in);
	if (o.held == HELD_LOCKED)
		return in_tell_bad(in, in->stored ? 2 : 0, "[SYS/TEMP] Your key is locked, so sealed "
		                "letters wait safely at your provider. Unlock "
		                "it with the Letterlock button or: letterlock "
		                "unlock. Then fetch again");
	return o.encryption == ENC_OK ? opened(in, kind == KIND_INLINE)
	                              : unopened(in);
}
