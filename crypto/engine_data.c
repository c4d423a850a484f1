/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A key that somebody sent, as gpg reads it: put into no keyring. */
#include "crypto/engine_private.h"

#include <string.h>

#include "crypto/keydata.h"

enum { ADDRESSES_MAX = 50 };	/* of one key */

static int list_data(struct engine *g, const void *key, size_t n,
                     struct keyring *r, struct err *e)
{
	gpgme_data_t data = NULL;
	gpg_error_t err = gpgme_data_new_from_mem(&data, key, n, 0);
	bool ring;

	if (err)
		return err_set(e, err, "%s", gpg_strerror(err));
	ring = engine_ring_on(g, false);
	gpgme_set_keylist_mode(g->x, GPGME_KEYLIST_MODE_LOCAL);
	g->list = r;
	engine_begin(g, NULL, NULL);
	err = engine_run(g, gpgme_op_keylist_from_data_start(g->x, data, 0),
	                 g->stall, 4 * g->stall);
	g->list = NULL;
	engine_ring_on(g, ring);
	gpgme_data_release(data);
	return err ? err_set(e, err, "GnuPG cannot read a key: %s",
	                     gpg_strerror(err)) : 0;
}

/* gpg has checked what the key says of itself; this is what it came to. */
static int judge(gpgme_key_t key, const char *fpr, const char *addr,
                 struct judged_key *j, struct err *e)
{
	enum key_state fit;

	if (!key->subkeys || !key->fpr || strcmp(key->fpr, fpr)
	    || engine_key_validity(key, addr) < 0)
		return err_set(e, gpg_error(GPG_ERR_NO_USER_ID),
		               "It is no key for this address");
	fit = engine_key_fit(key, false);
	j->revoked = key->revoked;
	j->usable = fit == KEY_USABLE;
	j->expires = engine_key_ends(key, false);
	if (fit == KEY_UNUSABLE && !j->revoked)
		return err_set(e, gpg_error(GPG_ERR_UNUSABLE_PUBKEY),
		               "It is no key to seal letters with");
	if (j->expires < 0)
		j->expires = 0;
	return 0;
}

/* User IDs that nothing was signed for are not among gpg's. */
static int keep(gpgme_key_t k, const void *key, size_t n, const char *addr,
                struct sink *clean, struct err *e)
{
	struct addrs found = { NULL };
	char of[ADDR_MAX + 1];
	int rc = addrs_add(&found, addr, e);

	for (gpgme_user_id_t u = k->uids; u && rc == 0; u = u->next)
		if (u->uid && !u->invalid && found.n < ADDRESSES_MAX
		    && addr_of_uid(u->uid, of) && !addrs_have(&found, of))
			rc = addrs_add(&found, of, e);
	if (rc == 0)
		rc = keydata_clean(key, n, &found, clean, e);
	addrs_free(&found);
	return rc;
}

int engine_judge(struct engine *g, const void *key, size_t n, const char *addr,
                 struct judged_key *j, struct sink *clean, struct err *e)
{
	struct keyring r = { NULL };
	struct keydata d;
	int rc = -1;

	memset(j, 0, sizeof *j);
	if (keydata_read(&d, key, n, e))
		return -1;
	memcpy(j->fpr, d.fpr, sizeof j->fpr);
	if (list_data(g, key, n, &r, e))
		return -1;
	if (r.n != 1)
		err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		        "It is no key that GnuPG can use");
	else
		rc = judge(r.key[0], d.fpr, addr, j, e);
	if (rc == 0 && clean)
		rc = keep(r.key[0], key, n, addr, clean, e);
	keyring_clear(&r);
	return rc;
}
