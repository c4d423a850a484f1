/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: header fields written again. */
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/refold.h"
#include "tests/fuzz/fuzz.h"

/* What stands outside: ASCII in short lines, none of blanks alone, and one field
 * of the same name. */
static void check_outside(const struct field *f, const struct membuf *m)
{
	struct membuf again;
	struct header h;
	size_t blanks = 0;

	CHECK(clean_lines(m->buf, m->len, REFOLD_LINE_MAX));
	CHECK(is_ascii(m->buf, m->len));
	for (size_t i = 0; i < m->len; i++) {
		CHECK(m->buf[i] != '\n' || i < 2 || blanks != 1);
		blanks = m->buf[i] == '\n' ? 1
		         : blanks && (ascii_blank(m->buf[i])
		                      || m->buf[i] == '\r') ? blanks : 0;
	}
	CHECK(header_cut(&h, m->buf, m->len, NULL) == 0 && h.n == 1);
	CHECK(!h.field[0].odd && h.field[0].name_len == f->name_len
	      && memcmp(h.field[0].name, f->name, f->name_len) == 0);
	membuf_init(&again, 1 << 22);
	CHECK(refold_ascii(&again, &h.field[0], NULL) == 0);
	CHECK(same(m, &again));
	membuf_free(&again);
	header_free(&h);
}

static void check_field(const struct field *f)
{
	struct membuf m;
	struct header h;
	struct err e;

	membuf_init(&m, 1 << 22);
	CHECK(refold_copy(&m, f, NULL) == 0);
	CHECK(clean_lines(m.buf, m.len, m.len));
	CHECK(header_cut(&h, m.buf, m.len, NULL) == 0 && h.n == 1);
	CHECK(!h.field[0].odd && h.field[0].name_len == f->name_len);
	header_free(&h);
	membuf_free(&m);
	if (refold_ascii(&m, f, &e))
		CHECK(gpg_err_code(e.code) == GPG_ERR_NOT_SUPPORTED
		      || gpg_err_code(e.code) == GPG_ERR_ENCODING_PROBLEM);
	else if (m.len)
		check_outside(f, &m);
	else	/* only links between letters may be left out */
		CHECK(field_is(f, "References") || field_is(f, "In-Reply-To"));
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block b;

	if (block_cut(&b, data, block_span(data, size)))
		for (size_t i = 0; i < b.h.n; i++)
			if (!b.h.field[i].odd)
				check_field(&b.h.field[i]);
	block_free(&b);
	return 0;
}
