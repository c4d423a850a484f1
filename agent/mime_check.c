/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on a letter that an agent has handed over before: what its verdict and the
 * MAC under it speak of is read here, in the box, and judged by the keeper. */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/protect.h"

/* Octets of a verdict's text that are handed on; ours are shorter. */
enum { TEXT_SHOWN = VERDICT_LINE_MAX - 1 };

/* Ours, or like ours to somebody.  The wish of a client for a letter it sends is
 * something else. */
static bool is_status(const struct field *f)
{
	return protect_lookalike(f) && (f->odd || !field_is(f, "X-Letterlock"));
}

/* Exactly as verdict_format() writes it, but for the line end and blanks before
 * it. */
static bool is_strict(const struct field *f)
{
	const char *lf = memchr(f->value, '\n', f->value_len);

	return !f->odd && field_is(f, VERDICT_NAME)
	       && (!lf || lf + 1 == f->value + f->value_len);
}

static int digest_body(struct in *in, unsigned char out[VERDICT_DIGEST])
{
	struct body_digest *b = body_digest_new();
	struct frame f;
	int rc = -1;

	if (!b || sink_put(body_digest_sink(b), in->head.buf + in->head_len,
	                   in->head.len - in->head_len, NULL))
		goto out;
	while (in_next_data(in, &f))
		if (sink_put(body_digest_sink(b), f.data, f.len, NULL))
			goto out;
	rc = body_digest_end(b, out, NULL);
out:
	body_digest_free(b);
	return rc;
}

/* The end is waited for: half a letter says nothing. */
static int no_verdict(struct in *in, enum letter_kind kind)
{
	struct frame f;

	while (in_next_data(in, &f))
		;
	return in->lost ? in_tell_lost(in) : in_tell_form(in, kind);
}

int in_check(struct in *in)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	enum letter_kind kind = KIND_PLAIN;
	const struct field *first = NULL;
	unsigned n = 0;
	struct pack p;
	char *text;
	bool strict;

	if (in_kind(in, &kind))
		return in_tell_broken_so(in, 0);
	for (size_t i = 0; i < in->outer.n; i++)
		if (is_status(&in->outer.field[i]) && n++ == 0)
			first = &in->outer.field[i];
	if (!first)
		return in->verdict_only ? no_verdict(in, kind) : 1;
	text = field_text(first);
	if (!text || verdict_digest(&in->outer, digest, NULL)
	    || digest_body(in, body)) {
		free(text);
		return in_tell_broken(in);
	}
	if (in->lost) {
		free(text);
		return in_tell_lost(in);
	}
	strict = n == 1 && is_strict(first);
	text[strnlen(text, TEXT_SHOWN)] = '\0';
	pack_init(&p);
	pack_u32(&p, strict);
	pack_str(&p, text);
	pack_mem(&p, digest, sizeof digest);
	pack_mem(&p, body, sizeof body);
	pack_u32(&p, in_form(kind));
	pack_u64(&p, 0);
	free(text);
	return pack_send(&p, in->front, M_CHECKED, NULL);
}
