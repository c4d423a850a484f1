/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entities of a MIME body, line by line, with a stack of what is open. */
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/parts_private.h"

/* ---- the stack ---- */

static struct entity *top(struct parts *p)
{
	return &p->open[p->n_open - 1];
}

static int tell(struct parts *p, struct entity *t, enum parts_piece what,
                const char *buf, size_t n, struct err *e)
{
	if (!n || !p->to->piece)
		return 0;
	return p->to->piece(p->to, &t->part, what, buf, n, e);
}

/* A child of the top, its header to come. */
static void entity_push(struct parts *p)
{
	struct entity *parent = top(p), *t = &p->open[p->n_open++];

	memset(t, 0, sizeof *t);
	t->part.parent = &parent->part;
	t->part.depth = parent->part.depth + 1;
	t->part.nth = parent->children++;
	t->part.header = &t->header;
	t->where = IN_HEADER;
	membuf_init(&t->block, PART_HEADER_MAX);
}

static void entity_free(struct entity *t)
{
	header_free(&t->header);
	membuf_free(&t->block);
}

/* Its header is over a limit: all of it is a body that nobody looks into. */
static int entity_opaque(struct parts *p, struct entity *t, struct err *e)
{
	p->odd = t->part.opaque = true;
	t->where = IN_BODY;
	header_free(&t->header);
	if (tell(p, t, PIECE_BODY, t->block.buf, t->block.len, e))
		return -1;
	membuf_free(&t->block);
	return 0;
}

/* The top's header block is all there; whole: with its empty line. */
static int header_done(struct parts *p, bool whole, struct err *e)
{
	struct entity *t = top(p);
	struct err why = { 0 };

	if (header_cut(&t->header, t->block.buf ? t->block.buf : "",
	               t->block.len, &why)) {
		if (gpg_err_code(why.code) != GPG_ERR_TOO_LARGE)
			return err_set(e, why.code, "%s", why.text);
		return entity_opaque(p, t, e);
	}
	if (t->header.n > PART_FIELDS_MAX)
		return entity_opaque(p, t, e);
	t->where = IN_BODY;
	if (!whole)
		p->odd = true;
	else if (parts_look(p, t, e))
		return -1;
	if (tell(p, t, PIECE_HEADER, t->block.buf, t->block.len, e))
		return -1;
	if (t->part.kind == PART_MESSAGE)
		entity_push(p);
	return 0;
}

static int entity_pop(struct parts *p, struct err *e)
{
	struct entity *t = top(p);
	int rc = 0;

	if (t->where == IN_HEADER)
		rc = header_done(p, false, e);
	if (t->where == IN_PREAMBLE || t->where == IN_PARTS)
		p->odd = true;	/* it did not close */
	if (rc == 0 && p->to->end)
		rc = p->to->end(p->to, &t->part, e);
	entity_free(t);
	p->n_open--;
	return rc;
}

/* ---- lines ---- */

/* Octets that are no delimiter's. */
static int content(struct parts *p, const char *buf, size_t n, struct err *e)
{
	struct entity *t = top(p);

	if (t->where == IN_HEADER) {
		if (n <= PART_HEADER_MAX - t->block.len)
			return sink_put(&t->block.sink, buf, n, e);
		if (entity_opaque(p, t, e))
			return -1;
	}
	return tell(p, t, t->where == IN_PREAMBLE ? PIECE_PREAMBLE
	                  : t->where == IN_EPILOGUE ? PIECE_EPILOGUE
	                  : PIECE_BODY, buf, n, e);
}

/* A line end in a header block, which no delimiter after it needs. */
static int header_line(struct parts *p, struct err *e)
{
	struct entity *t = top(p);
	bool empty = t->block.len == t->line_at;

	if (p->kept_len > PART_HEADER_MAX - t->block.len)
		return entity_opaque(p, t, e);
	if (sink_put(&t->block.sink, p->kept, p->kept_len, e))
		return -1;
	p->kept_len = p->eol_len = 0;
	t->line_at = t->block.len;
	return empty ? header_done(p, true, e) : 0;
}

/* n > 0 octets that are no delimiter's and go on to the end of a line, or to
 * somewhere in it.  Their last line end is held back. */
static int pass(struct parts *p, const char *buf, size_t n, struct err *e)
{
	bool whole = buf[n - 1] == '\n';
	size_t eol = whole || buf[n - 1] == '\r';

	if (whole && n > 1 && buf[n - 2] == '\r')
		eol++;
	if (content(p, buf, n - eol, e))
		return -1;
	memmove(p->kept, buf + n - eol, eol);
	p->kept_len = p->eol_len = eol;
	p->line = whole ? LINE_BEGINS : LINE_PASSED;
	return whole && top(p)->where == IN_HEADER ? header_line(p, e) : 0;
}

/* The same behind what is held back. */
static int pass_on(struct parts *p, const char *buf, size_t n, struct err *e)
{
	size_t kept = p->kept_len;

	if (p->line == LINE_PASSED && kept && buf[0] == '\n' && n == 1) {
		p->kept[kept++] = '\n';		/* CR and LF came apart */
		return pass(p, p->kept, kept, e);
	}
	p->kept_len = p->eol_len = 0;
	if (content(p, p->kept, kept, e))
		return -1;
	return pass(p, buf, n, e);
}

/* May this be the beginning of a delimiter? */
static bool dashes(const char *p, const char *end)
{
	return *p == '-' && (p + 1 == end || p[1] == '-');
}

/* Behind the lines that can't be delimiters; in a header, one line alone. */
static const char *run_end(const struct parts *p, const char *at,
                           const char *end)
{
	bool one = p->open[p->n_open - 1].where == IN_HEADER;
	bool begun = p->line == LINE_PASSED;
	const char *lf;

	while (at < end && (begun || !dashes(at, end))) {
		begun = false;
		lf = memchr(at, '\n', (size_t)(end - at));
		at = lf ? lf + 1 : end;
		if (one)
			break;
	}
	return at;
}

/* ---- delimiters ---- */

enum { NO_DELIMITER = -1 };

/* Whose delimiter is this line without its end (RFC 2046 section 5.1.1)?  The
 * innermost's that is not closed; behind: of one that is. */
static int delimiter_of(const struct parts *p, const char *line, size_t n,
                        bool *closing, bool *behind)
{
	const struct entity *t;
	size_t b;

	while (n && ascii_blank(line[n - 1]))
		n--;
	if (n < 2 || memcmp(line, "--", 2) != 0)
		return NO_DELIMITER;
	for (int i = (int)p->n_open - 1; i >= 0; i--) {
		t = &p->open[i];
		b = t->boundary_len;
		if (t->part.kind != PART_MULTI || n < 2 + b
		    || memcmp(line + 2, t->boundary, b) != 0)
			continue;
		*closing = n == 4 + b && memcmp(line + 2 + b, "--", 2) == 0;
		if (!*closing && n != 2 + b)
			continue;
		if (t->where != IN_EPILOGUE)
			return i;
		*behind = true;
	}
	return NO_DELIMITER;
}

static int at_delimiter(struct parts *p, unsigned i, bool closing,
                        struct err *e)
{
	struct entity *t = &p->open[i];
	size_t n = p->kept_len;

	while (p->n_open > i + 1)
		if (entity_pop(p, e))
			return -1;
	p->kept_len = p->eol_len = 0;
	p->line = LINE_BEGINS;
	t->where = closing ? IN_EPILOGUE : IN_PARTS;
	p->odd = p->odd || (closing && t->children == 0);
	if (tell(p, t, closing ? PIECE_CLOSE : PIECE_DELIMITER, p->kept, n, e))
		return -1;
	if (!closing)
		entity_push(p);
	return 0;
}

/* The open line is all there (with its LF, or as the last one), or too long. */
static int line_decide(struct parts *p, bool whole, struct err *e)
{
	const char *line = p->kept + p->eol_len;
	size_t n = p->kept_len - p->eol_len;
	bool closing = false, behind = false;
	int i;

	if (n && line[n - 1] == '\n')
		n--;
	if (whole && n && line[n - 1] == '\r')
		n--;
	i = delimiter_of(p, line, n, &closing, &behind);
	if (i != NO_DELIMITER && whole)
		return at_delimiter(p, (unsigned)i, closing, e);
	if (i == NO_DELIMITER && !behind) {
		while (n && (line[n - 1] == '\r' || ascii_blank(line[n - 1])))
			n--;
		i = delimiter_of(p, line, n, &closing, &behind);
	}
	p->odd = p->odd || i != NO_DELIMITER || behind;
	n = p->kept_len;
	p->kept_len = p->eol_len = 0;
	return pass(p, p->kept, n, e);
}

/* More of the open line, up to its end. */
static int line_more(struct parts *p, const char **at, const char *end,
                     struct err *e)
{
	size_t room = p->eol_len + PARTS_LINE_MAX - p->kept_len;
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	size_t n = (size_t)((lf ? lf + 1 : end) - *at);

	if (n > room) {
		n = room;
		lf = NULL;
	}
	memcpy(p->kept + p->kept_len, *at, n);
	p->kept_len += n;
	p->line = LINE_OPEN;
	*at += n;
	return lf || n == room ? line_decide(p, lf, e) : 0;
}

int parts_put(struct parts *p, const void *buf, size_t n, struct err *e)
{
	const char *at = buf, *end = at + n, *run;

	while (at < end) {
		run = p->line == LINE_OPEN ? at : run_end(p, at, end);
		if (run == at ? line_more(p, &at, end, e)
		    : pass_on(p, at, (size_t)(run - at), e))
			return -1;
		if (run > at)
			at = run;
	}
	return 0;
}

int parts_end(struct parts *p, struct err *e)
{
	size_t n;

	if (p->line == LINE_OPEN && line_decide(p, true, e))
		return -1;
	n = p->kept_len;
	p->kept_len = p->eol_len = 0;
	if (content(p, p->kept, n, e))
		return -1;
	while (p->n_open)
		if (entity_pop(p, e))
			return -1;
	return 0;
}

/* ---- the reader ---- */

struct parts *parts_new(const struct header *root, unsigned depth,
                        bool messages, struct parts_to *to, struct err *e)
{
	struct parts *p = calloc(1, sizeof *p);

	if (!p) {
		err_errno(e, "Out of memory");
		return NULL;
	}
	p->to = to;
	p->depth = depth < PARTS_DEPTH_MAX ? depth : PARTS_DEPTH_MAX;
	p->messages = messages;
	p->n_open = 1;
	p->open[0].part.header = root;
	if (parts_look(p, &p->open[0], e)) {
		parts_free(p);
		return NULL;
	}
	if (p->open[0].part.kind == PART_MESSAGE)
		entity_push(p);
	return p;
}

void parts_free(struct parts *p)
{
	if (!p)
		return;
	while (p->n_open)
		entity_free(&p->open[--p->n_open]);
	free(p);
}

bool parts_odd(const struct parts *p)
{
	return p->odd;
}
