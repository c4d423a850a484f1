/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a provider answers while letters are fetched. */
#include "tests/fuzz/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	/* one in four logs in with a token */
	struct script one = { .p = data, .n = size,
	                      .token = how % 4 == 3 ? "a token" : NULL },
	              many = one;
	struct membuf whole, cut, letters, letters_cut;
	bool tls = how == 13, right;

	many.how = how;
	play_upstream_pop3(&one, tls, &whole, &letters);
	right = play_upstream_pop3(&many, tls, &cut, &letters_cut);
	play_check_heard(&whole);
	/* what TLS makes of the rest is its own */
	CHECK(!right || tls || (same(&whole, &cut)
	                        && same(&letters, &letters_cut)));
	membuf_free(&whole);
	membuf_free(&cut);
	membuf_free(&letters);
	membuf_free(&letters_cut);
	return 0;
}
