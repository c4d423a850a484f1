/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys as they are shown to people. */
#include "crypto/engine_private.h"

#include <stdio.h>
#include <string.h>

/* For an address, or (NULL) for any of its user IDs. */
static bool is_valid(gpgme_key_t key, const char *addr)
{
	if (addr)
		return engine_key_validity(key, addr) >= GPGME_VALIDITY_FULL;
	for (gpgme_user_id_t u = key->uids; u; u = u->next)
		if (!u->revoked && !u->invalid
		    && u->validity >= GPGME_VALIDITY_FULL)
			return true;
	return false;
}

static bool is_ours(struct engine *g, const char *fpr)
{
	for (size_t i = 0; i < g->secret.n; i++)
		if (g->secret.key[i]->fpr && !strcmp(g->secret.key[i]->fpr, fpr))
			return true;
	return false;
}

static void listed_fill(struct engine *g, struct listed *k, gpgme_key_t key,
                        const char *addr, bool own)
{
	int64_t ends = engine_key_ends(key, own);

	memset(k, 0, sizeof *k);
	memcpy(k->fpr, key->fpr, sizeof k->fpr);
	k->created = key->subkeys->timestamp;
	k->expires = ends >= 0 ? ends : key->subkeys->expires;
	k->secret = own || is_ours(g, k->fpr);
	k->usable = engine_key_fit(key, own) == KEY_USABLE;
	k->valid = is_valid(key, addr);
	k->revoked = key->revoked;
	k->expired = key->expired
	             || engine_key_fit(key, own) == KEY_EXPIRED;
	for (gpgme_user_id_t u = key->uids; u && k->n < LISTED_UIDS_MAX;
	     u = u->next)
		if (u->uid && (!u->revoked || key->revoked))
			snprintf(k->uid[k->n++], LISTED_UID_MAX, "%.*s",
			         LISTED_UID_MAX - 1, u->uid);
}

static int show(struct engine *g, const struct keyring *r, const char *addr,
                bool own, engine_take *take, void *arg, struct err *e)
{
	static struct listed k;
	size_t shown = 0;
	gpgme_key_t key;

	for (size_t i = 0; i < r->n && shown < LISTED_MAX; i++) {
		key = r->key[i];
		if (!key->fpr || strlen(key->fpr) != 40 || !key->subkeys
		    || (addr && engine_key_validity(key, addr) < 0))
			continue;
		listed_fill(g, &k, key, addr, own);
		shown++;
		if (take(arg, &k, e))
			return -1;
	}
	return 0;
}

int engine_show_own(struct engine *g, engine_take *take, void *arg,
                    struct err *e)
{
	if (engine_secrets(g, e))
		return -1;
	return show(g, &g->secret, NULL, true, take, arg, e);
}

int engine_show_addr(struct engine *g, const char *addr, engine_take *take,
                     void *arg, struct err *e)
{
	struct keyring r = { NULL };
	int rc;

	if (engine_secrets(g, e) || engine_list_addr(g, addr, &r, e))
		return -1;
	rc = show(g, &r, addr, false, take, arg, e);
	keyring_clear(&r);
	return rc;
}

int engine_show(struct engine *g, char fpr[][41], size_t n, engine_take *take,
                void *arg, struct err *e)
{
	struct keyring r = { NULL };
	int rc = engine_secrets(g, e);

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = engine_list(g, fpr[i], NULL, false, &r, e);
		if (rc == 0)
			rc = show(g, &r, NULL, false, take, arg, e);
		keyring_clear(&r);
	}
	return rc;
}
