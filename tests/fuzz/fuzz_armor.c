/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: ASCII armor, taken away and put on. */
#include <string.h>

#include "crypto/armor.h"
#include "tests/fuzz/fuzz.h"

/* The decoder on text in pieces: is it right? */
static bool dearmored(const void *p, size_t n, uint8_t how, struct membuf *m)
{
	struct dearmor *d = dearmor_new("PGP MESSAGE", &m->sink);
	struct cuts c;
	int rc = 0;

	CHECK(d);
	cuts_begin(&c, p, n, how);
	while (cuts_next(&c)) {
		if (rc == 0)
			rc = dearmor_put(d, c.piece, c.n, NULL);
		else	/* after an error all is one */
			CHECK(dearmor_put(d, c.piece, c.n, NULL) == -1);
	}
	cuts_end(&c);
	if (dearmor_end(d, NULL) == 0)
		CHECK(rc == 0);
	else
		rc = -1;
	dearmor_free(d);
	return rc == 0;
}

static void round_trip(const uint8_t *p, size_t n, uint8_t how)
{
	struct membuf text, back;
	struct armor a;

	membuf_init(&text, 1 << 22);
	membuf_init(&back, 1 << 22);
	armor_init(&a, &text.sink);
	CHECK(cuts_put(&a.sink, p, n, how) == 0);
	CHECK(armor_end(&a, NULL) == 0);
	CHECK(clean_lines(text.buf, text.len, 64) && is_ascii(text.buf, text.len));
	CHECK(dearmored(text.buf, text.len, (uint8_t)(how * 7), &back));
	CHECK(back.len == n && (n == 0 || memcmp(back.buf, p, n) == 0));
	membuf_free(&text);
	membuf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut;

	membuf_init(&whole, 1 << 22);
	membuf_init(&cut, 1 << 22);
	if (dearmored(data, size, 0, &whole)) {
		CHECK(dearmored(data, size, how, &cut));
		CHECK(same(&whole, &cut));
		CHECK(whole.len < size);
	} else {
		CHECK(!dearmored(data, size, how, &cut));
	}
	membuf_free(&whole);
	membuf_free(&cut);
	round_trip(data, size, how);
	return 0;
}
