/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: legacy display elements taken away, and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "crypto/legacy.h"
#include "crypto/parts.h"
#include "crypto/transfer.h"
#include "tests/fuzz/fuzz.h"

enum { LEAVES = 100 };

static void filtered(const struct header *h, const uint8_t *p, size_t n,
                     uint8_t how, struct membuf *m)
{
	struct legacy *l;
	struct cuts c;

	membuf_init(m, 1 << 22);
	CHECK((l = legacy_new(h, &m->sink, NULL)));
	cuts_begin(&c, p, n, how);
	while (cuts_next(&c))
		CHECK(legacy_put(l, c.piece, c.n, NULL) == 0);
	cuts_end(&c);
	CHECK(legacy_end(l, NULL) == 0);
	legacy_free(l);
}

/* ---- a letter taken to pieces ---- */

struct read {
	struct parts_to to;	/* first */
	struct membuf frame;	/* all but the leaves' bodies */
	struct membuf leaf[LEAVES], decoded[LEAVES];
	bool may[LEAVES];	/* something may be taken from it */
	bool bad[LEAVES];
	unsigned n;
	bool begun;
	struct untransfer transfer;
};

/* By its own header alone. */
static bool may_change(const struct part *p)
{
	const struct field *type = header_get(p->header, "Content-Type", 0);
	const struct field *disp = header_get(p->header, "Content-Disposition",
	                                      0);
	char *value = type ? field_param(type, "hp-legacy-display", NULL) : NULL;
	char *how = disp ? field_token(disp) : NULL;
	bool may = value && strcmp(value, "1") == 0
	           && (!how || strcmp(how, "attachment") != 0)
	           && (part_is(p, "text/plain") || part_is(p, "text/html"));

	free(value);
	free(how);
	return may;
}

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct read *r = (struct read *)to;
	enum transfer how = transfer_in(p->header);

	if (what != PIECE_BODY)
		return sink_put(&r->frame.sink, buf, n, e);
	if (r->n == LEAVES)
		return 0;
	if (!r->begun) {
		r->begun = true;
		r->may[r->n] = may_change(p);
		r->bad[r->n] = how == TRANSFER_UNKNOWN;
		untransfer_init(&r->transfer, how, &r->decoded[r->n].sink);
	}
	if (sink_put(&r->transfer.sink, buf, n, e))
		return -1;
	return sink_put(&r->leaf[r->n].sink, buf, n, e);
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct read *r = (struct read *)to;

	if (p->kind == PART_LEAF && r->n < LEAVES) {
		if (r->begun)
			untransfer_end(&r->transfer);
		r->bad[r->n] = r->bad[r->n] || r->transfer.bad;
		r->n++;
	}
	r->begun = false;
	return membuf_printf(&r->frame, e, "\nend %u %u %d\n", p->depth,
	                     p->nth, (int)p->kind);
}

static void read_all(struct read *r, const struct header *h, const void *p,
                     size_t n)
{
	struct parts *parts;

	*r = (struct read){ .to = { on_piece, on_end } };
	membuf_init(&r->frame, 1 << 22);
	for (int i = 0; i < LEAVES; i++) {
		membuf_init(&r->leaf[i], 1 << 22);
		membuf_init(&r->decoded[i], 1 << 22);
	}
	parts = parts_new(h, PARTS_DEPTH_MAX, false, &r->to, NULL);
	CHECK(parts && parts_put(parts, n ? p : "", n, NULL) == 0
	      && parts_end(parts, NULL) == 0);
	parts_free(parts);
}

static void read_free(struct read *r)
{
	membuf_free(&r->frame);
	for (int i = 0; i < LEAVES; i++) {
		membuf_free(&r->leaf[i]);
		membuf_free(&r->decoded[i]);
	}
}

/* One stretch is missing, the rest is the same. */
static void check_cut(const struct membuf *before, const struct membuf *after)
{
	size_t n = after->len, head = 0, tail = 0;

	CHECK(n <= before->len);
	while (head < n && before->buf[head] == after->buf[head])
		head++;
	while (tail < n && before->buf[before->len - 1 - tail]
	       == after->buf[n - 1 - tail])
		tail++;
	CHECK(head + tail >= n);
}

static void check_pieces(const struct header *h, const uint8_t *p, size_t n,
                         const struct membuf *out)
{
	static struct read before, after;

	read_all(&before, h, p, n);
	read_all(&after, h, out->buf, out->len);
	CHECK(same(&before.frame, &after.frame));
	CHECK(before.n == after.n);
	for (unsigned i = 0; i < before.n; i++) {
		if (same(&before.leaf[i], &after.leaf[i]))
			continue;
		CHECK(before.may[i]);
		if (!before.bad[i])
			check_cut(&before.decoded[i], &after.decoded[i]);
	}
	read_free(&before);
	read_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	size_t span = block_span(data, size);
	struct membuf whole, cut;
	struct block b;

	if (block_cut(&b, data, span)) {
		filtered(&b.h, data + span, size - span, 0, &whole);
		filtered(&b.h, data + span, size - span, how, &cut);
		CHECK(same(&whole, &cut));
		if (legacy_possible(&b.h))
			check_pieces(&b.h, data + span, size - span, &whole);
		else
			CHECK(whole.len == size - span && (!whole.len
			      || memcmp(whole.buf, data + span, whole.len)
			         == 0));
		membuf_free(&whole);
		membuf_free(&cut);
	}
	block_free(&b);
	return 0;
}
