/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: keys that the keeper had looked for, judged by gpg before they count. */
#include "agent/crypt_out.h"

#include "agent/crypt_peers.h"
#include "agent/keeper.h"
#include "agent/log.h"

static bool is_wanting(const struct found *f)
{
	return f->state == KEY_NONE || f->state == KEY_EXPIRED;
}

int crypt_take_found(struct crypt *c, const char *addr, struct found *f,
                     struct err *e)
{
	static struct found_key key;
	struct peer_news w = { .from = KEY_FROM_WKD, .addr = addr };
	struct err why = { .text = "" };
	int rc;

	if (!is_wanting(f))
		return 0;
	if (keeper_found(&c->ends->keeper, addr, &key, e))
		return -1;
	if (key.n == 0)
		return 0;
	w.date = key.when;
	w.key = key.data;
	w.n = key.n;
	rc = crypt_learn(c, &w, &why);
	if (rc < 0) {
		/* nothing is lost by that: it is as if it had not been found */
		log_error("a key that was found can't be used: %s", why.text);
		return 0;
	}
	if (rc && crypt_find(c, addr, f, e))
		return -1;
	/* it is not looked at each time */
	return is_wanting(f) ? keeper_unfit(&c->ends->keeper, addr, e) : 0;
}
