/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the digests of a body and of header fields, in relaxed form. */
#include <string.h>

#include "crypto/verdict.h"
#include "tests/fuzz/fuzz.h"

static void digest(const void *p, size_t n, uint8_t how, const char *behind,
                   unsigned char out[VERDICT_DIGEST])
{
	struct body_digest *b = body_digest_new();

	CHECK(b && cuts_put(body_digest_sink(b), p, n, how) == 0);
	CHECK(sink_put(body_digest_sink(b), behind, strlen(behind), NULL) == 0);
	CHECK(body_digest_end(b, out, NULL) == 0);
	body_digest_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char whole[VERDICT_DIGEST], other[VERDICT_DIGEST];
	uint8_t how = fuzz_octet(&data, &size);
	struct block b;

	digest(data, size, 0, "", whole);
	digest(data, size, how, "", other);
	CHECK(memcmp(whole, other, sizeof whole) == 0);
	/* empty lines at the end count for nothing */
	if (size && data[size - 1] == '\n') {
		digest(data, size, how, "\r\n \r\n\n", other);
		CHECK(memcmp(whole, other, sizeof whole) == 0);
	}
	digest(data, size, how, "\r\nmore", other);
	CHECK(memcmp(whole, other, sizeof whole) != 0);
	if (block_cut(&b, data, block_span(data, size))) {
		CHECK(verdict_digest(&b.h, whole, NULL) == 0);
		CHECK(verdict_digest(&b.h, other, NULL) == 0);
		CHECK(memcmp(whole, other, sizeof whole) == 0);
	}
	block_free(&b);
	return 0;
}
