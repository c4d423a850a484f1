/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys of others, without what nobody here needs of them. */
#include "crypto/keydata_private.h"

enum { SIG_REVOKED = 0x20 };	/* RFC 9580 section 5.2.1 */

struct cut {
	unsigned char fpr[20];
	const char *addr;	/* only its user IDs, and signatures of its own; or */
	const struct addrs *found;
	bool part;		/* what signatures stand behind is kept */
};

static bool keeps_uid(const struct cut *c, const struct keydata_packet *k)
{
	char of[ADDR_MAX + 1];

	if (!keydata_uid_addr(k, of))
		return false;
	return c->addr ? addr_same(of, c->addr) : addrs_have(c->found, of);
}

/* That a key is withdrawn, by whoever may say so. */
static bool withdraws(const struct keydata_packet *k)
{
	const unsigned char *p = k->body;

	return k->tag == TAG_SIGNATURE && k->len > 2
	       && ((p[0] == 3 && p[2] == SIG_REVOKED)
	           || (p[0] > 3 && p[1] == SIG_REVOKED));
}

static bool keeps(struct cut *c, const struct keydata_packet *k)
{
	struct keydata_signature s;

	switch (k->tag) {
	case TAG_SIGNATURE:
		return c->part && !withdraws(k)
		       && (!c->addr || (keydata_signature(&s, k, c->fpr)
		                        && s.own));
	case TAG_USER_ID:
		return c->part = keeps_uid(c, k);
	case TAG_SUBKEY:
		return c->part = k->len >= KEYDATA_KEY_MIN && k->body[0] == 4;
	case TAG_USER_ATTRIBUTE:
		c->part = false;
	}
	return false;
}

/* gpg looks for them behind the primary key alone, but where it imports a key: there
 * they may stand anywhere. */
static int put_withdrawn(struct keydata_walk w, struct sink *out,
                         struct err *e)
{
	struct keydata_packet k;

	while (keydata_next(&w, &k) == 1)
		if (withdraws(&k) && sink_put(out, k.p, k.n, e))
			return -1;
	return 0;
}

static int cut(struct cut *c, const void *buf, size_t n, struct sink *out,
               struct err *e)
{
	struct keydata_walk w = { buf, n, 0 };
	struct keydata_packet k;
	int r;

	if (keydata_primary(&w, &k, c->fpr, e) || sink_put(out, k.p, k.n, e)
	    || put_withdrawn(w, out, e))
		return -1;
	c->part = true;
	while ((r = keydata_next(&w, &k)) == 1) {
		if (!keydata_may_follow(k.tag))
			return keydata_none(e);
		if (keeps(c, &k) && sink_put(out, k.p, k.n, e))
			return -1;
	}
	return r ? keydata_none(e) : 0;
}

int keydata_cut(const void *buf, size_t n, const char *addr, struct sink *out,
                struct err *e)
{
	struct cut c = { .addr = addr };

	return cut(&c, buf, n, out, e);
}

int keydata_clean(const void *buf, size_t n, const struct addrs *found,
                  struct sink *out, struct err *e)
{
	struct cut c = { .found = found };

	return cut(&c, buf, n, out, e);
}
