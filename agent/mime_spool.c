/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: letters to crypt, and out of its spools. */
#include <string.h>

#include "agent/mime_in.h"

static int feed(struct in *in, struct sink *body, const void *p, size_t n)
{
	size_t part;

	if (body && sink_put(body, p, n, NULL))
		return -1;
	for (const char *at = p; n; at += part, n -= part) {
		part = n < FRAME_DATA ? n : FRAME_DATA;
		if (chan_send(in->crypt, X_RAW, at, part, NULL))
			return -1;
	}
	return 0;
}

int in_feed(struct in *in, struct sink *body)
{
	struct frame f;

	if (feed(in, NULL, in->head.buf, in->head_len)
	    || feed(in, body, in->head.buf + in->head_len,
	            in->head.len - in->head_len))
		return -1;
	while (in_next_data(in, &f))
		if (feed(in, body, f.data, f.len))
			return -1;
	return 0;
}

int in_feed_end(struct in *in, enum raw what, struct in_opened *o)
{
	uint32_t n = what;
	struct unpack u;
	struct frame f;

	if (chan_send(in->crypt, X_RAW_END, &n, sizeof n, NULL)
	    || chan_expect(in->crypt, X_OPENED, &f, NULL))
		return -1;
	unpack_init(&u, &f);
	o->encryption = unpack_u32(&u);
	o->reason = unpack_u32(&u);
	o->held = unpack_u32(&u);
	return unpack_end(&u) ? 0 : -1;
}

int in_verify(struct in *in, enum spool_name which, uint64_t skip,
              const struct signed_scan *s, enum held *held, bool *counts)
{
	const struct membuf *sig = signed_signature(s);
	struct unpack u;
	struct frame f;
	struct pack p;

	pack_init(&p);
	pack_u32(&p, which);
	pack_u64(&p, skip);
	pack_u64(&p, signed_from(s));
	pack_u64(&p, signed_len(s));
	pack_mem(&p, sig->buf, sig->len);
	if (pack_send(&p, in->crypt, X_VERIFY, NULL)
	    || chan_expect(in->crypt, X_VERIFIED, &f, NULL))
		return -1;
	unpack_init(&u, &f);
	*held = (enum held)unpack_u32(&u);
	*counts = unpack_u32(&u) != 0;
	return unpack_end(&u) ? 0 : -1;
}

int in_read(struct in *in, enum spool_name which)
{
	uint32_t n = which;

	return chan_send(in->crypt, X_READ, &n, sizeof n, NULL);
}

int in_next(struct in *in, struct frame *f)
{
	if (chan_recv(in->crypt, f, NULL))
		return -1;
	return f->type == X_DATA ? 1 : f->type == X_END ? 0 : -1;
}

int in_put_raw_body(struct in *in)
{
	size_t skip = in->head_len, n;
	struct frame f;
	int r;

	if (in_read(in, SPOOL_RAW))
		return -1;
	while ((r = in_next(in, &f)) == 1) {
		n = f.len < skip ? f.len : skip;
		skip -= n;
		if (!in->body_done
		    && sink_put(&in->body, f.data + n, f.len - n, NULL))
			return -1;
	}
	return r == 0 ? in_finish(in) : -1;
}
