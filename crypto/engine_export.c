/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A public key as text, for somebody else. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <string.h>

struct export {
	struct engine *g;
	const char *fpr;
	unsigned keys;		/* that gpg says it wrote */
	bool other;		/* one of them is not the wanted one */
	bool failed;		/* out did not take it: e says why */
	struct membuf *out;
	struct err *e;
};

static gpg_error_t export_status(void *arg, const char *key, const char *args)
{
	struct export *x = arg;

	if (strcmp(key, "EXPORTED"))
		return 0;
	x->keys++;
	x->other = x->other || strcmp(args, x->fpr);
	return 0;
}

static ssize_t export_write(void *handle, const void *buf, size_t n)
{
	struct export *x = handle;

	x->g->moved = true;
	if (x->failed || sink_put(&x->out->sink, buf, n, x->e)) {
		x->failed = true;
		errno = EIO;
		return -1;
	}
	return (ssize_t)n;
}

/* What any user's gpg.conf may have made of it: it is text, from here to there. */
static bool is_armor(const struct membuf *m)
{
	static const char first[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
	static const char last[] = "\n-----END PGP PUBLIC KEY BLOCK-----\n";
	size_t a = sizeof first - 1, z = sizeof last - 1;

	return m->len > a + z && !memcmp(m->buf, first, a)
	       && !memcmp(m->buf + m->len - z, last, z)
	       && !memchr(m->buf, '\0', m->len);
}

static int export_check(const struct export *x, gpg_error_t err)
{
	if (x->failed)
		return -1;
	if (!err && x->keys == 0 && x->out->len == 0)
		return err_set(x->e, GPG_ERR_NO_PUBKEY, "There is no such key");
	if (err || x->g->exited || x->keys != 1 || x->other
	    || !is_armor(x->out))
		return err_set(x->e, GPG_ERR_INV_ENGINE,
		               "GnuPG did not give the key");
	return 0;
}

int engine_export(struct engine *g, const char *fpr, struct membuf *out,
                  struct err *e)
{
	struct gpgme_data_cbs cbs = { .write = export_write };
	struct export x = { .g = g, .fpr = fpr, .out = out, .e = e };
	gpgme_data_t to = NULL;
	gpg_error_t err;
	int r;

	err = gpgme_data_new_from_cbs(&to, &cbs, &x);
	if (err)
		return err_set(e, err, "%s", gpg_strerror(err));
	gpgme_set_armor(g->x, 1);
	engine_begin(g, export_status, &x);
	err = gpgme_op_export_start(g->x, fpr, GPGME_EXPORT_MODE_MINIMAL, to);
	err = engine_run(g, err, g->stall, 4 * g->stall);
	gpgme_set_armor(g->x, 0);
	gpgme_data_release(to);
	r = export_check(&x, err);
	if (r)
		membuf_free(out);
	return r;
}
