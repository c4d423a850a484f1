/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unlock: a plug-in has the user asked for the passphrase of an account's key. */
#include <string.h>

#include "agent/conf.h"
#include "agent/plugin.h"

enum { WORDS_MAX = 1000 };

/* What crypt said, as a fault. */
static json_t *not_unlocked(uint32_t outcome, const char *words,
                            const char *address, struct fault *f)
{
	if (outcome == DONE_REFUSED)
		return fault_set(f, "no-key", "There is no usable key for %s",
		                 address);
	if (outcome == DONE_LOCKED && strcmp(words, "cancelled") == 0)
		return fault_set(f, "cancelled", "Nobody gave the passphrase, so "
		                 "the key of %s stays locked", address);
	if (outcome == DONE_LOCKED && strcmp(words, "timeout") == 0)
		return fault_set(f, "timeout", "The passphrase was not given in "
		                 "time, so the key of %s stays locked",
		                 address);
	if (outcome == DONE_LOCKED && strcmp(words, "wrong") == 0)
		return fault_set(f, "wrong", "The passphrase was not the right "
		                 "one, so the key of %s stays locked", address);
	return fault_set(f, "failed", "The key of %s stays locked: %s", address,
	                 words);
}

json_t *plugin_unlock(struct plugin *p, json_t *request, struct fault *f)
{
	const char *address = json_string_value(
		json_object_get(request, "account"));
	const struct account *a = conf_account(p->conf, address);
	char words[WORDS_MAX] = "a part of Letterlock did not answer";
	uint32_t outcome = DONE_FAILED;
	struct chan crypt;
	struct pack q;
	struct unpack u;
	struct frame answer;

	if (!a)
		return fault_set(f, "no-account", "There is no such account");
	chan_init(&crypt, -1);
	pack_init(&q);
	pack_u32(&q, (uint32_t)(a - p->conf->account));
	pack_u32(&q, ASK_ALL);
	if (plugin_crypt(p, &crypt) == 0
	    && pack_send(&q, &crypt, C_WARM, NULL) == 0
	    && plugin_wait(p, &crypt) == 0
	    && chan_expect(&crypt, C_DONE, &answer, NULL) == 0) {
		unpack_init(&u, &answer);
		outcome = unpack_u32(&u);
		unpack_str(&u, words, sizeof words);
	}
	chan_close(&crypt);
	if (outcome != DONE_OK)
		return not_unlocked(outcome, words, a->address, f);
	return json_pack("{s:o}", "account", json_words(a->address));
}
