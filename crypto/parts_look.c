/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an entity is, by its header: its type, its boundary, whether it has parts. */
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/parts_private.h"
#include "crypto/transfer.h"

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One "/" with something at both sides. */
static bool is_type(const char *token)
{
	const char *slash = strchr(token, '/');

	return slash && slash > token && slash[1] && !strchr(slash + 1, '/');
}

char *part_type(const struct part *p)
{
	const struct field *f = header_get(p->header, "Content-Type", 0);
	const struct entity *parent =
		(const struct entity *)(const void *)p->parent;
	char *type;

	if (!f && !p->opaque && parent && parent->digest)
		return strdup("message/rfc822");
	if (f && header_count(p->header, "Content-Type") == 1
	    && (type = field_token(f))) {
		if (is_type(type))
			return type;
		free(type);
	}
	return strdup("text/plain");
}

bool part_is(const struct part *p, const char *type)
{
	char *is = part_type(p);
	bool same = is && strcmp(is, type) == 0;

	free(is);
	return same;
}

/* Two types of which one has parts, or one that we can't read: which do others
 * take? */
static bool type_unclear(const struct header *h)
{
	bool twice = header_count(h, "Content-Type") > 1, unclear = false;
	char *type;

	for (size_t i = 0; i < h->n && !unclear; i++) {
		if (!field_is(&h->field[i], "Content-Type"))
			continue;
		type = field_token(&h->field[i]);
		unclear = !type || (twice && (begins(type, "multipart/")
		                              || begins(type, "message/")));
		free(type);
	}
	return unclear;
}

/* A boundary with a blank at its end is none: it can't be told from one without
 * (RFC 2046 section 5.1.1). */
static bool boundary_of(struct entity *t)
{
	const struct field *f = header_get(t->part.header, "Content-Type", 0);
	char *b = f ? field_param(f, "boundary", NULL) : NULL;
	size_t n = b ? strlen(b) : 0;
	bool usable = n && n <= BOUNDARY_MAX && !ascii_blank(b[n - 1]);

	if (usable) {
		memcpy(t->boundary, b, n + 1);
		t->boundary_len = n;
	}
	free(b);
	return usable;
}

/* Is it like a boundary around it?  (Some readers compare beginnings.) */
static bool boundary_shared(const struct parts *p, const struct entity *t)
{
	const struct entity *o;
	size_t n;

	for (o = p->open; o < t; o++) {
		n = o->boundary_len < t->boundary_len ? o->boundary_len
		                                      : t->boundary_len;
		if (o->part.kind == PART_MULTI
		    && memcmp(o->boundary, t->boundary, n) == 0)
			return true;
	}
	return false;
}

int parts_look(struct parts *p, struct entity *t, struct err *e)
{
	bool deep = t->part.depth >= p->depth, multi, message;
	char *type = part_type(&t->part);

	if (!type)
		return err_errno(e, "Out of memory");
	multi = begins(type, "multipart/");
	message = p->messages && (strcmp(type, "message/rfc822") == 0
	                          || strcmp(type, "message/global") == 0)
	          && transfer_in(t->part.header) == TRANSFER_NONE;
	t->digest = strcmp(type, "multipart/digest") == 0;
	free(type);
	t->where = IN_BODY;
	if (deep) {
		t->part.opaque = (multi || message)
		                 && t->part.depth >= PARTS_DEPTH_MAX;
	} else if (message) {
		t->part.kind = PART_MESSAGE;
	} else if (multi && boundary_of(t)) {
		t->part.kind = PART_MULTI;
		t->where = IN_PREAMBLE;
		p->odd = p->odd || boundary_shared(p, t);
	} else {
		p->odd = p->odd || multi || type_unclear(t->part.header);
	}
	return 0;
}
