/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of letters, line by line.  What stands in it was written by strangers: only
 * where a header block begins and ends is looked for here, and nothing is read in it
 * but whether Thunderbird has deleted the letter. */
#include "agent/mbox.h"

#include <string.h>
#include <strings.h>

#include "crypto/ascii.h"

void mbox_init(struct mbox *m, bool one,
               int (*letter)(void *arg, const struct mbox_letter *l,
                             struct err *e), void *arg)
{
	memset(m, 0, sizeof *m);
	m->letter = letter;
	m->arg = arg;
	m->one = m->in_letter = one;
	m->at = one ? MBOX_HEAD : MBOX_NONE;
	m->empty = true;
	membuf_init(&m->head, MBOX_HEAD_MAX);
}

void mbox_free(struct mbox *m)
{
	membuf_free(&m->head);
}

/* ---- lines ---- */

/* Does the line (so far) begin so?  Without case. */
static bool begins(const struct mbox *m, const char *with)
{
	size_t n = strlen(with);

	return m->kept >= n && strncasecmp(m->line, with, n) == 0;
}

/* The next word of the line from *at on: its length, 0 at the end. */
static size_t word(const struct mbox *m, size_t *at)
{
	size_t n = 0;

	while (*at < m->kept && strchr(" \t\r\n", m->line[*at]))
		++*at;
	while (*at + n < m->kept && !strchr(" \t\r\n", m->line[*at + n]))
		n++;
	return n;
}

/* Three letters, one of these names? */
static bool is_name(const char *p, size_t n, const char *names)
{
	for (; n == 3 && *names; names += 3)
		if (memcmp(p, names, 3) == 0)
			return true;
	return false;
}

static bool is_time(const char *p, size_t n)
{
	return n >= 5 && ascii_digit(p[0]) && ascii_digit(p[1]) && p[2] == ':'
	       && ascii_digit(p[3]) && ascii_digit(p[4]);
}

/* "Mon Nov 23 07:30" from this word on (asctime()). */
static bool has_date(const struct mbox *m, size_t at)
{
	size_t n = word(m, &at);

	if (!is_name(m->line + at, n, "MonTueWedThuFriSatSun"))
		return false;
	at += n;
	n = word(m, &at);
	if (!is_name(m->line + at, n, "JanFebMarAprMayJunJulAugSepOctNovDec"))
		return false;
	at += n;
	n = word(m, &at);
	if (n < 1 || n > 2 || !ascii_digit(m->line[at]))
		return false;
	at += n;
	n = word(m, &at);
	return is_time(m->line + at, n);
}

static bool is_from_line(const struct mbox *m)
{
	size_t at = 5, n;

	if (m->len > m->kept || m->kept < at || memcmp(m->line, "From ", at))
		return false;
	n = word(m, &at);
	if (n == 0)
		return true;
	for (; n; n = word(m, &at)) {
		if (has_date(m, at))
			return true;
		at += n;
	}
	return false;
}

/* 1: the line begins as a header field does, 0: it does not, -1: not to be told
 * yet. */
static int is_field(const struct mbox *m)
{
	size_t i = 0;

	while (i < m->kept && m->line[i] > ' ' && m->line[i] <= '~'
	       && m->line[i] != ':')
		i++;
	if (i == 0)
		return m->kept ? 0 : -1;
	while (i < m->kept && ascii_blank(m->line[i]))
		i++;
	if (i < m->kept)
		return m->line[i] == ':';
	return m->len > m->kept ? 0 : -1;
}

/* "X-Mozilla-Status: 0008", which Thunderbird puts above all others. */
static void look_at_status(struct mbox *m)
{
	static const char name[] = "X-Mozilla-Status:";
	static const char odd[] = "89abcdefABCDEF";
	size_t at = sizeof name - 1, n;

	if (m->known || !begins(m, name))
		return;
	n = word(m, &at);
	m->known = true;
	m->now.deleted = n == 4 && strchr(odd, m->line[at + 3]);
}

/* ---- letters ---- */

static int letter_end(struct mbox *m, struct err *e)
{
	bool was = m->in_letter && (m->head.len || m->cut);
	int rc = 0;

	m->now.head = m->head.len ? m->head.buf : "";
	m->now.n = m->head.len;
	/* without an empty line: a whole line at least */
	m->now.whole = !m->cut && m->head.len
	               && m->head.buf[m->head.len - 1] == '\n';
	if (was)
		rc = m->letter(m->arg, &m->now, e);
	m->head.len = 0;	/* the room stays */
	m->in_letter = m->cut = m->known = false;
	memset(&m->now, 0, sizeof m->now);
	return rc;
}

static int head_put(struct mbox *m, const char *p, size_t n, struct err *e)
{
	if (m->cut || n > MBOX_HEAD_MAX - m->head.len) {
		m->cut = true;
		return 0;
	}
	return sink_put(&m->head.sink, p, n, e);
}

/* The line behind "From " has shown what it is. */
static int settle(struct mbox *m, bool begins_letter, struct err *e)
{
	if (!begins_letter) {
		m->at = m->in_letter ? MBOX_BODY : MBOX_NONE;
		return 0;
	}
	if (letter_end(m, e))
		return -1;
	m->in_letter = true;
	m->at = MBOX_HEAD;
	return head_put(m, m->line, m->kept, e);
}

static void look_at_body(struct mbox *m)
{
	if (begins(m, "-----BEGIN PGP PUBLIC KEY BLOCK-----")
	    || begins(m, "Content-Type: application/pgp-keys"))
		m->now.key = true;
}

static int line_end(struct mbox *m, struct err *e)
{
	bool empty = m->len == 1 || (m->len == 2 && m->line[0] == '\r');
	int rc = 0;

	if (m->at == MBOX_MAYBE)
		rc = settle(m, false, e);
	if (m->at == MBOX_HEAD) {
		look_at_status(m);
		if (empty)
			m->at = MBOX_BODY;
	} else if (!m->one && m->empty && is_from_line(m)) {
		m->at = MBOX_MAYBE;
	}
	if (m->at == MBOX_HEAD || m->at == MBOX_BODY)
		look_at_body(m);
	m->empty = empty;
	m->len = m->kept = 0;
	return rc;
}

/* A piece of one line. */
static int take(struct mbox *m, const char *p, size_t n, struct err *e)
{
	size_t keep = MBOX_LINE_MAX - m->kept;
	int is;

	keep = n < keep ? n : keep;
	memcpy(m->line + m->kept, p, keep);
	m->kept += keep;
	m->len += n;
	if (m->at == MBOX_HEAD)
		return head_put(m, p, n, e);
	if (m->at != MBOX_MAYBE || (is = is_field(m)) == -1)
		return 0;
	if (settle(m, is, e))
		return -1;
	return m->at == MBOX_HEAD ? head_put(m, p + keep, n - keep, e) : 0;
}

int mbox_put(struct mbox *m, const char *p, size_t n, struct err *e)
{
	const char *lf;
	size_t part;

	for (; n; p += part, n -= part) {
		lf = memchr(p, '\n', n);
		part = lf ? (size_t)(lf - p) + 1 : n;
		if (take(m, p, part, e) || (lf && line_end(m, e)))
			return -1;
	}
	return 0;
}

int mbox_end(struct mbox *m, struct err *e)
{
	return letter_end(m, e);
}
