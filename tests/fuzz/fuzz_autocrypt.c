/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: Autocrypt's fields in a header block, and a key by its packets. */
#include <stdlib.h>
#include <string.h>

#include "crypto/autocrypt.h"
#include "crypto/keydata.h"
#include "tests/fuzz/fuzz.h"

/* What is valid is written and read back as the same. */
static void again(const struct autocrypt *a)
{
	struct autocrypt b;
	struct header h;
	struct membuf m;

	CHECK(a->key && a->n && addr_ok(a->addr) && strlen(a->fpr) == 40);
	membuf_init(&m, 1 << 20);
	if (autocrypt_write(&m.sink, AUTOCRYPT_NAME, a->addr, a->mutual, a->key,
	                    a->n, NULL) == 0) {
		CHECK(clean_lines(m.buf, m.len, 998));
		CHECK(header_cut(&h, m.buf, m.len, NULL) == 0 && h.n == 1);
		CHECK(autocrypt_read(&h.field[0], &b, NULL) == 1);
		CHECK(strcmp(a->addr, b.addr) == 0 && a->mutual == b.mutual
		      && a->n == b.n && memcmp(a->key, b.key, a->n) == 0
		      && strcmp(a->fpr, b.fpr) == 0);
		autocrypt_free(&b);
		header_free(&h);
	}
	membuf_free(&m);
}

static void key(const void *p, size_t n)
{
	struct keydata whole, least;
	struct membuf m;

	membuf_init(&m, KEYDATA_MAX);
	if (keydata_minimal(p, n, "a@example.org", 1700000000, &m.sink, NULL)
	    == 0) {
		CHECK(m.len <= n);
		CHECK(keydata_read(&whole, p, n, NULL) == 0);
		CHECK(keydata_read(&least, m.buf, m.len, NULL) == 0);
		CHECK(strcmp(whole.fpr, least.fpr) == 0 && least.has_uid);
	} else {
		CHECK(m.len == 0);
	}
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct autocrypt a;
	struct block b;
	void *p;

	if (fuzz_octet(&data, &size) & 1) {
		p = fuzz_copy(data, size);
		key(p, size);
		free(p);
		return 0;
	}
	if (!block_cut(&b, data, size))
		return 0;
	autocrypt_ignores(&b.h);
	for (size_t i = 0; i < b.h.n && i < 50; i++)
		if (autocrypt_read(&b.h.field[i], &a, NULL) == 1) {
			again(&a);
			autocrypt_free(&a);
		}
	if (autocrypt_of(&b.h, "a@example.org", &a, NULL) == 1) {
		CHECK(addr_same(a.addr, "a@example.org"));
		again(&a);
		autocrypt_free(&a);
	}
	block_free(&b);
	return 0;
}
