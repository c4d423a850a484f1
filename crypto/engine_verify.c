/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Detached signatures: gpg gets nothing but signatures, and must have an opinion
 * on each of them. */
#include "crypto/engine_private.h"

#include <string.h>

struct verifying {
	struct engine *g;
	struct membuf sigs;	/* those that gpg can read */
	unsigned n;
	struct engine_in in;
	/* said by gpg */
	unsigned newsig;
	bool bad;		/* a line that no signature alone has */
	struct engine_sigs heard;
};

static gpg_error_t verify_line(void *arg, const char *key, const char *args)
{
	static const char *const never[] = { "NODATA", "UNEXPECTED",
		"BADARMOR", "TRUNCATED", "PLAINTEXT", "ENC_TO",
		"BEGIN_DECRYPTION", "DECRYPTION_OKAY" };
	struct verifying *v = arg;

	if (!strcmp(key, "NEWSIG"))
		v->newsig++;
	else if (!strcmp(key, "VALIDSIG"))
		engine_sigs_heard(&v->heard, args);
	else if (!strncmp(key, "GET_", 4))
		return gpg_error(GPG_ERR_BAD_DATA);
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		v->bad |= !strcmp(key, never[i]);
	return 0;
}

static gpg_error_t verify_run(struct verifying *v)
{
	struct gpgme_data_cbs in_cbs = *engine_in_cbs;
	gpgme_data_t sigs = NULL, text = NULL;
	struct engine *g = v->g;
	gpg_error_t err;

	err = gpgme_data_new_from_mem(&sigs, v->sigs.buf, v->sigs.len, 0);
	if (!err)
		err = gpgme_data_new_from_cbs(&text, &in_cbs, &v->in);
	if (err)
		goto out;
	engine_begin(g, verify_line, v);
	err = gpgme_op_verify_start(g->x, sigs, text, NULL);
	err = engine_run(g, err, g->stall, 0);
out:
	gpgme_data_release(sigs);
	gpgme_data_release(text);
	return err;
}

/* gpg looks at the first alone where they are of different kinds, and leaves at
 * one that is bad or expired: what it did not look at may be bad. */
static bool all_seen(const struct verifying *v)
{
	gpgme_verify_result_t r = gpgme_op_verify_result(v->g->x);
	unsigned n = 0;

	for (gpgme_signature_t s = r ? r->signatures : NULL; s; s = s->next)
		n++;
	return n == v->n && v->newsig == v->n;
}

static int verify_judge(struct verifying *v, gpg_error_t err,
                        struct opened *o)
{
	bool all;

	if (v->in.failed)
		return -1;
	if (gpg_err_code(err) == GPG_ERR_TIMEOUT)
		return 0;
	if (!v->g->lines && v->g->exited != -1)
		return err_set(v->in.e, GPG_ERR_INV_ENGINE,
		               "GnuPG does not work: %s", gpg_strerror(err));
	if (v->g->exited < 0)
		return 0;
	o->signature = SIG_BAD;
	if (err || v->bad)
		return 0;
	all = all_seen(v);
	if (engine_sig_judge(v->g, &v->heard, o, v->in.e))
		return -1;
	if (!all && (o->signature == SIG_GOOD ||
	             o->signature == SIG_UNTRUSTED)) {
		opened_free(o);
		o->signature = SIG_BAD;
	}
	return 0;
}

int engine_verify(struct engine *g, const void *sig, size_t n_sig,
                  struct source *text, struct opened *o, struct err *e)
{
	struct err own;
	struct verifying v = { .g = g,
		.in = { .g = g, .in = text, .e = e ? e : &own } };
	int r = 0;

	memset(o, 0, sizeof *o);
	o->encryption = ENC_NONE;
	membuf_init(&v.sigs, n_sig);
	if (packet_signatures(sig, n_sig, &v.sigs.sink, &v.n, v.in.e)) {
		o->signature = SIG_BAD;
		if (gpg_err_code(v.in.e->code) == GPG_ERR_ENOMEM)
			r = -1;
	} else if (!v.n) {
		o->signature = SIG_UNKNOWN_KEY;
	} else {
		r = verify_judge(&v, verify_run(&v), o);
	}
	if (!r) {
		engine_drain(&v.in);
		r = v.in.failed ? -1 : 0;
	}
	if (r)
		opened_free(o);
	membuf_free(&v.sigs);
	return r;
}
