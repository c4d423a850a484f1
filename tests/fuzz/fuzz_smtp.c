/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a mail program says to the submission port. */
#include <string.h>

#include "tests/fuzz/play.h"

/* "250-...", "250 ...": of digits and text, a code per reply. */
static void check_replies(const char *p, size_t n)
{
	const char *end, *lf, *code = NULL;

	CHECK(n && clean_lines(p, n, 2048));
	end = p + n;
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		CHECK(lf - p >= 5 && *p >= '2' && *p <= '5');
		CHECK(p[1] >= '0' && p[1] <= '9' && p[2] >= '0' && p[2] <= '9'
		      && (p[3] == ' ' || p[3] == '-'));
		CHECK(!code || memcmp(code, p, 3) == 0);
		code = p[3] == '-' ? p : NULL;
		for (const char *c = p; c < lf - 1; c++)
			CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	CHECK(!code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t login = fuzz_octet(&data, &size);
	struct script one = { .p = data, .n = size }, many = one;
	/* what comes at once with it ends the session */
	bool tls = play_has(data, size, "STARTTLS");
	struct membuf whole[HANDS], cut[HANDS];

	many.how = how;
	play_smtp(&one, login, whole);
	play_smtp(&many, login, cut);
	check_replies(whole[HAND_CLIENT].buf, whole[HAND_CLIENT].len);
	for (int i = 0; i < HANDS; i++) {
		CHECK(tls || !play_same((enum hand)i) || same(&whole[i], &cut[i]));
		membuf_free(&whole[i]);
		membuf_free(&cut[i]);
	}
	return 0;
}
