/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: encoded words, read and written. */
#include <stdlib.h>
#include <string.h>

#include "crypto/lex.h"
#include "tests/fuzz/fuzz.h"

/* All words between p and end, decoded one behind the other into m. */
static void read_words(const char *p, const char *end, struct membuf *m)
{
	const char *at = p;
	struct encword w;
	char *out;
	size_t n;

	while (encword_next(&at, end, &w)) {
		CHECK(w.start >= p && w.start + w.len == at && at <= end);
		CHECK(w.len >= 6 && memcmp(w.start, "=?", 2) == 0
		      && memcmp(at - 2, "?=", 2) == 0);
		CHECK(w.encoding == 'b' || w.encoding == 'q');
		CHECK(w.charset >= w.start && w.text >= w.charset
		      && w.text + w.text_len + 2 == at);
		p = at;
		out = malloc(w.text_len + 1);
		CHECK(out);
		n = 0;
		if (encword_decode(&w, out, &n)) {
			CHECK(n <= w.text_len);
			CHECK(sink_put(&m->sink, out, n, NULL) == 0);
		}
		free(out);
	}
}

/* What was written is words of at most 75 octets and says the same. */
static void check_written(const struct membuf *m, const void *p, size_t n)
{
	struct membuf back;
	size_t word = 0;

	for (size_t i = 0; i < m->len; i++) {
		CHECK(m->buf[i] >= ' ' && m->buf[i] < 127);
		word = m->buf[i] == ' ' ? 0 : word + 1;
		CHECK(word <= 75);
	}
	membuf_init(&back, 1 << 20);
	read_words(m->buf, m->buf + m->len, &back);
	CHECK(back.len == n && (n == 0 || memcmp(back.buf, p, n) == 0));
	membuf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct membuf m;

	membuf_init(&m, 1 << 20);
	read_words(text, text + size, &m);
	membuf_free(&m);
	CHECK(encword_put(&m, "utf-8", 5, text, size, NULL) == 0);
	if (m.len)
		check_written(&m, data, size);
	else
		CHECK(size == 0);
	membuf_free(&m);
	free(text);
	return 0;
}
