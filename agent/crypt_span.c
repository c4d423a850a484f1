/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The octets that a signature is over, from a spool to gpg. */
#include "agent/crypt_span.h"

#include <string.h>

static int fill(struct span *s, struct err *e)
{
	char raw[SPAN_BLOCK];
	uint64_t left = s->end - s->at;
	ssize_t n = spool_read(s->spool, s->at, raw,
	                       left < sizeof raw ? (size_t)left : sizeof raw, e);

	s->off = s->len = 0;
	for (ssize_t i = 0; i < n; i++) {
		if (raw[i] == '\n' && !s->cr)
			s->text[s->len++] = '\r';
		s->text[s->len++] = raw[i];
		s->cr = raw[i] == '\r';
	}
	if (n > 0)
		s->at += (uint64_t)n;
	explicit_bzero(raw, sizeof raw);
	return n < 0 ? -1 : 0;
}

static ssize_t span_get(struct source *source, void *buf, size_t n,
                        struct err *e)
{
	struct span *s = (struct span *)source;

	if (s->off == s->len && fill(s, e))
		return -1;
	if (n > s->len - s->off)
		n = s->len - s->off;
	memcpy(buf, s->text + s->off, n);
	s->off += n;
	return (ssize_t)n;
}

int span_init(struct span *s, struct spool *spool, uint64_t from, uint64_t n)
{
	uint64_t size = spool_size(spool);

	if (from > size || n > size - from)
		return -1;
	s->source.get = span_get;
	s->spool = spool;
	s->at = from;
	s->end = from + n;
	s->cr = false;
	s->off = s->len = 0;
	return 0;
}

void span_wipe(struct span *s)
{
	explicit_bzero(s->text, sizeof s->text);
}
