/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: header blocks, their fields, and what is read out of these. */
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "tests/fuzz/fuzz.h"

/* The end is found in the same place when the octets come one after another. */
static void spans(const uint8_t *p, size_t n, uint8_t how)
{
	size_t from = 0, whole = header_span((const char *)p, n, &from);
	size_t span = 0, len = 0;
	struct cuts c;
	char *sofar;

	from = 0;
	cuts_begin(&c, p, n, how);
	while (!span && cuts_next(&c)) {
		len += c.n;
		sofar = fuzz_copy(p, len);
		span = header_span(sofar, len, &from);
		free(sofar);
		CHECK(from <= len && span <= len);
	}
	cuts_end(&c);
	CHECK(span == whole);
}

static void values(const struct field *f)
{
	static const char *const names[] = { "boundary", "hp", "protocol" };
	char *text = field_text(f), *again, *value;
	struct field g = { 0 };
	bool twice;

	CHECK(text && strlen(text) <= f->value_len);
	CHECK(!strpbrk(text, "\r\n"));
	CHECK(!ascii_blank(text[0]));
	g.value = text;
	g.value_len = strlen(text);
	CHECK(g.value_len == 0 || !ascii_blank(text[g.value_len - 1]));
	again = field_text(&g);
	CHECK(again && strcmp(text, again) == 0);
	free(again);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		value = field_param(f, names[i], &twice);
		CHECK(!value || (!twice && strlen(value) <= f->value_len));
		free(value);
	}
	value = field_token(f);
	CHECK(!value || (*value && strlen(value) <= f->value_len));
	for (char *p = value; p && *p; p++)
		CHECK(!(*p >= 'A' && *p <= 'Z'));
	free(value);
	free(text);
}

static void check_field(const struct field *f)
{
	CHECK(f->raw_len && f->name == f->raw);
	CHECK(f->value >= f->raw
	      && f->value + f->value_len == f->raw + f->raw_len);
	CHECK(f->name_len <= (size_t)(f->value - f->raw));
	if (f->odd)
		return;
	CHECK(f->name_len && f->name + f->name_len + 1 == f->value);
	CHECK(f->value[-1] == ':' && !memchr(f->raw, '\0', f->raw_len));
	for (size_t i = 0; i < f->name_len; i++)
		CHECK(f->name[i] > 32 && f->name[i] < 127
		      && f->name[i] != ':');
	for (size_t i = 0; i < f->raw_len; i++)
		CHECK(f->raw[i] != '\r' || (i + 1 < f->raw_len
		                            && f->raw[i + 1] == '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	size_t at = 0, span;
	struct block b;

	spans(data, size, how);
	span = block_span(data, size);
	if (!block_cut(&b, data, span))
		goto out;
	for (size_t i = 0; i < b.h.n; i++) {
		/* one behind the other, nothing between them */
		CHECK(b.h.field[i].raw == b.buf + at);
		at += b.h.field[i].raw_len;
		check_field(&b.h.field[i]);
		values(&b.h.field[i]);
	}
	CHECK(at == span || (at + 1 == span && b.buf[at] == '\n')
	      || (at + 2 == span && memcmp(b.buf + at, "\r\n", 2) == 0));
	CHECK(!b.h.n || header_get(&b.h, "From", 0) || !header_count(&b.h, "From"));
out:
	block_free(&b);
	return 0;
}
