/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a mail program says to the POP3 port. */
#include <string.h>

#include "tests/fuzz/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t login = fuzz_octet(&data, &size);
	struct script one = { .p = data, .n = size }, many = one;
	/* what comes at once with it ends the session */
	bool tls = play_has(data, size, "STLS");
	struct membuf whole[HANDS], cut[HANDS], *client = &whole[HAND_CLIENT];

	many.how = how;
	play_pop3(&one, login, whole);
	play_pop3(&many, login, cut);
	CHECK(clean_lines(client->buf, client->len, 2048));
	CHECK(client->len > 3 && memcmp(client->buf, "+OK", 3) == 0);
	for (int i = 0; i < HANDS; i++) {
		CHECK(tls || !play_same((enum hand)i) || same(&whole[i], &cut[i]));
		membuf_free(&whole[i]);
		membuf_free(&cut[i]);
	}
	return 0;
}
