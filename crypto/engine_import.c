/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys into the user's keyring. */
#include "crypto/engine_private.h"

#include <string.h>

#include "crypto/public.h"

enum { PACKETS_MAX = 256 << 10 };	/* octets of what is imported */

static int bad(struct err *e, const struct err *why)
{
	return err_set(e, gpg_error(gpg_err_code(why->code) == GPG_ERR_FORBIDDEN
	                            ? GPG_ERR_FORBIDDEN : GPG_ERR_BAD_DATA),
	               "%s", why->text);
}

static int imported(struct engine *g, char fpr[IMPORT_KEYS_MAX][41], size_t *n,
                    size_t *new, struct err *e)
{
	gpgme_import_result_t r = gpgme_op_import_result(g->x);
	size_t i;

	for (gpgme_import_status_t s = r ? r->imports : NULL; s; s = s->next) {
		if (!s->fpr || strlen(s->fpr) != 40 || s->result)
			continue;
		for (i = 0; i < *n && strcmp(fpr[i], s->fpr); i++)
			;
		if (i == IMPORT_KEYS_MAX)
			continue;
		if (i == *n)
			memcpy(fpr[(*n)++], s->fpr, sizeof fpr[0]);
		*new += (s->status & GPGME_IMPORT_NEW) != 0;
	}
	return *n ? 0 : err_set(e, gpg_error(GPG_ERR_BAD_DATA), "GnuPG finds no "
	                        "key in it that it can use");
}

int engine_import(struct engine *g, const void *text, size_t len,
                  char fpr[IMPORT_KEYS_MAX][41], size_t *n, size_t *new,
                  struct err *e)
{
	gpgme_data_t data = NULL;
	struct membuf packets;
	gpg_error_t err;
	struct err why;
	int rc = -1;

	*n = *new = 0;
	membuf_init(&packets, PACKETS_MAX);
	if (public_read(text, len, &packets, &why)) {
		bad(e, &why);
		goto out;
	}
	err = gpgme_data_new_from_mem(&data, packets.buf, packets.len, 0);
	if (!err) {
		engine_begin(g, NULL, NULL);
		err = engine_run(g, gpgme_op_import_start(g->x, data), g->stall,
		                 4 * g->stall);
	}
	if (err)
		err_set(e, err, "GnuPG cannot import: %s", gpg_strerror(err));
	else
		rc = imported(g, fpr, n, new, e);
out:
	if (data)
		gpgme_data_release(data);
	membuf_free(&packets);
	return rc;
}
