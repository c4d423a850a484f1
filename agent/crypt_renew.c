/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: our own key is made to last longer in time, once it has been unlocked for
 * something else. */
#include <stdio.h>
#include <time.h>

#include "agent/crypt_out.h"
#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/log.h"

enum { DAY = 24 * 3600 };

/* Once a day is enough, unless somebody has just given the passphrase. */
static bool is_its_turn(struct crypt *c, const char *fpr, bool unlocked)
{
	char name[80], none;
	bool found = false;

	snprintf(name, sizeof name, "renew %s %lld", fpr,
	         (long long)time(NULL) / DAY);
	if (keeper_recall(&c->ends->keeper, 0, name, &none, 0, &found, NULL))
		return false;
	keeper_remember(&c->ends->keeper, 0, name, "", 0, NULL);
	return !found || unlocked;
}

void crypt_used(struct crypt *c, const struct account *a,
                const struct key *own)
{
	if (a->renew && engine_extends(c->engine, own->fpr, time(NULL)))
		c->renews = a;
}

void crypt_renew(struct crypt *c)
{
	const struct account *a = c->renews;
	uint32_t account = (uint32_t)(a - c->conf->account);
	struct err e = { .text = "" };
	bool unlocked = c->unlocked;
	struct found own;
	int64_t ends = 0;
	int r;

	c->renews = NULL;
	c->unlocked = false;
	if (crypt_find_own(c, a, &own, NULL)
	    || own.state != KEY_USABLE
	    || !is_its_turn(c, own.key.fpr, unlocked))
		return;
	r = engine_extend(c->engine, own.key.fpr, time(NULL), &ends, &e);
	if (r == -1)
		log_error("our own key could not be renewed: %s", e.text);
	if (r)
		keeper_tell_renewed(&c->ends->keeper, account, ends,
		                    r == -1 ? e.text : "");
	if (r == 1)
		crypt_find_own(c, a, &own, NULL);	/* who tells its end */
}
