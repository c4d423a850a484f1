/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: signed letters: where what is signed begins and ends. */
#include <stdlib.h>
#include <string.h>

#include "crypto/signed.h"
#include "tests/fuzz/fuzz.h"

static struct signed_scan *scanned(const struct header *h, const uint8_t *p,
                                   size_t n, uint8_t how, bool *right)
{
	struct signed_scan *s = signed_new(h, NULL);
	struct cuts c;

	*right = false;
	if (!s)
		return NULL;
	cuts_begin(&c, p, n, how);
	while (cuts_next(&c))
		CHECK(signed_put(s, c.piece, c.n, NULL) == 0);
	cuts_end(&c);
	*right = signed_end(s);
	return s;
}

/* Does this stand between two delimiters of the boundary, found by a plain
 * search? */
static void check_between(const char *boundary, const uint8_t *body, size_t n,
                          uint64_t from, uint64_t len)
{
	size_t b = strlen(boundary);
	const uint8_t *p = body + from, *end = p + len;

	CHECK(from <= n && len <= n - from && len);
	/* before it, the delimiter's line */
	CHECK(from >= b + 3 && p[-1] == '\n');
	for (p--; p > body && (p[-1] == '\r' || p[-1] == ' ' || p[-1] == '\t');
	     p--)
		;
	CHECK((size_t)(p - body) >= b + 2);
	CHECK(memcmp(p - b - 2, "--", 2) == 0
	      && memcmp(p - b, boundary, b) == 0);
	/* behind it, a line end and the delimiter */
	p = end;
	p += p < body + n && *p == '\r';
	CHECK((size_t)(body + n - p) >= b + 3 && *p == '\n');
	CHECK(memcmp(p + 1, "--", 2) == 0
	      && memcmp(p + 3, boundary, b) == 0);
}

static void check_right(const struct header *h, struct signed_scan *s,
                        struct signed_scan *cut, const uint8_t *body,
                        size_t n)
{
	char *boundary = field_param(header_get(h, "Content-Type", 0),
	                             "boundary", NULL);
	const struct header *part = signed_header(s);

	CHECK(signed_from(s) == signed_from(cut)
	      && signed_len(s) == signed_len(cut));
	CHECK(same(signed_signature(s), signed_signature(cut)));
	/* whether there is a signature in the armor is the engine's to say */
	CHECK(signed_signature(s)->len <= SIGNATURE_MAX);
	CHECK(boundary);
	check_between(boundary, body, n, signed_from(s), signed_len(s));
	CHECK(!part->n || memcmp(part->field[0].raw, body + signed_from(s),
	                         part->field[0].raw_len) == 0);
	free(boundary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	size_t span = block_span(data, size);
	struct signed_scan *s, *cut;
	bool right, right_cut;
	struct block b;

	if (block_cut(&b, data, span) && signed_is(&b.h)) {
		s = scanned(&b.h, data + span, size - span, 0, &right);
		cut = scanned(&b.h, data + span, size - span, how, &right_cut);
		CHECK(!s == !cut && right == right_cut);
		if (right)
			check_right(&b.h, s, cut, data + span, size - span);
		signed_free(s);
		signed_free(cut);
	}
	block_free(&b);
	return 0;
}
