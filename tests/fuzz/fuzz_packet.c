/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the packets at the head of a sealed message, and of signatures. */
#include <stdlib.h>
#include <string.h>

#include "crypto/packet.h"
#include "tests/fuzz/fuzz.h"

/* Signatures that are known are so again, alone. */
static void signatures(const uint8_t *p, size_t n)
{
	unsigned known = 0, again = 0;
	struct membuf m, m2;

	membuf_init(&m, 1 << 22);
	membuf_init(&m2, 1 << 22);
	if (packet_signatures(p, n, &m.sink, &known, NULL) == 0) {
		CHECK(known <= PACKET_SIGS_MAX && m.len <= n);
		CHECK((known == 0) == (m.len == 0));
		if (known) {
			CHECK(packet_signatures(m.buf, m.len, &m2.sink, &again,
			                        NULL) == 0);
			CHECK(again == known && same(&m, &m2));
		}
	}
	membuf_free(&m);
	membuf_free(&m2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet_head whole, h;
	struct err e;
	int all = packet_head(&whole, data, size, &e), r = 0;
	size_t n, step = size > 512 ? size / 512 : 1;
	void *part;

	signatures(data, size);
	CHECK(all >= -1 && all <= 1 && whole.n <= PACKET_KEYS_MAX);
	CHECK(!whole.encrypted || all == 1);
	/* decided once, it stays so with every octet more */
	for (n = 0; n <= size; n += step) {
		part = fuzz_copy(data, n);
		r = packet_head(&h, part, n, NULL);
		free(part);
		if (r)
			break;
	}
	if (n > size)
		return 0;
	CHECK(r == all);
	if (r == 1)
		CHECK(h.n == whole.n && h.symmetric == whole.symmetric
		      && h.unknown == whole.unknown && h.tag == whole.tag
		      && h.encrypted == whole.encrypted
		      && memcmp(h.key, whole.key, h.n * sizeof *h.key) == 0);
	return 0;
}
