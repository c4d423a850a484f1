/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzz targets share: checks, cuts, copies of exactly the right size, and
 * two ends of a socket. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/header.h"
#include "crypto/sink.h"

/* The target: each fuzz_X.c has one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input.  Says where and aborts. */
#define CHECK(holds) \
	((holds) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #holds))
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* The next octet of the input, 0 where there is none. */
uint8_t fuzz_octet(const uint8_t **data, size_t *size);
/* A malloced copy of exactly n octets (1 for none), so that a read beyond is seen;
 * with a NUL behind, up to the first NUL. */
void *fuzz_copy(const void *p, size_t n);
char *fuzz_text(const void *p, size_t n);

/* Octets in pieces: whole (how 0), octet by octet (1 and every fourth), else of 1
 * to how octets, always the same for one how. */
struct cuts {
	const uint8_t *p;
	size_t left;
	uint32_t how, state;
	void *piece;		/* a copy, until the next */
	size_t n;		/* octets of it */
};
void cuts_begin(struct cuts *c, const void *p, size_t n, uint8_t how);
bool cuts_next(struct cuts *c);
void cuts_end(struct cuts *c);
/* All of them into a sink: 0, or -1 as soon as it fails. */
int cuts_put(struct sink *s, const void *p, size_t n, uint8_t how);

/* A header block cut from a copy. */
struct block {
	char *buf;
	size_t len;
	struct header h;
};
/* The first n octets' block, its length: n where it does not end.  False where
 * header_cut() failed. */
size_t block_span(const void *p, size_t n);
bool block_cut(struct block *b, const void *p, size_t n);
void block_free(struct block *b);

bool same(const struct membuf *a, const struct membuf *b);
/* Only CRLF ends a line, no line has more than max octets without it, and the
 * last has one; no NUL. */
bool clean_lines(const char *p, size_t n, size_t max);
bool is_ascii(const void *p, size_t n);

/* Two ends of a socket that keeps the cuts: ours, and one for what is tested,
 * which never waits for us for long.  All of p is in it, cut. */
struct ends {
	int ours, theirs;
};
void ends_open(struct ends *e, const void *p, size_t n, uint8_t how);
/* More from our side. */
void ends_say(struct ends *e, const void *p, size_t n, uint8_t how);
/* What came from the other side so far, appended. */
void ends_read(struct ends *e, struct membuf *m);
/* Nothing more is said to the other side, which sees the end. */
void ends_hang_up(struct ends *e);
void ends_close(struct ends *e);

#endif
