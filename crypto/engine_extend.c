/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own key made to last longer, as long as nobody has to be asked for that. */
#include "crypto/engine_private.h"

#include <stdio.h>
#include <string.h>

enum {
	DAY = 24 * 3600,
	LAST_DAYS = 180 * DAY,	/* within which it is renewed */
	LIFE_MIN = 200 * DAY,	/* who made it for less did so on purpose */
	LASTS = 2 * 365 * DAY	/* from then on, as gpg's "2y" */
};

/* What is to last longer. */
struct due {
	bool primary;
	char sub[2 * 41];	/* subkeys' fingerprints, a line each */
};

static bool ends_soon(gpgme_subkey_t s, int64_t now)
{
	return s->expires > now && s->expires <= now + LAST_DAYS
	       && s->expires - s->timestamp >= LIFE_MIN;
}

/* The newest subkey for a use: that is the one that is used. */
static gpgme_subkey_t newest(gpgme_key_t key, bool sign)
{
	gpgme_subkey_t best = NULL;

	for (gpgme_subkey_t s = key->subkeys->next; s; s = s->next)
		if (!s->revoked && !s->disabled && !s->invalid && !s->expired
		    && (sign ? s->can_sign : s->can_encrypt)
		    && (!best || s->timestamp >= best->timestamp))
			best = s;
	return best;
}

static void sub_add(struct due *d, gpgme_subkey_t s)
{
	size_t n = strlen(d->sub);

	if (s->fpr && strlen(s->fpr) == 40)
		snprintf(d->sub + n, sizeof d->sub - n, "%s%s", n ? "\n" : "",
		         s->fpr);
}

/* Only the primary key makes it last, and it must be here: not on a card, which would
 * be asked for, or elsewhere. */
static bool is_due(gpgme_key_t key, int64_t now, struct due *d)
{
	gpgme_subkey_t opens = newest(key, false), signs = newest(key, true);

	memset(d, 0, sizeof *d);
	if (key->revoked || key->disabled || key->invalid || key->expired
	    || !key->subkeys->secret || key->subkeys->is_cardkey)
		return false;
	d->primary = ends_soon(key->subkeys, now);
	if (opens && ends_soon(opens, now))
		sub_add(d, opens);
	if (signs && signs != opens && ends_soon(signs, now))
		sub_add(d, signs);
	return d->primary || d->sub[0];
}

static gpg_error_t set_end(struct engine *g, gpgme_key_t key, const char *sub)
{
	gpg_error_t err;

	engine_begin(g, NULL, NULL);
	err = gpgme_op_setexpire_start(g->x, key, LASTS, sub, 0);
	err = engine_run(g, err, g->stall, 4 * g->stall);
	if (!err && g->exited)
		err = gpg_error(GPG_ERR_INV_ENGINE);
	return err;
}

static int64_t end_of(gpgme_key_t key)
{
	int64_t signs = engine_key_ends(key, true);
	int64_t opens = engine_key_ends(key, false);

	if (signs <= 0 || (opens > 0 && opens < signs))
		return opens > 0 ? opens : 0;
	return signs;
}

/* Whatever gpg said: what it lists now is what counts. */
static int extended(struct engine *g, const char *fpr, int64_t now,
                    gpg_error_t err, int64_t *ends, struct err *e)
{
	gpgme_key_t key = engine_secret(g, fpr, e);
	struct due left;

	if (!key)
		return -1;
	*ends = end_of(key);
	if (!is_due(key, now, &left))
		return 1;
	if (!err)
		err = gpg_error(GPG_ERR_INV_ENGINE);
	return err_set(e, gpg_err_code(err), "%s", gpg_strerror(err));
}

bool engine_extends(struct engine *g, const char *fpr, int64_t now)
{
	gpgme_key_t key = engine_secret(g, fpr, NULL);
	struct due due;

	return key && is_due(key, now, &due);
}

/* Then nothing has failed: it is done when the passphrase is there. */
static bool would_ask(gpg_error_t err)
{
	switch (gpg_err_code(err)) {
	case GPG_ERR_NO_PIN_ENTRY: case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED: case GPG_ERR_BAD_PASSPHRASE:
		return true;
	default:
		return false;
	}
}

int engine_extend(struct engine *g, const char *fpr, int64_t now,
                  int64_t *ends, struct err *e)
{
	gpgme_key_t key = engine_secret(g, fpr, e);
	struct due due;
	gpg_error_t err = 0;
	bool ring;
	int rc;

	if (!key)
		return -1;
	*ends = end_of(key);
	if (!is_due(key, now, &due))
		return 0;
	gpgme_key_ref(key);
	ring = engine_ring_on(g, false);
	if (due.primary)
		err = set_end(g, key, NULL);
	if (!err && due.sub[0])
		err = set_end(g, key, due.sub);
	engine_ring_on(g, ring);
	gpgme_key_unref(key);
	rc = extended(g, fpr, now, err, ends, e);
	return rc == -1 && would_ask(err) ? 0 : rc;
}
