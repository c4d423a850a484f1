/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a provider answers while a letter is submitted. */
#include "tests/fuzz/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	/* one in four logs in with a token */
	struct script one = { .p = data, .n = size,
	                      .token = how % 4 == 3 ? "a token" : NULL },
	              many = one;
	bool tls = how == 13, right;
	struct membuf whole, cut;

	many.how = how;
	play_upstream_smtp(&one, tls, &whole);
	right = play_upstream_smtp(&many, tls, &cut);
	play_check_heard(&whole);
	/* what TLS makes of the rest is its own */
	CHECK(!right || tls || same(&whole, &cut));
	membuf_free(&whole);
	membuf_free(&cut);
	return 0;
}
