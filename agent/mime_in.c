/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: what is not sealed streams through behind its verdict. */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/kind.h"
#include "crypto/protect.h"

/* ---- from upstream ---- */

int in_next_data(struct in *in, struct frame *f)
{
	if (in->at_end)
		return 0;
	if (chan_recv(in->pipe, f, NULL) == 0) {
		if (f->type == P_DATA)
			return 1;
		in->lost = f->type != P_END;
	} else {
		in->lost = true;
	}
	in->at_end = true;
	return 0;
}

/* The header block; -1: it has no end within HEADER_MAX, or too many fields,
 * -2: no memory. */
static int take_header(struct in *in)
{
	struct frame f;
	size_t from = 0;

	while (in_next_data(in, &f)) {
		if (sink_put(&in->head.sink, f.data, f.len, NULL))
			return -2;
		in->head_len = header_span(in->head.buf, in->head.len, &from);
		if (in->head_len)
			break;
		if (in->head.len > HEADER_MAX)
			return -1;
	}
	if (!in->head_len)
		in->head_len = in->head.len;
	return header_cut(&in->outer, in->head.buf ? in->head.buf : "",
	                  in->head_len, NULL);
}

/* ---- to front ---- */

/* TOP: the lines that are wanted, then nothing more. */
static int body_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct in *in = (struct in *)(void *)((char *)s
	                                      - offsetof(struct in, body));
	const char *p = buf, *lf;
	size_t len = 0;

	if (in->how != FETCHED_FOR_TOP)
		return sink_put(&in->to_front.sink, buf, n, e);
	while (in->lines && len < n) {
		lf = memchr(p + len, '\n', n - len);
		len = lf ? (size_t)(lf - p) + 1 : n;
		if (lf)
			in->lines--;
	}
	in->body_done = in->lines == 0;
	return sink_put(&in->to_front.sink, p, len, e);
}

int in_finish(struct in *in)
{
	if (chan_sink_flush(&in->to_front, NULL))
		return -1;
	return chan_send(in->front, M_END, NULL, 0, NULL);
}

int in_tell_bad(struct in *in, unsigned last, const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, last);
	pack_str(&p, words);
	return pack_send(&p, in->front, M_BAD, NULL);
}

int in_tell_lost(struct in *in)
{
	return in_tell_bad(in, 1, "[SYS/TEMP] The connection to your provider broke "
	                "while this letter was fetched. Fetch again");
}

int in_tell_broken_so(struct in *in, unsigned last)
{
	return in_tell_bad(in, last, "[SYS/TEMP] A part of Letterlock failed while this "
	                "letter was opened. Fetch again");
}

int in_tell_broken(struct in *in)
{
	return in_tell_broken_so(in, 1);
}

/* ---- the verdict ---- */

/* Its Message-IDs, outside and inside: both may be answered. */
static void pack_ids(struct in *in, struct pack *p, const struct header *shown)
{
	const struct header *of[] = { &in->outer, shown };
	char id[IDS_MAX][ID_MAX + 1], *text;
	const struct field *f;
	uint32_t n = 0;
	const char *at;

	for (int i = 0; i < 2; i++) {
		f = header_get(of[i], "Message-ID", 0);
		at = text = f ? field_text(f) : NULL;
		while (at && n < IDS_MAX && mime_next_id(&at, id[n]))
			n++;
		free(text);
	}
	pack_u32(p, n);
	for (uint32_t i = 0; i < n; i++)
		pack_str(p, id[i]);
}

int in_judge(struct in *in, const struct header *shown,
                 const struct addrs *from, const unsigned char *body,
                 char line[VERDICT_LINE_MAX])
{
	static const unsigned char none[VERDICT_DIGEST];
	unsigned char digest[VERDICT_DIGEST];
	struct unpack u;
	struct frame f;
	struct pack p;

	if (verdict_digest(shown, digest, NULL))
		return -1;
	pack_init(&p);
	pack_ids(in, &p, shown);
	pack_u32(&p, (uint32_t)from->n);
	for (size_t i = 0; i < from->n; i++)
		pack_str(&p, from->addr[i]);
	pack_mem(&p, digest, sizeof digest);
	pack_u32(&p, body != NULL);
	pack_mem(&p, body ? body : none, VERDICT_DIGEST);
	if (pack_send(&p, in->crypt, X_JUDGE, NULL)
	    || chan_expect(in->crypt, X_VERDICT, &f, NULL))
		return -1;
	unpack_init(&u, &f);
	unpack_str(&u, line, VERDICT_LINE_MAX);
	return unpack_end(&u) && line[0] ? 0 : -1;
}

/* ---- as it came ---- */

int in_put_original(struct in *in)
{
	struct addrs none = { 0 };
	char line[VERDICT_LINE_MAX];
	struct header shown = { 0 };
	struct membuf text;
	size_t at = 0;
	int rc = -1;

	membuf_init(&text, 2 * HEADER_MAX);
	for (size_t i = 0; i < in->outer.n; i++) {
		const struct field *f = &in->outer.field[i];

		at = (size_t)(f->raw - in->head.buf) + f->raw_len;
		if (!protect_lookalike(f)
		    && sink_put(&text.sink, f->raw, f->raw_len, NULL))
			goto out;
	}
	if (header_cut(&shown, text.buf ? text.buf : "", text.len, NULL)
	    || in_judge(in, &shown, &none, NULL, line)
	    || sink_put(&in->to_front.sink, line, strlen(line), NULL)
	    || (in->opaque && sink_put(&in->to_front.sink, "\r\n", 2, NULL))
	    || sink_put(&in->to_front.sink, text.buf, text.len, NULL)
	    || sink_put(&in->to_front.sink, in->head.buf + at,
	                in->head_len - at, NULL))
		goto out;
	rc = 0;
out:
	header_free(&shown);
	membuf_free(&text);
	return rc;
}

int in_await_send(struct in *in)
{
	struct unpack u;
	struct frame f;

	if (chan_recv(in->front, &f, NULL))
		return -1;
	if (f.type != M_SEND)
		return f.type == M_DROP ? 0 : -1;
	unpack_init(&u, &f);
	in->how = (enum fetched)unpack_u32(&u);
	in->lines = unpack_u32(&u);
	return unpack_end(&u) ? 1 : -1;
}

/* Fetched ahead and not sealed: it waits in memory, if it isn't large. */
static int keep(struct in *in)
{
	struct frame f;
	bool large = false;
	int r;

	while (in_next_data(in, &f))
		large = large || sink_put(&in->head.sink, f.data, f.len, NULL);
	if ((r = in_await_send(in)) != 1)
		return r;
	if (large || in->lost)
		return in_tell_bad(in, 0, "not kept");
	if (in->opaque)
		return 1;
	header_free(&in->outer);	/* its buffer has moved */
	return header_cut(&in->outer, in->head.buf ? in->head.buf : "",
	                  in->head_len, NULL) ? in_tell_broken(in) : 1;
}

static int plain(struct in *in)
{
	struct frame f;
	int r;

	if (in->ahead && (r = keep(in)) != 1)
		return r;
	if (in_put_original(in))
		return in_tell_broken(in);
	if (sink_put(&in->body, in->head.buf + in->head_len,
	             in->head.len - in->head_len, NULL))
		return -1;
	while (in_next_data(in, &f))
		if (!in->body_done && sink_put(&in->body, f.data, f.len, NULL))
			return -1;
	return in->lost ? in_tell_lost(in) : in_finish(in);
}

/* ---- one letter, and the next ---- */

/* A header block without end: nothing is claimed, nothing is changed but for
 * the verdict, which stands over an empty block. */
static int letter(struct in *in)
{
	uint32_t ask = in->how == FETCHED_ALL;
	struct frame f;
	int rc;

	in->at_end = in->lost = in->body_done = in->opaque = false;
	in->head_len = 0;
	memset(&in->outer, 0, sizeof in->outer);
	chan_sink_init(&in->to_front, in->front, M_DATA);
	if (chan_send(in->crypt, X_LETTER, &ask, sizeof ask, NULL)) {
		rc = in_tell_broken(in);
	} else if ((rc = take_header(in)) == -2) {
		rc = in_tell_broken_so(in, 0);
	} else if (rc) {
		header_free(&in->outer);
		memset(&in->outer, 0, sizeof in->outer);
		in->head_len = 0;
		in->opaque = true;
		rc = plain(in);
	} else if (in->how != FETCHED_TOP
	           && kind_of(&in->outer, "", 0, true) == KIND_SEALED) {
		rc = in_sealed(in);
	} else {
		rc = plain(in);
	}
	header_free(&in->outer);
	membuf_free(&in->head);
	while (in_next_data(in, &f))
		;	/* upstream must not wait for us */
	return rc;
}

int mime_in(struct mime_ends *ends)
{
	static struct in in;
	struct unpack u;
	struct frame f;

	in.front = &ends->front;
	in.crypt = &ends->crypt;
	in.pipe = &ends->upstream;
	in.body.put = body_put;
	membuf_init(&in.head, HEAD_MAX);
	while (chan_expect(in.front, M_OPEN, &f, NULL) == 0) {
		unpack_init(&u, &f);
		in.how = (enum fetched)unpack_u32(&u);
		in.lines = unpack_u32(&u);
		in.ahead = in.how == FETCHED_AHEAD;
		if (!unpack_end(&u) || letter(&in))
			break;
	}
	return 0;
}
