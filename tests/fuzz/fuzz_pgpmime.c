/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: sealed letters found and taken out of their wrapper. */
#include "crypto/pgpmime.h"
#include "tests/fuzz/fuzz.h"

static bool taken(const struct header *h, enum letter_kind kind,
                  const uint8_t *p, size_t n, uint8_t how, struct membuf *m)
{
	struct pgpmime *x;
	struct cuts c;
	bool right;

	membuf_init(m, 1 << 22);
	if (!(x = pgpmime_new(h, kind, &m->sink, NULL)))
		return false;
	cuts_begin(&c, p, n, how);
	while (cuts_next(&c))
		CHECK(pgpmime_put(x, c.piece, c.n, NULL) == 0);
	cuts_end(&c);
	right = pgpmime_end(x);
	pgpmime_free(x);
	return right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	size_t span = block_span(data, size), n = size - span;
	const uint8_t *body = data + span;
	enum letter_kind kind;
	struct membuf whole, cut;
	struct block b;
	bool right;

	if (!block_cut(&b, data, span))
		goto out;
	kind = kind_of(&b.h, (const char *)body, n, true);
	if (kind == KIND_PLAIN || kind == KIND_SIGNED)
		goto out;
	right = taken(&b.h, kind, body, n, 0, &whole);
	CHECK(taken(&b.h, kind, body, n, how, &cut) == right);
	/* of what is wrong nothing is used */
	CHECK(!right || same(&whole, &cut));
	membuf_free(&whole);
	membuf_free(&cut);
out:
	block_free(&b);
	return 0;
}
