/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a letter is, told by its top. */
#include <stdlib.h>

#include "crypto/kind.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t span = block_span(data, size), n = size - span, len;
	size_t step = n > 64 ? n / 64 : 1;
	enum letter_kind whole, kind;
	struct block b;
	char *part;

	if (!block_cut(&b, data, span))
		goto out;
	part = fuzz_copy(data + span, n);
	whole = kind_of(&b.h, part, n, true);
	free(part);
	CHECK(whole >= KIND_PLAIN && whole <= KIND_SIGNED);
	CHECK(whole == KIND_PLAIN || header_count(&b.h, "Content-Type") < 2);
	/* what is decided by a beginning is so by every longer one */
	for (len = 0; len <= n; len += step) {
		part = fuzz_copy(data + span, len);
		kind = kind_of(&b.h, part, len, false);
		CHECK(kind == KIND_UNDECIDED || kind == whole);
		CHECK(kind != KIND_UNDECIDED || len < KIND_PROBE_MAX);
		CHECK(kind_of(&b.h, part, len, true) == kind
		      || kind == KIND_UNDECIDED);
		free(part);
	}
out:
	block_free(&b);
	return 0;
}
