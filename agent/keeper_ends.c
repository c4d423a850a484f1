/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper knows of the ends of keys: our own, and those of contacts. */
#include "agent/keeper_ends.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/log.h"
#include "crypto/utf8.h"

enum {
	DAY = 86400,
	YEAR = 365 * DAY,	/* who was not written to for longer is none */
	LOOK = 3600		/* seconds between looks at contacts */
};
_Static_assert(ENDING_MAX * (ADDR_MAX + 100) <= FRAME_DATA, "they fit");

static struct pack event;

/* Of an account by its number: not in another configuration. */
static int note_end(struct kept *k, const struct teller *t, struct unpack *u)
{
	uint32_t account = unpack_u32(u);
	int64_t at = (int64_t)unpack_u64(u);
	struct key_end *end;

	if (!unpack_end(u))
		return -1;
	if (t->generation != k->generation || account >= k->conf->n_accounts)
		return 0;
	end = &k->key_end[account];
	if (end->at != at)
		*end = (struct key_end){ .at = at };
	return 0;
}

/* What came of it; nobody waited. */
static int note_renewed(struct kept *k, const struct teller *t,
                        struct unpack *u)
{
	uint32_t account = unpack_u32(u);
	struct renewal r = { .at = time(NULL) };

	r.until = (int64_t)unpack_u64(u);
	unpack_str(u, r.why, sizeof r.why);
	if (!unpack_end(u))
		return -1;
	if (t->generation != k->generation || account >= k->conf->n_accounts)
		return 0;
	utf8_plain(r.why);
	k->renewal[account] = r;
	if (r.why[0])
		return 0;
	event_begin(k, &event, EVENT_KEY_RENEWED, (int)account);
	pack_u64(&event, (uint64_t)r.until);
	watchers_tell(k->watchers, &event);
	return 0;
}

static int note_lasts(struct kept *k, struct unpack *u)
{
	char fpr[41];
	int64_t at;
	struct err e;

	unpack_str(u, fpr, sizeof fpr);
	at = (int64_t)unpack_u64(u);
	if (!unpack_end(u) || !fpr_ok(fpr))
		return -1;
	if (contacts_lasts(k->contacts, fpr, at, &e))
		log_error("contacts: %s", e.text);
	k->ends_look = 0;
	return 0;
}

bool ends_told_by(unsigned type)
{
	return type == K_ENDS || type == K_RENEWED || type == K_LASTS;
}

int ends_tell(struct kept *k, const struct teller *t, unsigned type,
              struct unpack *u)
{
	switch (type) {
	case K_ENDS: return note_end(k, t, u);
	case K_RENEWED: return note_renewed(k, t, u);
	case K_LASTS: return note_lasts(k, u);
	}
	return -1;
}

void ends_move(struct kept *k, const int *from, unsigned n)
{
	struct key_end end[CONF_ACCOUNTS_MAX];
	struct renewal renewal[CONF_ACCOUNTS_MAX];

	memcpy(end, k->key_end, sizeof end);
	memset(k->key_end, 0, sizeof end);
	memcpy(renewal, k->renewal, sizeof renewal);
	memset(k->renewal, 0, sizeof renewal);
	for (unsigned i = 0; i < n && i < CONF_ACCOUNTS_MAX; i++)
		if (from[i] >= 0) {
			k->key_end[i] = end[from[i]];
			k->renewal[i] = renewal[from[i]];
		}
}

/* ---- answers ---- */

static int answer_renewal(const struct kept *k, struct unpack *u,
                          struct pack *p, uint32_t generation)
{
	uint32_t account = unpack_u32(u);
	const struct renewal *r;

	if (!unpack_end(u) || generation != k->generation
	    || account >= k->conf->n_accounts)
		return -1;
	r = &k->renewal[account];
	pack_u64(p, (uint64_t)r->at);
	pack_u64(p, (uint64_t)r->until);
	pack_str(p, r->why);
	return 1;
}

/* Contacts of the last year whose keys end soon: how many; none, too, where the file
 * can't be read, which is said. */
static size_t find_ending(struct kept *k, int64_t now,
                          struct contact_end list[ENDING_MAX])
{
	struct err e;
	size_t n;

	if (contacts_ending(k->contacts, now - YEAR, now,
	                    now + ENDING_DAYS * DAY, list, ENDING_MAX, &n,
	                    &e) == 0)
		return n;
	log_error("contacts: %s", e.text);
	return 0;
}

static int answer_ending(struct kept *k, struct unpack *u, struct pack *p)
{
	static struct contact_end list[ENDING_MAX];
	size_t n;

	if (!unpack_end(u))
		return -1;
	n = find_ending(k, time(NULL), list);
	pack_u32(p, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		pack_str(p, list[i].addr);
		pack_str(p, list[i].fpr);
		pack_u64(p, (uint64_t)list[i].at);
	}
	return 1;
}

int ends_answer(struct kept *k, unsigned type, struct unpack *u,
                struct pack *p, uint32_t generation)
{
	return type == K_RENEWAL ? answer_renewal(k, u, p, generation)
	                         : answer_ending(k, u, p);
}

/* ---- what is told ---- */

/* The step that this is within: so many days, or 0. */
static unsigned step_of(int64_t left)
{
	static const unsigned steps[] = { 1, 7, 30 };

	for (size_t i = 0; left > 0 && i < sizeof steps / sizeof *steps; i++)
		if (left <= steps[i] * DAY)
			return steps[i];
	return 0;
}

/* Was this said before?  It has been from now on. */
static bool is_told(struct kept *k, const char *what)
{
	struct err e;

	if (memory_has(k->memory, MEMORY_TOLD, what))
		return true;
	if (memory_add(k->memory, MEMORY_TOLD, what, &e))
		log_error("what was told is not remembered: %s", e.text);
	return false;
}

static void tell_end(struct kept *k, unsigned account, unsigned step,
                     int64_t now)
{
	struct key_end *end = &k->key_end[account];
	char text[ADDR_MAX + 80];

	end->told = step;
	snprintf(text, sizeof text, "%s %lld %u", k->conf->account[account].address,
	         (long long)end->at, step);
	if (is_told(k, text))
		return;
	event_begin(k, &event, EVENT_KEY_ENDS, (int)account);
	pack_u32(&event, (uint32_t)((end->at - now + DAY - 1) / DAY));
	watchers_tell(k->watchers, &event);
}

static void tell_contacts(struct kept *k, int64_t now)
{
	static struct contact_end list[ENDING_MAX];
	size_t n = find_ending(k, now, list);
	char text[ADDR_MAX + 80];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof text, "of %.*s %lld %u", ADDR_MAX, list[i].addr,
		         (long long)list[i].at, step_of(list[i].at - now));
		if (is_told(k, text))
			continue;
		event_begin(k, &event, EVENT_CONTACT_KEY_ENDS, -1);
		pack_str(&event, list[i].addr);
		pack_u32(&event, (uint32_t)((list[i].at - now + DAY - 1) / DAY));
		watchers_tell(k->watchers, &event);
	}
}

void event_ends(struct kept *k, int64_t now)
{
	unsigned step;

	if (!watchers_any(k->watchers)) {
		k->ends_look = 0;
		return;
	}
	for (unsigned i = 0; i < k->conf->n_accounts; i++) {
		step = k->key_end[i].at ? step_of(k->key_end[i].at - now) : 0;
		if (step && step != k->key_end[i].told)
			tell_end(k, i, step, now);
	}
	if (now >= k->ends_look || now < k->ends_look - LOOK) {
		k->ends_look = now + LOOK;
		tell_contacts(k, now);
	}
}
