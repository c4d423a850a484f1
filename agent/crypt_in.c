/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt on the way in: the letter as it came and its cleartext wait in sealed
 * spools; nothing of the cleartext is given before it is proven whole. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/crypt.h"
#include "agent/crypt_learn.h"
#include "agent/crypt_peers.h"
#include "agent/crypt_ring.h"
#include "agent/crypt_span.h"
#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/log.h"
#include "agent/mime.h"
#include "crypto/spool.h"

enum { ASK_AGAIN = 1800 };	/* seconds after an unanswered prompt */

struct in {
	struct source source;
	struct crypt *c;
	struct chan *mime;
	struct spool *raw, *clear;
	/* the letter at hand */
	const unsigned char *p;	/* what is left of the last X_CIPHER */
	size_t n;
	bool cipher_end;	/* X_CIPHER_END came */
	bool tried;		/* opened is what came of it */
	bool broken;		/* something of ours failed */
	bool ended;		/* X_RAW_END came */
	bool verified;		/* X_VERIFY came */
	unsigned learnt;	/* runs of gpg for keys that came along */
	struct opened opened;
	bool ask;		/* the client waits for this one */
	bool never_ask;		/* a prompt was not answered */
};

/* ---- the letter comes in ---- */

static int keep_raw(struct in *in, const struct frame *f, struct err *e)
{
	if (sink_put(spool_sink(in->raw), f->data, f->len, e) == 0)
		return 0;
	if (!in->broken)
		log_error("a letter could not be kept: %s", e->text);
	in->broken = true;
	return 0;	/* and read on, so that mime does not wait */
}

/* OpenPGP octets for gpg; what else comes in between goes into the spool. */
static ssize_t cipher_get(struct source *s, void *buf, size_t n,
                          struct err *e)
{
	struct in *in = (struct in *)s;
	struct frame f;

	while (in->n == 0) {
		if (in->cipher_end)
			return 0;
		if (chan_recv(in->mime, &f, e))
			return -1;
		switch (f.type) {
		case X_RAW:
			keep_raw(in, &f, e);
			break;
		case X_CIPHER:
			in->p = f.data;
			in->n = f.len;
			break;
		case X_CIPHER_END:
			in->cipher_end = true;
			break;
		default:
			return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
			               "a part of the agent went wrong");
		}
	}
	if (n > in->n)
		n = in->n;
	memcpy(buf, in->p, n);
	in->p += n;
	in->n -= n;
	return (ssize_t)n;
}

/* May a passphrase be asked for?  Not again for a while after a Cancel. */
static bool may_ask(struct in *in)
{
	int64_t since = 0;
	bool found = false;

	if (!in->ask || in->never_ask)
		return false;
	if (keeper_recall(&in->c->ends->keeper, 0, "asked", &since,
	                  sizeof since, &found, NULL))
		return false;
	return !found || (int64_t)time(NULL) - since > ASK_AGAIN;
}

static void asked_in_vain(struct in *in)
{
	int64_t now = time(NULL);

	in->never_ask = true;
	keeper_remember(&in->c->ends->keeper, 0, "asked", &now, sizeof now,
	                NULL);
}

/* Peers' keys that are known by now check signatures, too. */
static void use_ring(struct in *in)
{
	struct err e = { .text = "" };
	int rc = crypt_ring(in->c, &e);

	if (rc < 0)
		log_error("keys that came with letters can't be used: %s",
		          e.text);
	engine_ring_use(in->c->engine, rc == 1);
}

static int open_letter(struct in *in, const struct frame *f)
{
	unsigned ask = may_ask(in) ? in->c->conf->unlock_timeout : 0;
	struct err e = { .text = "" };

	in->p = f->data;
	in->n = f->len;
	in->tried = true;
	use_ring(in);
	if (engine_open(in->c->engine, ask, in->c->conf->max_message_size,
	                &in->source, spool_sink(in->clear), &in->opened, &e)) {
		log_error("a letter could not be opened: %s", e.text);
		in->broken = true;
	}
	if (in->opened.asked && in->opened.locked)
		asked_in_vain(in);
	if (in->opened.encryption == ENC_OK)
		keeper_tell_key(&in->c->ends->keeper, UINT32_MAX, KEY_IS_OPEN);
	else if (in->opened.locked && in->ask)
		keeper_tell_key(&in->c->ends->keeper, UINT32_MAX,
		                KEY_IS_LOCKED);
	/* what was left unread when something of ours failed */
	while (!in->cipher_end) {
		char rest[4096];

		in->n = 0;
		if (cipher_get(&in->source, rest, sizeof rest, &e) < 0)
			return -1;
	}
	return 0;
}

static int forget(struct in *in, struct unpack *u)
{
	struct err e;

	in->ask = unpack_u32(u) != 0;
	if (!unpack_end(u))
		return -1;

	opened_free(&in->opened);
	memset(&in->opened, 0, sizeof in->opened);
	in->tried = in->broken = in->cipher_end = false;
	in->ended = in->verified = false;
	in->n = in->learnt = 0;
	if (spool_reset(in->raw, &e) || spool_reset(in->clear, &e)) {
		log_error("%s", e.text);
		return -1;
	}
	return 0;
}

/* ---- what came of it ---- */

static void opened_failed(struct in *in, enum verdict_reason reason)
{
	opened_free(&in->opened);
	in->opened.encryption = ENC_FAILED;
	in->opened.reason = reason;
}

static int tell_opened(struct in *in, struct unpack *u)
{
	uint32_t what = unpack_u32(u);
	enum held held = HELD_NOT;
	struct pack p;

	if (!unpack_end(u) || in->ended || (what == RAW_CLEAR && in->tried))
		return -1;
	in->ended = true;
	if (what != RAW_CLEAR && (!in->tried || what != RAW_SEALED))
		opened_failed(in, REASON_MALFORMED);
	if (in->broken)
		held = HELD_BROKEN;
	else if (in->opened.locked)
		held = HELD_LOCKED;
	if (held != HELD_NOT)
		in->opened.encryption = ENC_FAILED;
	pack_init(&p);
	pack_u32(&p, in->opened.encryption);
	pack_u32(&p, in->opened.reason);
	pack_u32(&p, held);
	return pack_send(&p, in->mime, X_OPENED, NULL);
}

/* ---- a signature over a part of it ---- */

/* What was found becomes the letter's signature. */
static void take_signature(struct in *in, struct opened *o)
{
	o->encryption = in->opened.encryption;
	o->asked = in->opened.asked;
	opened_free(&in->opened);
	in->opened = *o;
}

static int verify(struct in *in, struct unpack *u)
{
	static struct span span;
	struct opened o = { .encryption = ENC_NONE };
	struct err e = { .text = "" };
	uint32_t which = unpack_u32(u);
	uint64_t skip = unpack_u64(u), from = unpack_u64(u), n = unpack_u64(u);
	bool counts = in->opened.signature == SIG_NONE;
	struct pack p;

	if (u->bad || !in->ended || in->verified || in->broken
	    || in->opened.encryption != (which == SPOOL_CLEAR ? ENC_OK
	                                                      : ENC_NONE)
	    || (which == SPOOL_CLEAR
	        ? span_of_text(&span, in->clear, skip, from, n)
	        : span_of_octets(&span, in->raw, skip, from, n)))
		return -1;
	in->verified = true;
	if (counts)
		use_ring(in);
	if (counts && engine_verify(in->c->engine, u->p, u->left,
	                            &span.source, &o, &e)) {
		log_error("a signature could not be verified: %s", e.text);
		in->broken = true;
	} else if (counts) {
		take_signature(in, &o);
	}
	span_wipe(&span);
	pack_init(&p);
	pack_u32(&p, in->broken ? HELD_BROKEN : HELD_NOT);
	pack_u32(&p, counts);
	return pack_send(&p, in->mime, X_VERIFIED, NULL);
}

static int send_spool(struct in *in, struct unpack *u)
{
	static char buf[FRAME_DATA];
	enum spool_name which = (enum spool_name)unpack_u32(u);
	struct spool *s = which == SPOOL_CLEAR ? in->clear : in->raw;
	uint64_t off = 0;
	struct err e;
	ssize_t n;

	if (!unpack_end(u) || in->broken
	    || (which == SPOOL_CLEAR && in->opened.encryption != ENC_OK))
		return -1;
	while ((n = spool_read(s, off, buf, sizeof buf, &e)) > 0) {
		if (chan_send(in->mime, X_DATA, buf, (size_t)n, NULL))
			return -1;
		off += (uint64_t)n;
	}
	explicit_bzero(buf, sizeof buf);
	if (n < 0) {
		log_error("a spool could not be read: %s", e.text);
		return -1;
	}
	return chan_send(in->mime, X_END, NULL, 0, NULL);
}

/* What the user says of the key that signed, for who says the letter is from
 * them. */
static int judge(struct in *in, const struct addrs *from, struct verdict *v,
                 struct err *e)
{
	struct opened *o = &in->opened;
	struct judgement j;
	char waits[41];

	if ((o->signature == SIG_GOOD || o->signature == SIG_UNTRUSTED)
	    && from->n == 1 && addr_ok(from->addr[0])) {
		if (keeper_judged(&in->c->ends->keeper, from->addr[0], &j,
		                  waits, e))
			return -1;
		opened_accept(o, &j);
		if (crypt_seen(in->c, from->addr[0], &j, o, e))
			return -1;
	}
	opened_judge(o, from, v);
	return 0;
}

/* The verdict: encryption and signature are what we saw, never what mime says;
 * the header digest and the From are mime's. */
static int tell_verdict(struct in *in, struct unpack *u)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	char addr[ADDR_MAX + 1], line[VERDICT_LINE_MAX];
	struct verdict v = { .encryption = ENC_NONE };
	struct addrs from = { 0 };
	char id[IDS_MAX][ID_MAX + 1];
	uint32_t n, ids, has_body;
	struct pack p;
	struct err e = { .text = "" };
	int rc = -1;

	ids = unpack_u32(u);
	for (n = 0; n < ids && ids <= IDS_MAX; n++)
		unpack_str(u, id[n], sizeof id[n]);
	for (n = unpack_u32(u); n && !u->bad; n--) {
		unpack_str(u, addr, sizeof addr);
		if (!u->bad && addrs_add(&from, addr, &e))
			goto out;
	}
	unpack_mem(u, digest, sizeof digest);
	has_body = unpack_u32(u);
	unpack_mem(u, body, sizeof body);
	if (!unpack_end(u) || ids > IDS_MAX || (in->tried && !in->ended))
		goto out;
	v.encryption = in->opened.encryption;
	if (v.encryption == ENC_FAILED)
		v.reason = in->opened.reason;
	else if (judge(in, &from, &v, &e))
		goto out;
	v.has_body = has_body && verdict_claims(&v);
	memcpy(v.body, body, sizeof body);
	if (keeper_mac(&in->c->ends->keeper, &v, digest, line, &e)) {
		log_error("verdict: %s", e.text);
		goto out;
	}
	for (n = 0; v.encryption == ENC_OK && n < ids; n++)
		if (keeper_came(&in->c->ends->keeper, id[n], &e))
			goto out;
	pack_init(&p);
	pack_str(&p, line);
	rc = pack_send(&p, in->mime, X_VERDICT, NULL);
out:
	addrs_free(&from);
	return rc;
}

/* ---- the loop ---- */

static int serve(struct in *in, const struct frame *f)
{
	struct unpack u;
	struct err e;

	unpack_init(&u, f);
	switch (f->type) {
	case X_LETTER: return forget(in, &u);
	case X_RAW: return keep_raw(in, f, &e);
	case X_CIPHER: return in->tried ? -1 : open_letter(in, f);
	case X_CIPHER_END: return 0;
	case X_RAW_END: return tell_opened(in, &u);
	case X_VERIFY: return verify(in, &u);
	case X_READ: return send_spool(in, &u);
	case X_JUDGE: return tell_verdict(in, &u);
	case X_LEARN: return crypt_learn_along(in->c, &in->learnt, &u);
	}
	return -1;
}

int crypt_in(struct crypt *c)
{
	static struct in in;
	struct frame f;

	in.source.get = cipher_get;
	in.c = c;
	in.mime = &c->ends->mime;
	in.raw = spool_new(c->ends->spool[0]);
	in.clear = spool_new(c->ends->spool[1]);
	if (in.raw && in.clear)
		while (chan_recv(in.mime, &f, NULL) == 0)
			if (serve(&in, &f))
				break;
	opened_free(&in.opened);
	spool_free(in.raw);
	spool_free(in.clear);
	return 0;
}
