/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: quoted-printable and base64 written, and read again. */
#include <string.h>

#include "crypto/encode.h"
#include "tests/fuzz/fuzz.h"

static void encoded(enum transfer t, const void *p, size_t n, uint8_t how,
                    struct membuf *m)
{
	struct encode c;

	membuf_init(m, 1 << 22);
	encode_init(&c, t, &m->sink);
	CHECK(cuts_put(&c.sink, p, n, how) == 0);
	CHECK(encode_end(&c, NULL) == 0);
}

/* Short lines of printable ASCII; in quoted-printable, none that a server or
 * another reader may take for something else. */
static void check_lines(const struct membuf *m, bool qp)
{
	const char *p = m->buf, *end = p + m->len, *lf, *stop;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		stop = lf ? lf - 1 : end;
		CHECK(!lf || (lf > p && *stop == '\r'));
		CHECK(stop - p <= ENCODE_COLUMNS);
		for (const char *c = p; c < stop; c++)
			CHECK((*c >= ' ' && *c < 127) || *c == '\t');
		if (qp && stop > p) {
			CHECK(stop[-1] != ' ' && stop[-1] != '\t');
			CHECK(stop - p < 5 || memcmp(p, "From ", 5) != 0);
			CHECK(stop - p < 2 || memcmp(p, "--", 2) != 0);
		}
		if (!lf)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum transfer kinds[] = { TRANSFER_QP, TRANSFER_BASE64 };
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut, back;
	struct untransfer u;

	for (int i = 0; i < 2; i++) {
		encoded(kinds[i], data, size, 0, &whole);
		encoded(kinds[i], data, size, how, &cut);
		CHECK(same(&whole, &cut));
		if (whole.len)
			check_lines(&whole, kinds[i] == TRANSFER_QP);
		membuf_init(&back, 1 << 22);
		untransfer_init(&u, kinds[i], &back.sink);
		CHECK(cuts_put(&u.sink, whole.buf, whole.len, how) == 0);
		untransfer_end(&u);
		CHECK(!u.bad && back.len == size
		      && (size == 0 || memcmp(back.buf, data, size) == 0));
		membuf_free(&whole);
		membuf_free(&cut);
		membuf_free(&back);
	}
	return 0;
}
