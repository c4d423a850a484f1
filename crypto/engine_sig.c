/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the signatures inside a letter are worth to GnuPG, in the words of the
 * verdict, and whose they are. */
#include "crypto/engine_private.h"

#include <stdio.h>
#include <string.h>

/* VALIDSIG sub date time expires version reserved pk hash class primary */
void engine_sigs_heard(struct engine_sigs *s, const char *args)
{
	if (s->n < ENGINE_SIGS_MAX &&
	    sscanf(args, "%40s %*s %*s %*s %*s %*s %*s %*s %*s %40s",
	           s->sig[s->n].sub, s->sig[s->n].primary) == 2)
		s->n++;
}

static bool hash_weak(gpgme_hash_algo_t h)
{
	return h == GPGME_MD_MD5 || h == GPGME_MD_SHA1 ||
		h == GPGME_MD_RMD160;
}

static enum verdict_signature sig_word(gpgme_signature_t s)
{
	switch (gpg_err_code(s->status)) {
	case GPG_ERR_NO_ERROR:
		if (hash_weak(s->hash_algo))
			return SIG_WEAK;
		if (s->validity == GPGME_VALIDITY_FULL ||
		    s->validity == GPGME_VALIDITY_ULTIMATE)
			return SIG_GOOD;
		return SIG_UNTRUSTED;
	case GPG_ERR_SIG_EXPIRED:
	case GPG_ERR_KEY_EXPIRED:
		return SIG_EXPIRED;
	case GPG_ERR_CERT_REVOKED:
		return SIG_REVOKED;
	case GPG_ERR_NO_PUBKEY:
	case GPG_ERR_UNSUPPORTED_ALGORITHM:
	case GPG_ERR_PUBKEY_ALGO:
		return SIG_UNKNOWN_KEY;
	case GPG_ERR_DIGEST_ALGO:
		return SIG_WEAK;
	default:
		return hash_weak(s->hash_algo) &&
			gpg_err_code(s->status) != GPG_ERR_BAD_SIGNATURE ?
			SIG_WEAK : SIG_BAD;
	}
}

/* One bad makes all bad (R7); else the best of them speaks. */
static gpgme_signature_t sig_choose(gpgme_signature_t list,
                                    enum verdict_signature *word)
{
	static const int rank[] = { [SIG_GOOD] = 6, [SIG_UNTRUSTED] = 5,
		[SIG_EXPIRED] = 4, [SIG_REVOKED] = 3, [SIG_WEAK] = 2,
		[SIG_UNKNOWN_KEY] = 1, [SIG_NONE] = 0, [SIG_BAD] = 7,
		[SIG_MISMATCH] = 0 };
	gpgme_signature_t best = NULL;

	*word = SIG_NONE;
	for (; list; list = list->next)
		if (rank[sig_word(list)] > rank[*word]) {
			best = list;
			*word = sig_word(list);
		}
	return best;
}

/* The addresses of the signer.  GnuPG calls a key valid if one of its user
 * IDs is: only those it calls valid may stand for a good signature. */
static int uids_add(gpgme_key_t key, bool good, struct addrs *to,
                    struct err *e)
{
	char addr[ADDR_MAX + 1];

	for (gpgme_user_id_t u = key->uids; u; u = u->next) {
		if (u->revoked || u->invalid || !u->uid ||
		    !addr_of_uid(u->uid, addr))
			continue;
		if (good && u->validity < GPGME_VALIDITY_FULL)
			continue;
		if (addrs_add(to, addr, e))
			return -1;
	}
	return 0;
}

static void primary_of(const struct engine_sigs *h, gpgme_signature_t s,
                       char fpr[41])
{
	for (unsigned i = 0; i < h->n; i++)
		if (s->fpr && !strcmp(h->sig[i].sub, s->fpr))
			memcpy(fpr, h->sig[i].primary, sizeof h->sig[i].primary);
}

static bool known(const struct opened *o, const char *fpr)
{
	bool found = !strcmp(o->fpr, fpr);

	for (unsigned i = 0; i < o->n_also; i++)
		found |= !strcmp(o->also[i].fpr, fpr);
	return found;
}

/* The other good ones: From may be the owner of any. */
static void also_note(const struct engine_sigs *h, gpgme_signature_t list,
                      struct opened *o)
{
	char fpr[41];

	for (; list && o->n_also < OPENED_ALSO_MAX; list = list->next) {
		fpr[0] = '\0';
		if (sig_word(list) == SIG_GOOD)
			primary_of(h, list, fpr);
		if (fpr[0] && !known(o, fpr))
			memcpy(o->also[o->n_also++].fpr, fpr, sizeof fpr);
	}
}

/* GPGME's list of signatures is gone with the first look for a key. */
static int also_look(struct engine *g, struct opened *o, struct err *e)
{
	gpgme_key_t key;

	for (unsigned i = 0; i < o->n_also; i++) {
		key = engine_signer(g, o->also[i].fpr, NULL);
		if (key && uids_add(key, true, &o->also[i].uids, e))
			return -1;
	}
	return 0;
}

static bool signs(gpgme_key_t key, const char *sub)
{
	for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
		if (s->fpr && !strcmp(s->fpr, sub))
			return s->can_sign && !s->revoked && !s->expired;
	return false;
}

/* Said in any copy, whatever another one has. */
static bool withdrawn(gpgme_key_t key, const char *sub)
{
	if (key->revoked || key->disabled || key->invalid)
		return true;
	for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
		if (s->fpr && !strcmp(s->fpr, sub) && s->revoked)
			return true;
	return false;
}

/* gpg verifies by the first copy of a key that it finds, the user's: that it has ended
 * counts no more where a copy in our keyring lasts longer. */
static bool renewed(struct engine *g, const char *fpr, const char *sub)
{
	bool lasts = false;

	if (!engine_signer(g, fpr, NULL))
		return false;
	for (size_t i = 0; i < g->signers.n; i++) {
		gpgme_key_t k = g->signers.key[i];

		if (!k->fpr || strcmp(k->fpr, fpr))
			continue;
		if (withdrawn(k, sub))
			return false;
		lasts = lasts || (!k->expired && signs(k, sub));
	}
	return lasts;
}

int engine_sig_judge(struct engine *g, const struct engine_sigs *h,
                     struct opened *o, struct err *e)
{
	gpgme_verify_result_t r = gpgme_op_verify_result(g->x);
	gpgme_signature_t s;
	gpgme_key_t key;
	char sub[41] = "";

	s = sig_choose(r ? r->signatures : NULL, &o->signature);
	if (!s || o->signature == SIG_BAD || o->signature == SIG_UNKNOWN_KEY)
		return 0;
	primary_of(h, s, o->fpr);
	if (o->signature == SIG_GOOD)
		also_note(h, r->signatures, o);
	if (gpg_err_code(s->status) == GPG_ERR_KEY_EXPIRED
	    && !hash_weak(s->hash_algo) && s->fpr && strlen(s->fpr) == 40)
		memcpy(sub, s->fpr, sizeof sub);
	/* from here on GPGME's result is gone */
	if (o->signature == SIG_EXPIRED && sub[0] && renewed(g, o->fpr, sub))
		o->signature = SIG_UNTRUSTED;
	if (o->signature != SIG_GOOD && o->signature != SIG_UNTRUSTED)
		return 0;
	key = o->fpr[0] ? engine_signer(g, o->fpr, NULL) : NULL;
	if (!key) {
		o->signature = SIG_UNKNOWN_KEY;
		o->fpr[0] = '\0';
		o->n_also = 0;
		return 0;
	}
	if (o->signature == SIG_GOOD)
		o->trust = TRUST_VERIFIED;
	if (uids_add(key, o->signature == SIG_GOOD, &o->uids, e))
		return -1;
	return also_look(g, o, e);
}
