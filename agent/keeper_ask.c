/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The asker's side of the keeper: one frame out, one frame back. */
#include <string.h>

#include "agent/frames.h"
#include "agent/keeper_ask.h"

int keeper_ask(struct chan *k, struct pack *p, unsigned type,
               struct unpack *u, struct err *e)
{
	struct frame f;

	if (pack_send(p, k, type, e) || chan_expect(k, K_ANSWER, &f, e)) {
		chan_close(k);	/* a late answer is none to the next question */
		return -1;
	}
	unpack_init(u, &f);
	return 0;
}

int keeper_door(struct chan *k, int fd, const char *path, struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_str(&p, path);
	return chan_send_fds(k, K_DOOR, p.buf, p.len, &fd, 1, e);
}

int keeper_answered(const struct unpack *u, struct err *e)
{
	if (unpack_end(u))
		return 0;
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
	               "a part of the agent went wrong");
}

int keeper_mac(struct chan *k, const struct verdict *v,
               const unsigned char digest[VERDICT_DIGEST],
               char line[VERDICT_LINE_MAX], struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u32(&p, v->encryption);
	pack_u32(&p, v->signature);
	pack_u32(&p, v->trust);
	pack_u32(&p, v->reason);
	pack_str(&p, v->signer);
	pack_str(&p, v->fpr);
	pack_u32(&p, v->has_body);
	pack_mem(&p, v->body, sizeof v->body);
	pack_mem(&p, digest, VERDICT_DIGEST);
	if (keeper_ask(k, &p, K_MAC, &u, e))
		return -1;
	unpack_str(&u, line, VERDICT_LINE_MAX);
	if (keeper_answered(&u, e))
		return -1;
	return line[0] ? 0 : err_set(e, gpg_error(GPG_ERR_INV_VALUE),
	                             "the verdict could not be written");
}

int keeper_check(struct chan *k, const char *text,
                 const unsigned char digest[VERDICT_DIGEST],
                 const unsigned char body[VERDICT_DIGEST],
                 enum verdict_check *check, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_str(&p, text);
	pack_mem(&p, digest, VERDICT_DIGEST);
	pack_mem(&p, body, VERDICT_DIGEST);
	if (keeper_ask(k, &p, K_CHECK, &u, e))
		return -1;
	*check = (enum verdict_check)unpack_u32(&u);
	return keeper_answered(&u, e);
}

int keeper_recall(struct chan *k, uint64_t stamp, const char *key,
                  void *value, size_t n, bool *found, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u64(&p, stamp);
	pack_str(&p, key);
	if (keeper_ask(k, &p, K_RECALL, &u, e))
		return -1;
	*found = unpack_u32(&u) != 0;
	if (*found)
		unpack_mem(&u, value, n);
	return keeper_answered(&u, e);
}

int keeper_recall_some(struct chan *k, uint64_t stamp, const char *key,
                       void *value, size_t *n, bool *found, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u64(&p, stamp);
	pack_str(&p, key);
	if (keeper_ask(k, &p, K_RECALL, &u, e))
		return -1;
	*found = unpack_u32(&u) != 0;
	if (u.left > *n)
		u.bad = true;
	else
		unpack_mem(&u, value, *n = u.left);
	return keeper_answered(&u, e);
}

int keeper_remember(struct chan *k, uint64_t stamp, const char *key,
                    const void *value, size_t n, struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_u64(&p, stamp);
	pack_str(&p, key);
	pack_mem(&p, value, n);
	return pack_send(&p, k, K_REMEMBER, e);
}

int keeper_tell(struct chan *k, unsigned type, const char *text,
                struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_str(&p, text);
	return pack_send(&p, k, type, e);
}

int keeper_came(struct chan *k, const char *id, struct err *e)
{
	return keeper_tell(k, K_CAME, id, e);
}

int keeper_did_come(struct chan *k, const char *id, bool *sealed,
                    struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_str(&p, id);
	if (keeper_ask(k, &p, K_DID_COME, &u, e))
		return -1;
	*sealed = unpack_u32(&u) != 0;
	return keeper_answered(&u, e);
}

int keeper_code(struct chan *k, const char *text, unsigned *today,
                unsigned *yesterday, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_str(&p, text);
	if (keeper_ask(k, &p, K_CODE, &u, e))
		return -1;
	*today = unpack_u32(&u);
	*yesterday = unpack_u32(&u);
	return keeper_answered(&u, e);
}

int keeper_wait(struct chan *k, const char *peer, uint32_t *ms, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_str(&p, peer);
	if (keeper_ask(k, &p, K_WAIT, &u, e))
		return -1;
	*ms = unpack_u32(&u);
	return keeper_answered(&u, e);
}

int keeper_login(struct chan *k, const char *peer, uint32_t account,
                 enum session_kind kind, enum outcome outcome, unsigned code,
                 const char *words, struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_str(&p, peer);
	pack_u32(&p, account);
	pack_u32(&p, kind);
	pack_u32(&p, outcome);
	pack_u32(&p, code);
	pack_str(&p, words);
	return pack_send(&p, k, K_LOGIN, e);
}

int keeper_unproven(struct chan *k, uint32_t account, enum session_kind kind,
                    bool *unproven, struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u32(&p, account);
	pack_u32(&p, kind);
	if (keeper_ask(k, &p, K_UNPROVEN, &u, e))
		return -1;
	*unproven = unpack_u32(&u);
	return keeper_answered(&u, e);
}

int keeper_secret_ask(struct chan *k, uint32_t account,
                      const char *token_secret, struct err *e)
{
	struct pack p;
	int rc;

	pack_init(&p);
	pack_u32(&p, account);
	pack_str(&p, token_secret);
	rc = pack_send(&p, k, K_SECRET, e);
	explicit_bzero(&p, sizeof p);
	return rc;
}

int keeper_secret_take(struct chan *k, enum secret_found *found,
                       char *secret_or_words, size_t size, struct err *e)
{
	struct unpack u;
	struct frame f;
	int rc;

	if (chan_expect(k, K_ANSWER, &f, e)) {
		chan_close(k);
		return -1;
	}
	unpack_init(&u, &f);
	*found = (enum secret_found)unpack_u32(&u);
	unpack_str(&u, secret_or_words, size);
	rc = keeper_answered(&u, e);
	explicit_bzero((void *)(uintptr_t)f.data, f.len);
	return rc;
}

static void take_reached(struct unpack *u, struct keeper_reached *r)
{
	r->good = unpack_u64(u);
	r->bad = unpack_u64(u);
	unpack_str(u, r->words, sizeof r->words);
}

int keeper_status(struct chan *k, uint32_t account,
                  struct keeper_reached *smtp, struct keeper_reached *pop3,
                  struct err *e)
{
	struct pack p;
	struct unpack u;

	pack_init(&p);
	pack_u32(&p, account);
	if (keeper_ask(k, &p, K_STATUS, &u, e))
		return -1;
	take_reached(&u, smtp);
	take_reached(&u, pop3);
	return keeper_answered(&u, e);
}

int keeper_part_find(struct chan *k, const unsigned char digest[32],
                     struct addrs *have, struct err *e)
{
	char addr[ADDR_MAX + 1];
	struct pack p;
	struct unpack u;
	uint32_t n;

	pack_init(&p);
	pack_mem(&p, digest, 32);
	if (keeper_ask(k, &p, K_PART_FIND, &u, e))
		return -1;
	for (n = unpack_u32(&u); n && !u.bad; n--) {
		unpack_str(&u, addr, sizeof addr);
		if (!u.bad && addrs_add(have, addr, e))
			return -1;
	}
	return keeper_answered(&u, e);
}

int keeper_part_keep(struct chan *k, const unsigned char digest[32],
                     const struct addrs *have, struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_mem(&p, digest, 32);
	pack_u32(&p, (uint32_t)have->n);
	for (size_t i = 0; i < have->n; i++)
		pack_str(&p, have->addr[i]);
	return pack_send(&p, k, K_PART_KEEP, e);
}
