/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does the user's own domain publish a key for the address (WKD)?  dirmngr asks, as
 * for the agent; nothing is put into any keyring. */
#include <string.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/setup.h"
#include "agent/wkd.h"
#include "crypto/engine.h"

enum { WAIT_MS = 10000, GPG_STALL = 30 };

/* Until it is known, or for as long as a person waits. */
static enum looked look_up(struct wkd *w, const char *address)
{
	struct pollfd p[WKD_POLL_MAX];
	int64_t now = now_ms(), until = now + WAIT_MS;
	enum looked is = wkd_want(w, address, now);
	int due;

	while (is == LOOKED_NOT && now < until) {
		due = wkd_due(w, now);
		if (due == -1 || due > until - now)
			due = (int)(until - now);
		poll(p, wkd_poll(w, p), due);
		now = now_ms();
		wkd_work(w, now);
		is = wkd_known(w, address);
	}
	return is == LOOKED_NOT ? LOOKED_FAILED : is;
}

bool setup_judge(const struct setup *s, const void *key, size_t n, char fpr[41])
{
	struct engine *g = engine_new(s->key.home, GPG_STALL, NULL);
	struct judged_key j;
	struct err e;
	int rc = g ? engine_judge(g, key, n, s->address, &j, NULL,
	                          &e) : -1;

	engine_free(g);
	if (rc || j.revoked)
		return false;
	memcpy(fpr, j.fpr, sizeof j.fpr);
	return true;
}

enum setup_published setup_wkd(const struct setup *s, char fpr[41])
{
	const struct conf conf = { .discover = DISCOVER_WKD,
	                           .gnupghome = (char *)s->key.home };
	struct wkd *w = wkd_new(&conf);
	enum setup_published is = SETUP_PUBLISHED_UNKNOWN;
	const void *key;
	int64_t when;
	size_t n;

	if (!w)
		return is;
	switch (look_up(w, s->address)) {
	case LOOKED_FOUND:
		if ((key = wkd_key(w, s->address, &n, &when)))
			is = setup_judge(s, key, n, fpr) ? SETUP_PUBLISHED
			     : SETUP_PUBLISHED_NONE;
		break;
	case LOOKED_NONE:
		is = SETUP_PUBLISHED_NONE;
		break;
	default:
		break;
	}
	wkd_free(w);
	return is;
}
