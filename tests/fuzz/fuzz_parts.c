/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the entities of a letter: nothing is lost, whatever the cutting. */
#include <stdlib.h>
#include <string.h>

#include "crypto/parts.h"
#include "tests/fuzz/fuzz.h"

/* All that was told, as text: the same for the same letter. */
struct told {
	struct parts_to to;	/* first */
	struct membuf log, all;
	const struct part *last;
	enum parts_piece last_piece;
	bool messages;
	unsigned depth, ends;
};

static void check_part(const struct told *t, const struct part *p)
{
	CHECK(p->header && p->depth <= t->depth + 1);
	CHECK(!p->parent == !p->depth);
	CHECK(!p->parent || p->parent->depth + 1 == p->depth);
	CHECK(!p->parent || p->parent->kind != PART_LEAF);
	CHECK(!p->parent || p->parent->kind != PART_MESSAGE || p->nth == 0);
	CHECK(p->kind != PART_MESSAGE || t->messages);
	CHECK(!p->opaque || p->kind == PART_LEAF);
}

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct told *t = (struct told *)to;
	bool at_once = what == PIECE_HEADER || what == PIECE_DELIMITER
	               || what == PIECE_CLOSE;

	check_part(t, p);
	CHECK(n > 0 && p->user == (p->depth ? t : NULL));
	CHECK(what != PIECE_BODY || p->kind == PART_LEAF);
	CHECK(what != PIECE_HEADER || p->depth);
	CHECK(what == PIECE_BODY || what == PIECE_HEADER
	      || p->kind == PART_MULTI);
	if (at_once || p != t->last || what != t->last_piece)
		CHECK(membuf_printf(&t->log, e, "\n%d %u %u: ", (int)what,
		                    p->depth, p->nth) == 0);
	t->last = p;
	t->last_piece = what;
	CHECK(sink_put(&t->log.sink, buf, n, e) == 0);
	return sink_put(&t->all.sink, buf, n, e);
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct told *t = (struct told *)to;
	char *type = part_type(p);

	check_part(t, p);
	CHECK(type && strchr(type, '/') && part_is(p, type));
	CHECK(membuf_printf(&t->log, e, "\nend %u %u %d %d %s", p->depth,
	                    p->nth, (int)p->kind, p->opaque, type) == 0);
	free(type);
	t->last = NULL;
	t->ends += !p->depth;
	return 0;
}

/* The parts' user field is theirs: marked at the header, still there later. */
static int on_marked(struct parts_to *to, struct part *p,
                     enum parts_piece what, const char *buf, size_t n,
                     struct err *e)
{
	if (p->depth && !p->user)
		p->user = to;
	return on_piece(to, p, what, buf, n, e);
}

static bool read_parts(struct told *t, const struct header *h,
                       const uint8_t *p, size_t n, uint8_t how)
{
	struct parts *parts;
	struct cuts c;
	bool odd;

	t->to = (struct parts_to){ on_marked, on_end };
	membuf_init(&t->log, 1 << 26);
	membuf_init(&t->all, 1 << 22);
	t->last = NULL;
	t->ends = 0;
	parts = parts_new(h, t->depth, t->messages, &t->to, NULL);
	CHECK(parts);
	cuts_begin(&c, p, n, how);
	while (cuts_next(&c))
		CHECK(parts_put(parts, c.piece, c.n, NULL) == 0);
	cuts_end(&c);
	CHECK(parts_end(parts, NULL) == 0);
	odd = parts_odd(parts);
	parts_free(parts);
	CHECK(t->all.len == n && (n == 0 || memcmp(t->all.buf, p, n) == 0));
	CHECK(t->ends == 1);
	return odd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t limit = fuzz_octet(&data, &size);
	size_t span = block_span(data, size);
	struct told whole = { 0 }, cut = { 0 };
	struct block b;
	bool odd;

	whole.messages = cut.messages = limit & 1;
	whole.depth = cut.depth = limit & 2 ? PARTS_DEPTH_MAX : limit >> 2 & 7;
	if (block_cut(&b, data, span)) {
		odd = read_parts(&whole, &b.h, data + span, size - span, 0);
		CHECK(read_parts(&cut, &b.h, data + span, size - span, how)
		      == odd);
		CHECK(same(&whole.log, &cut.log));
		membuf_free(&whole.log);
		membuf_free(&whole.all);
		membuf_free(&cut.log);
		membuf_free(&cut.all);
	}
	block_free(&b);
	return 0;
}
