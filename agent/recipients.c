/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a letter's recipients. */
#include "agent/recipients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/frames.h"
#include "agent/keeper.h"
#include "crypto/utf8.h"

static int went_wrong(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
	               "a part of the agent went wrong");
}

size_t recipients_octets(const char *addr)
{
	return sizeof(uint32_t) + strlen(addr);
}

const char *recipients_addr(const char *addr, char out[ADDR_MAX + 1])
{
	if (!addr_ok(addr) || !utf8_ok(addr, strlen(addr)))
		return "This is no address";
	if (!addr_to_ascii(addr, out) || !addr_ok(out))
		return "There can be no domain of that name: behind the @ "
		       "write small letters, digits and hyphens";
	return NULL;
}

int recipients_know(const struct conf *conf, const struct account *a,
                    struct chan *keeper, struct recipient *to, size_t n,
                    struct err *e)
{
	struct keeper_contact c;

	for (size_t i = 0; i < n; i++) {
		if (keeper_contact(keeper, to[i].addr, &c, e))
			return -1;
		to[i].policy = conf_policy(conf, a, to[i].addr);
		if (c.policy > to[i].policy)
			to[i].policy = c.policy;
		to[i].sealed_before = c.sealed;
		to[i].clear_allowed = c.clear;
		to[i].used_since = c.since;
		memcpy(to[i].used, c.used, sizeof to[i].used);
	}
	return 0;
}

/* ---- keys ---- */

int recipients_ask_keys(struct chan *crypt, uint32_t account,
                        const struct recipient *to, size_t n, struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, account);
	pack_u32(&p, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		pack_str(&p, to[i].addr);
	return pack_send(&p, crypt, C_KEYS, e);
}

static enum key_state take_state(struct unpack *u)
{
	uint32_t state = unpack_u32(u);

	if (state > KEY_CHANGED)
		u->bad = true;
	return (enum key_state)state;
}

/* crypt could not look; why, in words. */
static int none_found(struct unpack *u, struct err *e)
{
	char words[ERR_TEXT_MAX];
	bool refused = unpack_u32(u) == DONE_REFUSED;

	unpack_str(u, words, sizeof words);
	return unpack_end(u) && refused ? err_set(e, gpg_error(GPG_ERR_NO_PUBKEY), "%s",
	                               words) : went_wrong(e);
}

int recipients_take_keys(struct chan *crypt, struct recipient *to, size_t n,
                         enum key_state *own, struct err *e)
{
	struct unpack u;
	struct frame f;

	if (chan_recv(crypt, &f, e))
		return -1;
	unpack_init(&u, &f);
	if (f.type == C_DONE)
		return none_found(&u, e);
	if (f.type != C_KEYS_FOUND)
		return went_wrong(e);
	*own = take_state(&u);
	for (size_t i = 0; i < n; i++) {
		to[i].state = take_state(&u);
		to[i].valid = unpack_u32(&u) != 0;
		to[i].verified = unpack_u32(&u) != 0;
		to[i].expires = (int64_t)unpack_u64(&u);
		unpack_str(&u, to[i].fpr, sizeof to[i].fpr);
		to[i].from = (enum key_from)unpack_u32(&u);
		if (to[i].from > KEY_FROM_IMPORT)
			u.bad = true;
	}
	return unpack_end(&u) ? 0 : went_wrong(e);
}

static bool is_wanting(const struct recipient *r)
{
	return r->state == KEY_NONE || r->state == KEY_EXPIRED;
}

int recipients_look_up(const struct conf *conf, struct chan *keeper,
                       unsigned how, struct recipient *to, size_t n,
                       const struct wishes *w, bool *found, struct err *e)
{
	const char *addr[LOOKUP_ADDRS_MAX];
	size_t at[LOOKUP_ADDRS_MAX], many = 0;
	enum looked is[LOOKUP_ADDRS_MAX];

	*found = false;
	if (conf->discover == DISCOVER_NONE || !policy_lacks_keys(to, n, w))
		return 0;
	for (size_t i = 0; i < n && many < LOOKUP_ADDRS_MAX; i++)
		if (is_wanting(&to[i])) {
			at[many] = i;
			addr[many++] = to[i].addr;
		}
	if (many == 0)
		return 0;
	if (keeper_lookup(keeper, how, addr, many, is, e))
		return -1;
	for (size_t i = 0; i < many; i++) {
		/* found, but of no use: that is heard of by its state */
		to[at[i]].looked = is[i] == LOOKED_FOUND ? LOOKED_NONE : is[i];
		to[at[i]].looking = is[i] == LOOKED_NOT;
		*found = *found || is[i] == LOOKED_FOUND;
	}
	return 0;
}

/* ---- the code ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The code belongs to these recipients, in whatever order: to their hash, since
 * so many long addresses fit into no frame. */
static int hash_them(const struct recipient *to, size_t n, char hex[2 * 32 + 1],
                     struct err *e)
{
	const char *sorted[POLICY_RECIPIENTS_MAX];
	unsigned char hash[32];
	struct membuf text;
	int rc = -1;

	membuf_init(&text, POLICY_RECIPIENTS_MAX * (ADDR_MAX + 1));
	for (size_t i = 0; i < n; i++)
		sorted[i] = to[i].addr;
	qsort(sorted, n, sizeof sorted[0], by_text);
	for (size_t i = 0; i < n; i++)
		if (membuf_printf(&text, e, "%s\n", sorted[i]))
			goto out;
	if (EVP_Digest(text.buf, text.len, hash, NULL, EVP_sha256(), NULL)
	    != 1) {
		went_wrong(e);
		goto out;
	}
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	rc = 0;
out:
	membuf_free(&text);
	return rc;
}

int recipients_code(struct chan *keeper, const struct recipient *to, size_t n,
                    int code, struct wishes *w, struct err *e)
{
	unsigned today, yesterday;
	char hex[2 * 32 + 1];

	if (hash_them(to, n, hex, e)
	    || keeper_code(keeper, hex, &today, &yesterday, e))
		return -1;
	w->code = today;
	w->code_right = code == (int)today || code == (int)yesterday;
	return 0;
}
