/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening: decrypted only if everything GnuPG says is as it is said of one
 * whole letter. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts of status lines; each must be exactly as in a good letter. */
struct heard {
	unsigned okay, goodmdc, plaintext, info, begin, end;
	bool protected;		/* DECRYPTION_INFO: MDC or AEAD */
	bool bad;		/* a line that no good letter has */
	bool broken;		/* ... inside of the encryption */
	bool outside;		/* a signature outside of the encryption */
	bool no_seckey, locked, unsupported;
	struct engine_sigs sigs;
};

struct opening {
	struct engine *g;
	struct heard heard;
	struct packet_head head;
	char *buf;		/* the head's octets */
	size_t len;
	bool fits;		/* one of our secret keys is named */
	bool hidden;		/* a recipient is not */
	bool cold;		/* no key that fits can be used without asking */
	bool hope;		/* though it may be, with a sister's passphrase */
	bool asked;		/* a passphrase may have been asked for */
	const char *grip;	/* of the first that fits */
	struct engine_in in;
	struct sink *out;
	uint64_t left, size;	/* octets of cleartext still allowed, and so far */
	bool too_large, out_failed;
};

/* Status lines (GnuPG's doc/DETAILS). */

static void heard_key(struct heard *h, const char *args)
{
	gpg_err_code_t c;

	if (!strncmp(args, "pkdecrypt_failed ", 17)) {
		c = gpg_err_code((gpg_error_t)strtoul(args + 17, NULL, 10));
		h->locked |= c == GPG_ERR_NO_PIN_ENTRY || c == GPG_ERR_CANCELED ||
			c == GPG_ERR_FULLY_CANCELED || c == GPG_ERR_TIMEOUT ||
			c == GPG_ERR_BAD_PASSPHRASE || c == GPG_ERR_BAD_PIN ||
			c == GPG_ERR_NO_PASSPHRASE || c == GPG_ERR_NO_AGENT ||
			c == GPG_ERR_CARD_NOT_PRESENT;
	} else if (!strncmp(args, "decrypt.algorithm ", 18)) {
		h->unsupported = true;
	} else if (!strncmp(args, "proc_pkt.", 9) ||
	           !strncmp(args, "decryption.", 11)) {
		h->bad = true;
	}
}

static void heard_info(struct heard *h, const char *args)
{
	int mdc = 0, cipher = 0, aead = 0;

	h->info++;
	h->protected = sscanf(args, "%d %d %d", &mdc, &cipher, &aead) >= 2 &&
		(mdc || aead);
}

static gpg_error_t heard_line(void *arg, const char *key, const char *args)
{
	static const char *const never[] = { "BADMDC", "DECRYPTION_FAILED",
		"NODATA", "UNEXPECTED", "TRUNCATED", "BADARMOR" };
	struct heard *h = arg;

	if (!strcmp(key, "DECRYPTION_OKAY"))
		h->okay++;
	else if (!strcmp(key, "GOODMDC"))
		h->goodmdc++;
	else if (!strcmp(key, "PLAINTEXT"))
		h->plaintext++;
	else if (!strcmp(key, "BEGIN_DECRYPTION"))
		h->begin++;
	else if (!strcmp(key, "END_DECRYPTION"))
		h->end++;
	else if (!strcmp(key, "DECRYPTION_INFO"))
		heard_info(h, args);
	else if (!strcmp(key, "NO_SECKEY"))
		h->no_seckey = true;
	else if (!strcmp(key, "ERROR"))
		heard_key(h, args);
	else if (!strcmp(key, "VALIDSIG"))
		engine_sigs_heard(&h->sigs, args);
	else if (!strcmp(key, "NEWSIG") && (h->begin != 1 || h->end))
		h->outside = true;
	else if (!strncmp(key, "GET_", 4))	/* asks for a file, say */
		return gpg_error(GPG_ERR_BAD_DATA);
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (!strcmp(key, never[i])) {
			h->bad = true;
			h->broken |= h->begin == 1 && !h->end;
		}
	return 0;
}

/* R4 of one whole letter. */
static bool heard_good(const struct heard *h)
{
	return h->okay == 1 && h->goodmdc == 1 && h->plaintext == 1 &&
		h->info == 1 && h->begin == 1 && h->end == 1 && h->protected &&
		!h->bad && !h->outside;
}

static enum verdict_reason heard_reason(const struct heard *h, gpg_error_t err)
{
	gpg_err_code_t c = gpg_err_code(err);

	if (h->unsupported || c == GPG_ERR_UNSUPPORTED_ALGORITHM ||
	    c == GPG_ERR_UNKNOWN_PACKET || c == GPG_ERR_CIPHER_ALGO)
		return REASON_UNSUPPORTED;
	if (h->no_seckey && !h->info)
		return REASON_NO_SECRET_KEY;
	/* GPGME stops listening at NODATA, before the DECRYPTION_FAILED; and
	 * gpg stops where a changed text can't be inflated. */
	if (h->info && (h->broken || (h->plaintext && !h->okay && !h->bad)))
		return REASON_INTEGRITY;
	/* AEAD: gpg 2.2 tells of it as of a text without any integrity, and
	 * says GOODMDC of a tampered one. */
	if (h->info && !h->protected)
		return REASON_UNSUPPORTED;
	return REASON_MALFORMED;
}

/* Octets. */

static ssize_t open_write(void *handle, const void *buf, size_t n)
{
	struct opening *p = handle;

	p->g->moved = true;
	engine_direct_out(p->g, open_write, p);
	if (n > p->left)
		p->too_large = true;
	else if (sink_put(p->out, buf, n, p->in.e))
		p->out_failed = true;
	if (p->too_large || p->out_failed) {
		errno = EIO;
		return -1;
	}
	p->left -= n;
	p->size += n;
	return (ssize_t)n;
}

/* Read as much as shows for whom it is: 1, 0 it is none, -1 our failure. */
static int head_read(struct opening *p)
{
	size_t max = PACKET_HEAD_MAX + 16;
	ssize_t n;
	int r = 0;

	p->buf = malloc(max);
	if (!p->buf)
		return err_errno(p->in.e, "Opening");
	while (!r && p->len < max) {
		n = p->in.in->get(p->in.in, p->buf + p->len,
		                  p->len < 4096 ? 4096 - p->len : max - p->len,
		                  p->in.e);
		if (n < 0) {
			p->in.failed = true;
			return -1;
		}
		if (!n) {
			p->in.ended = true;
			break;
		}
		p->len += (size_t)n;
		r = packet_head(&p->head, p->buf, p->len, NULL);
	}
	p->in.head = p->buf;
	p->in.head_len = p->len;
	return r > 0;
}

/* Keys. */

static bool head_names(const struct opening *p, gpgme_subkey_t s)
{
	uint64_t id = strtoull(s->keyid, NULL, 16);

	for (unsigned i = 0; i < p->head.n; i++)
		if (p->head.key[i] == id)
			return true;
	return false;
}

/* gpg-agent tries the passphrase it used last on a cold key, and goes on calling
 * it cold: with a warm sister it may open without being asked. */
static bool sister_warm(struct opening *p, gpgme_key_t key)
{
	struct err e;

	for (gpgme_subkey_t s = key->subkeys; s; s = s->next)
		if (s->secret && s->keygrip && !head_names(p, s) &&
		    agent_ask(p->g, s->keygrip, &e) == AGENT_WARM)
			return true;
	return false;
}

/* How much can be done with those of this key that the letter is for? */
static enum agent_answer key_look(struct opening *p, gpgme_key_t key)
{
	enum agent_answer a, best = AGENT_SILENT;

	for (gpgme_subkey_t s = key->subkeys; s; s = s->next) {
		if (!s->secret || !s->keygrip || !head_names(p, s))
			continue;
		p->fits = true;
		p->grip = s->keygrip;
		a = agent_ask(p->g, s->keygrip, p->in.e);
		if (a > best)
			best = a;
		if (a == AGENT_SILENT &&
		    gpg_err_code(p->in.e->code) == GPG_ERR_TIMEOUT)
			break;
	}
	if (best == AGENT_COLD)
		p->hope |= sister_warm(p, key);
	return best;
}

/* Which of our keys fit, and would one have to ask?  0, or -1: e is filled. */
static int keys_look(struct opening *p)
{
	enum agent_answer a, best = AGENT_SILENT;

	if (engine_secrets(p->g, p->in.e))
		return -1;
	for (unsigned i = 0; i < p->head.n; i++)
		p->hidden |= !p->head.key[i];
	p->in.e->code = 0;
	for (size_t i = 0; i < p->g->secret.n && best < AGENT_WARM; i++) {
		a = key_look(p, p->g->secret.key[i]);
		if (a > best)
			best = a;
		if (gpg_err_code(p->in.e->code) == GPG_ERR_TIMEOUT)
			return -1;
	}
	p->cold = best == AGENT_COLD;
	return 0;
}

/* The operation. */

/* With --batch, which GPGME gives unless there is such a function, gpg leaves at
 * a bad or expired signature without a look at the MDC. */
static gpg_error_t no_passphrase(void *hook, const char *hint, const char *info,
                                 int bad, int fd)
{
	(void)hook;
	(void)hint;
	(void)info;
	(void)bad;
	(void)fd;
	return gpg_error(GPG_ERR_CANCELED);
}

static gpg_error_t open_run(struct opening *p, unsigned ask)
{
	struct gpgme_data_cbs in_cbs = *engine_in_cbs;
	struct gpgme_data_cbs out_cbs = { .write = open_write };
	gpgme_data_t from = NULL, to = NULL;
	struct engine *g = p->g;
	unsigned stall = g->stall;
	gpg_error_t err;

	err = gpgme_data_new_from_cbs(&from, &in_cbs, &p->in);
	if (!err)
		err = gpgme_data_new_from_cbs(&to, &out_cbs, p);
	if (err)
		goto out;
	if (ask) {
		gpgme_set_pinentry_mode(g->x, GPGME_PINENTRY_MODE_DEFAULT);
		if (stall < ask)
			stall = ask;
	}
	gpgme_set_passphrase_cb(g->x, no_passphrase, NULL);
	engine_begin(g, heard_line, &p->heard);
	err = gpgme_op_decrypt_ext_start(g->x, GPGME_DECRYPT_VERIFY, from, to);
	err = engine_run(g, err, stall, 0);
	gpgme_set_passphrase_cb(g->x, NULL, NULL);
	gpgme_set_pinentry_mode(g->x, GPGME_PINENTRY_MODE_ERROR);
out:
	gpgme_data_release(from);
	gpgme_data_release(to);
	return err;
}

static int open_fail(struct opened *o, enum verdict_reason reason)
{
	o->encryption = ENC_FAILED;
	o->reason = reason;
	return 0;
}

/* Put what happened into words. */
static int open_judge(struct opening *p, gpg_error_t err, struct opened *o)
{
	const struct heard *h = &p->heard;
	struct err e;

	if (p->in.failed || p->out_failed)
		return -1;
	if (p->too_large)
		return open_fail(o, REASON_TOO_LARGE);
	if (gpg_err_code(err) == GPG_ERR_TIMEOUT && p->asked && !h->info) {
		o->locked = true;	/* nobody answered */
		return open_fail(o, REASON_NO_SECRET_KEY);
	}
	if (gpg_err_code(err) == GPG_ERR_TIMEOUT)
		return open_fail(o, REASON_TIMEOUT);
	/* Not the letter's fault: a gpg that can't even be started. */
	if (!p->g->lines && p->g->exited != -1)
		return err_set(p->in.e, GPG_ERR_INV_ENGINE,
		               "GnuPG does not work: %s", gpg_strerror(err));
	if (!err && heard_good(h) && p->size && p->g->exited >= 0) {
		o->encryption = ENC_OK;
		return engine_sig_judge(p->g, &h->sigs, o, p->in.e);
	}
	open_fail(o, heard_reason(h, err));
	if (o->reason == REASON_MALFORMED && p->head.unknown)
		o->reason = REASON_UNSUPPORTED;
	if (h->info || !p->fits)
		return 0;
	/* A key that is here and is not found: it is the agent that is not. */
	o->locked = h->locked || p->cold || (h->no_seckey &&
		agent_ask(p->g, p->grip, &e) == AGENT_SILENT);
	if (o->locked)
		o->reason = REASON_NO_SECRET_KEY;
	return 0;
}

static int open_keys(struct opening *p, unsigned ask, struct opened *o)
{
	gpg_error_t err;

	if (keys_look(p)) {
		if (gpg_err_code(p->in.e->code) != GPG_ERR_TIMEOUT)
			return -1;
		o->locked = true;	/* by an agent that stands still */
		return open_fail(o, REASON_NO_SECRET_KEY);
	}
	if (!p->fits && !p->hidden)
		return open_fail(o, p->head.unknown ? REASON_UNSUPPORTED :
		                 REASON_NO_SECRET_KEY);
	if (p->fits && p->cold && !p->hope && !p->hidden && !ask) {
		o->locked = true;
		return open_fail(o, REASON_NO_SECRET_KEY);
	}
	/* Only for a key of ours that is named, never for a stranger's
	 * guess or a password. */
	if (!p->fits || !p->cold || p->hidden || p->head.symmetric)
		ask = 0;
	p->asked = o->asked = ask > 0;
	err = open_run(p, ask);
	return open_judge(p, err, o);
}

int engine_open(struct engine *g, unsigned ask, uint64_t max, struct source *in,
                struct sink *out, struct opened *o, struct err *e)
{
	struct err own;
	struct opening p = { .g = g, .out = out, .left = max,
		.in = { .g = g, .in = in, .e = e ? e : &own } };
	int r;

	memset(o, 0, sizeof *o);
	r = head_read(&p);
	if (r > 0 && !p.head.encrypted)
		r = 0;
	if (r > 0 && p.head.tag == 9)	/* never had any */
		r = open_fail(o, REASON_INTEGRITY);
	else if (r > 0)
		r = open_keys(&p, ask, o);
	else if (!r)
		r = open_fail(o, REASON_MALFORMED);
	if (!p.out_failed && !p.in.failed && !r) {
		engine_drain(&p.in);
		if (p.in.failed)
			r = -1;
	}
	if (r)
		opened_free(o);
	free(p.buf);
	return r;
}

void opened_free(struct opened *o)
{
	addrs_free(&o->uids);
	for (unsigned i = 0; i < o->n_also; i++)
		addrs_free(&o->also[i].uids);
	memset(o, 0, sizeof *o);
}
