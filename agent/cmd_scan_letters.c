/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock scan: letters to the agent, which reads their header blocks, and what it
 * says of them, put together by people. */
#include "agent/cmd_scan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base64.h"
#include "crypto/addr.h"

enum {
	PIECE = 45000,		/* octets of a header block in one request */
	BATCH_OCTETS = 60000	/* of base64 in one */
};

/* ---- what a letter says ---- */

/* NULL: there is no room for one more. */
static json_t *person(struct scan *s, const char *addr)
{
	char *folded = addr_fold(addr);
	json_t *p = folded ? json_object_get(s->people, folded) : NULL;

	if (!p && folded && json_object_size(s->people) < SCAN_PEOPLE_MAX) {
		p = json_pack("{s:s, s:{}}", "address", addr, "keys");
		json_object_set_new(s->people, folded, p);
	}
	free(folded);
	return p;
}

static void add_key(struct scan *s, json_t *p, json_t *fact)
{
	json_int_t date = scan_number(fact, "date");
	json_t *keys = json_object_get(p, "keys");
	json_t *k = json_object_get(keys, scan_text(fact, "key"));
	size_t n = json_object_size(keys);

	if (!k && ((n == 0 && s->keyed == SCAN_KEYED_MAX)
	           || n == SCAN_KEYS_MAX)) {
		if (n)
			json_object_set_new(p, "many", json_true());
		s->why[SCAN_TOO_MANY]++;
		return;
	}
	if (!k) {
		s->keyed += n == 0;
		k = json_pack("{s:I}", "first", date);
		json_object_set_new(keys, scan_text(fact, "key"), k);
	}
	if (date < scan_number(k, "first"))
		json_object_set_new(k, "first", json_integer(date));
	if (date >= scan_number(k, "date")) {
		json_object_set_new(k, "date", json_integer(date));
		json_object_set(k, "mutual", json_object_get(fact, "mutual"));
	}
}

static void take(struct scan *s, json_t *fact, bool attached)
{
	const char *is = scan_text(fact, "is"), *addr = scan_text(fact, "address");
	json_int_t date = scan_number(fact, "date"), now = (json_int_t)time(NULL);
	json_t *p;

	if (!is || !addr || strcmp(is, "unread") == 0) {
		s->why[SCAN_UNREAD]++;
	} else if (strcmp(is, "own") == 0) {
		s->why[SCAN_OWN]++;
	} else if (strcmp(is, "machine") == 0) {
		s->why[SCAN_MACHINE]++;
	} else if (date <= 0) {
		s->why[SCAN_NO_DATE]++;
	} else if (!(p = person(s, addr))) {
		s->why[SCAN_TOO_MANY]++;
	} else {
		if (attached)
			json_object_set_new(p, "attached", json_true());
		if (date > now)
			json_object_set_new(fact, "date", json_integer(now));
		if (strcmp(is, "key") == 0) {
			s->keys++;
			add_key(s, p, fact);
		} else if (scan_number(fact, "date") > scan_number(p, "bare")) {
			json_object_set(p, "bare",
			                json_object_get(fact, "date"));
		}
	}
}

/* ---- letters to the agent ---- */

static int ask(struct scan *s, bool more, struct err *e)
{
	json_t *ok, *list, *fact;
	size_t i;

	ok = ask_call(&s->ask, "senders", json_pack("{s:o, s:b}", "letters",
	              s->batch, "more", more), SCAN_SECONDS, e);
	s->batch = json_array();
	s->batch_octets = 0;
	if (!ok)
		return -1;
	list = json_object_get(ok, "letters");
	json_array_foreach(list, i, fact)
		if (i < SCAN_BATCH_MAX)
			take(s, fact, s->attached[i]);
	json_decref(ok);
	return 0;
}

int scan_flush(struct scan *s, struct err *e)
{
	return json_array_size(s->batch) ? ask(s, false, e) : 0;
}

static void add(struct scan *s, const char *p, size_t n, bool attached)
{
	static char octets[BASE64_LEN(PIECE)];
	size_t len = base64_encode(p, n, octets);

	s->attached[json_array_size(s->batch)] = attached;
	json_array_append_new(s->batch, json_stringn_nocheck(octets, len));
	s->batch_octets += len + 3;
}

int scan_letter(struct scan *s, const struct mbox_letter *l, struct err *e)
{
	const char *p = l->head;
	size_t n = l->n;

	s->letters++;
	if (l->deleted || !l->whole) {
		s->why[l->deleted ? SCAN_DELETED : SCAN_CUT]++;
		return 0;
	}
	if ((s->batch_octets + BASE64_LEN(n) + 3 > BATCH_OCTETS
	     || json_array_size(s->batch) == SCAN_BATCH_MAX) && scan_flush(s, e))
		return -1;
	for (; n > PIECE; p += PIECE, n -= PIECE) {
		add(s, p, PIECE, l->key);
		if (ask(s, true, e))
			return -1;
	}
	add(s, p, n, l->key);
	return 0;
}
