/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one right form of a signed letter, part by part. */
#include "crypto/signed.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/ascii.h"
#include "crypto/parts.h"
#include "crypto/transfer.h"

struct signed_scan {
	struct parts_to to;	/* first */
	struct parts *parts;
	uint64_t at;		/* octets of the body so far */
	uint64_t from, len;	/* of the first part */
	struct membuf block;	/* its header block */
	struct header header;
	unsigned parts_ended;
	struct untransfer transfer;
	struct sink to_dearmor;
	struct dearmor *dearmor;
	struct membuf signature;
	bool cr;		/* the last octet outside of it was one */
	bool wrong;		/* not the right form */
};

#define OF(member, sink) \
	((struct signed_scan *)(void *)((char *)(sink) \
	                                - offsetof(struct signed_scan, member)))

bool signed_is(const struct header *h)
{
	static const char want[] = "application/pgp-signature";
	const struct field *f = header_get(h, "Content-Type", 0);
	char *type = NULL, *protocol = NULL;
	bool twice = false, is = false;

	if (!f || f->odd || header_count(h, "Content-Type") != 1)
		return false;
	type = field_token(f);
	if (type && strcmp(type, "multipart/signed") == 0) {
		protocol = field_param(f, "protocol", &twice);
		is = !twice && (!protocol
		     || (strlen(protocol) == sizeof want - 1
		         && ascii_same(protocol, want, sizeof want - 1)));
	}
	free(type);
	free(protocol);
	return is;
}

/* Bad armor, or too much of it, is the letter's fault; no memory is not. */
static int dearmor_sink_put(struct sink *sink, const void *buf, size_t n,
                            struct err *e)
{
	struct signed_scan *s = OF(to_dearmor, sink);
	struct err why = { 0 };

	if (s->wrong || dearmor_put(s->dearmor, buf, n, &why) == 0)
		return 0;
	s->wrong = true;
	if (gpg_err_code(why.code) == GPG_ERR_INV_ARMOR
	    || gpg_err_code(why.code) == GPG_ERR_TOO_LARGE)
		return 0;
	return err_set(e, why.code, "%s", why.text);
}

/* ---- parts ---- */

static int on_header(struct signed_scan *s, const struct part *p,
                     const char *buf, size_t n, struct err *e)
{
	if (p->nth == 0)
		return sink_put(&s->block.sink, buf, n, e)
		       || header_cut(&s->header, s->block.buf, n, e) ? -1 : 0;
	untransfer_init(&s->transfer, transfer_in(p->header), &s->to_dearmor);
	if (p->nth > 1 || !part_is(p, "application/pgp-signature"))
		s->wrong = true;
	return 0;
}

/* Where a part has no body, the line end before the delimiter is its header's
 * empty line. */
static void on_delimiter(struct signed_scan *s, const char *buf)
{
	if (s->parts_ended != 1 || buf[0] != '-')
		return;
	s->len--;
	if (s->block.len > 1 && s->block.buf[s->block.len - 2] == '\r')
		s->len--;
}

/* A CR alone ends a line to some readers: outside of what is signed it could hide
 * a delimiter from us. */
static bool bare_cr(struct signed_scan *s, const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		if (s->cr && *p != '\n')
			return true;
		p = memchr(p, '\r', (size_t)(end - p));
		s->cr = p != NULL;
		if (!p)
			break;
		p++;
	}
	return false;
}

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct signed_scan *s = (struct signed_scan *)to;
	int rc = 0;

	if (s->wrong)
		return 0;
	if (!p->parent || p->nth > 0) {
		s->wrong = bare_cr(s, buf, n);
	} else {
		if (!s->len)
			s->from = s->at;
		s->len += n;
	}
	if (what == PIECE_HEADER)
		rc = on_header(s, p, buf, n, e);
	else if (what == PIECE_DELIMITER)
		on_delimiter(s, buf);
	else if (what == PIECE_BODY && p->opaque)
		s->wrong = true;
	else if (what == PIECE_BODY && p->nth == 1)
		rc = sink_put(&s->transfer.sink, buf, n, e);
	s->at += n;
	return rc;
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct signed_scan *s = (struct signed_scan *)to;

	(void)e;
	if (!p->parent)
		return 0;
	s->parts_ended++;
	if (p->nth == 1 && !s->wrong) {
		untransfer_end(&s->transfer);
		s->wrong = s->transfer.bad;
	}
	return 0;
}

/* ---- the whole ---- */

struct signed_scan *signed_new(const struct header *h, struct err *e)
{
	struct signed_scan *s = calloc(1, sizeof *s);

	if (!s) {
		err_errno(e, "Out of memory");
		return NULL;
	}
	membuf_init(&s->block, PART_HEADER_MAX);
	membuf_init(&s->signature, SIGNATURE_MAX);
	s->to_dearmor.put = dearmor_sink_put;
	s->to.piece = on_piece;
	s->to.end = on_end;
	/* some would decode it first, and read another letter */
	s->wrong = transfer_in(h) != TRANSFER_NONE;
	s->dearmor = dearmor_new("PGP SIGNATURE", &s->signature.sink);
	if (!s->dearmor) {
		err_errno(e, "Out of memory");
		goto fail;
	}
	if (!(s->parts = parts_new(h, 1, false, &s->to, e)))
		goto fail;
	if (!parts_odd(s->parts))
		return s;
	err_set(e, GPG_ERR_BAD_DATA, "The letter has no boundary");
fail:
	signed_free(s);
	return NULL;
}

int signed_put(struct signed_scan *s, const void *buf, size_t n, struct err *e)
{
	return s->wrong ? 0 : parts_put(s->parts, buf, n, e);
}

bool signed_end(struct signed_scan *s)
{
	return !s->wrong && parts_end(s->parts, NULL) == 0
	       && !parts_odd(s->parts) && !s->wrong
	       && dearmor_end(s->dearmor, NULL) == 0;
}

void signed_free(struct signed_scan *s)
{
	if (!s)
		return;
	parts_free(s->parts);
	dearmor_free(s->dearmor);
	header_free(&s->header);
	membuf_free(&s->block);
	membuf_free(&s->signature);
	free(s);
}

uint64_t signed_from(const struct signed_scan *s)
{
	return s->from;
}

uint64_t signed_len(const struct signed_scan *s)
{
	return s->len;
}

const struct header *signed_header(const struct signed_scan *s)
{
	return &s->header;
}

const struct membuf *signed_signature(const struct signed_scan *s)
{
	return &s->signature;
}
