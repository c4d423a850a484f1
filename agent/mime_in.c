/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: what is not sealed streams through behind its verdict;
 * what is sealed goes to crypt and comes back rebuilt, or as it was. */
#include <stdlib.h>
#include <string.h>

#include "agent/mime.h"
#include "crypto/crlf.h"
#include "crypto/pgpmime.h"
#include "crypto/protect.h"
#include "crypto/verdict.h"

enum { HEAD_MAX = HEADER_MAX + 2 * FRAME_MAX };

struct in {
	struct chan *front, *crypt, *pipe;
	enum fetched how;
	bool ahead;		/* kept until front asks for it */
	uint32_t lines;		/* of the body that are wanted, for TOP */
	bool at_end;		/* the pipe gave P_END (or failed) */
	bool lost;		/* it failed */
	bool opaque;		/* its header block can't be cut into fields */
	struct membuf head;	/* the header block and what came with it */
	size_t head_len;
	struct header outer;
	struct chan_sink to_front;
	struct sink body;	/* counts lines, then to_front */
	bool body_done;
	struct chan_sink cipher;	/* to crypt */
};

/* ---- from upstream ---- */

/* The next octets of the letter: 1, or 0 at its end. */
static int next_data(struct in *in, struct frame *f)
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

	while (next_data(in, &f)) {
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

static int finish(struct in *in)
{
	if (chan_sink_flush(&in->to_front, NULL))
		return -1;
	return chan_send(in->front, M_END, NULL, 0, NULL);
}

static int tell_bad(struct in *in, unsigned last, const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, last);
	pack_str(&p, words);
	return pack_send(&p, in->front, M_BAD, NULL);
}

static int tell_lost(struct in *in)
{
	return tell_bad(in, 1, "[SYS/TEMP] The connection to your provider broke "
	                "while this letter was fetched. Fetch again");
}

/* Something of ours failed: with last, so that no other letter will do better. */
static int tell_broken_so(struct in *in, unsigned last)
{
	return tell_bad(in, last, "[SYS/TEMP] A part of Letterlock failed while this "
	                "letter was opened. Fetch again");
}

static int tell_broken(struct in *in)
{
	return tell_broken_so(in, 1);
}

/* ---- the verdict ---- */

/* Exactly one From with exactly one mailbox, or none at all (R6). */
static void from_of(const struct header *h, struct addrs *list)
{
	const struct field *f = header_get(h, "From", 0);
	char *text;

	memset(list, 0, sizeof *list);
	if (!f || header_count(h, "From") != 1 || !(text = field_text(f)))
		return;
	if (addrs_parse(list, text, NULL) || list->bad || list->group
	    || list->n != 1)
		addrs_free(list);
	free(text);
}

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

/* Crypt's verdict on a header block as it will be shown, and on the From. */
static int judge(struct in *in, const struct header *shown,
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

/* The verdict and the header block without look-alikes.  A block that can't be
 * cut is text behind an empty line, where a look-alike is none. */
static int put_original(struct in *in)
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
	    || judge(in, &shown, &none, NULL, line)
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

/* Fetched ahead: 1 when it is to be handed over now, 0 forgotten, -1. */
static int await_send(struct in *in)
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

	while (next_data(in, &f))
		large = large || sink_put(&in->head.sink, f.data, f.len, NULL);
	if ((r = await_send(in)) != 1)
		return r;
	if (large || in->lost)
		return tell_bad(in, 0, "not kept");
	if (in->opaque)
		return 1;
	header_free(&in->outer);	/* its buffer has moved */
	return header_cut(&in->outer, in->head.buf ? in->head.buf : "",
	                  in->head_len, NULL) ? tell_broken(in) : 1;
}

static int plain(struct in *in)
{
	struct frame f;
	int r;

	if (in->ahead && (r = keep(in)) != 1)
		return r;
	if (put_original(in))
		return tell_broken(in);
	if (sink_put(&in->body, in->head.buf + in->head_len,
	             in->head.len - in->head_len, NULL))
		return -1;
	while (next_data(in, &f))
		if (!in->body_done && sink_put(&in->body, f.data, f.len, NULL))
			return -1;
	return in->lost ? tell_lost(in) : finish(in);
}

/* ---- sealed ---- */

/* All of it to crypt: as it came, and what is OpenPGP in it. */
static int feed(struct in *in, struct pgpmime *m, const void *p, size_t n)
{
	size_t part;

	if (m && pgpmime_put(m, p, n, NULL))
		return -1;
	for (const char *at = p; n; at += part, n -= part) {
		part = n < FRAME_DATA ? n : FRAME_DATA;
		if (chan_send(in->crypt, X_RAW, at, part, NULL))
			return -1;
	}
	return 0;
}

static int feed_all(struct in *in, struct unpack *u, struct frame *f)
{
	struct pgpmime *m;
	uint32_t right;
	int rc = -1;

	chan_sink_init(&in->cipher, in->crypt, X_CIPHER);
	m = pgpmime_new(&in->outer, &in->cipher.sink, NULL);
	if (feed(in, NULL, in->head.buf, in->head_len)
	    || feed(in, m, in->head.buf + in->head_len,
	            in->head.len - in->head_len))
		goto out;
	while (next_data(in, f))
		if (feed(in, m, f->data, f->len))
			goto out;
	right = m && !in->lost && pgpmime_end(m);
	if (chan_sink_flush(&in->cipher, NULL)
	    || chan_send(in->crypt, X_CIPHER_END, NULL, 0, NULL)
	    || chan_send(in->crypt, X_RAW_END, &right, sizeof right, NULL)
	    || chan_expect(in->crypt, X_OPENED, f, NULL))
		goto out;
	unpack_init(u, f);
	rc = 0;
out:
	pgpmime_free(m);
	return rc;
}

static int read_spool(struct in *in, enum spool_name which)
{
	uint32_t n = which;

	return chan_send(in->crypt, X_READ, &n, sizeof n, NULL);
}

/* 1: octets of a spool, 0: its end, -1. */
static int next_spool(struct in *in, struct frame *f)
{
	if (chan_recv(in->crypt, f, NULL))
		return -1;
	return f->type == X_DATA ? 1 : f->type == X_END ? 0 : -1;
}

/* What could not be opened: the original from its spool, behind the verdict. */
static int unopened(struct in *in)
{
	size_t skip = in->head_len, n;
	struct frame f;
	int r;

	if (put_original(in) || read_spool(in, SPOOL_RAW))
		return tell_broken(in);
	while ((r = next_spool(in, &f)) == 1) {
		n = f.len < skip ? f.len : skip;
		skip -= n;
		if (!in->body_done
		    && sink_put(&in->body, f.data + n, f.len - n, NULL))
			return -1;
	}
	return r == 0 ? finish(in) : -1;
}

/* First reading of the cleartext: its header block into head (*span octets of it;
 * 0 where there is no such block, and all is body) and the digest of its body as
 * it will be delivered. */
static int survey(struct in *in, struct membuf *head, size_t *span,
                  unsigned char digest[VERDICT_DIGEST])
{
	struct body_digest *b = body_digest_new();
	bool decided = false;
	struct crlf crlf;
	size_t from = 0;
	struct frame f;
	int r, rc = -1;

	*span = 0;
	if (!b || read_spool(in, SPOOL_CLEAR))
		goto out;
	crlf_init(&crlf, body_digest_sink(b));
	while ((r = next_spool(in, &f)) == 1) {
		if (decided) {
			if (sink_put(&crlf.sink, f.data, f.len, NULL))
				goto out;
			continue;
		}
		if (sink_put(&head->sink, f.data, f.len, NULL))
			goto out;
		*span = header_span(head->buf, head->len, &from);
		decided = *span || head->len > HEADER_MAX;
		if (decided && sink_put(&crlf.sink, head->buf + *span,
		                        head->len - *span, NULL))
			goto out;
	}
	if (r || (!decided && sink_put(&crlf.sink, head->buf, head->len, NULL))
	    || crlf_end(&crlf, NULL))
		goto out;
	rc = body_digest_end(b, digest, NULL);
out:
	body_digest_free(b);
	return rc;
}

/* The header block to show, judged: with the inner From where its address is the
 * outer one's or is proven by the signature, else with the outer one (I6). */
static int restore(struct in *in, const struct header *inner,
                   const unsigned char *body, struct membuf *shown,
                   char line[VERDICT_LINE_MAX])
{
	bool differs = protect_from_differs(&in->outer, inner);
	struct header h;
	struct addrs from;
	int rc = -1;

	for (int with_inner = 1; with_inner >= 0; with_inner--) {
		membuf_free(shown);
		memset(&h, 0, sizeof h);
		if (protect_restore(&in->outer, inner, with_inner, shown, NULL)
		    || header_cut(&h, shown->buf, shown->len, NULL)) {
			header_free(&h);
			return -1;
		}
		from_of(&h, &from);
		rc = judge(in, &h, &from, body, line);
		addrs_free(&from);
		header_free(&h);
		if (rc || !differs || strstr(line, "; signature=good;"))
			break;
	}
	return rc;
}

/* Second reading: the body behind what is shown. */
static int put_body(struct in *in, size_t skip)
{
	struct crlf crlf;
	struct frame f;
	size_t n;
	int r;

	crlf_init(&crlf, &in->body);
	if (read_spool(in, SPOOL_CLEAR))
		return -1;
	while ((r = next_spool(in, &f)) == 1) {
		n = f.len < skip ? f.len : skip;
		skip -= n;
		if (!in->body_done && sink_put(&crlf.sink, f.data + n,
		                               f.len - n, NULL))
			return -1;
	}
	if (r || (!in->body_done && crlf_end(&crlf, NULL)))
		return -1;
	return finish(in);
}

static int opened(struct in *in)
{
	unsigned char body[VERDICT_DIGEST];
	char line[VERDICT_LINE_MAX];
	struct membuf head, shown;
	struct header inner = { 0 };
	size_t span;
	int rc = -1;

	membuf_init(&head, HEADER_MAX + 2 * FRAME_MAX);
	membuf_init(&shown, 4 * HEADER_MAX);
	if (survey(in, &head, &span, body))
		goto broken;
	if (header_cut(&inner, head.buf ? head.buf : "", span, NULL)) {
		header_free(&inner);	/* too many fields: none is shown */
		memset(&inner, 0, sizeof inner);
	}
	if (restore(in, &inner, body, &shown, line))
		goto broken;
	if (sink_put(&in->to_front.sink, line, strlen(line), NULL)
	    || sink_put(&in->to_front.sink, shown.buf, shown.len, NULL))
		goto out;
	rc = put_body(in, span);
out:
	header_free(&inner);
	membuf_free(&head);
	membuf_free(&shown);
	return rc;
broken:
	rc = tell_broken(in);
	goto out;
}

/* TOP while the key is locked: the outer header, and no claim. */
static int outer_only(struct in *in)
{
	uint32_t ask = 0;

	if (chan_send(in->crypt, X_LETTER, &ask, sizeof ask, NULL)
	    || put_original(in))
		return tell_broken(in);
	return finish(in);
}

static int sealed(struct in *in)
{
	uint32_t encryption, held;
	struct unpack u;
	struct frame f;
	int r;

	if (feed_all(in, &u, &f))
		return tell_broken(in);
	encryption = unpack_u32(&u);
	unpack_u32(&u);
	held = unpack_u32(&u);
	if (!unpack_end(&u))
		return tell_broken(in);
	if (in->ahead && (r = await_send(in)) != 1)
		return r;
	if (in->lost)
		return tell_lost(in);
	if (held == HELD_BROKEN)
		return tell_broken_so(in, 0);
	if (held == HELD_LOCKED && in->how == FETCHED_FOR_TOP)
		return outer_only(in);
	if (held == HELD_LOCKED)
		return tell_bad(in, 0, "[SYS/TEMP] Your key is locked, so sealed "
		                "letters wait safely at your provider. Unlock "
		                "it with the Letterlock button or: letterlock "
		                "unlock. Then fetch again");
	return encryption == ENC_OK ? opened(in) : unopened(in);
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
		rc = tell_broken(in);
	} else if ((rc = take_header(in)) == -2) {
		rc = tell_broken_so(in, 0);
	} else if (rc) {
		header_free(&in->outer);
		memset(&in->outer, 0, sizeof in->outer);
		in->head_len = 0;
		in->opaque = true;
		rc = plain(in);
	} else if (in->how != FETCHED_TOP && pgpmime_is(&in->outer)) {
		rc = sealed(in);
	} else {
		rc = plain(in);
	}
	header_free(&in->outer);
	membuf_free(&in->head);
	while (next_data(in, &f))
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
