/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Incoming header blocks: which fields of an opened letter are shown. */
#include "crypto/protect.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/addr.h"
#include "crypto/ascii.h"
#include "crypto/lex.h"
#include "crypto/refold.h"

enum mode { MODE_NONE, MODE_V1, MODE_HP };

static bool param_is(const struct field *f, const char *param,
                     const char *const *values)
{
	char *text = field_param(f, param, NULL);
	size_t n = text ? strlen(text) : 0;
	bool found = false;

	for (; text && *values && !found; values++)
		found = n == strlen(*values) && ascii_same(text, *values, n);
	free(text);
	return found;
}

static enum mode mode_of(const struct header *inner)
{
	static const char *const hp[] = { "cipher", "clear", NULL };
	static const char *const v1[] = { "v1", NULL };
	const struct field *f = header_get(inner, "Content-Type", 0);

	if (!f || f->odd || header_count(inner, "Content-Type") != 1)
		return MODE_NONE;
	if (param_is(f, "hp", hp))
		return MODE_HP;
	return param_is(f, "protected-headers", v1) ? MODE_V1 : MODE_NONE;
}

bool protect_present(const struct header *inner)
{
	return mode_of(inner) != MODE_NONE;
}

/* The one address of the one From; NULL if it is not so. */
static char *from_of(const struct header *h)
{
	struct addrs list = { 0 };
	char *text = NULL, *from = NULL;
	bool ok;

	if (header_count(h, "From") != 1)
		goto out;
	text = field_text(header_get(h, "From", 0));
	ok = text && !addrs_parse(&list, text, NULL);
	if (ok && list.n == 1 && !list.bad && !list.group)
		from = strdup(list.addr[0]);
out:
	addrs_free(&list);
	free(text);
	return from;
}

bool protect_from_differs(const struct header *outer,
                          const struct header *inner)
{
	char *a = NULL, *b = NULL;
	bool differs = false;

	if (mode_of(inner) != MODE_HP || !header_count(inner, "From"))
		goto out;
	a = from_of(outer);
	b = from_of(inner);
	differs = !a || !b || !addr_same(a, b);
out:
	free(a);
	free(b);
	return differs;
}

/* Does our name, or the beginning of it, stand at p?  Blanks, NUL and controls
 * count for nothing, as some reader may drop them. */
static bool is_our_name(const char *p, const char *end)
{
	static const char *const ours[] = { "letterlock-", "x-letterlock" };
	const char *name, *q;

	for (int i = 0; i < 2; i++) {
		name = ours[i];
		for (q = p; q < end && *name; q++) {
			if (ascii_hidden(*q))
				continue;
			if (ascii_lower(*q) != *name)
				break;
			name++;
		}
		if (!*name)
			return true;
	}
	return false;
}

/* Behind the next bare CR or LF and all that can't be seen behind it. */
static const char *next_bare(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\r' && p + 1 < end && p[1] == '\n')
			p++;
		else if (*p == '\r' || *p == '\n')
			break;
	}
	while (p < end && ascii_hidden(*p))
		p++;
	return p;
}

bool protect_lookalike(const struct field *f)
{
	const char *p = f->raw, *end = p + f->raw_len;

	for (; p < end; p = next_bare(p, end))
		if (is_our_name(p, end))
			return true;
	return false;
}

/* Written on the way or by the last server: the outer ones only. */
static bool is_trace(const struct field *f)
{
	static const char *const names[] = {
		"Received", "Received-SPF", "X-Received", "Return-Path",
		"Delivered-To", "X-Delivered-To", "Envelope-To",
		"X-Original-To", "X-Envelope-To", "X-Envelope-From",
		"Authentication-Results", "X-Authentication-Results",
		"DKIM-Signature", "DomainKey-Signature"
	};
	static const char *const prefixes[] = {
		"ARC-", "X-Spam", "X-Virus-", "X-Rspamd-"
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (field_is(f, names[i]))
			return true;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (field_begins(f, prefixes[i]))
			return true;
	return false;
}

static bool is_structure(const struct field *f)
{
	return field_begins(f, "Content-") || field_is(f, "MIME-Version");
}

/* The fields whose outer one may be shown although inner ones count.  A list
 * of fixed length keeps the work linear. */
static const char *const KNOWN[] = {
	"From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject",
	"Message-ID", "In-Reply-To", "References",
	/* from here on they stay without an inner one */
	"List-Id", "List-Archive", "List-Help", "List-Owner", "List-Post",
	"List-Subscribe", "List-Unsubscribe", "List-Unsubscribe-Post",
	"Archived-At", "Precedence", "Resent-Date", "Resent-From",
	"Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc",
	"Resent-Message-ID"
};
enum {
	KNOWN_FROM = 0, KNOWN_DATE = 5, KNOWN_SUBJECT = 6, KNOWN_LIST = 10,
	KNOWN_N = sizeof KNOWN / sizeof *KNOWN
};

static int known(const struct field *f)
{
	for (int i = 0; i < KNOWN_N; i++)
		if (field_is(f, KNOWN[i]))
			return i;
	return -1;
}

/* What the inner block has to offer. */
struct offer {
	enum mode mode;
	uint32_t have;		/* a usable one, by its place in KNOWN */
	uint32_t refused;
};

/* 1: no encoded word of it hides a line end or NUL, 0: one does. */
static int words_ok(const struct field *f, struct err *e)
{
	const char *p, *end;
	char *text, *octets = NULL;
	struct encword w;
	int ok = 1;
	size_t n;

	if (!memmem(f->value, f->value_len, "=?", 2))
		return 1;
	text = field_text(f);
	octets = malloc(f->value_len + 1);
	if (!text || !octets) {
		ok = err_errno(e, "Out of memory");
		goto out;
	}
	p = text;
	end = p + strlen(p);
	while (ok && encword_next(&p, end, &w))
		ok = encword_decode(&w, octets, &n) &&
		     !memchr(octets, '\r', n) && !memchr(octets, '\n', n) &&
		     !memchr(octets, '\0', n);
out:
	free(text);
	free(octets);
	return ok;
}

/* May an inner field be shown at all? */
static bool is_message_field(const struct field *f)
{
	return !f->odd && !is_structure(f) && !is_trace(f) &&
	       !field_is(f, "HP-Outer") && !protect_lookalike(f);
}

static int offer_read(struct offer *o, const struct header *inner,
                      bool inner_from, struct err *e)
{
	const struct field *f;
	uint32_t bit;
	int ok, k;

	*o = (struct offer){ .mode = mode_of(inner) };
	for (size_t i = 0; i < inner->n && o->mode != MODE_NONE; i++) {
		f = &inner->field[i];
		k = known(f);
		if (k < 0 || !is_message_field(f))
			continue;
		ok = words_ok(f, e);
		if (ok < 0)
			return -1;
		bit = UINT32_C(1) << k;
		/* twice what may stand once: neither */
		if (k < KNOWN_LIST && (o->have | o->refused) & bit)
			ok = 0;
		*(ok ? &o->have : &o->refused) |= bit;
	}
	o->have &= ~(o->refused & ((UINT32_C(1) << KNOWN_LIST) - 1));
	if (o->mode == MODE_V1)
		o->have &= UINT32_C(1) << KNOWN_SUBJECT |
		           UINT32_C(1) << KNOWN_DATE;
	if (!inner_from || header_count(inner, "From") != 1)
		o->have &= ~(UINT32_C(1) << KNOWN_FROM);
	return 0;
}

static bool outer_stays(const struct offer *o, const struct field *f)
{
	uint32_t bit;
	int k;

	if (f->odd || is_structure(f) || field_is(f, "HP-Outer") ||
	    protect_lookalike(f))
		return false;
	if (is_trace(f))
		return true;
	k = known(f);
	if (k < 0)
		return o->mode != MODE_HP;
	bit = UINT32_C(1) << k;
	if (o->have & bit)
		return false;
	return o->mode != MODE_HP || k >= KNOWN_LIST || k == KNOWN_FROM ||
	       (o->refused & bit);
}

/* 1 yes, 0 no, -1 out of memory. */
static int inner_shown(const struct offer *o, const struct field *f,
                       struct err *e)
{
	int k;

	if (o->mode == MODE_NONE || !is_message_field(f))
		return 0;
	k = known(f);
	if (k < 0 ? o->mode == MODE_V1 :
	    (o->mode == MODE_V1 || k < KNOWN_LIST) &&
	    !(o->have & UINT32_C(1) << k))
		return 0;
	return words_ok(f, e);
}

static bool is_content(const struct field *f)
{
	return field_begins(f, "Content-") && !f->odd && !protect_lookalike(f);
}

/* What the body behind the block is: MIME-Version and Content-*. */
static int put_content(const struct header *content, struct membuf *out,
                       struct err *e)
{
	const struct field *f = header_get(content, "MIME-Version", 0);
	int rc;

	if (f && !f->odd && header_count(content, "MIME-Version") == 1)
		rc = refold_copy(out, f, e);
	else
		rc = membuf_printf(out, e, "MIME-Version: 1.0\r\n");
	for (size_t i = 0; i < content->n && !rc; i++)
		if (is_content(&content->field[i]))
			rc = refold_copy(out, &content->field[i], e);
	return rc ? -1 : sink_put(&out->sink, "\r\n", 2, e);
}

int protect_restore_signed(const struct header *outer,
                           const struct header *inner,
                           const struct header *content, bool inner_from,
                           struct membuf *out, struct err *e)
{
	const struct field *f;
	struct offer o;
	int show;

	if (offer_read(&o, inner, inner_from, e))
		return -1;
	for (size_t i = 0; i < outer->n; i++)
		if (outer_stays(&o, &outer->field[i]) &&
		    refold_copy(out, &outer->field[i], e))
			return -1;
	for (size_t i = 0; i < inner->n; i++) {
		f = &inner->field[i];
		show = inner_shown(&o, f, e);
		if (show < 0 || (show && refold_copy(out, f, e)))
			return -1;
	}
	return put_content(content, out, e);
}

int protect_restore(const struct header *outer, const struct header *inner,
                    bool inner_from, struct membuf *out, struct err *e)
{
	return protect_restore_signed(outer, inner, inner, inner_from, out, e);
}

/* True of the armor, but not of what was in it. */
static bool is_of_armor(const struct field *f)
{
	return field_is(f, "Content-Transfer-Encoding") ||
	       field_is(f, "Content-Length") || field_is(f, "Content-MD5") ||
	       field_is(f, "HP-Outer");
}

int protect_restore_inline(const struct header *outer, struct membuf *out,
                           struct err *e)
{
	bool version = false, type = false;
	const struct field *f;

	for (size_t i = 0; i < outer->n; i++) {
		f = &outer->field[i];
		if (f->odd || is_of_armor(f) || protect_lookalike(f))
			continue;
		version = version || field_is(f, "MIME-Version");
		type = type || field_is(f, "Content-Type");
		if (refold_copy(out, f, e))
			return -1;
	}
	return membuf_printf(out, e, "%s%sContent-Transfer-Encoding: 8bit"
	                     "\r\n\r\n",
	                     version ? "" : "MIME-Version: 1.0\r\n",
	                     type ? "" : "Content-Type: text/plain; "
	                     "charset=utf-8\r\n");
}
