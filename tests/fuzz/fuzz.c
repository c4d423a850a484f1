/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzz targets share. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PIECES = 100 };		/* that are surely held by a socket */

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

uint8_t fuzz_octet(const uint8_t **data, size_t *size)
{
	if (*size == 0)
		return 0;
	--*size;
	return *(*data)++;
}

void *fuzz_copy(const void *p, size_t n)
{
	void *copy = malloc(n ? n : 1);

	CHECK(copy);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *fuzz_text(const void *p, size_t n)
{
	char *text = strndup(p ? p : "", n);

	CHECK(text);
	return text;
}

/* ---- cuts ---- */

void cuts_begin(struct cuts *c, const void *p, size_t n, uint8_t how)
{
	*c = (struct cuts){ .p = p, .left = n, .how = how % 4 == 1 ? 1 : how,
	                    .state = how * UINT32_C(2654435761) + 1 };
}

bool cuts_next(struct cuts *c)
{
	free(c->piece);
	c->piece = NULL;
	if (c->left == 0)
		return false;
	c->n = c->left;
	if (c->how) {
		c->state = c->state * UINT32_C(1664525) + UINT32_C(1013904223);
		c->n = 1 + (c->state >> 16) % c->how;
	}
	if (c->n > c->left)
		c->n = c->left;
	c->piece = fuzz_copy(c->p, c->n);
	c->p += c->n;
	c->left -= c->n;
	return true;
}

void cuts_end(struct cuts *c)
{
	free(c->piece);
	c->piece = NULL;
}

int cuts_put(struct sink *s, const void *p, size_t n, uint8_t how)
{
	struct cuts c;
	int rc = 0;

	cuts_begin(&c, p, n, how);
	while (rc == 0 && cuts_next(&c))
		rc = sink_put(s, c.piece, c.n, NULL);
	cuts_end(&c);
	return rc;
}

/* ---- header blocks ---- */

size_t block_span(const void *p, size_t n)
{
	size_t from = 0, span = n ? header_span(p, n, &from) : 0;

	return span ? span : n;
}

bool block_cut(struct block *b, const void *p, size_t n)
{
	struct err e;

	b->len = n;
	b->buf = fuzz_copy(p, n);
	if (header_cut(&b->h, b->buf, n, &e) == 0)
		return true;
	CHECK(gpg_err_code(e.code) == GPG_ERR_TOO_LARGE);
	return false;
}

void block_free(struct block *b)
{
	header_free(&b->h);
	free(b->buf);
}

/* ---- octets ---- */

bool same(const struct membuf *a, const struct membuf *b)
{
	return a->len == b->len
	       && (a->len == 0 || memcmp(a->buf, b->buf, a->len) == 0);
}

bool clean_lines(const char *p, size_t n, size_t max)
{
	const char *end, *lf;

	if (n == 0)
		return true;
	end = p + n;
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf || lf == p || lf[-1] != '\r'
		    || memchr(p, '\r', (size_t)(lf - p)) != lf - 1
		    || (size_t)(lf - p) - 1 > max
		    || memchr(p, '\0', (size_t)(lf - p)))
			return false;
	}
	return true;
}

bool is_ascii(const void *p, size_t n)
{
	for (const unsigned char *c = p; n; c++, n--)
		if (*c & 0x80)
			return false;
	return true;
}

/* ---- sockets ---- */

void ends_open(struct ends *e, const void *p, size_t n, uint8_t how)
{
	struct timeval soon = { .tv_usec = 1000 };
	int sv[2], size = 4 << 20;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == 0);
	e->ours = sv[0];
	e->theirs = sv[1];
	/* no one takes part on our side while it runs */
	setsockopt(e->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(e->theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(e->theirs, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
	ends_say(e, p, n, how);
}

void ends_say(struct ends *e, const void *p, size_t n, uint8_t how)
{
	struct cuts c;

	cuts_begin(&c, p, n, how);
	if (how && c.how < n / PIECES)
		c.how = (uint32_t)(n / PIECES);
	while (cuts_next(&c))
		CHECK(send(e->ours, c.piece, c.n, MSG_DONTWAIT | MSG_NOSIGNAL)
		      == (ssize_t)c.n);
	cuts_end(&c);
}

void ends_read(struct ends *e, struct membuf *m)
{
	static char buf[1 << 20];
	ssize_t n;

	do {
		n = recv(e->ours, buf, sizeof buf, MSG_DONTWAIT);
		if (n > 0)
			CHECK(sink_put(&m->sink, buf, (size_t)n, NULL) == 0);
	/* it went before it read all of ours: that is said once */
	} while (n > 0 || (n == -1 && errno == ECONNRESET));
}

void ends_hang_up(struct ends *e)
{
	CHECK(shutdown(e->ours, SHUT_WR) == 0);
}

void ends_close(struct ends *e)
{
	close(e->ours);
	if (e->theirs >= 0)
		close(e->theirs);
}
