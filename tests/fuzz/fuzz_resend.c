/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the digest by which a letter sent again is known. */
#include <string.h>

#include "agent/resend.h"
#include "tests/fuzz/fuzz.h"

static void digest(const void *p, size_t n, uint8_t how,
                   unsigned char out[RESEND_DIGEST])
{
	static struct resend r;
	struct membuf m;

	membuf_init(&m, 1 << 22);
	resend_init(&r, &m.sink);
	CHECK(cuts_put(&r.sink, p, n, how) == 0);
	CHECK(resend_end(&r, out) == 0);
	/* it only looks on */
	CHECK(m.len == n && (n == 0 || memcmp(m.buf, p, n) == 0));
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char whole[RESEND_DIGEST], cut[RESEND_DIGEST];
	uint8_t how = fuzz_octet(&data, &size);

	digest(data, size, 0, whole);
	digest(data, size, how, cut);
	CHECK(memcmp(whole, cut, sizeof whole) == 0);
	return 0;
}
