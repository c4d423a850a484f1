/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: keys that came along with a letter (Autocrypt Level 1),
 * told to crypt once the client has the letter, so that it never waits for
 * them. */
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/autocrypt.h"
#include "crypto/date.h"

enum { NAMED_MAX = 1000 };	/* people of a letter whom gossip may be of */

/* a NULL: a letter of theirs without a key. */
static void tell(struct in *in, enum key_from from, const char *addr,
                 const struct autocrypt *a)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, from);
	pack_str(&p, addr);
	pack_u64(&p, (uint64_t)date_of(&in->outer));
	pack_u32(&p, a && a->mutual);
	if (a)
		pack_mem(&p, a->key, a->n);
	pack_send(&p, in->crypt, X_LEARN, NULL);
}

/* Whose letter it is, and with which key: a is to be freed for SENDER_KEY.  -1: no
 * memory. */
static int sender_of(const struct header *h, struct addrs *from,
                     struct autocrypt *a)
{
	int r;

	in_from(h, from);
	if (from->n != 1)
		return SENDER_UNREAD;
	if (autocrypt_ignores(h))
		return SENDER_PASSED;
	r = autocrypt_of(h, from->addr[0], a, NULL);
	return r < 0 ? -1 : r ? SENDER_KEY : SENDER_NO_KEY;
}

void in_learn(struct in *in)
{
	struct autocrypt a;
	struct addrs from;
	int is = sender_of(&in->outer, &from, &a);

	if (is == SENDER_KEY || is == SENDER_NO_KEY)
		tell(in, KEY_FROM_AUTOCRYPT, from.addr[0],
		     is == SENDER_KEY ? &a : NULL);
	if (is == SENDER_KEY)
		autocrypt_free(&a);
	addrs_free(&from);
}

int in_tell_sender(struct in *in, bool read)
{
	struct addrs from = { .n = 0 };
	struct autocrypt a;
	struct pack p;
	int is = read ? sender_of(&in->outer, &from, &a) : SENDER_UNREAD;

	pack_init(&p);
	pack_u32(&p, is < 0 ? SENDER_UNREAD : (uint32_t)is);
	pack_str(&p, from.n == 1 ? from.addr[0] : "");
	pack_u64(&p, read ? (uint64_t)date_of(&in->outer) : 0);
	pack_u32(&p, is == SENDER_KEY && a.mutual);
	if (is == SENDER_KEY) {
		pack_mem(&p, a.key, a.n);
		autocrypt_free(&a);
	}
	addrs_free(&from);
	return pack_send(&p, in->front, M_SENDER, NULL);
}

/* ---- gossip ---- */

static void add_named(const struct header *h, const char *name,
                      struct addrs *to)
{
	const struct field *f;
	char *text;

	for (size_t i = 0; (f = header_get(h, name, i)); i++) {
		text = field_text(f);
		if (!text || addrs_parse(to, text, NULL)) {
			free(text);
			return;
		}
		free(text);
	}
}

/* Who is named in it: those it may say something of. */
static void named(const struct header *h, struct addrs *to)
{
	memset(to, 0, sizeof *to);
	add_named(h, "To", to);
	add_named(h, "Cc", to);
	add_named(h, "Reply-To", to);
}

/* One of these who had none before. */
static bool is_of(const struct addrs *to, bool *had, const char *addr)
{
	for (size_t i = 0; i < to->n && i < NAMED_MAX; i++)
		if (!had[i] && addr_same(to->addr[i], addr)) {
			had[i] = true;
			return true;
		}
	return false;
}

void in_learn_gossip(struct in *in, const struct header *root,
                     const struct header *inner)
{
	bool had[NAMED_MAX] = { false };
	struct autocrypt a;
	struct addrs to;
	unsigned n = 0;

	named(inner, &to);
	if (to.n == 0) {	/* they are not protected */
		addrs_free(&to);
		named(&in->outer, &to);
	}
	for (size_t i = 0; i < root->n && n < AUTOCRYPT_GOSSIP_MAX; i++) {
		if (!field_is(&root->field[i], AUTOCRYPT_GOSSIP))
			continue;
		n++;
		if (autocrypt_read(&root->field[i], &a, NULL) != 1)
			continue;
		if (is_of(&to, had, a.addr))
			tell(in, KEY_FROM_GOSSIP, a.addr, &a);
		autocrypt_free(&a);
	}
	addrs_free(&to);
}
