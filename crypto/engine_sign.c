/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signing alone: a detached signature, and its digest's name while the letter
 * still goes by. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <string.h>

const char *engine_hash_name(const char *args, gpgme_hash_algo_t *algo)
{
	static const struct {
		const char *args, *name;
		gpgme_hash_algo_t algo;
	} good[] = {
		{ "H8", "pgp-sha256", GPGME_MD_SHA256 },
		{ "H9", "pgp-sha384", GPGME_MD_SHA384 },
		{ "H10", "pgp-sha512", GPGME_MD_SHA512 }
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!strcmp(args, good[i].args)) {
			if (algo)
				*algo = good[i].algo;
			return good[i].name;
		}
	return NULL;
}

static bool is_of(gpgme_key_t key, const char *fpr)
{
	for (gpgme_subkey_t s = key ? key->subkeys : NULL; s; s = s->next)
		if (s->fpr && strcmp(s->fpr, fpr) == 0)
			return true;
	return false;
}

bool engine_signature(struct engine *g, const char *signer,
                      struct engine_made *made)
{
	gpgme_sign_result_t r = gpgme_op_sign_result(g->x);
	gpgme_new_signature_t s = r ? r->signatures : NULL;

	memset(made, 0, sizeof *made);
	if (!s || r->invalid_signers || s->next || !s->fpr
	    || strlen(s->fpr) != 40)
		return false;
	memcpy(made->fpr, s->fpr, sizeof made->fpr);
	made->hash = s->hash_algo;
	made->class = s->sig_class;
	/* a subkey may have come while gpg signed with it: it is listed then */
	return is_of(engine_secret(g, signer, NULL), made->fpr);
}

struct signing {
	struct engine *g;
	int (*micalg)(void *arg, const char *name, struct err *e);
	void *arg;
	gpgme_hash_algo_t algo;		/* as it was told; 0: not yet */
	bool failed;			/* e says why */
	bool told_in_vain;		/* ... and it was micalg */
	struct membuf *sig;
	struct err *e;
};

static gpg_error_t sign_status(void *arg, const char *key, const char *args)
{
	struct signing *s = arg;
	const char *name;

	if (strcmp(key, "BEGIN_SIGNING"))
		return 0;
	name = s->algo ? NULL : engine_hash_name(args, &s->algo);
	if (!name) {
		err_set(s->e, GPG_ERR_FORBIDDEN, ENGINE_WEAK_DIGEST);
		s->failed = true;
	} else if (s->micalg(s->arg, name, s->e)) {
		s->failed = s->told_in_vain = true;
	}
	return s->failed ? gpg_error(GPG_ERR_FORBIDDEN) : 0;
}

static ssize_t sign_write(void *handle, const void *buf, size_t n)
{
	struct signing *s = handle;

	s->g->moved = true;
	if (s->failed || sink_put(&s->sig->sink, buf, n, s->e)) {
		s->failed = true;
		errno = EIO;
		return -1;
	}
	return (ssize_t)n;
}

static gpg_error_t sign_run(struct engine *g, struct signing *s,
                            gpgme_key_t signer, struct engine_in *in)
{
	struct gpgme_data_cbs in_cbs = *engine_in_cbs;
	struct gpgme_data_cbs out_cbs = { .write = sign_write };
	gpgme_data_t from = NULL, to = NULL;
	gpg_error_t err;

	gpgme_signers_clear(g->x);
	err = gpgme_data_new_from_cbs(&from, &in_cbs, in);
	if (!err)
		err = gpgme_data_new_from_cbs(&to, &out_cbs, s);
	if (!err)
		err = gpgme_signers_add(g->x, signer);
	if (err)
		goto out;
	engine_begin(g, sign_status, s);
	err = gpgme_op_sign_start(g->x, from, to, GPGME_SIG_MODE_DETACH);
	err = engine_run(g, err, g->stall, 0);
out:
	gpgme_data_release(from);
	gpgme_data_release(to);
	return err;
}

/* A signature packet (RFC 9580 section 4.2), not armor. */
static bool is_signature(const struct membuf *m)
{
	unsigned c = m->len ? (unsigned char)m->buf[0] : 0;

	return c == 0xc2 || (c & 0xfc) == 0x88;
}

static int sign_check(struct engine *g, struct signing *s, const char *signer,
                      const struct engine_in *in, gpg_error_t err)
{
	struct engine_made made;

	if (s->failed || in->failed)
		return -1;
	if (err)
		return err_set(s->e, gpg_err_code(err),
		               "GnuPG did not sign the letter: %s",
		               gpg_strerror(err));
	if (g->exited || !s->algo || !in->ended)
		return err_set(s->e, GPG_ERR_INV_ENGINE,
		               "GnuPG stopped before the letter was signed");
	if (!engine_signature(g, signer, &made))
		return err_set(s->e, GPG_ERR_FORBIDDEN, ENGINE_WRONG_SIGNER);
	if (made.hash != s->algo || made.class != 0 ||
	    !is_signature(s->sig))
		return err_set(s->e, GPG_ERR_FORBIDDEN, "GnuPG made another "
		               "kind of signature than it was asked for: see "
		               "armor and textmode in its gpg.conf");
	return 0;
}

int engine_sign(struct engine *g, const struct key *signer, struct source *in,
                int (*micalg)(void *arg, const char *name, struct err *e),
                void *arg, struct membuf *sig, struct err *e)
{
	struct err own;
	struct signing s = { .g = g, .micalg = micalg, .arg = arg, .sig = sig,
		.e = e ? e : &own };
	struct engine_in from = { .g = g, .in = in, .e = s.e };
	gpgme_key_t key;
	int r = -1;

	key = engine_secret(g, signer->fpr, s.e);
	if (key)
		r = sign_check(g, &s, signer->fpr, &from,
		               sign_run(g, &s, key, &from));
	from.e = NULL;		/* the first failure is the one to tell */
	if (!s.told_in_vain)
		engine_drain(&from);
	if (r)
		membuf_free(sig);
	return r;
}
