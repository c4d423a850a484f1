/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: peers' keys, judged by gpg before the keeper remembers them. */
#include "agent/crypt_peers.h"

#include <string.h>

#include "agent/keeper.h"

/* Is it the key's fault, not ours? */
static bool is_unfit(const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_NO_USER_ID: case GPG_ERR_UNUSABLE_PUBKEY:
	case GPG_ERR_BAD_DATA: case GPG_ERR_INV_PACKET:
	case GPG_ERR_UNSUPPORTED_ALGORITHM: case GPG_ERR_TOO_LARGE:
		return true;
	default:
		return false;
	}
}

static int unfit(struct err *e, const char *why)
{
	err_set(e, gpg_error(GPG_ERR_UNUSABLE_PUBKEY), "%s", why);
	return 0;
}

int crypt_learn(struct crypt *c, const struct peer_news *news, struct err *e)
{
	struct peer_news w = *news;
	struct judged_key j;
	bool taken;

	memset(&j, 0, sizeof j);
	w.fpr = j.fpr;
	if (!addr_ok(w.addr))
		return unfit(e, "This is no address");
	if (w.n > PEER_KEY_MAX)
		return unfit(e, "The key is too large");
	if (w.key && engine_judge(c->engine, w.key, w.n, w.addr, &j, e))
		return is_unfit(e) ? 0 : -1;
	if (w.key && !j.usable && !j.revoked)
		return unfit(e, "The key has ended");
	w.expires = j.expires;
	w.revoked = j.revoked;
	if (keeper_learnt(&c->ends->keeper, &w, &taken, e))
		return -1;
	if (!taken)
		err_set(e, 0, "Nothing new");
	return taken;
}
