/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letters that are sealed in the one right form, for units, and what comes of them. */
#ifndef TESTS_PGPMIME_H
#define TESTS_PGPMIME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/parts.h"
#include "crypto/pgpmime.h"

#define TOP "Content-Type: multipart/encrypted;\r\n" \
	" protocol=\"application/pgp-encrypted\"; boundary="
#define B TOP "b\r\n\r\n"
#define ARMOR "-----BEGIN PGP MESSAGE-----\r\n\r\naGVsbG8=\r\n=R/WK\r\n" \
	"-----END PGP MESSAGE-----\r\n"

/* The right form, and its pieces. */
#define TYPE_1 "Content-Type: application/pgp-encrypted\r\n"
#define TYPE_2 "Content-Type: application/octet-stream\r\n"
#define PART_1 "--b\r\n" TYPE_1 "\r\nVersion: 1\r\n\r\n"
#define PART_2 "--b\r\n" TYPE_2 "\r\n"
#define BODY PART_1 PART_2 ARMOR "\r\n--b--\r\n"

static enum letter_kind kind = KIND_SEALED;

/* Read a body in parts, the first as long as told: was it right? */
static inline bool read_body(struct membuf *m, const char *head, const char *body,
                             size_t n, size_t first, size_t part)
{
	struct pgpmime *p;
	struct header h;
	struct err e = { 0 };
	bool right;
	size_t k;

	membuf_init(m, 1 << 20);
	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	p = pgpmime_new(&h, kind, &m->sink, &e);
	if (!p) {
		assert_true(*e.text);
		header_free(&h);
		return false;
	}
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(pgpmime_put(p, body + i, k, NULL), 0);
	}
	right = pgpmime_end(p);
	pgpmime_free(p);
	header_free(&h);
	return right;
}

static inline void assert_hello(struct membuf *m)
{
	assert_int_equal(m->len, 5);
	assert_memory_equal(m->buf, "hello", 5);
	membuf_free(m);
}

/* Whole, cut at every octet, and octet by octet. */
static inline void assert_opens(const char *head, const char *body)
{
	size_t n = strlen(body);
	struct membuf m;

	for (size_t i = 0; i <= n; i++) {
		if (!read_body(&m, head, body, n, i, 0))
			fail_msg("cut at %zu: not opened: %s", i, body);
		assert_hello(&m);
	}
	assert_true(read_body(&m, head, body, n, 1, 1));
	assert_hello(&m);
}

static inline void assert_refused(const char *head, const char *body)
{
	size_t n = strlen(body);
	struct membuf m;

	for (size_t i = 0; i <= n; i++) {
		if (read_body(&m, head, body, n, i, 0))
			fail_msg("cut at %zu: opened: %s", i, body);
		membuf_free(&m);
	}
	assert_false(read_body(&m, head, body, n, 1, 1));
	membuf_free(&m);
}

static inline bool is(const char *head)
{
	struct header h;
	bool r;

	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	r = kind_of(&h, "", 0, true) == KIND_SEALED;
	header_free(&h);
	return r;
}

#endif
