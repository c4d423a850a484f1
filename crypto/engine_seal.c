/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing: signed and encrypted for exactly the wanted keys, and not an octet
 * before that is proven. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seal {
	struct engine *g;
	const struct engine_in *in;
	const struct key **want;	/* each key once */
	size_t n_want;
	bool sign;
	bool hash_seen, cipher_seen, ended;
	bool open;			/* the gate: proven, octets may go */
	bool failed;			/* e says why */
	bool out_failed;		/* ... and it was the sink */
	struct membuf held;
	struct sink *out;
	struct err *e;
};

enum { HELD_MAX = PACKET_HEAD_MAX + (64 << 10) };

static int refuse(struct seal *s, const char *why)
{
	if (!s->failed)
		err_set(s->e, GPG_ERR_FORBIDDEN, "%s", why);
	s->failed = true;
	return -1;
}

/* BEGIN_SIGNING H8 */
static int hash_check(struct seal *s, const char *args)
{
	if (!engine_hash_name(args, NULL))
		return refuse(s, ENGINE_WEAK_DIGEST);
	s->hash_seen = true;
	return 0;
}

/* BEGIN_ENCRYPTION mdc cipher: AES (RFC 9580 section 9.3) with MDC */
static int cipher_check(struct seal *s, const char *args)
{
	int mdc = 0, cipher = 0, aead = 0;
	int n = sscanf(args, "%d %d %d", &mdc, &cipher, &aead);

	if (n >= 2 && mdc == 2 && cipher >= 7 && cipher <= 9 && !aead &&
	    !s->cipher_seen) {
		s->cipher_seen = true;
		return 0;
	}
	return refuse(s, "GnuPG would not encrypt with AES and integrity "
	              "protection: see cipher-algo in its gpg.conf");
}

static gpg_error_t seal_status(void *arg, const char *key, const char *args)
{
	struct seal *s = arg;
	int r = 0;

	if (!strcmp(key, "BEGIN_SIGNING"))
		r = hash_check(s, args);
	else if (!strcmp(key, "BEGIN_ENCRYPTION"))
		r = cipher_check(s, args);
	else if (!strcmp(key, "END_ENCRYPTION"))
		s->ended = true;
	return r ? gpg_error(GPG_ERR_FORBIDDEN) : 0;
}

static bool key_reads(const struct key *k, uint64_t id)
{
	for (unsigned i = 0; i < k->n_enc; i++)
		if (k->enc[i] == id)
			return true;
	return false;
}

/* Is each session-key packet for one wanted key, and each key's there once? */
static bool readers_right(const struct seal *s, const struct packet_head *h)
{
	unsigned mine, all = 0;

	for (size_t i = 0; i < s->n_want; i++) {
		mine = 0;
		for (unsigned j = 0; j < h->n; j++)
			mine += key_reads(s->want[i], h->key[j]);
		if (mine != 1)
			return false;
	}
	for (unsigned j = 0; j < h->n; j++)
		for (size_t i = 0; i < s->n_want; i++)
			if (key_reads(s->want[i], h->key[j])) {
				all++;
				break;
			}
	return all == h->n && h->n == s->n_want;
}

/* May the held octets go? 1 yes, 0 not yet, -1 never. */
static int gate(struct seal *s)
{
	struct packet_head h;
	int r = packet_head(&h, s->held.buf, s->held.len, NULL);

	if (r < 0)
		return refuse(s, "GnuPG made no binary OpenPGP message: see "
		              "armor in its gpg.conf");
	if (!r)
		return 0;
	if (!h.encrypted || h.tag != 18 || h.symmetric || h.unknown)
		return refuse(s, "GnuPG made something else than an encrypted "
		              "message");
	if (!readers_right(s, &h))
		return refuse(s, "GnuPG would make the letter readable for "
		              "other keys than the wanted ones: see encrypt-to, "
		              "recipient and throw-keyids in its gpg.conf");
	/* gpg writes before it reads: behind a caller that is slow, even all
	 * that is looked at here */
	return s->in->begun && s->cipher_seen && (s->hash_seen || !s->sign);
}

static int pass(struct seal *s, const void *buf, size_t n)
{
	if (!sink_put(s->out, buf, n, s->e))
		return 0;
	s->failed = s->out_failed = true;
	return -1;
}

static int hold(struct seal *s, const void *buf, size_t n)
{
	int r;

	if (sink_put(&s->held.sink, buf, n, s->e)) {
		s->failed = true;
		return -1;
	}
	r = gate(s);
	if (r <= 0)
		return r;
	s->open = true;
	r = pass(s, s->held.buf, s->held.len);
	membuf_free(&s->held);
	return r;
}

static ssize_t seal_write(void *handle, const void *buf, size_t n)
{
	struct seal *s = handle;

	s->g->moved = true;
	engine_direct_out(s->g, seal_write, s);
	if (s->failed || (s->open ? pass(s, buf, n) : hold(s, buf, n))) {
		errno = EIO;
		return -1;
	}
	return (ssize_t)n;
}

static const struct gpgme_data_cbs seal_cbs = { .write = seal_write };

/* Each wanted key once, and as GPGME's recipient string.  "--" keeps a name
 * from being an option, and ours are fingerprints anyhow. */
static char *recipients(struct seal *s, const struct key *to, size_t n_to)
{
	char *text = malloc(4 + n_to * sizeof to->fpr), *p = text;
	size_t i, j;

	s->want = calloc(n_to, sizeof(*s->want));
	if (!text || !s->want) {
		free(text);
		err_errno(s->e, "Recipients");
		return NULL;
	}
	memcpy(p, "--\n", 4);
	p += 3;
	for (i = 0; i < n_to; i++) {
		for (j = 0; j < s->n_want; j++)
			if (!strcmp(s->want[j]->fpr, to[i].fpr))
				break;
		if (j < s->n_want)
			continue;
		s->want[s->n_want++] = &to[i];
		p = stpcpy(stpcpy(p, to[i].fpr), "\n");
	}
	if (s->n_want <= PACKET_KEYS_MAX)
		return text;
	err_set(s->e, GPG_ERR_TOO_MANY, "A letter can be sealed to %d keys",
	        PACKET_KEYS_MAX);
	free(text);
	return NULL;
}

static int seal_check(struct engine *g, struct seal *s, const char *signer,
                      const struct engine_in *in, gpg_error_t err)
{
	gpgme_encrypt_result_t r;
	struct engine_made made;

	if (s->failed || in->failed)
		return -1;
	if (err)
		return err_set(s->e, gpg_err_code(err),
		               "GnuPG did not seal the letter: %s",
		               gpg_strerror(err));
	r = gpgme_op_encrypt_result(g->x);
	/* A gpg that dies after its last word may have left out the end. */
	if (!s->ended || g->exited || !s->open)
		return err_set(s->e, GPG_ERR_INV_ENGINE,
		               "GnuPG stopped before the letter was sealed");
	if (!r || r->invalid_recipients)
		return err_set(s->e, GPG_ERR_UNUSABLE_PUBKEY,
		               "GnuPG left a recipient out");
	if (s->sign && !engine_signature(g, signer, &made))
		return err_set(s->e, GPG_ERR_UNUSABLE_SECKEY,
		               ENGINE_WRONG_SIGNER);
	return 0;
}

static gpg_error_t seal_run(struct engine *g, struct seal *s, gpgme_key_t signer,
                            const char *names, struct engine_in *in)
{
	const gpgme_encrypt_flags_t flags = GPGME_ENCRYPT_ALWAYS_TRUST |
		GPGME_ENCRYPT_NO_ENCRYPT_TO | GPGME_ENCRYPT_NO_COMPRESS;
	gpgme_data_t from = NULL, to = NULL;
	struct gpgme_data_cbs in_cbs = *engine_in_cbs, out_cbs = seal_cbs;
	gpg_error_t err;

	gpgme_signers_clear(g->x);
	err = gpgme_data_new_from_cbs(&from, &in_cbs, in);
	if (!err)
		err = gpgme_data_new_from_cbs(&to, &out_cbs, s);
	if (!err && signer)
		err = gpgme_signers_add(g->x, signer);
	if (err)
		goto out;
	engine_begin(g, seal_status, s);
	err = signer ?
		gpgme_op_encrypt_sign_ext_start(g->x, NULL, names, flags, from,
		                                to) :
		gpgme_op_encrypt_ext_start(g->x, NULL, names, flags, from, to);
	err = engine_run(g, err, g->stall, 0);
	/* A short letter may be here before the status lines about it. */
	if (!err && !s->failed && !s->open && hold(s, "", 0))
		err = gpg_error(GPG_ERR_FORBIDDEN);
out:
	gpgme_data_release(from);
	gpgme_data_release(to);
	return err;
}

int engine_seal(struct engine *g, const struct key *signer, bool sign,
                const struct key *to, size_t n_to,
                struct source *in, struct sink *out, struct err *e)
{
	struct engine_in from = { .g = g, .in = in, .e = e };
	struct seal s = { .g = g, .in = &from, .sign = sign, .out = out,
	                  .e = e };
	gpgme_key_t key = NULL;
	char *names = NULL;
	bool ring = false;
	gpg_error_t err;
	int r = -1;

	membuf_init(&s.held, HELD_MAX);
	if (!n_to) {
		err_set(e, GPG_ERR_NO_PUBKEY, "There is no key to seal to");
		goto out;
	}
	names = recipients(&s, to, n_to);
	if (!names)
		goto out;
	if (sign) {
		key = engine_secret(g, signer->fpr, e);
		if (!key)
			goto out;
	}
	for (size_t i = 0; i < n_to; i++)
		ring = ring || to[i].ring;
	ring = engine_ring_on(g, ring);
	err = seal_run(g, &s, key, names, &from);
	r = seal_check(g, &s, sign ? signer->fpr : NULL, &from, err);
	engine_ring_on(g, ring);
out:
	from.e = NULL;		/* the first failure is the one to tell */
	if (!s.out_failed)
		engine_drain(&from);
	membuf_free(&s.held);
	free(s.want);
	free(names);
	return r;
}
