/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that go along with letters (Autocrypt Level 1): cut by us, once for as
 * long as the keyring stays as it is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/crypt_out.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "crypto/autocrypt.h"
#include "crypto/keydata.h"

enum {
	DAY = 24 * 3600,	/* a subkey may have ended by tomorrow */
	NAME_MAX_LEN = ADDR_MAX + 100
};

/* What gpg exports, cut to what goes along: 0; 1, this key is not fit for it,
 * or too large; -1, GnuPG failed. */
static int cut(struct crypt *c, const struct key *k, const char *addr,
               struct membuf *out, struct err *e)
{
	struct membuf text, all;
	struct dearmor *d;
	int rc = -1;

	membuf_init(&text, KEY_ARMOR_MAX);
	membuf_init(&all, KEY_ARMOR_MAX);
	d = dearmor_new("PGP PUBLIC KEY BLOCK", &all.sink);
	engine_ring_use(c->engine, k->ring);
	if (!d || engine_export(c->engine, k->fpr, &text, e)) {
		rc = d && gpg_err_code(e->code) == GPG_ERR_TOO_LARGE ? 1 : -1;
		goto out;
	}
	if (dearmor_put(d, text.buf, text.len, e) || dearmor_end(d, e))
		goto out;
	rc = keydata_minimal(all.buf, all.len, addr, (int64_t)time(NULL),
	                     &out->sink, e) ? 1 : 0;
out:
	engine_ring_use(c->engine, false);
	if (rc)
		out->len = 0;
	dearmor_free(d);
	membuf_free(&text);
	membuf_free(&all);
	return rc;
}

/* The same, remembered; also that it is not fit. */
static int minimal(struct crypt *c, const struct key *k, const char *addr,
                   struct membuf *out, struct err *e)
{
	unsigned char value[LOOKUP_VALUE_MAX];
	uint64_t stamp = c->stamp ? c->stamp : engine_stamp(c->engine);
	char name[NAME_MAX_LEN];
	size_t n = sizeof value;
	bool found = false;
	int rc;

	snprintf(name, sizeof name, "along %s %.*s %lld", k->fpr, ADDR_MAX,
	         addr, (long long)time(NULL) / DAY);
	if (keeper_recall_some(&c->ends->keeper, stamp, name, value, &n,
	                       &found, e))
		return -1;
	if (found)
		return n ? sink_put(&out->sink, value, n, e) : 1;
	rc = cut(c, k, addr, out, e);
	if (rc >= 0)
		keeper_remember(&c->ends->keeper, stamp, name,
		                out->len ? out->buf : "", out->len, NULL);
	return rc;
}

/* Without a key, or an address that can stand there, there is no field. */
static int put_own(struct crypt *c, const struct account *a, const char *from,
                   struct err *e)
{
	struct membuf key;
	struct found own;
	int rc;

	membuf_init(&key, AUTOCRYPT_FIELD_MAX);
	rc = crypt_find_own(c, a, &own, e);
	if (rc == 0 && own.state == KEY_USABLE)
		rc = minimal(c, &own.key, from, &key, e);
	if (rc == 0 && key.len)
		rc = autocrypt_write(&c->fields.sink, AUTOCRYPT_NAME, from,
		                     true, key.buf, key.len, e);
	membuf_free(&key);
	return rc;
}

int crypt_from(struct crypt *c, struct unpack *u)
{
	const struct account *a = crypt_account(c, u);
	struct err e = { .text = "" };
	char from[ADDR_MAX + 1];

	unpack_str(u, from, sizeof from);
	if (!unpack_end(u))
		return -1;
	membuf_free(&c->fields);
	if (put_own(c, a, from, &e)) {
		log_debug("our key does not go along: %s", e.text);
		membuf_free(&c->fields);
	}
	return 0;
}

/* The key the letter is sealed to for this address. */
static int put_theirs(struct crypt *c, const char *addr, struct err *e)
{
	struct membuf key;
	struct found f;
	int rc;

	membuf_init(&key, AUTOCRYPT_FIELD_MAX);
	rc = crypt_find(c, addr, &f, e);
	if (rc == 0 && f.state == KEY_USABLE)
		rc = minimal(c, &f.key, addr, &key, e);
	if (rc == 0 && key.len)
		rc = autocrypt_write(&c->inside.sink, AUTOCRYPT_GOSSIP, addr,
		                     false, key.buf, key.len, e);
	membuf_free(&key);
	return rc;
}

int crypt_gossip(struct crypt *c, struct unpack *u)
{
	uint32_t n = unpack_u32(u);
	struct err e = { .text = "" };
	char addr[ADDR_MAX + 1];

	membuf_free(&c->inside);
	if (n > GOSSIP_PEOPLE_MAX)
		return -1;
	c->stamp = engine_stamp(c->engine);	/* once for all of them */
	for (; n && !u->bad; n--) {
		unpack_str(u, addr, sizeof addr);
		if (!u->bad && put_theirs(c, addr, &e))
			log_debug("a key does not go along: %s", e.text);
	}
	c->stamp = 0;
	return unpack_end(u) ? 0 : -1;
}
