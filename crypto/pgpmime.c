/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The right forms of an encrypted letter, part by part. */
#include "crypto/pgpmime.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/ascii.h"
#include "crypto/parts.h"
#include "crypto/transfer.h"

/* What the parts are, in their order. */
enum role { ROLE_EMPTY, ROLE_VERSION, ROLE_DATA, ROLE_MORE };

static const char version[] = "version:1";

struct pgpmime {
	struct parts_to to;		/* first */
	struct parts *parts;		/* NULL: the body is the armor */
	enum role first, next, now;	/* next: the part that must come now */
	struct untransfer transfer;
	struct sink to_role;
	size_t version_at;	/* octets of it that came */
	struct dearmor *dearmor;
	struct sink *out, to_out;
	bool wrong;		/* of no right form */
	bool out_failed;	/* which is not the letter's fault */
};

#define OF(member, sink) \
	((struct pgpmime *)(void *)((char *)(sink) \
	                            - offsetof(struct pgpmime, member)))

/* ---- sinks: transfer decoding -> role -> out ---- */

static int out_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct pgpmime *m = OF(to_out, s);

	if (sink_put(m->out, buf, n, e) == 0)
		return 0;
	m->out_failed = true;
	return -1;
}

static bool is_blank(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n';
}

/* "Version: 1" and nothing more than blanks around it; or blanks alone. */
static void words_put(struct pgpmime *m, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !m->wrong; i++) {
		if (is_blank(p[i]))
			continue;
		m->wrong = m->now == ROLE_EMPTY || !version[m->version_at]
		           || ascii_lower(p[i]) != version[m->version_at++];
	}
}

static int role_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct pgpmime *m = OF(to_role, s);

	if (m->wrong)
		return 0;
	if (m->now != ROLE_DATA) {
		words_put(m, buf, n);
		return 0;
	}
	if (dearmor_put(m->dearmor, buf, n, e) == 0)
		return 0;
	m->wrong = !m->out_failed;
	return m->out_failed ? -1 : 0;
}

static void transfer_begin(struct pgpmime *m, const struct header *h)
{
	enum transfer how = transfer_in(h);

	untransfer_init(&m->transfer, how, &m->to_role);
	m->wrong = m->wrong || how == TRANSFER_UNKNOWN;
}

static void transfer_finish(struct pgpmime *m)
{
	untransfer_end(&m->transfer);
	m->wrong = m->wrong || m->transfer.bad;
}

/* ---- parts ---- */

/* Is it the part that belongs here?  (One with a broken header is odd.) */
static void part_begins(struct pgpmime *m, const struct part *p)
{
	m->now = m->next;
	switch (m->next) {
	case ROLE_EMPTY:
		if (!part_is(p, "text/plain") && !part_is(p, "text/html"))
			m->wrong = true;
		m->next = ROLE_VERSION;
		break;
	case ROLE_VERSION:
		if (!part_is(p, "application/pgp-encrypted"))
			m->wrong = true;
		m->next = ROLE_DATA;
		break;
	case ROLE_DATA:
		if (!part_is(p, "application/octet-stream"))
			m->wrong = true;
		m->next = ROLE_MORE;
		break;
	case ROLE_MORE:
		m->wrong = true;
	}
	transfer_begin(m, p->header);
}

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct pgpmime *m = (struct pgpmime *)to;

	if (m->wrong)
		return 0;
	if (what == PIECE_HEADER)
		part_begins(m, p);
	else if (what == PIECE_BODY && (!p->parent || p->opaque))
		m->wrong = true;
	else if (what == PIECE_BODY)
		return sink_put(&m->transfer.sink, buf, n, e);
	return 0;
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct pgpmime *m = (struct pgpmime *)to;

	(void)e;
	if (m->wrong || !p->parent)
		return 0;
	transfer_finish(m);
	return 0;
}

/* ---- the whole ---- */

struct pgpmime *pgpmime_new(const struct header *h, enum letter_kind kind,
                            struct sink *out, struct err *e)
{
	struct pgpmime *m = calloc(1, sizeof *m);

	if (!m || !(m->dearmor = dearmor_new("PGP MESSAGE", &m->to_out))) {
		err_errno(e, "Out of memory");
		goto fail;
	}
	m->out = out;
	m->to_out.put = out_put;
	m->to_role.put = role_put;
	m->to.piece = on_piece;
	m->to.end = on_end;
	if (kind == KIND_INLINE) {
		m->now = ROLE_DATA;
		m->next = ROLE_MORE;
		transfer_begin(m, h);
		return m;
	}
	m->next = kind == KIND_MANGLED ? ROLE_EMPTY : ROLE_VERSION;
	if (!(m->parts = parts_new(h, 1, false, &m->to, e)))
		goto fail;
	if (!parts_odd(m->parts))
		return m;
	err_set(e, GPG_ERR_BAD_DATA, "The letter has no boundary");
fail:
	pgpmime_free(m);
	return NULL;
}

int pgpmime_put(struct pgpmime *m, const void *buf, size_t n, struct err *e)
{
	if (m->wrong)
		return 0;
	return m->parts ? parts_put(m->parts, buf, n, e)
	                : sink_put(&m->transfer.sink, buf, n, e);
}

bool pgpmime_end(struct pgpmime *m)
{
	if (m->wrong)
		return false;
	if (!m->parts)
		transfer_finish(m);
	else if (parts_end(m->parts, NULL) || parts_odd(m->parts))
		return false;
	return !m->wrong && !(m->parts && version[m->version_at])
	       && dearmor_end(m->dearmor, NULL) == 0;
}

void pgpmime_free(struct pgpmime *m)
{
	if (!m)
		return;
	parts_free(m->parts);
	dearmor_free(m->dearmor);
	free(m);
}
