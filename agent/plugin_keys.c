/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys: those of an account or of an address, new ones into the keyring, and one to
 * be given to others. */
#include <stdlib.h>
#include <string.h>

#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/plugin.h"
#include "agent/policy.h"
#include "crypto/engine.h"
#include "crypto/utf8.h"

enum {
	IMPORT_MAX = 48 << 10,	/* octets of armor */
	WORDS_MAX = 500
};

/* ---- crypt ---- */

static json_t *no_answer(struct fault *f)
{
	return fault_set(f, "failed", "A part of Letterlock did not answer. Try "
	                 "again");
}

/* The next frame of its answer: 0, or -1: there is none. */
static int next(struct plugin *p, struct chan *crypt, struct frame *frame)
{
	return plugin_wait_for(p, crypt, plugin_patience(p))
	       || chan_recv(crypt, frame, NULL)
	       ? -1 : 0;
}

/* A last frame that is not DONE_OK is a fault. */
static int done(const struct frame *frame, struct fault *f)
{
	char words[WORDS_MAX];
	struct unpack u;
	uint32_t outcome;

	unpack_init(&u, frame);
	outcome = unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	if (unpack_end(&u) && outcome == DONE_OK)
		return 0;
	fault_set(f, u.bad || outcome != DONE_REFUSED ? "failed" : "request",
	          "%s", u.bad ? "A part of Letterlock went wrong" : words);
	return -1;
}

static json_t *take_key(struct unpack *u)
{
	char fpr[41], uid[LISTED_UID_MAX];
	uint64_t created, expires;
	uint32_t is, judged, from, n;
	json_t *uids, *key;

	unpack_str(u, fpr, sizeof fpr);
	created = unpack_u64(u);
	expires = unpack_u64(u);
	is = unpack_u32(u);
	judged = unpack_u32(u);
	from = unpack_u32(u);
	n = unpack_u32(u);
	if (u->bad || n > LISTED_UIDS_MAX)
		return NULL;
	uids = json_array();
	for (uint32_t i = 0; i < n; i++) {
		unpack_str(u, uid, sizeof uid);
		utf8_plain(uid);
		json_array_append_new(uids, json_words(uid));
	}
	key = json_pack("{s:s, s:o, s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:b, "
	                "s:b, s:b}", "fpr", fpr, "uids", uids,
	                "from", policy_from((enum key_from)from),
	                "created", (json_int_t)created,
	                "secret", is & KEY_FLAG_SECRET,
	                "usable", is & KEY_FLAG_USABLE,
	                "valid", is & KEY_FLAG_VALID,
	                "accepted", judged == JUDGED_ACCEPTED
	                || judged == JUDGED_VERIFIED,
	                "verified", judged == JUDGED_VERIFIED,
	                "rejected", judged == JUDGED_REJECTED,
	                "revoked", is & KEY_FLAG_REVOKED,
	                "expired", is & KEY_FLAG_EXPIRED);
	if (expires)
		json_object_set_new(key, "expires",
		                    json_integer((json_int_t)expires));
	return key;
}

/* C_KEY ..., C_DONE: the list, or NULL with f filled. */
static json_t *take_keys(struct plugin *p, struct chan *crypt, json_t *ok,
                         struct fault *f)
{
	json_t *list = json_array(), *key;
	struct unpack u;
	struct frame frame;

	json_object_set_new(ok, "keys", list);
	while (next(p, crypt, &frame) == 0) {
		unpack_init(&u, &frame);
		if (frame.type == C_DONE && done(&frame, f) == 0)
			return ok;
		if (frame.type == C_DONE) {
			json_decref(ok);
			return NULL;
		}
		if (frame.type == C_IMPORTED) {
			json_object_set_new(ok, "imported",
			                    json_integer(unpack_u32(&u)));
			continue;
		}
		key = frame.type == C_KEY && json_array_size(list) < LISTED_MAX
		      ? take_key(&u) : NULL;
		if (!key || !unpack_end(&u))
			u.bad = true;
		json_array_append_new(list, key);
		if (u.bad)
			break;
	}
	chan_close(crypt);
	json_decref(ok);
	return no_answer(f);
}

/* ---- the calls ---- */

static bool tell_trust(void *arg, const struct contact_known *c,
                       const struct peer_known *peer)
{
	json_t *key;
	size_t i;

	json_array_foreach((json_t *)arg, i, key)
		plugin_tell_trust(key, c, peer);
	return true;
}

/* What is remembered of them; where that is nothing they are new. */
static json_t *add_trust(struct plugin *p, const char *addr, json_t *ok,
                         struct fault *f)
{
	static const struct contact_known nobody;
	static const struct peer_known none;
	json_t *list = json_object_get(ok, "keys");
	bool more;

	tell_trust(list, &nobody, &none);
	if (!addr[0] || keeper_contacts(&p->ends->keeper, true, addr,
	                                tell_trust, list, &more, NULL) == 0)
		return ok;
	json_decref(ok);
	return no_answer(f);
}

json_t *plugin_keys_of(struct plugin *p, const char *addr, uint32_t account,
                       struct fault *f)
{
	struct chan *crypt = plugin_kept_crypt(p);
	struct pack q;
	json_t *ok;

	pack_init(&q);
	pack_str(&q, addr);
	if (!addr[0])
		pack_u32(&q, account);
	if (!crypt || pack_send(&q, crypt, C_LIST, NULL))
		return no_answer(f);
	ok = take_keys(p, crypt, json_object(), f);
	return ok ? add_trust(p, addr, ok, f) : NULL;
}

/* Something is known of these addresses that was not before. */
static void tell_changed(struct plugin *p, json_t *keys)
{
	char text[EVENT_ADDRS_MAX][ADDR_MAX + 1];
	const char *addr[EVENT_ADDRS_MAX];
	json_t *key, *uid;
	size_t i, k, n = 0;

	json_array_foreach(keys, i, key)
		json_array_foreach(json_object_get(key, "uids"), k, uid) {
			if (n == EVENT_ADDRS_MAX
			    || !addr_of_uid(json_string_value(uid), text[n]))
				continue;
			addr[n] = text[n];
			n++;
		}
	if (n)
		keeper_tell_changed(&p->ends->keeper, addr, n);
}

static json_t *import(struct plugin *p, const char *armor, struct fault *f)
{
	struct chan *crypt;
	size_t n = strlen(armor);
	json_t *ok;

	if (n > IMPORT_MAX)
		return fault_set(f, "too-large", "At most %d octets of keys can be "
		                 "imported at once. Larger ones: gpg --import FILE",
		                 IMPORT_MAX);
	crypt = plugin_kept_crypt(p);
	if (!crypt || chan_send(crypt, C_IMPORT, armor, n, NULL))
		return no_answer(f);
	ok = take_keys(p, crypt, json_object(), f);
	if (ok)
		tell_changed(p, json_object_get(ok, "keys"));
	return ok;
}

static json_t *export(struct plugin *p, const char *fpr, struct fault *f)
{
	json_t *ok;
	char *armor;

	if (!fpr_ok(fpr))
		return fault_set(f, "request", "export wants a fingerprint: 40 "
		                 "digits from 0 to F");
	if (plugin_export(p, fpr, &armor, f))
		return NULL;
	ok = json_pack("{s:o}", "armor", json_words(armor));
	free(armor);
	return ok;
}

json_t *plugin_keys(struct plugin *p, json_t *request, struct fault *f)
{
	static const char *const what[] = { "account", "address", "import",
	                                    "export" };
	const char *text[4];
	const struct account *a;
	int n = 0;

	for (int i = 0; i < 4; i++) {
		text[i] = json_string_value(json_object_get(request, what[i]));
		n += text[i] != NULL;
	}
	if (n != 1)
		return fault_set(f, "request", "keys wants one of account, "
		                 "address, import and export");
	if (text[2])
		return import(p, text[2], f);
	if (text[3])
		return export(p, text[3], f);
	if (text[1])
		return addr_ok(text[1]) ? plugin_keys_of(p, text[1], 0, f)
		       : fault_set(f, "request", "address is no address");
	a = plugin_account(p, request, f);
	return a ? plugin_keys_of(p, "", (uint32_t)(a - p->conf->account), f)
	         : NULL;
}
