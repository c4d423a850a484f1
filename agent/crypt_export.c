/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: a public key as text, our own or another. */
#include <string.h>

#include "agent/crypt_out.h"

/* 0, or what C_DONE is to say. */
static enum outcome find(struct crypt *c, uint32_t account, char fpr[41],
                         struct err *e)
{
	struct found own;

	if (fpr[0])
		return strspn(fpr, "0123456789ABCDEF") == 40 ? DONE_OK
		                                             : DONE_REFUSED;
	if (account >= c->conf->n_accounts)
		return DONE_REFUSED;
	if (crypt_find_own(c, &c->conf->account[account], &own, e))
		return DONE_FAILED;
	if (own.state != KEY_USABLE)
		return DONE_REFUSED;
	memcpy(fpr, own.key.fpr, sizeof own.key.fpr);
	return DONE_OK;
}

int crypt_export(struct crypt *c, struct unpack *u)
{
	uint32_t n = unpack_u32(u);
	struct err e = { .text = "there is no such key" };
	struct membuf text;
	struct pack p;
	enum outcome o;
	char fpr[41];
	int rc;

	unpack_str(u, fpr, sizeof fpr);
	if (!unpack_end(u))
		return -1;
	o = find(c, n, fpr, &e);
	if (o != DONE_OK)
		return crypt_done(c, o, e.text);
	membuf_init(&text, KEY_ARMOR_MAX);
	if (engine_export(c->engine, fpr, &text, &e)
	    || sink_put(&text.sink, "", 1, &e)) {
		o = gpg_err_code(e.code) == GPG_ERR_NO_PUBKEY ? DONE_REFUSED
		                                              : DONE_FAILED;
		rc = crypt_done(c, o, e.text);
	} else {
		pack_init(&p);
		pack_str(&p, text.buf);
		rc = pack_send(&p, &c->ends->front, C_EXPORTED, NULL);
	}
	membuf_free(&text);
	return rc;
}
