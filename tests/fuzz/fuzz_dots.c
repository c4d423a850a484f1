/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: dots stuffed and unstuffed. */
#include <string.h>

#include "agent/dots.h"
#include "tests/fuzz/fuzz.h"

static int stuffed(const void *p, size_t n, bool lenient, uint8_t how,
                   struct membuf *m)
{
	struct dots d;

	membuf_init(m, 1 << 22);
	dots_init(&d, &m->sink);
	d.lenient = lenient;
	return cuts_put(&d.sink, p, n, how) || dots_end(&d, NULL);
}

/* How many octets belong to the letter, its final dot included; 0: no end. */
static size_t unstuffed(const void *p, size_t n, uint8_t how, struct membuf *m)
{
	struct undots u;
	struct cuts c;
	size_t at = 0, used;
	int r = 0;

	membuf_init(m, 1 << 22);
	undots_init(&u);
	cuts_begin(&c, p, n, how);
	while (r == 0 && cuts_next(&c)) {
		r = undots_put(&u, c.piece, c.n, &used, &m->sink, NULL);
		CHECK(r >= 0 && used <= c.n && (r || used == c.n));
		at += used;
	}
	cuts_end(&c);
	return r ? at : 0;
}

/* What we say on the wire ends there, and nowhere before. */
static void round_trip(const uint8_t *p, size_t n, bool lenient, uint8_t how)
{
	struct membuf whole, cut, back;
	size_t missing;
	int rc = stuffed(p, n, lenient, 0, &whole);

	CHECK(stuffed(p, n, lenient, how, &cut) == rc);
	CHECK(!lenient || rc == 0);
	if (rc)
		goto out;
	CHECK(same(&whole, &cut));
	CHECK(sink_put(&whole.sink, ".\r\n", 3, NULL) == 0);
	CHECK(unstuffed(whole.buf, whole.len, how, &back) == whole.len);
	if (!lenient) {
		missing = back.len - n;
		CHECK(n == 0 || memcmp(back.buf, p, n) == 0);
		CHECK(missing == 0 || (missing == 2 && memcmp(back.buf + n,
		                                              "\r\n", 2) == 0));
	}
	membuf_free(&back);
out:
	membuf_free(&whole);
	membuf_free(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut;
	const uint8_t *dot;
	size_t end;

	end = unstuffed(data, size, 0, &whole);
	CHECK(unstuffed(data, size, how, &cut) == end);
	CHECK(same(&whole, &cut));
	/* only CRLF.CRLF ends, or .CRLF where nothing is before it */
	dot = memmem(data, size, "\r\n.\r\n", 5);
	if (size >= 3 && memcmp(data, ".\r\n", 3) == 0)
		CHECK(end == 3);
	else
		CHECK(end == (dot ? (size_t)(dot - data) + 5 : 0));
	membuf_free(&whole);
	membuf_free(&cut);
	round_trip(data, size, false, how);
	round_trip(data, size, true, how);
	return 0;
}
