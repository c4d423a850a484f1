/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plug-in is told of keys that end: our own, and those of contacts. */
#include <string.h>
#include <time.h>

#include "agent/plugin.h"
#include "agent/recipients.h"

enum { DAY = 86400 };

/* The keeper's answer: 0, or -1: it gave none, and never will. */
static int ask(struct plugin *p, unsigned type, struct pack *q,
               struct frame *f)
{
	if (!chan_open(&p->ends->keeper))
		return -1;
	if (pack_send(q, &p->ends->keeper, type, NULL) == 0
	    && chan_expect(&p->ends->keeper, K_ANSWER, f, NULL) == 0)
		return 0;
	chan_close(&p->ends->keeper);
	return -1;
}

void plugin_renewal(struct plugin *p, unsigned n, json_t *account)
{
	char why[ERR_TEXT_MAX];
	struct pack q;
	struct unpack u;
	struct frame f;
	int64_t at;

	pack_init(&q);
	pack_u32(&q, n);
	if (ask(p, K_RENEWAL, &q, &f))
		return;
	unpack_init(&u, &f);
	at = (int64_t)unpack_u64(&u);
	unpack_u64(&u);
	unpack_str(&u, why, sizeof why);
	if (!unpack_end(&u) || !at)
		return;
	if (why[0])
		json_object_set_new(account, "key-not-renewed",
		                    json_words(why));
	else
		json_object_set_new(account, "key-renewed",
		                    json_integer((json_int_t)at));
}

/* Those that the keeper knows of: how many. */
static size_t take(struct unpack *u, struct recipient *to,
                   char addr[][ADDR_MAX + 1])
{
	uint32_t n = unpack_u32(u);

	if (n > ENDING_MAX)
		u->bad = true;
	for (uint32_t i = 0; i < n && !u->bad; i++) {
		unpack_str(u, addr[i], ADDR_MAX + 1);
		to[i].addr = addr[i];
		unpack_str(u, to[i].used, sizeof to[i].used);
		to[i].used_since = (int64_t)unpack_u64(u);
	}
	return unpack_end(u) ? n : 0;
}

/* When it ends as gpg has it now; 0: it does not, or it is another now. */
static int64_t end_of(const struct recipient *r)
{
	return r->state == KEY_USABLE && strcmp(r->fpr, r->used) == 0
	       ? r->expires : 0;
}

void plugin_ending(struct plugin *p, struct chan *crypt, json_t *ok)
{
	static struct recipient to[ENDING_MAX];
	static char addr[ENDING_MAX][ADDR_MAX + 1];
	json_t *list = json_array();
	enum key_state own;
	bool asked;
	struct pack q;
	struct unpack u;
	struct frame f;
	int64_t at;
	size_t n;

	json_object_set_new(ok, "ending", list);
	memset(to, 0, sizeof to);
	pack_init(&q);
	if (ask(p, K_ENDING, &q, &f))
		return;
	unpack_init(&u, &f);
	n = take(&u, to, addr);
	/* one may have been renewed behind our back */
	asked = n && chan_open(crypt)
	        && recipients_ask_keys(crypt, 0, to, n, NULL) == 0
	        && plugin_wait(p, crypt) == 0
	        && recipients_take_keys(crypt, to, n, &own, NULL) == 0;
	for (size_t i = 0; i < n; i++) {
		at = asked ? end_of(&to[i]) : to[i].used_since;
		if (at && at <= (int64_t)time(NULL) + ENDING_DAYS * DAY)
			json_array_append_new(list, json_pack(
				"{s:o, s:I}", "address", json_words(to[i].addr),
				"key-expires", (json_int_t)at));
	}
}
