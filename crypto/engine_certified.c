/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new key that the old one vouches for: its owner has both. */
#include "crypto/engine_private.h"

#include <string.h>

enum { CLASS_FIRST = 0x10, CLASS_LAST = 0x13 };	/* RFC 9580 section 5.2.1 */

static gpgme_key_t get(const struct keyring *r, const char *fpr)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->key[i]->fpr && strcmp(r->key[i]->fpr, fpr) == 0)
			return r->key[i];
	return NULL;
}

/* A certification that gpg has found good, and none of that key's taken back. */
static bool certifies(gpgme_user_id_t u, const char *keyid)
{
	bool good = false;

	for (gpgme_key_sig_t s = u->signatures; s; s = s->next) {
		if (!s->keyid || strcmp(s->keyid, keyid))
			continue;
		if (s->revoked)
			return false;
		good |= s->status == GPG_ERR_NO_ERROR && !s->expired
		        && !s->invalid && s->sig_class >= CLASS_FIRST
		        && s->sig_class <= CLASS_LAST;
	}
	return good;
}

static bool vouches(gpgme_key_t old, gpgme_key_t new, const char *addr)
{
	char own[ADDR_MAX + 1];

	if (!old || !new || old->revoked || old->expired || old->disabled
	    || old->invalid || !old->subkeys || !old->subkeys->keyid)
		return false;
	for (gpgme_user_id_t u = new->uids; u; u = u->next)
		if (!u->revoked && !u->invalid && u->uid
		    && addr_of_uid(u->uid, own) && addr_same(own, addr)
		    && certifies(u, old->subkeys->keyid))
			return true;
	return false;
}

bool engine_certified(struct engine *g, const char *addr, const char *fpr,
                      const struct judgement *j)
{
	enum judged was = judgement_of(j, j->used);
	struct keyring r = { NULL };
	gpgme_key_t old;
	bool yes;

	if (was == JUDGED_VERIFIED || was == JUDGED_REJECTED
	    || engine_list_signed(g, fpr, j->used, &r, NULL))
		return false;
	old = get(&r, j->used);
	/* it has to be the address's own, too */
	yes = old && engine_key_validity(old, addr) >= 0
	      && vouches(old, get(&r, fpr), addr);
	keyring_clear(&r);
	return yes;
}
