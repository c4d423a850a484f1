/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a letter is to us: by its type, and by how its body begins where the type
 * alone does not tell. */
#include "crypto/kind.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/parts.h"
#include "crypto/signed.h"
#include "crypto/transfer.h"

#define ARMOR "-----BEGIN PGP MESSAGE-----"

static bool is_blank(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n';
}

/* ---- multipart/encrypted ---- */

static bool sealed_is(const struct field *f)
{
	bool twice = false, is;
	char *protocol = field_param(f, "protocol", &twice);

	is = !twice && (!protocol
	     || (strlen(protocol) == strlen("application/pgp-encrypted")
	         && ascii_same(protocol, "application/pgp-encrypted",
	                       strlen(protocol))));
	free(protocol);
	return is;
}

/* ---- text: does it begin with armor? ---- */

struct inline_probe {
	struct sink sink;
	enum letter_kind kind;
	bool line_begins;
	size_t at;		/* octets of ARMOR that came */
};

/* -1: it is decided, no more is wanted. */
static int inline_put(struct sink *s, const void *buf, size_t n,
                      struct err *e)
{
	struct inline_probe *q = (struct inline_probe *)s;
	const char *p = buf, *end = p + n;

	(void)e;
	for (; p < end && q->kind == KIND_UNDECIDED; p++) {
		if (q->at == sizeof ARMOR - 1) {
			if (!is_blank(*p))
				q->kind = KIND_PLAIN;
			else if (*p == '\n')
				q->kind = KIND_INLINE;
		} else if (q->at == 0 && is_blank(*p)) {
			q->line_begins = *p == '\n'
			                 || (*p == '\r' && q->line_begins);
		} else if (!q->line_begins || *p != ARMOR[q->at++]) {
			q->kind = KIND_PLAIN;
		}
	}
	return q->kind == KIND_UNDECIDED ? 0 : -1;
}

static enum letter_kind kind_of_text(const struct header *h, const char *body,
                                     size_t n)
{
	struct inline_probe q = { .sink.put = inline_put, .line_begins = true };
	struct untransfer t;

	untransfer_init(&t, transfer_in(h), &q.sink);
	if (t.how == TRANSFER_UNKNOWN)
		return KIND_PLAIN;
	(void)sink_put(&t.sink, body, n, NULL);
	return q.kind;
}

/* ---- multipart/mixed: is it what Exchange makes of a sealed letter? ---- */

struct mixed_probe {
	struct parts_to to;	/* first */
	struct sink blank;
	struct untransfer transfer;
	enum letter_kind kind;
};

static int blank_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	const char *p = buf;

	(void)s;
	(void)e;
	while (n && is_blank(*p)) {
		p++;
		n--;
	}
	return n ? -1 : 0;
}

static int mixed_header(struct mixed_probe *q, const struct part *p)
{
	if (p->nth == 1) {
		if (part_is(p, "application/pgp-encrypted"))
			q->kind = KIND_MANGLED;
		return -1;
	}
	untransfer_init(&q->transfer, transfer_in(p->header), &q->blank);
	return (part_is(p, "text/plain") || part_is(p, "text/html"))
	       && q->transfer.how != TRANSFER_UNKNOWN ? 0 : -1;
}

/* -1: it is decided, no more is wanted. */
static int mixed_piece(struct parts_to *to, struct part *p,
                       enum parts_piece what, const char *buf, size_t n,
                       struct err *e)
{
	struct mixed_probe *q = (struct mixed_probe *)to;

	switch (what) {
	case PIECE_HEADER:
		return mixed_header(q, p);
	case PIECE_BODY:
		if (!p->parent || p->opaque)
			return -1;
		return sink_put(&q->transfer.sink, buf, n, e);
	case PIECE_PREAMBLE:
	case PIECE_DELIMITER:
		return 0;
	default:
		return -1;
	}
}

static enum letter_kind kind_of_mixed(const struct header *h,
                                      const char *body, size_t n)
{
	struct mixed_probe q = {
		.to.piece = mixed_piece, .blank.put = blank_put
	};
	struct parts *p = parts_new(h, 1, false, &q.to, NULL);
	enum letter_kind kind = KIND_PLAIN;

	if (!p)
		return KIND_PLAIN;
	if (!parts_odd(p) && parts_put(p, body, n, NULL) == 0)
		kind = KIND_UNDECIDED;
	else if (!parts_odd(p))
		kind = q.kind == KIND_MANGLED ? KIND_MANGLED : KIND_PLAIN;
	parts_free(p);
	return kind;
}

/* ---- all of them ---- */

enum letter_kind kind_of(const struct header *h, const char *body, size_t n,
                         bool whole)
{
	const struct field *f = header_get(h, "Content-Type", 0);
	char *type = f ? field_token(f) : NULL;
	enum letter_kind kind = KIND_PLAIN;

	if (n >= KIND_PROBE_MAX) {
		n = KIND_PROBE_MAX;
		whole = true;
	}
	if (header_count(h, "Content-Type") > 1 || (f && (f->odd || !type)))
		kind = KIND_PLAIN;
	else if (!f || strcmp(type, "text/plain") == 0)
		kind = kind_of_text(h, body, n);
	else if (strcmp(type, "multipart/encrypted") == 0 && sealed_is(f))
		kind = KIND_SEALED;
	else if (signed_is(h))
		kind = KIND_SIGNED;
	else if (strcmp(type, "multipart/mixed") == 0)
		kind = kind_of_mixed(h, body, n);
	free(type);
	return kind == KIND_UNDECIDED && whole ? KIND_PLAIN : kind;
}
