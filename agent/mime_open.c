/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: what is sealed goes to crypt and comes back rebuilt, or as
 * it was (RFC 3156, 9788). */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/crlf.h"
#include "crypto/pgpmime.h"
#include "crypto/protect.h"

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
	m = pgpmime_new(&in->outer, KIND_SEALED, &in->cipher.sink, NULL);
	if (feed(in, NULL, in->head.buf, in->head_len)
	    || feed(in, m, in->head.buf + in->head_len,
	            in->head.len - in->head_len))
		goto out;
	while (in_next_data(in, f))
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

	if (in_put_original(in) || read_spool(in, SPOOL_RAW))
		return in_tell_broken(in);
	while ((r = next_spool(in, &f)) == 1) {
		n = f.len < skip ? f.len : skip;
		skip -= n;
		if (!in->body_done
		    && sink_put(&in->body, f.data + n, f.len - n, NULL))
			return -1;
	}
	return r == 0 ? in_finish(in) : -1;
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
		rc = in_judge(in, &h, &from, body, line);
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
	return in_finish(in);
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
	rc = in_tell_broken(in);
	goto out;
}

/* TOP while the key is locked: the outer header, and no claim. */
static int outer_only(struct in *in)
{
	uint32_t ask = 0;

	if (chan_send(in->crypt, X_LETTER, &ask, sizeof ask, NULL)
	    || in_put_original(in))
		return in_tell_broken(in);
	return in_finish(in);
}

int in_sealed(struct in *in)
{
	uint32_t encryption, held;
	struct unpack u;
	struct frame f;
	int r;

	if (feed_all(in, &u, &f))
		return in_tell_broken(in);
	encryption = unpack_u32(&u);
	unpack_u32(&u);
	held = unpack_u32(&u);
	if (!unpack_end(&u))
		return in_tell_broken(in);
	if (in->ahead && (r = in_await_send(in)) != 1)
		return r;
	if (in->lost)
		return in_tell_lost(in);
	if (held == HELD_BROKEN)
		return in_tell_broken_so(in, 0);
	if (held == HELD_LOCKED && in->how == FETCHED_FOR_TOP)
		return outer_only(in);
	if (held == HELD_LOCKED)
		return in_tell_bad(in, 0, "[SYS/TEMP] Your key is locked, so sealed "
		                "letters wait safely at your provider. Unlock "
		                "it with the Letterlock button or: letterlock "
		                "unlock. Then fetch again");
	return encryption == ENC_OK ? opened(in) : unopened(in);
}
