/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: a key that is put into a keyring, and a keyring that is walked over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/kbx.h"
#include "crypto/keydata.h"
#include "crypto/packet_private.h"
#include "tests/fuzz/fuzz.h"

enum { NOW = 1795452836, FPR = 20, FIRST = 32 };

static size_t be(const struct membuf *m, size_t at, size_t n)
{
	CHECK(at <= m->len && n <= m->len - at);
	return (size_t)packet_be((const unsigned char *)m->buf + at, n);
}

/* Any octets, each blob of which lies within. */
static void walk(const void *p, size_t n)
{
	unsigned char *copy = fuzz_copy(p, n);
	const unsigned char *fpr;
	size_t blob;

	for (size_t at = 0; at < n; at += blob) {
		blob = kbx_first(copy + at, n - at, &fpr);
		CHECK(blob <= n - at);
		if (!blob)
			break;
		CHECK(!fpr || (fpr >= copy + at
		               && fpr + FPR <= copy + at + blob));
	}
	free(copy);
}

/* One blob, of the key that it should be, in which is one key and no other. */
static void look(const struct membuf *m, const struct keydata *k)
{
	const unsigned char *fpr;
	struct keydata in;
	char hex[2 * FPR + 1];
	size_t at, n;

	CHECK(be(m, 0, 4) == m->len);
	CHECK(kbx_first(m->buf, m->len, &fpr) == m->len && fpr);
	for (size_t i = 0; i < FPR; i++)
		snprintf(hex + 2 * i, 3, "%02X", fpr[i]);
	CHECK(strcmp(hex, k->fpr) == 0);
	at = be(m, 8, 4);
	n = be(m, 12, 4);
	CHECK(at + n + FPR == m->len);
	CHECK(keydata_read(&in, m->buf + at, n, NULL) == 0);
	CHECK(strcmp(in.fpr, k->fpr) == 0);
	CHECK(in.created == k->created);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *key = fuzz_copy(data, size);
	struct membuf m, again;
	struct keydata k;
	struct err e;
	int rc;

	walk(data, size);
	membuf_init(&m, 1 << 24);
	rc = kbx_key(&m.sink, key, size, NOW, &e);
	CHECK(rc == keydata_read(&k, key, size, NULL));
	if (rc == 0) {
		look(&m, &k);
		membuf_init(&again, 1 << 24);
		CHECK(kbx_begin(&again.sink, NOW, NULL) == 0);
		CHECK(again.len == FIRST);
		CHECK(kbx_key(&again.sink, m.buf + be(&m, 8, 4), be(&m, 12, 4),
		              NOW, NULL) == 0);
		CHECK(again.len == FIRST + m.len);
		CHECK(memcmp(again.buf + FIRST, m.buf, m.len) == 0);
		walk(again.buf, again.len);
		membuf_free(&again);
	} else {
		CHECK(m.len == 0 && gpg_err_code(e.code));
	}
	membuf_free(&m);
	free(key);
	return 0;
}
