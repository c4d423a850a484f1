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
static int uids_add(gpgme_key_t key, struct opened *o, struct err *e)
{
	char addr[ADDR_MAX + 1];

	for (gpgme_user_id_t u = key->uids; u; u = u->next) {
		if (u->revoked || u->invalid || !u->uid ||
		    !addr_of_uid(u->uid, addr))
			continue;
		if (o->signature == SIG_GOOD &&
		    u->validity < GPGME_VALIDITY_FULL)
			continue;
		if (addrs_add(&o->uids, addr, e))
			return -1;
	}
	return 0;
}

int engine_sig_judge(struct engine *g, const struct engine_sigs *h,
                     struct opened *o, struct err *e)
{
	gpgme_verify_result_t r = gpgme_op_verify_result(g->x);
	gpgme_signature_t s;
	gpgme_key_t key;

	s = sig_choose(r ? r->signatures : NULL, &o->signature);
	if (!s || o->signature == SIG_BAD || o->signature == SIG_UNKNOWN_KEY)
		return 0;
	for (unsigned i = 0; i < h->n; i++)
		if (s->fpr && !strcmp(h->sig[i].sub, s->fpr))
			memcpy(o->fpr, h->sig[i].primary, sizeof o->fpr);
	if (o->signature != SIG_GOOD && o->signature != SIG_UNTRUSTED)
		return 0;
	key = o->fpr[0] ? engine_signer(g, o->fpr, NULL) : NULL;
	if (!key) {
		o->signature = SIG_UNKNOWN_KEY;
		o->fpr[0] = '\0';
		return 0;
	}
	if (o->signature == SIG_GOOD)
		o->trust = TRUST_VERIFIED;
	return uids_add(key, o, e);
}
