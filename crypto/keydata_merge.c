/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two copies of one public key put together, as gpg does it in a keyring. */
#include "crypto/keydata_private.h"

#include <stdlib.h>
#include <string.h>

/* A user ID, a subkey, the primary key (the first), or a signature of one. */
struct piece {
	struct keydata_packet k;
	struct piece *next;	/* the next signature, or the next but these */
	struct piece *last;	/* of its signatures, or itself */
	struct piece *sigs;
};

struct merge {
	struct piece *piece;
	size_t n;
	struct piece *parts, *last, *now;
};

static bool equal(const struct piece *a, const struct keydata_packet *b)
{
	return a->k.tag == b->tag && a->k.len == b->len
	       && memcmp(a->k.body, b->body, b->len) == 0;
}

static struct piece *find(struct piece *in, const struct keydata_packet *k)
{
	for (; in; in = in->next)
		if (equal(in, k))
			return in;
	return NULL;
}

static struct piece *add(struct merge *m, const struct keydata_packet *k)
{
	struct piece *p;

	if (m->n == KEYDATA_MERGE_MAX)
		return NULL;
	p = &m->piece[m->n++];
	p->k = *k;
	return p;
}

static int too_many(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
	               "This key has too much in it");
}

static int take_part(struct merge *m, const struct keydata_packet *k,
                     struct err *e)
{
	m->now = find(m->parts, k);
	if (m->now)
		return 0;
	m->now = add(m, k);
	if (!m->now)
		return too_many(e);
	if (m->last)
		m->last->next = m->now;
	else
		m->parts = m->now;
	m->last = m->now;
	return 0;
}

static int take_signature(struct merge *m, const struct keydata_packet *k,
                          struct err *e)
{
	struct piece *of = m->now, *p;

	if (!of || find(of->sigs, k))
		return 0;
	p = add(m, k);
	if (!p)
		return too_many(e);
	if (of->sigs)
		of->last->next = p;
	else
		of->sigs = p;
	of->last = p;
	return 0;
}

static int take(struct merge *m, const struct keydata_packet *k, struct err *e)
{
	switch (k->tag) {
	case TAG_KEY: case TAG_USER_ID: case TAG_SUBKEY:
		return take_part(m, k, e);
	case TAG_SIGNATURE:
		return take_signature(m, k, e);
	case TAG_USER_ATTRIBUTE:
		m->now = NULL;
	}
	return 0;
}

static int gather(struct merge *m, const void *key, size_t n,
                  unsigned char fpr[20], struct err *e)
{
	struct keydata_walk w = { key, n, 0 };
	struct keydata_packet k;
	int r;

	if (keydata_primary(&w, &k, fpr, e) || take(m, &k, e))
		return -1;
	while ((r = keydata_next(&w, &k)) == 1) {
		if (!keydata_may_follow(k.tag))
			return keydata_none(e);
		if (take(m, &k, e))
			return -1;
	}
	return r ? keydata_none(e) : 0;
}

static int put(const struct merge *m, struct sink *out, struct err *e)
{
	for (const struct piece *p = m->parts; p; p = p->next) {
		if (sink_put(out, p->k.p, p->k.n, e))
			return -1;
		for (const struct piece *s = p->sigs; s; s = s->next)
			if (sink_put(out, s->k.p, s->k.n, e))
				return -1;
	}
	return 0;
}

/* *grown: the second had something that the first had not. */
static int merge(const void *a, size_t an, const void *b, size_t bn,
                 bool *grown, struct sink *out, struct err *e)
{
	struct merge m = { .n = 0 };
	unsigned char fpr[2][20];
	size_t n;
	int rc = -1;

	m.piece = calloc(KEYDATA_MERGE_MAX, sizeof *m.piece);
	if (!m.piece)
		return err_errno(e, "memory");
	if (gather(&m, a, an, fpr[0], e))
		goto out;
	n = m.n;
	if (gather(&m, b, bn, fpr[1], e))
		goto out;
	if (memcmp(fpr[0], fpr[1], sizeof fpr[0])) {
		err_set(e, gpg_error(GPG_ERR_BAD_DATA), "This is another key");
		goto out;
	}
	*grown = m.n != n;
	rc = out ? put(&m, out, e) : 0;
out:
	free(m.piece);
	return rc;
}

int keydata_merge(const void *old, size_t on, const void *new, size_t nn,
                  struct sink *out, struct err *e)
{
	bool grown;

	return merge(old, on, new, nn, &grown, out, e);
}

bool keydata_holds(const void *new, size_t nn, const void *old, size_t on)
{
	bool grown;

	return merge(new, nn, old, on, &grown, NULL, NULL) == 0 && !grown;
}
