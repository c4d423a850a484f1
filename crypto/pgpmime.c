/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one right form of a PGP/MIME encrypted message, line by line. */
#include "crypto/pgpmime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/armor.h"
#include "crypto/transfer.h"

enum {
	LINE_KEPT = 1024	/* octets of a line looked at as a whole */
};

enum where {
	IN_PREAMBLE,
	IN_HEADER_1, IN_VERSION,	/* application/pgp-encrypted */
	IN_HEADER_2, IN_DATA,		/* application/octet-stream */
	IN_EPILOGUE,
	IN_ERROR
};

struct pgpmime {
	char boundary[BOUNDARY_MAX + 3];	/* with its "--" */
	size_t boundary_len;
	enum where where;
	char line[LINE_KEPT];	/* a line begun in an earlier block */
	size_t line_len;
	bool long_line;		/* its beginning has been passed on */
	struct membuf part;	/* header of a part, or the version text */
	struct untransfer transfer;
	struct sink to_dearmor;
	struct dearmor *dearmor;
	struct sink *out, to_out;
	bool bad;		/* the armor was not one block */
	bool out_failed;	/* which is not the letter's fault */
};

/* ---- the top ---- */

bool pgpmime_is(const struct header *h)
{
	const struct field *f = header_get(h, "Content-Type", 0);
	char *type = NULL, *protocol = NULL;
	bool twice = false, is = false;

	if (!f || header_count(h, "Content-Type") != 1)
		return false;
	type = field_token(f);
	if (type && strcasecmp(type, "multipart/encrypted") == 0) {
		protocol = field_param(f, "protocol", &twice);
		is = !twice && (!protocol || strcasecmp(protocol,
		                "application/pgp-encrypted") == 0);
	}
	free(type);
	free(protocol);
	return is;
}

/* ---- sinks: transfer decoding -> dearmor -> out ---- */

#define OF(member, sink) \
	((struct pgpmime *)(void *)((char *)(sink) \
	                            - offsetof(struct pgpmime, member)))

static int out_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct pgpmime *m = OF(to_out, s);

	if (sink_put(m->out, buf, n, e) == 0)
		return 0;
	m->out_failed = true;
	return -1;
}

static int dearmor_sink_put(struct sink *s, const void *buf, size_t n,
                            struct err *e)
{
	struct pgpmime *m = OF(to_dearmor, s);

	if (m->bad || dearmor_put(m->dearmor, buf, n, e) == 0)
		return 0;
	if (m->out_failed)
		return -1;
	m->bad = true;
	return 0;
}

struct pgpmime *pgpmime_new(const struct header *h, struct sink *out,
                            struct err *e)
{
	const struct field *f = header_get(h, "Content-Type", 0);
	struct pgpmime *m = calloc(1, sizeof *m);
	bool twice = false;
	char *b = NULL;

	if (!m) {
		err_errno(e, "memory");
		return NULL;
	}
	membuf_init(&m->part, PART_HEADER_MAX);
	m->out = out;
	m->to_out.put = out_put;
	m->to_dearmor.put = dearmor_sink_put;
	b = f ? field_param(f, "boundary", &twice) : NULL;
	if (!b || twice || !*b || strlen(b) > BOUNDARY_MAX) {
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no boundary");
		goto fail;
	}
	m->boundary[0] = m->boundary[1] = '-';
	memcpy(m->boundary + 2, b, strlen(b) + 1);
	m->boundary_len = strlen(m->boundary);
	if (!(m->dearmor = dearmor_new(&m->to_out))) {
		err_errno(e, "memory");
		goto fail;
	}
	free(b);
	return m;
fail:
	free(b);
	pgpmime_free(m);
	return NULL;
}

void pgpmime_free(struct pgpmime *m)
{
	if (!m)
		return;
	dearmor_free(m->dearmor);
	membuf_free(&m->part);
	free(m);
}

/* ---- lines ---- */

/* 1: a delimiter, 2: the closing one, 0: neither (RFC 2046 section 5.1.1;
 * trailing blanks are allowed, nothing else is). */
static int delimiter(const struct pgpmime *m, const char *p, size_t n)
{
	while (n && strchr("\r\n \t", p[n - 1]) && p[n - 1])
		n--;
	if (n < m->boundary_len || memcmp(p, m->boundary, m->boundary_len))
		return 0;
	p += m->boundary_len;
	n -= m->boundary_len;
	if (n == 2 && p[0] == '-' && p[1] == '-')
		return 2;
	return n == 0;
}

static bool part_type_is(const struct header *h, const char *want)
{
	const struct field *f = header_get(h, "Content-Type", 0);
	char *type;
	bool is;

	if (!f || header_count(h, "Content-Type") != 1)
		return false;
	type = field_token(f);
	is = type && strcasecmp(type, want) == 0;
	free(type);
	return is;
}

/* The empty line of a part's header: is it the part that belongs here? */
static void header_done(struct pgpmime *m, struct err *e)
{
	const struct field *f;
	struct header h = { 0 };
	char *token = NULL;
	enum transfer how;

	if (header_cut(&h, m->part.buf ? m->part.buf : "", m->part.len, e)) {
		m->where = IN_ERROR;
	} else if (m->where == IN_HEADER_1) {
		m->where = part_type_is(&h, "application/pgp-encrypted")
		           ? IN_VERSION : IN_ERROR;
	} else {
		f = header_get(&h, "Content-Transfer-Encoding", 0);
		token = f ? field_token(f) : NULL;
		how = transfer_of(token);
		untransfer_init(&m->transfer, how, &m->to_dearmor);
		m->where = part_type_is(&h, "application/octet-stream")
		           && how != TRANSFER_UNKNOWN ? IN_DATA : IN_ERROR;
	}
	free(token);
	header_free(&h);
	membuf_free(&m->part);
}

/* "Version: 1" and nothing more than blanks around it. */
static bool version_right(const struct membuf *part)
{
	static const char want[] = "version:1";
	size_t at = 0;

	for (size_t i = 0; i < part->len; i++) {
		char c = part->buf[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (at >= sizeof want - 1 || c != want[at++])
			return false;
	}
	return at == sizeof want - 1;
}

static void at_delimiter(struct pgpmime *m, int kind)
{
	switch (m->where) {
	case IN_PREAMBLE:
		m->where = kind == 1 ? IN_HEADER_1 : IN_ERROR;
		break;
	case IN_VERSION:
		m->where = kind == 1 && version_right(&m->part)
		           ? IN_HEADER_2 : IN_ERROR;
		membuf_free(&m->part);
		break;
	case IN_DATA:
		m->where = kind == 2 ? IN_EPILOGUE : IN_ERROR;
		break;
	default:
		m->where = IN_ERROR;	/* in a header, or a third part */
	}
}

/* A whole line (or a piece of one that is longer than LINE_KEPT). */
static int take_line(struct pgpmime *m, const char *p, size_t n, bool piece,
                     struct err *e)
{
	int kind = m->long_line ? 0 : delimiter(m, p, n);
	bool empty = n == strspn(p, "\r\n") && n <= 2;

	if (kind && piece) {	/* blanks without end: others may see one */
		m->where = IN_ERROR;
		return 0;
	}
	if (kind) {
		at_delimiter(m, kind);
		return 0;
	}
	switch (m->where) {
	case IN_HEADER_1:
	case IN_HEADER_2:
		if (sink_put(&m->part.sink, p, n, NULL))
			m->where = IN_ERROR;
		else if (empty && !piece)
			header_done(m, e);
		return 0;
	case IN_VERSION:
		if (sink_put(&m->part.sink, p, n, NULL))
			m->where = IN_ERROR;
		return 0;
	case IN_DATA:
		return sink_put(&m->transfer.sink, p, n, e);
	default:
		return 0;
	}
}

/* In the data: pass whole lines on that can't be delimiters, many at once. */
static int data_run(struct pgpmime *m, const char **p, const char *end,
                    struct err *e)
{
	const char *run = *p, *at = run, *lf;

	while (at < end && !(at[0] == '-' && (at + 1 == end || at[1] == '-'))) {
		lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			break;
		at = lf + 1;
	}
	*p = at;
	return sink_put(&m->transfer.sink, run, (size_t)(at - run), e);
}

int pgpmime_put(struct pgpmime *m, const void *buf, size_t n, struct err *e)
{
	const char *p = buf, *end = p + n, *lf;
	size_t len, room;
	bool whole;

	while (p < end && m->where != IN_ERROR) {
		if (m->where == IN_DATA && m->line_len == 0 && !m->long_line
		    && data_run(m, &p, end, e))
			return -1;
		if (p == end)
			break;
		lf = memchr(p, '\n', (size_t)(end - p));
		len = (size_t)((lf ? lf + 1 : end) - p);
		room = sizeof m->line - 1 - m->line_len;
		whole = lf && len <= room;
		if (len > room)
			len = room;
		memcpy(m->line + m->line_len, p, len);
		m->line_len += len;
		m->line[m->line_len] = '\0';
		p += len;
		if (!whole && m->line_len < sizeof m->line - 1)
			break;		/* the block ended in a line */
		len = m->line_len;
		m->line_len = 0;
		if (take_line(m, m->line, len, m->long_line || !whole, e))
			return -1;
		m->long_line = !whole;
	}
	return 0;
}

bool pgpmime_end(struct pgpmime *m)
{
	size_t len = m->line_len;

	m->line_len = 0;
	if (len && m->where != IN_ERROR
	    && take_line(m, m->line, len, m->long_line, NULL))
		return false;
	if (m->where != IN_EPILOGUE || m->bad)
		return false;
	untransfer_end(&m->transfer);
	return !m->transfer.bad && dearmor_end(m->dearmor, NULL) == 0;
}
