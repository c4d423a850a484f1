/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: a letter that is signed and not sealed (RFC 3156 section 5)
 * waits with crypt, and comes out as it came behind what its signature is worth. */
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/protect.h"

/* Its body on the way to crypt. */
struct reading {
	struct sink sink;
	struct signed_scan *scan;
	struct body_digest *digest;
};

static int reading_put(struct sink *s, const void *buf, size_t n,
                       struct err *e)
{
	struct reading *r = (struct reading *)s;

	return signed_put(r->scan, buf, n, e)
	       || sink_put(body_digest_sink(r->digest), buf, n, e) ? -1 : 0;
}

/* The protected fields, where a good signature is over them: 1, 0, -1. */
static int put_protected(struct in *in, const struct header *inner,
                         const unsigned char *body)
{
	char line[VERDICT_LINE_MAX];
	struct membuf shown;
	int rc = 0;

	membuf_init(&shown, 4 * HEADER_MAX);
	if (in_restore(in, inner, &in->outer, body, &shown, line))
		rc = -1;
	else if (strstr(line, "; signature=good;"))
		rc = in_put_top(in, line, shown.buf, shown.len,
		                in_raw_body(in)) ? -1 : 1;
	membuf_free(&shown);
	return rc;
}

static int show(struct in *in, const struct header *inner,
                const unsigned char *body)
{
	int r = 0;

	if (inner && protect_present(inner))
		r = put_protected(in, inner, body);
	if (r == 0)
		r = in_put_original(in, body);
	return r < 0 ? in_tell_broken(in) : in_put_raw_body(in);
}

static int verified(struct in *in, struct reading *r)
{
	unsigned char body[VERDICT_DIGEST];
	enum held held = HELD_NOT;
	struct in_opened o;
	bool right, counts;
	int rc;

	if (in_feed(in, &r->sink) || in_feed_end(in, RAW_CLEAR, &o)
	    || body_digest_end(r->digest, body, NULL))
		return in_tell_broken(in);
	right = !in->lost && o.held == HELD_NOT && signed_end(r->scan);
	if (right && in_verify(in, SPOOL_RAW, in->head_len, r->scan, &held,
	                       &counts))
		return in_tell_broken(in);
	if (in->ahead && (rc = in_await_send(in)) != 1)
		return rc;
	if (in->lost)
		return in_tell_lost(in);
	if (o.held != HELD_NOT || held != HELD_NOT)
		return in_tell_broken_so(in, 0);
	return show(in, right ? signed_header(r->scan) : NULL, body);
}

int in_signed(struct in *in)
{
	struct reading r = { .sink.put = reading_put };
	struct err e = { 0 };
	int rc;

	r.scan = signed_new(&in->outer, &e);
	if (!r.scan && gpg_err_code(e.code) == GPG_ERR_BAD_DATA)
		return in_plain(in);
	r.digest = body_digest_new();
	rc = r.scan && r.digest ? verified(in, &r) : in_tell_broken_so(in, 0);
	signed_free(r.scan);
	body_digest_free(r.digest);
	return rc;
}
