/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: what a letter is, and what is not for us streams through
 * behind its verdict. */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"

/* ---- from upstream, or a plug-in ---- */

/* The frame's octets become what mail has on its way. */
static void as_stored(struct in *in, struct frame *f)
{
	if (in->at_end)
		f->len = stored_end(&in->as_stored, &f->data);
	else
		f->len = stored_put(&in->as_stored, f->data, f->len, &f->data);
}

int in_next_data(struct in *in, struct frame *f)
{
	if (in->at_end)
		return 0;
	do {
		if (chan_recv(in->pipe, f, NULL))
			f->type = 0;
		in->at_end = f->type != P_DATA;
		in->lost = in->at_end && f->type != P_END;
		if (in->stored)
			as_stored(in, f);
	} while (!in->at_end && !f->len);
	if (in->at_end && (!in->stored || !f->len))
		return 0;
	in->octets += f->len;
	return 1;
}

/* The header block; -1: it has no end within HEADER_MAX, or too many fields, or
 * begins in the middle of one, which would become the verdict's; -2: no memory. */
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
	if (in->head_len && (in->head.buf[0] == ' ' || in->head.buf[0] == '\t'))
		return -1;
	return header_cut(&in->outer, in->head.buf ? in->head.buf : "",
	                  in->head_len, NULL);
}

/* After more octets: in->outer points into a buffer that may have moved. */
static int cut_again(struct in *in, const char *was)
{
	if (in->head.buf == was)
		return 0;
	header_free(&in->outer);
	return header_cut(&in->outer, in->head.buf, in->head_len, NULL);
}

/* What it is; where the header block does not tell, by the first octets of the
 * body, which are looked at again when there is an eighth more of them. */
int in_kind(struct in *in, enum letter_kind *kind)
{
	const char *was;
	size_t n, again = 0;
	struct frame f;

	for (;;) {
		n = in->head.len - in->head_len;
		if (n >= again || in->at_end) {
			*kind = kind_of(&in->outer,
			                n ? in->head.buf + in->head_len : "",
			                n, in->at_end);
			again = n + n / 8;
		}
		if (*kind != KIND_UNDECIDED)
			return 0;
		was = in->head.buf;
		if (in_next_data(in, &f)
		    && (sink_put(&in->head.sink, f.data, f.len, NULL)
		        || cut_again(in, was)))
			return -1;
	}
}

enum form in_form(enum letter_kind kind)
{
	switch (kind) {
	case KIND_SEALED: case KIND_MANGLED: case KIND_INLINE:
		return FORM_SEALED;
	case KIND_SIGNED:
		return FORM_SIGNED;
	default:
		return FORM_OTHER;
	}
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
	struct pack p;

	if (chan_sink_flush(&in->to_front, NULL))
		return -1;
	pack_init(&p);
	if (in->how == FETCHED_ALL) {
		pack_str(&p, in->verdict);
		pack_mem(&p, in->digest, sizeof in->digest);
		pack_str(&p, in->id);
	}
	if (pack_send(&p, in->front, M_END, NULL))
		return -1;
	in->delivered = in->how == FETCHED_ALL;
	return 0;
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

int in_tell_form(struct in *in, enum letter_kind kind)
{
	uint32_t form = in_form(kind);

	return chan_send(in->front, M_FORM, &form, sizeof form, NULL);
}

/* ---- as it came ---- */

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
	const char *was = in->head.buf;
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
	return cut_again(in, was) ? in_tell_broken(in) : 1;
}

/* From a plug-in: it waits with crypt, since nobody reads what we say yet. */
static int wait_whole(struct in *in)
{
	struct in_opened o;

	if (in_feed(in, NULL) || in_feed_end(in, RAW_CLEAR, &o))
		return in_tell_broken(in);
	if (in->lost)
		return in_tell_lost(in);
	if (o.held != HELD_NOT)
		return in_tell_broken_so(in, 0);
	return in_put_original(in, NULL) ? in_tell_broken(in)
	                                 : in_put_raw_body(in);
}

int in_plain(struct in *in)
{
	struct frame f;
	int r;

	if (in->stored)
		return wait_whole(in);
	if (in->ahead && (r = keep(in)) != 1)
		return r;
	if (in_put_original(in, NULL))
		return in_tell_broken(in);
	if (in->head.len > in->head_len
	    && sink_put(&in->body, in->head.buf + in->head_len,
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
static int opaque(struct in *in)
{
	header_free(&in->outer);
	memset(&in->outer, 0, sizeof in->outer);
	in->head_len = 0;
	in->opaque = true;
	return in_plain(in);
}

static int by_kind(struct in *in)
{
	enum letter_kind kind = KIND_PLAIN;

	if (in->how != FETCHED_TOP && in_kind(in, &kind))
		return in_tell_broken_so(in, 0);
	switch (kind) {
	case KIND_SEALED:
	case KIND_MANGLED:
	case KIND_INLINE:
		return in_sealed(in, kind);
	case KIND_SIGNED:
		return in_signed(in);
	default:
		return in_plain(in);
	}
}

static int letter(struct in *in)
{
	uint32_t ask = in->ask;
	struct frame f;
	int rc;

	in->octets = 0;
	stored_begin(&in->as_stored);
	in->at_end = in->lost = in->body_done = in->opaque = false;
	in->delivered = false;
	in->head_len = 0;
	memset(&in->outer, 0, sizeof in->outer);
	chan_sink_init(&in->to_front, in->front, M_DATA);
	if (!in->verdict_only
	    && chan_send(in->crypt, X_LETTER, &ask, sizeof ask, NULL))
		rc = in_tell_broken(in);
	else if ((rc = take_header(in)) == -2)
		rc = in_tell_broken_so(in, 0);
	else if (in->sender_only)
		rc = in_tell_sender(in, rc == 0);
	else if (rc && in->verdict_only)
		rc = in_tell_form(in, KIND_PLAIN);
	else if (rc)
		rc = opaque(in);
	else if (!in->before || (rc = in_check(in)) == 1)
		rc = by_kind(in);
	if (rc == 0 && in->delivered && in->learns)
		in_learn(in);
	header_free(&in->outer);
	membuf_free(&in->head);
	while (in_next_data(in, &f))
		;	/* upstream must not wait for us */
	return rc;
}

/* What M_OPEN says. */
static void read_how(struct in *in)
{
	in->ahead = in->how == FETCHED_AHEAD;
	in->sender_only = in->how == FETCHED_SENDER;
	in->verdict_only = in->how == FETCHED_VERDICT || in->sender_only;
	in->before = in->how == FETCHED_BEFORE || in->verdict_only;
	in->stored = in->how == FETCHED_STORED || in->verdict_only;
	in->ask = in->how == FETCHED_ALL || in->how == FETCHED_BEFORE
	          || (in->how == FETCHED_STORED && in->lines);
	if (in->before || in->stored)
		in->how = FETCHED_ALL;
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
		in.learns = unpack_u32(&u) != 0;
		read_how(&in);
		if (!unpack_end(&u) || letter(&in))
			break;
	}
	return 0;
}
