/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The octets that a signature is over, from a spool to gpg. */
#include "agent/crypt_span.h"

#include <string.h>

static void put_line_ends(struct span *s, char c)
{
	bool lf = c == '\n' && s->cr;	/* its CR has gone */

	s->cr = c == '\r';
	if (s->all && lf)
		return;			/* and this with it */
	if ((c == '\n' && !lf) || (s->all && c == '\r')) {
		s->text[s->len++] = '\r';
		c = '\n';
	}
	s->text[s->len++] = c;
}

static int fill(struct span *s, struct err *e)
{
	char raw[SPAN_BLOCK];
	uint64_t n = s->end - s->at;
	ssize_t got;

	got = spool_read(s->spool, s->at, raw,
	                 n < sizeof raw ? (size_t)n : sizeof raw, e);
	s->off = s->len = 0;
	for (ssize_t i = 0; i < got; i++)
		put_line_ends(s, raw[i]);
	explicit_bzero(raw, sizeof raw);
	if (got < 0)
		return -1;
	s->at += (uint64_t)got;
	n = s->drop < s->len ? s->drop : s->len;
	s->drop -= n;
	s->off = (size_t)n;
	if (s->len - s->off > s->left)
		s->len = s->off + (size_t)s->left;
	s->left -= s->len - s->off;
	return 0;
}

static ssize_t span_get(struct source *source, void *buf, size_t n,
                        struct err *e)
{
	struct span *s = (struct span *)source;

	while (s->off == s->len && s->at < s->end && s->left)
		if (fill(s, e))
			return -1;
	if (n > s->len - s->off)
		n = s->len - s->off;
	memcpy(buf, s->text + s->off, n);
	s->off += n;
	return (ssize_t)n;
}

static void init(struct span *s, struct spool *spool)
{
	s->source.get = span_get;
	s->spool = spool;
	s->cr = false;
	s->off = s->len = 0;
}

int span_of_octets(struct span *s, struct spool *spool, uint64_t skip,
                   uint64_t from, uint64_t n)
{
	uint64_t size = spool_size(spool);

	if (skip > size || from > size - skip || n > size - skip - from)
		return -1;
	init(s, spool);
	s->at = skip + from;
	s->end = s->at + n;
	s->all = false;
	s->drop = 0;
	s->left = UINT64_MAX;
	return 0;
}

int span_of_text(struct span *s, struct spool *spool, uint64_t skip,
                 uint64_t from, uint64_t n)
{
	if (skip > spool_size(spool))
		return -1;
	init(s, spool);
	s->at = skip;
	s->end = spool_size(spool);
	s->all = true;
	s->drop = from;
	s->left = n;
	return 0;
}

void span_wipe(struct span *s)
{
	explicit_bzero(s->text, sizeof s->text);
}
