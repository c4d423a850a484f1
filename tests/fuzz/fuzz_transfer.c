/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: quoted-printable and base64 taken away. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/transfer.h"
#include "tests/fuzz/fuzz.h"

static bool decoded(enum transfer t, const void *p, size_t n, uint8_t how,
                    struct membuf *m)
{
	struct untransfer u;

	membuf_init(m, 1 << 22);
	untransfer_init(&u, t, &m->sink);
	CHECK(cuts_put(&u.sink, p, n, how) == 0);
	untransfer_end(&u);
	CHECK(m->len <= n);
	return !u.bad;
}

/* Text of our own making gives what it was made of. */
static void round_trip(enum transfer t, const char *text, const void *p,
                       size_t n, uint8_t how)
{
	struct membuf m;

	CHECK(decoded(t, text, strlen(text), how, &m));
	CHECK(m.len == n && (n == 0 || memcmp(m.buf, p, n) == 0));
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { NULL, "quoted-printable", "base64",
	                                     "x-what" };
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut;
	char *text;
	bool right;

	for (int i = 0; i < 4; i++) {
		enum transfer t = transfer_of(names[i]);

		right = decoded(t, data, size, 0, &whole);
		CHECK(decoded(t, data, size, how, &cut) == right);
		CHECK(same(&whole, &cut));
		CHECK(t != TRANSFER_NONE || (right && whole.len == size));
		CHECK(t != TRANSFER_UNKNOWN || size == 0
		      || (!right && whole.len == 0));
		membuf_free(&whole);
		membuf_free(&cut);
	}
	if (size > 1 << 16)
		return 0;
	text = malloc(3 * size + 4);
	CHECK(text);
	EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	round_trip(TRANSFER_BASE64, text, data, size, how);
	text[0] = '\0';
	for (size_t i = 0; i < size; i++)
		snprintf(text + 3 * i, 4, how & 1 ? "=%02x" : "=%02X",
		         (unsigned)data[i]);
	round_trip(TRANSFER_QP, text, data, size, how);
	free(text);
	return 0;
}
