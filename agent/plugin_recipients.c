/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipients: what would become of a letter to these, as front would decide it. */
#include <stdio.h>
#include <string.h>

#include "agent/conf_value.h"
#include "agent/keeper.h"
#include "agent/mime.h"
#include "agent/plugin.h"
#include "agent/recipients.h"

enum { ANSWERS_MAX = 100 };	/* Message-IDs that are looked at, as of a letter */

struct question {
	const struct account *account;
	const char *from;	/* as it would stand in From */
	struct recipient to[POLICY_RECIPIENTS_MAX];
	char addr[POLICY_RECIPIENTS_MAX][ADDR_MAX + 1];
	const char *given[POLICY_RECIPIENTS_MAX];	/* as they were asked for */
	size_t n;
	struct wishes wishes;
	enum wish sign;
	enum key_state own;
};
static struct question question;

/* ---- what is asked ---- */

static enum wish wish_of(json_t *request, const char *name)
{
	json_t *j = json_object_get(request, name);

	if (!j)
		return WISH_NONE;
	return json_is_true(j) ? WISH_YES : WISH_NO;
}

static bool asked_before(const struct question *q, const char *addr)
{
	for (size_t i = 0; i < q->n; i++)
		if (addr_same(q->addr[i], addr))
			return true;
	return false;
}

static int take_to(struct plugin *p, struct question *q, json_t *to,
                   struct fault *f)
{
	size_t i, octets = 0;
	const char *why;
	json_t *item;

	json_array_foreach(to, i, item) {
		if (q->n >= p->conf->max_recipients) {
			fault_set(f, "request", "to may have at most %u "
			          "recipients (max-recipients)",
			          p->conf->max_recipients);
			return -1;
		}
		q->given[q->n] = json_string_value(item);
		why = recipients_addr(q->given[q->n], q->addr[q->n]);
		if (why) {
			fault_set(f, "request", "to, number %zu: %s", i + 1,
			          why);
			return -1;
		}
		if (asked_before(q, q->addr[q->n]))
			continue;
		octets += recipients_octets(q->addr[q->n]);
		q->to[q->n].addr = q->addr[q->n];
		q->n++;
	}
	if (q->n && octets <= RECIPIENTS_OCTETS_MAX)
		return 0;
	fault_set(f, "request", "to has %s recipients", q->n ? "too long" : "no");
	return -1;
}

static int take(struct plugin *p, struct question *q, json_t *request,
                struct fault *f)
{
	memset(q, 0, sizeof *q);
	q->account = plugin_account(p, request, f);
	if (!q->account)
		return -1;
	q->from = plugin_from(q->account, request);
	q->wishes.encrypt = wish_of(request, "encrypt");
	q->sign = wish_of(request, "sign");
	return take_to(p, q, json_object_get(request, "to"), f);
}

/* ---- what is known ---- */

/* Did it come sealed?  A Message-ID may stand with or without its < and >. */
static int know_answer(struct plugin *p, struct question *q, const char *text)
{
	char bare[ID_MAX + 3], id[ID_MAX + 1];

	if (text[0] != '<') {
		if (strlen(text) > ID_MAX)
			return 0;
		snprintf(bare, sizeof bare, "<%s>", text);
		text = bare;
	}
	if (!mime_next_id(&text, id))
		return 0;
	return keeper_did_come(&p->ends->keeper, id, &q->wishes.answers_sealed,
	                       NULL);
}

static int ask_keeper(struct plugin *p, struct question *q, json_t *request)
{
	struct chan *keeper = &p->ends->keeper;
	json_t *code = json_object_get(request, "code");
	json_t *answers = json_object_get(request, "answers");
	json_int_t given = code ? json_integer_value(code) : -1;

	for (size_t i = 0; i < json_array_size(answers) && i < ANSWERS_MAX
	     && !q->wishes.answers_sealed; i++)
		if (know_answer(p, q, json_string_value(
				json_array_get(answers, i))))
			return -1;
	return recipients_know(p->conf, q->account, keeper, q->to, q->n, NULL)
	       || recipients_code(keeper, q->to, q->n, given < 0 || given > 9999
	                          ? -1 : (int)given, &q->wishes, NULL) ? -1 : 0;
}

static int ask_crypt(struct plugin *p, struct question *q, struct fault *f)
{
	struct err e = { .code = 0 };
	uint32_t account = (uint32_t)(q->account - p->conf->account);
	struct chan *crypt = plugin_kept_crypt(p);

	if (!crypt) {
		fault_set(f, "failed", "The keys could not be looked up. Try "
		          "again");
		return -1;
	}
	if (recipients_ask_keys(crypt, account, q->to, q->n, NULL) == 0
	    && plugin_wait_for(p, crypt, plugin_patience(p)) == 0
	    && recipients_take_keys(crypt, q->to, q->n, &q->own, &e) == 0)
		return 0;
	if (gpg_err_code(e.code) == GPG_ERR_NO_PUBKEY) {
		fault_set(f, "failed", "It can't be said: %s", e.text);
		return -1;
	}
	fault_set(f, "failed", "The keys could not be looked up. Try again");
	chan_close(crypt);
	return -1;
}

/* A look-up may end after our answer: the event "recipients" tells of that. */
static int look_up(struct plugin *p, struct question *q, json_t *request,
                   struct fault *f)
{
	unsigned how = json_is_true(json_object_get(request, "wait"))
	               ? LOOKUP_WAIT : 0;
	bool found;

	if (json_is_false(json_object_get(request, "look")))
		return 0;
	if (json_is_true(json_object_get(request, "look")))
		how |= LOOKUP_ANEW;
	if (recipients_look_up(p->conf, &p->ends->keeper, how, q->to, q->n,
	                       &q->wishes, &found, NULL)) {
		fault_set(f, "failed", "The keys could not be looked up. Try "
		          "again");
		return -1;
	}
	return found ? ask_crypt(p, q, f) : 0;
}

/* ---- what will become of it ---- */

/* As letter_decide() does, for a letter that is neither sealed nor signed yet. */
static enum decision settle(const struct question *q, enum wish encrypt,
                            bool *signs, char words[POLICY_WORDS_MAX])
{
	struct wishes w = q->wishes;
	enum decision d;

	w.encrypt = encrypt;
	d = policy_decide(q->to, q->n, &w, words);
	*signs = policy_signs(q->account, q->sign, d == SEND_SEALED);
	if (d == SEND_REFUSED || q->own == KEY_USABLE
	    || (d == SEND_CLEAR && !*signs))
		return d;
	policy_refuse_own(q->own, q->from, words);
	return SEND_REFUSED;
}

static json_t *key_of(const struct recipient *r)
{
	json_t *key = json_pack("{s:s, s:s, s:s}", "fpr", r->fpr,
	                        "from", policy_from(r->from), "trust", policy_trust(r));

	if (r->used_since && strcmp(r->used, r->fpr) == 0)
		json_object_set_new(key, "since", json_integer(r->used_since));
	if (r->expires)
		json_object_set_new(key, "expires", json_integer(r->expires));
	return key;
}

/* What came of looking for a key, or NULL: none was looked for. */
static const char *looked(const struct recipient *r)
{
	if (r->looking)
		return "not-yet";
	return r->looked == LOOKED_NONE ? "none"
	       : r->looked == LOOKED_FAILED ? "failed" : NULL;
}

static json_t *recipient(const struct recipient *r, const char *given,
                         enum policy strictest)
{
	char words[POLICY_WORDS_MAX];
	json_t *j;

	policy_tell(r, strictest, words);
	j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "address", given,
	              "state", policy_state(r, strictest),
	              "encrypt", conf_value_policy_word(r->policy),
	              "sealed-before", r->sealed_before,
	              "readable-allowed", r->clear_allowed,
	              "words", json_words(words));
	if (r->fpr[0])
		json_object_set_new(j, "key", key_of(r));
	if (looked(r))
		json_object_set_new(j, "looked", json_string(looked(r)));
	return j;
}

static json_t *answer(const struct question *q)
{
	static const char *const outcome[] = {
		[SEND_SEALED] = "sealed", [SEND_CLEAR] = "readable",
		[SEND_REFUSED] = "refused"
	};
	static const char *const own[] = {
		[KEY_USABLE] = "usable", [KEY_NONE] = "none",
		[KEY_EXPIRED] = "expired", [KEY_UNUSABLE] = "unusable",
		[KEY_AMBIGUOUS] = "unusable", [KEY_CHANGED] = "unusable"
	};
	char words[POLICY_WORDS_MAX], unused[POLICY_WORDS_MAX];
	enum policy strictest = policy_strictest(q->to, q->n);
	json_t *list = json_array(), *j;
	bool signs, may_sign;
	enum decision d = settle(q, q->wishes.encrypt, &signs, words);

	j = json_pack("{s:s, s:b, s:s, s:o}", "outcome", outcome[d],
	              "signed", signs, "key", own[q->own], "recipients", list);
	if (d == SEND_REFUSED) {
		json_object_set_new(j, "words", json_words(words));
		if (settle(q, WISH_NO, &may_sign, unused) == SEND_CLEAR)
			json_object_set_new(j, "may-be-readable", json_true());
	}
	for (size_t i = 0; i < q->n; i++)
		json_array_append_new(list, recipient(&q->to[i], q->given[i],
		                                      strictest));
	return j;
}

json_t *plugin_recipients(struct plugin *p, json_t *request, struct fault *f)
{
	struct question *q = &question;

	if (take(p, q, request, f))
		return NULL;
	if (ask_keeper(p, q, request))
		return fault_set(f, "failed", "A part of Letterlock did not "
		                 "answer. Try again");
	if (ask_crypt(p, q, f) || look_up(p, q, request, f))
		return NULL;
	return answer(q);
}
