/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stuffing and unstuffing dots, whole runs at a time. */
#include "agent/dots.h"

#include <string.h>

static int bare(struct err *e)
{
	return err_set(e, GPG_ERR_BAD_DATA,
	               "a bare CR or LF or a NUL was about to be sent");
}

/* How long is the line at p, its CRLF included; up to end where it has none.
 * 0: it has a bare CR or LF.  A CR at the very end is not yet bare. */
static size_t line_len(const struct dots *d, const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	const char *stop = lf ? lf : end;
	const char *cr = memchr(p, '\r', (size_t)(stop - p));

	if (d->lenient)
		return (size_t)((lf ? lf + 1 : end) - p);
	if (lf ? !cr || cr + 1 != lf : cr && cr + 1 != end)
		return 0;
	return (size_t)((lf ? lf + 1 : end) - p);
}

static int dots_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct dots *d = (struct dots *)s;
	const char *run = buf, *p = run, *end = p + n;
	size_t len;

	if (!d->lenient && memchr(buf, 0, n))
		return bare(e);
	if (d->cr) {
		if (*p != '\n' && !d->lenient)
			return bare(e);
		if (sink_put(d->to, "\r\n", *p == '\n' ? 2 : 1, e))
			return -1;
		d->start = *p == '\n';
		d->cr = false;
		run = p += d->start;
	}
	for (; p < end; p += len) {
		if (d->start && *p == '.') {
			if (sink_put(d->to, run, (size_t)(p - run), e) ||
			    sink_put(d->to, ".", 1, e))
				return -1;
			run = p;
		}
		len = line_len(d, p, end);
		if (len == 0)
			return bare(e);
		d->start = p[len - 1] == '\n';
		d->bare = d->start && (len == 1 || p[len - 2] != '\r');
		d->cr = p[len - 1] == '\r';
	}
	return sink_put(d->to, run, (size_t)(end - run) - d->cr, e);
}

void dots_init(struct dots *d, struct sink *to)
{
	*d = (struct dots){ .sink.put = dots_put, .to = to, .start = true };
}

int dots_end(struct dots *d, struct err *e)
{
	if (d->cr && !d->lenient)
		return bare(e);
	if (d->start && !d->bare)
		return 0;
	d->cr = d->bare = false;
	d->start = true;
	return sink_put(d->to, "\r\n", 2, e);
}

void undots_init(struct undots *u)
{
	u->state = UNDOTS_START;
}

/* Within a line: go on behind its LF, or to the end of the block. */
static const char *skip_line(struct undots *u, const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	if (!lf) {
		u->state = end[-1] == '\r' ? UNDOTS_CR : UNDOTS_LINE;
		return end;
	}
	u->state = lf > p && lf[-1] == '\r' ? UNDOTS_START : UNDOTS_LINE;
	return lf + 1;
}

int undots_put(struct undots *u, const void *buf, size_t n, size_t *used,
               struct sink *to, struct err *e)
{
	const char *run = buf, *p = run, *end = p + n;

	if (n && u->state == UNDOTS_DOT_CR && *p != '\n') {
		if (sink_put(to, "\r", 1, e))	/* of the block before */
			return -1;
		u->state = UNDOTS_CR;
	}
	while (p < end) switch (u->state) {
	case UNDOTS_START:
		if (*p != '.') {
			u->state = UNDOTS_LINE;
			break;
		}
		if (sink_put(to, run, (size_t)(p - run), e))
			return -1;
		run = ++p;
		u->state = UNDOTS_DOT;
		break;
	case UNDOTS_DOT:
		u->state = *p == '\r' ? UNDOTS_DOT_CR : UNDOTS_LINE;
		p += *p == '\r';
		break;
	case UNDOTS_DOT_CR:
		if (*p == '\n') {
			*used = (size_t)(p + 1 - (const char *)buf);
			return 1;
		}
		u->state = UNDOTS_CR;
		break;
	case UNDOTS_CR:
		u->state = *p == '\n' ? UNDOTS_START : UNDOTS_LINE;
		p += *p == '\n';
		break;
	case UNDOTS_LINE:
		p = skip_line(u, p, end);
		break;
	}
	*used = n;
	n = (size_t)(end - run);
	if (u->state == UNDOTS_DOT_CR)
		n -= n > 0;		/* the CR waits for what follows */
	return sink_put(to, run, n, e);
}
