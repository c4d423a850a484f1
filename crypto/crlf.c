/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Line ends made CRLF, in runs of lines that need no change. */
#include "crypto/crlf.h"

#include <string.h>

/* The octets at p whose line ends are right already; a CR at the very end of
 * the block is left to the caller. */
static size_t right_run(const char *p, size_t n)
{
	const char *lf, *cr;
	size_t i = 0, len;

	while (i < n) {
		lf = memchr(p + i, '\n', n - i);
		len = lf ? (size_t)(lf - (p + i)) : n - i;
		cr = memchr(p + i, '\r', len);
		if (!lf && !cr)
			return n;
		if (!lf || !cr || cr + 1 != lf)
			return (size_t)((cr ? cr : lf) - p);
		i += len + 1;
	}
	return n;
}

static int crlf_put(struct sink *sink, const void *buf, size_t n,
                    struct err *e)
{
	struct crlf *c = (struct crlf *)sink;
	const char *p = buf, *end = p + n;
	size_t run;

	while (p < end) {
		if (c->cr || *p == '\n') {
			c->cr = false;
			if (sink_put(c->out, "\r\n", 2, e))
				return -1;
			if (*p == '\n') {
				p++;
				continue;
			}
		}
		run = right_run(p, (size_t)(end - p));
		if (sink_put(c->out, p, run, e))
			return -1;
		p += run;
		if (p < end && *p == '\r') {
			c->cr = true;
			p++;
		}
	}
	return 0;
}

void crlf_init(struct crlf *c, struct sink *out)
{
	c->sink.put = crlf_put;
	c->out = out;
	c->cr = false;
}

int crlf_end(struct crlf *c, struct err *e)
{
	if (!c->cr)
		return 0;
	c->cr = false;
	return sink_put(c->out, "\r\n", 2, e);
}
