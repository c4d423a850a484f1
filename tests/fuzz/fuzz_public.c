/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: a text in which somebody's public keys may be. */
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/packet.h"
#include "crypto/public.h"
#include "tests/fuzz/fuzz.h"

/* What was found is found again where it is all there is. */
static void again(const struct membuf *found)
{
	struct membuf text, out;
	struct armor a;

	membuf_init(&text, 1 << 22);
	membuf_init(&out, 1 << 22);
	armor_init_label(&a, "PGP PUBLIC KEY BLOCK", &text.sink);
	CHECK(sink_put(&a.sink, found->buf, found->len, NULL) == 0);
	CHECK(armor_end(&a, NULL) == 0);
	CHECK(public_read(text.buf, text.len, &out, NULL) == 0);
	CHECK(same(found, &out));
	membuf_free(&text);
	membuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct membuf out;
	struct err e;

	membuf_init(&out, 1 << 22);
	if (public_read(text, size, &out, &e) == 0) {
		CHECK(out.len && out.len < size);
		CHECK(packet_public(out.buf, out.len, NULL) == 0);
		again(&out);
	} else {
		CHECK(gpg_err_code(e.code) && e.text[0]);
	}
	membuf_free(&out);
	free(text);
	return 0;
}
