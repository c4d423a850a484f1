/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Legacy display elements cut out of a body, and nothing else of it touched. */
#include "crypto/legacy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/ascii.h"
#include "crypto/encode.h"
#include "crypto/legacy_find.h"
#include "crypto/parts.h"

/* LEGACY_MAX octets as they are: quoted-printable has three for one. */
enum { RAW_MAX = 4 * LEGACY_MAX };

/* What an entity is to us.  RFC 9787 section 7.1 says what a main part is. */
enum role {
	ROLE_NONE,
	ROLE_FIRST,		/* its first child may be one */
	ROLE_ALL,		/* its children may be */
	ROLE_TEXT, ROLE_HTML	/* it has an element, it says */
};

/* What the octets that decode go through: they lose the element and are encoded
 * again. */
struct cutter {
	struct sink sink;
	struct sink *out;
	struct legacy_span cut;
	size_t at;
};

struct legacy {
	struct parts_to to;	/* first */
	struct parts *parts;
	struct sink *out;
	bool possible, root_known;
	enum role root, role;
	const struct part *leaf;	/* whose body has begun */
	enum { PASS, GATHER, RECODE, RECODED } state;
	enum transfer how;
	struct membuf raw;	/* GATHER: the leaf's body so far */
	struct untransfer decode;
	struct cutter cutter;
	struct encode encode;
	unsigned pads;		/* '=' that ours stand for */
	char last;		/* octet that was taken */
};

/* ---- which parts ---- */

/* The one field of this name that can be understood, or NULL. */
static const struct field *the_field(const struct header *h, const char *name)
{
	const struct field *f = header_get(h, name, 0);

	return f && !f->odd && header_count(h, name) == 1 ? f : NULL;
}

static bool param_is(const struct field *f, const char *name,
                     const char *value)
{
	char *text = f ? field_param(f, name, NULL) : NULL;
	bool is = text && strlen(text) == strlen(value)
	          && ascii_same(text, value, strlen(value));

	free(text);
	return is;
}

bool legacy_possible(const struct header *root)
{
	return param_is(the_field(root, "Content-Type"), "hp", "cipher");
}

static bool is_attachment(const struct header *h)
{
	const struct field *f = header_get(h, "Content-Disposition", 0);
	char *token;
	bool is;

	if (!f)
		return false;
	token = field_token(f);
	is = !token || strcmp(token, "inline") != 0
	     || header_count(h, "Content-Disposition") != 1;
	free(token);
	return is;
}

/* In these an octet is no character: what looks like a line end may be none. */
static bool charset_is_wide(const struct field *type)
{
	static const char *const wide[] = { "utf-16", "utf-32", "utf-7", "ucs-",
	                                    "utf16", "utf32", "utf7", "ucs2",
	                                    "ucs4", "iso-10646", "unicode",
	                                    "csunicode", "cp1200", "cp1201" };
	bool is = false;
	char *text = field_param(type, "charset", &is);

	for (size_t i = 0; text && i < sizeof wide / sizeof *wide; i++)
		is = is || strncasecmp(text, wide[i], strlen(wide[i])) == 0;
	free(text);
	return is;
}

static enum role leaf_role(const struct header *h, const char *type)
{
	const struct field *f = the_field(h, "Content-Type");

	if (!param_is(f, "hp-legacy-display", "1") || charset_is_wide(f))
		return ROLE_NONE;
	return strcmp(type, "text/plain") == 0 ? ROLE_TEXT
	       : strcmp(type, "text/html") == 0 ? ROLE_HTML : ROLE_NONE;
}

/* Of a part that is where main parts are. */
static int role_of(const struct part *p, enum role *role, struct err *e)
{
	char *type;

	*role = ROLE_NONE;
	if (p->kind == PART_MESSAGE || is_attachment(p->header))
		return 0;
	type = part_type(p);
	if (!type)
		return err_errno(e, "Out of memory");
	if (p->kind == PART_MULTI)
		*role = strcmp(type, "multipart/alternative") == 0 ? ROLE_ALL
		        : ROLE_FIRST;
	else
		*role = leaf_role(p->header, type);
	free(type);
	return 0;
}

static int know_root(struct legacy *l, const struct part *p, struct err *e)
{
	if (l->root_known)
		return 0;
	l->root_known = true;
	while (p->parent)
		p = p->parent;
	return role_of(p, &l->root, e);
}

/* Where the role of a part is kept: its user points into this. */
static enum role ROLES[] = {
	ROLE_NONE, ROLE_FIRST, ROLE_ALL, ROLE_TEXT, ROLE_HTML
};

static enum role role_kept(const struct legacy *l, const struct part *p)
{
	if (!p->parent)
		return l->root;
	return p->user ? *(const enum role *)p->user : ROLE_NONE;
}

static int keep_role(struct legacy *l, struct part *p, struct err *e)
{
	enum role parent = role_kept(l, p->parent), role = ROLE_NONE;

	if ((parent == ROLE_ALL || (parent == ROLE_FIRST && p->nth == 0))
	    && role_of(p, &role, e))
		return -1;
	p->user = &ROLES[role];
	return 0;
}

/* ---- cutting ---- */

static int cutter_put(struct sink *sink, const void *buf, size_t n,
                      struct err *e)
{
	struct cutter *c = (struct cutter *)sink;
	size_t from = c->cut.from > c->at ? c->cut.from - c->at : 0;
	size_t to = c->cut.to > c->at ? c->cut.to - c->at : 0;

	if (from > n)
		from = n;
	if (to > n)
		to = n;
	c->at += n;
	if (sink_put(c->out, buf, from, e))
		return -1;
	return sink_put(c->out, (const char *)buf + to, n - to, e);
}

static void recode_begin(struct legacy *l, const struct legacy_span *s)
{
	l->state = RECODE;
	l->pads = 0;
	l->last = '\0';
	encode_init(&l->encode, TRANSFER_BASE64, l->out);
	l->cutter = (struct cutter){ .sink.put = cutter_put, .cut = *s,
	                             .out = &l->encode.sink };
	untransfer_init(&l->decode, TRANSFER_BASE64, &l->cutter.sink);
}

/* Up to the first '=', which is the end: what is behind it, and the padding that
 * stands for ours, passes as it is. */
static int recode(struct legacy *l, const char *p, size_t n, struct err *e)
{
	const char *eq;
	size_t len;

	if (l->state == RECODE) {
		eq = memchr(p, '=', n);
		len = eq ? (size_t)(eq - p) : n;
		if (sink_put(&l->decode.sink, p, len, e))
			return -1;
		if (len)
			l->last = p[len - 1];
		if (!eq)
			return 0;
		p = eq;
		n -= len;
		l->state = RECODED;
		l->pads = l->decode.n_bits == 4 ? 2 : l->decode.n_bits == 2;
		if (encode_end(&l->encode, e))
			return -1;
	}
	for (; n && l->pads && *p == '='; p++, n--)
		l->pads--;
	if (n)
		l->pads = 0;
	return sink_put(l->out, p, n, e);
}

/* Quoted-printable cut in the middle of a line gets a soft break there, lest the
 * line grow too long or end with a blank. */
static int cut_raw(struct legacy *l, const struct legacy_span *s, struct err *e)
{
	const char *raw = l->raw.buf, *lf = memchr(raw, '\n', l->raw.len);
	const char *eol = lf && (lf == raw || lf[-1] != '\r') ? "=\n" : "=\r\n";
	bool joint = l->how == TRANSFER_QP && s->from
	             && raw[s->from - 1] != '\n';

	if (sink_put(l->out, raw, s->from, e)
	    || (joint && sink_put(l->out, eol, strlen(eol), e)))
		return -1;
	return sink_put(l->out, raw + s->to, l->raw.len - s->to, e);
}

/* Enough of the leaf is there, or all of it. */
static int decide(struct legacy *l, struct err *e)
{
	struct legacy_span s;
	bool found = false;
	int rc;

	l->state = PASS;
	if (l->raw.len && legacy_find(l->role == ROLE_HTML, l->how, l->raw.buf,
	                              l->raw.len, &s, &found, e))
		return -1;
	if (!found) {
		rc = sink_put(l->out, l->raw.buf, l->raw.len, e);
	} else if (l->how == TRANSFER_BASE64) {
		recode_begin(l, &s);
		rc = recode(l, l->raw.buf, l->raw.len, e);
	} else {
		rc = cut_raw(l, &s, e);
	}
	membuf_free(&l->raw);
	return rc;
}

/* ---- one leaf ---- */

static void leaf_begin(struct legacy *l, const struct part *p)
{
	const struct field *f = the_field(p->header, "Content-Transfer-Encoding");
	char *token = f ? field_token(f) : NULL;
	bool clear = token || !header_count(p->header, "Content-Transfer-Encoding");

	l->leaf = p;
	l->role = role_kept(l, p);
	l->how = transfer_of(token);
	l->state = l->role >= ROLE_TEXT && clear && l->how != TRANSFER_UNKNOWN
	           ? GATHER : PASS;
	free(token);
}

static int leaf_body(struct legacy *l, const char *p, size_t n, struct err *e)
{
	size_t room;

	if (l->state == GATHER) {
		room = RAW_MAX - l->raw.len;
		if (n < room)
			return sink_put(&l->raw.sink, p, n, e);
		if (sink_put(&l->raw.sink, p, room, e) || decide(l, e))
			return -1;
		p += room;
		n -= room;
	}
	return l->state == PASS ? sink_put(l->out, p, n, e) : recode(l, p, n, e);
}

static int leaf_end(struct legacy *l, struct err *e)
{
	l->leaf = NULL;
	if (l->state == GATHER && decide(l, e))
		return -1;
	if (l->state != RECODE)
		return 0;
	if (encode_end(&l->encode, e))
		return -1;
	return sink_put(l->out, "\r\n", l->last == '\n' ? 2 : 0, e);
}

/* ---- the filter ---- */

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct legacy *l = (struct legacy *)to;

	if (know_root(l, p, e)
	    || (what == PIECE_HEADER && keep_role(l, p, e)))
		return -1;
	if (what != PIECE_BODY)
		return sink_put(l->out, buf, n, e);
	if (l->leaf != p)
		leaf_begin(l, p);
	return leaf_body(l, buf, n, e);
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct legacy *l = (struct legacy *)to;

	return l->leaf == p ? leaf_end(l, e) : 0;
}

struct legacy *legacy_new(const struct header *root, struct sink *out,
                          struct err *e)
{
	struct legacy *l = calloc(1, sizeof *l);

	if (!l) {
		err_errno(e, "Out of memory");
		return NULL;
	}
	l->to = (struct parts_to){ .piece = on_piece, .end = on_end };
	l->out = out;
	membuf_init(&l->raw, RAW_MAX);
	if (legacy_possible(root)
	    && !(l->parts = parts_new(root, PARTS_DEPTH_MAX, false, &l->to, e))) {
		legacy_free(l);
		return NULL;
	}
	return l;
}

int legacy_put(struct legacy *l, const void *buf, size_t n, struct err *e)
{
	return l->parts ? parts_put(l->parts, buf, n, e)
	       : sink_put(l->out, buf, n, e);
}

int legacy_end(struct legacy *l, struct err *e)
{
	return l->parts ? parts_end(l->parts, e) : 0;
}

void legacy_free(struct legacy *l)
{
	if (!l)
		return;
	parts_free(l->parts);
	membuf_free(&l->raw);
	free(l);
}
