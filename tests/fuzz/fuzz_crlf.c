/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: line ends made CRLF. */
#include "crypto/crlf.h"
#include "tests/fuzz/fuzz.h"

static void clean(const void *p, size_t n, uint8_t how, struct membuf *m)
{
	struct crlf c;

	membuf_init(m, 1 << 22);
	crlf_init(&c, &m->sink);
	CHECK(cuts_put(&c.sink, p, n, how) == 0);
	CHECK(crlf_end(&c, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut, again;
	size_t same_octets = 0;

	clean(data, size, 0, &whole);
	clean(data, size, how, &cut);
	CHECK(same(&whole, &cut));
	for (size_t i = 0; i < whole.len; i++) {
		char c = whole.buf[i];

		CHECK(c != '\r' || (i + 1 < whole.len
		                    && whole.buf[i + 1] == '\n'));
		CHECK(c != '\n' || (i && whole.buf[i - 1] == '\r'));
		same_octets += c != '\r' && c != '\n';
	}
	for (size_t i = 0; i < size; i++)
		same_octets -= data[i] != '\r' && data[i] != '\n';
	CHECK(same_octets == 0);
	clean(whole.buf, whole.len, how, &again);
	CHECK(same(&whole, &again));
	membuf_free(&whole);
	membuf_free(&cut);
	membuf_free(&again);
	return 0;
}
