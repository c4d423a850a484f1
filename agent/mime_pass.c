/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A letter rebuilt for its lanes: clear, sealed (RFC 3156 section 4), signed
 * (section 5), or passed on because it is sealed already; RFC 9788. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/mime_out.h"

/* ---- what it is ---- */

/* multipart/signed by OpenPGP or S/MIME (RFC 1847 section 2.1) */
static bool is_signed(const struct header *h)
{
	static const char *const known[] = { "application/pgp-signature",
		"application/pkcs7-signature", "application/x-pkcs7-signature" };
	const struct field *f = header_get(h, "Content-Type", 0);
	char *type = f ? field_token(f) : NULL, *by = NULL;
	bool twice = false, is = false;

	if (type && strcmp(type, "multipart/signed") == 0)
		by = field_param(f, "protocol", &twice);
	for (size_t i = 0; by && i < sizeof known / sizeof *known; i++)
		is = is || strcasecmp(by, known[i]) == 0;
	free(type);
	free(by);
	return is && !twice && header_count(h, "Content-Type") == 1;
}

enum form out_form(const struct header *h)
{
	if (kind_of(h, "", 0, false) == KIND_SEALED)
		return FORM_SEALED;
	return smime_is(h) ? FORM_SMIME : is_signed(h) ? FORM_SIGNED
	       : FORM_OTHER;
}

/* ---- to the lanes ---- */

/* A lane that is gone is front's to notice; the others go on. */
static void to_lanes(struct out *o, unsigned type, const void *p, size_t n)
{
	const char *at = p;
	size_t m;

	do {
		m = n < FRAME_DATA ? n : FRAME_DATA;
		for (unsigned i = 0; i < o->lanes; i++)
			if (chan_open(&o->lane[i])
			    && chan_send(&o->lane[i], type, at, m, NULL))
				chan_close(&o->lane[i]);
		at += m;
		n -= m;
	} while (n);
}

static void flush(struct out *o)
{
	if (o->len)
		to_lanes(o, X_DATA, o->buf, o->len);
	o->len = 0;
}

static int out_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct out *o = (struct out *)s;
	const char *p = buf;
	size_t m;

	(void)e;
	while (n) {
		m = sizeof o->buf - o->len;
		if (m > n)
			m = n;
		memcpy(o->buf + o->len, p, m);
		o->len += m;
		p += m;
		n -= m;
		if (o->len == sizeof o->buf)
			flush(o);
	}
	return 0;
}

static int late_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct late *l = (struct late *)s;

	if (sink_put(l->out, l->head.buf, l->head.len, e))
		return -1;
	membuf_free(&l->head);
	return sink_put(l->out, buf, n, e);
}

/* ---- heads ---- */

static int make_boundary(struct out *o, struct err *e)
{
	unsigned char r[15];

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return err_errno(e, "random octets");
	for (size_t i = 0; i < sizeof r; i++)
		snprintf(o->boundary + 2 * i, 3, "%02x", r[i]);
	return 0;
}

/* What stands around sealed octets. */
static int add_wrapper(struct out *o, struct membuf *outer, struct err *e)
{
	if (make_boundary(o, e))
		return -1;
	return membuf_printf(outer, e,
	                     "MIME-Version: 1.0\r\n"
	                     "Content-Type: multipart/encrypted;\r\n"
	                     " protocol=\"application/pgp-encrypted\";\r\n"
	                     " boundary=\"%s\"\r\n\r\n"
	                     "--%s\r\n"
	                     "Content-Type: application/pgp-encrypted\r\n\r\n"
	                     "Version: 1\r\n\r\n"
	                     "--%s\r\n"
	                     "Content-Type: application/octet-stream;"
	                     " name=\"encrypted.asc\"\r\n"
	                     "Content-Disposition: inline;"
	                     " filename=\"encrypted.asc\"\r\n\r\n",
	                     o->boundary, o->boundary, o->boundary);
}

static int begin_sealed(struct out *o, const struct protect_new *add,
                        struct err *e)
{
	struct membuf outer, inner;
	int rc = -1;

	membuf_init(&outer, 2 * HEADER_MAX);
	membuf_init(&inner, 4 * HEADER_MAX);
	if (protect_seal(&o->header, add, &outer, &inner, e)
	    || add_wrapper(o, &outer, e))
		goto out;
	to_lanes(o, X_HEAD, outer.buf, outer.len);
	to_lanes(o, X_DATA, inner.buf, inner.len);
	rc = 0;
out:
	membuf_free(&outer);
	membuf_free(&inner);
	return rc;
}

static int begin_clear(struct out *o, const struct protect_new *add,
                       struct err *e)
{
	struct membuf head;
	int rc;

	membuf_init(&head, 2 * HEADER_MAX);
	rc = protect_clear(&o->header, add, &head, e);
	if (rc == 0)
		to_lanes(o, X_DATA, head.buf, head.len);
	membuf_free(&head);
	return rc;
}

/* Not an octet before the body was seen to begin as it must. */
static int begin_smime(struct out *o, const struct protect_new *add,
                       struct err *e)
{
	o->is_smime = true;
	o->late.sink.put = late_put;
	o->late.out = &o->sink;
	membuf_init(&o->late.head, 2 * HEADER_MAX);
	smime_init(&o->smime, &o->late.sink);
	return protect_clear(&o->header, add, &o->late.head, e);
}

static int begin_signed(struct out *o, const struct protect_new *add,
                        struct err *e)
{
	struct membuf outer, inner;
	char text[200];
	int rc = -1;

	membuf_init(&outer, 2 * HEADER_MAX);
	membuf_init(&inner, 4 * HEADER_MAX);
	if (protect_sign(&o->header, add, sevenbit_encoding(&o->header),
	                 &outer, &inner, e)
	    || make_boundary(o, e)
	    || !(o->seven = sevenbit_new(&o->header, &o->sink, e))
	    || membuf_printf(&outer, e, "MIME-Version: 1.0\r\n"
	                     "Content-Type: multipart/signed; micalg="))
		goto out;
	snprintf(text, sizeof text, ";\r\n"
	         " protocol=\"application/pgp-signature\";\r\n"
	         " boundary=\"%s\"\r\n\r\n--%s\r\n", o->boundary, o->boundary);
	to_lanes(o, X_HEAD, outer.buf, outer.len);
	to_lanes(o, X_MICALG, NULL, 0);
	to_lanes(o, X_HEAD, text, strlen(text));
	rc = sink_put(&o->sink, inner.buf, inner.len, e);
out:
	membuf_free(&outer);
	membuf_free(&inner);
	return rc;
}

/* The client's fields with a wrapper of ours around the client's octets. */
static int begin_passed(struct out *o, const struct protect_new *add,
                        struct err *e)
{
	struct membuf head, outer;
	struct header h = { 0 };
	int rc = -1;

	membuf_init(&head, 2 * HEADER_MAX);
	membuf_init(&outer, 2 * HEADER_MAX);
	if (protect_clear(&o->header, add, &head, e)
	    || header_cut(&h, head.buf, head.len, e))
		goto out;
	for (size_t i = 0; i < h.n; i++)
		if (!field_begins(&h.field[i], "Content-")
		    && !field_is(&h.field[i], "MIME-Version")
		    && sink_put(&outer.sink, h.field[i].raw,
		                h.field[i].raw_len, e))
			goto out;
	if (add_wrapper(o, &outer, e)
	    || !(o->sealed = pgpmime_new(&o->header, KIND_SEALED, &o->sink, e)))
		goto out;
	to_lanes(o, X_HEAD, outer.buf, outer.len);
	rc = 0;
out:
	header_free(&h);
	membuf_free(&head);
	membuf_free(&outer);
	return rc;
}

int out_begin(struct out *o, enum going how, const struct protect_new *add,
              struct err *e)
{
	o->how = how;
	o->sink.put = out_put;
	o->len = 0;
	switch (how) {
	case GOES_SEALED:
		return begin_sealed(o, add, e);
	case GOES_SIGNED:
		return begin_signed(o, add, e);
	case GOES_PASSED:
		return smime_is(&o->header) ? begin_smime(o, add, e)
		       : begin_passed(o, add, e);
	case GOES_CLEAR:
		break;
	}
	return begin_clear(o, add, e);
}

/* ---- body and end ---- */

int out_body(struct out *o, const void *p, size_t n, struct err *e)
{
	if (o->seven)
		return sevenbit_put(o->seven, p, n, e);
	if (o->sealed)
		return pgpmime_put(o->sealed, p, n, e);
	if (o->is_smime)
		return sink_put(&o->smime.sink, p, n, e);
	to_lanes(o, X_DATA, p, n);
	return 0;
}

static void tail(struct out *o, const char *text)
{
	to_lanes(o, X_TAIL, text, strlen(text));
}

static void end_signed(struct out *o)
{
	char text[300];

	snprintf(text, sizeof text, "\r\n--%s\r\n"
	         "Content-Type: application/pgp-signature;"
	         " name=\"signature.asc\"\r\n"
	         "Content-Description: OpenPGP digital signature\r\n"
	         "Content-Disposition: attachment;"
	         " filename=\"signature.asc\"\r\n\r\n", o->boundary);
	tail(o, text);
	to_lanes(o, X_SIGNATURE, NULL, 0);
}

int out_end(struct out *o, struct err *e)
{
	char text[80];

	if (o->seven && sevenbit_end(o->seven, e))
		return -1;
	if (o->sealed && !pgpmime_end(o->sealed))
		return err_set(e, GPG_ERR_BAD_DATA, "It says that it is sealed "
		               "(PGP/MIME), and is not");
	if (o->is_smime && smime_end(&o->smime, e))
		return -1;
	flush(o);
	if (o->seven)
		end_signed(o);
	if (o->how == GOES_SEALED || o->seven || o->sealed) {
		snprintf(text, sizeof text, "\r\n--%s--\r\n", o->boundary);
		tail(o, text);
	}
	to_lanes(o, X_END, NULL, 0);
	return 0;
}

void out_free(struct out *o)
{
	sevenbit_free(o->seven);
	o->seven = NULL;
	pgpmime_free(o->sealed);
	o->sealed = NULL;
	membuf_free(&o->late.head);
	o->is_smime = false;
	o->len = 0;
}
