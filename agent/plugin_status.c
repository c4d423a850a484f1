/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plug-in is told of the agent's state: as the guard, the keeper and a crypt
 * know it. */
#include <string.h>

#include "agent/box.h"
#include "agent/conf.h"
#include "agent/plugin.h"

enum { WORDS_MAX = 1000, NAME_MAX_LEN = 200, LISTED_MAX = 64 };

static const char *const kind_name[] = { "submission", "pop3", "plugin" };
static const char *const tls_name[] = { "offered", "starttls", "tls" };

/* ---- the guard ---- */

static json_t *listener(struct unpack *u)
{
	char addr[NAME_MAX_LEN];
	uint32_t kind, tls;

	unpack_str(u, addr, sizeof addr);
	kind = unpack_u32(u);
	tls = unpack_u32(u);
	if (u->bad || kind > SESSION_PLUGIN || tls > LOCAL_TLS) {
		u->bad = true;
		return NULL;
	}
	if (kind == SESSION_PLUGIN)
		return json_pack("{s:o, s:s}", "address", json_words(addr),
		                 "protocol", kind_name[kind]);
	return json_pack("{s:o, s:s, s:s}", "address", json_words(addr),
	                 "protocol", kind_name[kind], "tls", tls_name[tls]);
}

static int ask_guard(struct plugin *p, json_t *ok)
{
	json_t *list = json_array();
	struct unpack u;
	struct frame f;
	uint32_t n;

	json_object_set_new(ok, "listening", list);
	if (chan_send(&p->ends->guard, G_STATUS, NULL, 0, NULL)
	    || chan_expect(&p->ends->guard, G_STATUS, &f, NULL))
		return -1;
	unpack_init(&u, &f);
	json_object_set_new(ok, "started",
	                    json_integer((json_int_t)unpack_u64(&u)));
	json_object_set_new(ok, "sessions", json_integer(unpack_u32(&u)));
	json_object_set_new(ok, "sessions-most", json_integer(unpack_u32(&u)));
	n = unpack_u32(&u);
	for (uint32_t i = 0; i < n && i < LISTED_MAX && !u.bad; i++)
		json_array_append_new(list, listener(&u));
	return unpack_end(&u) ? 0 : -1;
}

/* ---- the walls ---- */

static json_t *walls(const struct plugin *p)
{
	return json_pack("{s:s, s:b, s:b}", "words", box_words(&p->walls),
	                 "whole", box_whole(&p->walls),
	                 "required", p->conf->sandbox_required);
}

/* ---- the keeper ---- */

static json_t *reached(struct unpack *u)
{
	uint64_t well = unpack_u64(u), failed = unpack_u64(u);
	char words[WORDS_MAX];
	json_t *j;

	unpack_str(u, words, sizeof words);
	if (u->bad)
		return NULL;
	j = json_object();
	if (well)
		json_object_set_new(j, "reached", json_integer((json_int_t)well));
	if (failed) {
		json_object_set_new(j, "failed",
		                    json_integer((json_int_t)failed));
		json_object_set_new(j, "failure", json_words(words));
	}
	return j;
}

/* Nothing is said where the keeper does not know. */
static void ask_keeper(struct plugin *p, unsigned n, json_t *account)
{
	struct pack q;
	struct unpack u;
	struct frame f;
	json_t *smtp, *pop3;

	if (!chan_open(&p->ends->keeper))
		return;
	pack_init(&q);
	pack_u32(&q, n);
	if (pack_send(&q, &p->ends->keeper, K_STATUS, NULL)
	    || chan_expect(&p->ends->keeper, K_ANSWER, &f, NULL)) {
		chan_close(&p->ends->keeper);
		return;
	}
	unpack_init(&u, &f);
	smtp = reached(&u);
	pop3 = reached(&u);
	if (unpack_end(&u)) {
		json_object_set(account, "submission", smtp);
		json_object_set(account, "pop3", pop3);
	}
	json_decref(smtp);
	json_decref(pop3);
}

/* ---- keys ---- */

/* "unlocked", "locked", "none", or "unknown". */
static const char *key_state(struct plugin *p, struct chan *crypt, unsigned n)
{
	struct pack q;
	struct unpack u;
	struct frame f;

	if (!chan_open(crypt))
		return "unknown";
	pack_init(&q);
	pack_u32(&q, n);
	pack_u32(&q, ASK_NOT);
	if (pack_send(&q, crypt, C_WARM, NULL) || plugin_wait(p, crypt)
	    || chan_expect(crypt, C_DONE, &f, NULL)) {
		chan_close(crypt);
		return "unknown";
	}
	unpack_init(&u, &f);
	switch (unpack_u32(&u)) {
	case DONE_OK: return "unlocked";
	case DONE_LOCKED: return "locked";
	case DONE_REFUSED: return "none";
	}
	return "unknown";
}

/* When it ends, if it does and that is known. */
static void key_ends(struct plugin *p, struct chan *crypt, unsigned n,
                     json_t *account)
{
	struct pack q;
	struct unpack u;
	struct frame f;
	uint64_t at;

	if (!chan_open(crypt))
		return;
	pack_init(&q);
	pack_u32(&q, n);
	if (pack_send(&q, crypt, C_ENDS, NULL) || plugin_wait(p, crypt)
	    || chan_expect(crypt, C_ENDS_AT, &f, NULL)) {
		chan_close(crypt);
		return;
	}
	unpack_init(&u, &f);
	at = unpack_u64(&u);
	if (unpack_end(&u) && at)
		json_object_set_new(account, "key-expires",
		                    json_integer((json_int_t)at));
}

/* ---- all of it ---- */

static json_t *accounts(struct plugin *p, bool keys, json_t *ok)
{
	json_t *list = json_array(), *a;
	struct chan crypt;

	chan_init(&crypt, -1);
	if (keys && p->conf->n_accounts)
		plugin_crypt(p, &crypt);
	for (unsigned i = 0; i < p->conf->n_accounts; i++) {
		a = json_pack("{s:o}", "address",
		              json_words(p->conf->account[i].address));
		ask_keeper(p, i, a);
		if (keys) {
			json_object_set_new(a, "key", json_string(
				key_state(p, &crypt, i)));
			key_ends(p, &crypt, i, a);
			plugin_renewal(p, i, a);
		}
		json_array_append_new(list, a);
	}
	if (keys)
		plugin_ending(p, &crypt, ok);
	chan_close(&crypt);
	return list;
}

json_t *plugin_status(struct plugin *p, json_t *request, struct fault *f)
{
	json_t *ok = json_object();

	if (ask_guard(p, ok)) {
		json_decref(ok);
		return fault_set(f, "failed", "A part of Letterlock did not "
		                 "answer. Try again");
	}
	json_object_set_new(ok, "walls", walls(p));
	json_object_set_new(ok, "accounts", accounts(p, json_is_true(
		json_object_get(request, "keys")), ok));
	return ok;
}
