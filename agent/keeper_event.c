/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has happened, from those who tell it to those who watch: in other words than
 * theirs, and with no more trust than needed. */
#include "agent/keeper_event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/keeper_ends.h"
#include "crypto/utf8.h"
#include "crypto/verdict.h"

static struct pack event;

void event_begin(const struct kept *k, struct pack *p, enum event what,
                 int account)
{
	pack_init(p);
	pack_u32(p, what);
	pack_u64(p, (uint64_t)time(NULL));
	pack_str(p, account >= 0 && (unsigned)account < k->conf->n_accounts
	         ? k->conf->account[account].address : "");
}

static void begin(const struct kept *k, enum event what, int account)
{
	event_begin(k, &event, what, account);
}

/* The next text; one that is too long makes the frame bad. */
static void copy_text(struct unpack *u, size_t size)
{
	char text[EVENT_WORDS_MAX];

	unpack_str(u, text, size);
	utf8_plain(text);
	pack_str(&event, text);
}

/* The rest: addresses. */
static int copy_addrs(struct unpack *u)
{
	uint32_t n = unpack_u32(u);

	if (u->bad || n > EVENT_ADDRS_MAX)
		return -1;
	pack_u32(&event, n);
	while (n--)
		copy_text(u, ADDR_MAX + 1);
	return unpack_end(u) ? 0 : -1;
}

/* ---- whose session it is ---- */

void event_login(const struct kept *k, struct teller *t, const struct frame *f)
{
	uint32_t account, outcome;
	char peer[PEER_MAX];
	struct unpack u;

	unpack_init(&u, f);
	unpack_str(&u, peer, sizeof peer);
	account = unpack_u32(&u);
	unpack_u32(&u);
	outcome = unpack_u32(&u);
	if (u.bad || t->generation != k->generation
	    || account >= k->conf->n_accounts || outcome == DONE_REFUSED
	    || outcome == DONE_DENIED)
		return;
	if (t->account == -1)
		t->account = (int)account;
	if (t->account == (int)account && outcome == DONE_OK)
		t->proven = true;
}

int event_account(int account, const int *from, unsigned n)
{
	for (unsigned i = 0; account >= 0 && i < n; i++)
		if (from[i] == account)
			return (int)i;
	return -1;
}

void event_move(struct kept *k, const int *from, unsigned n)
{
	unsigned char was[CONF_ACCOUNTS_MAX];

	memcpy(was, k->key_is, sizeof was);
	memset(k->key_is, 0, sizeof was);
	for (unsigned i = 0; i < n && i < CONF_ACCOUNTS_MAX; i++)
		if (from[i] >= 0)
			k->key_is[i] = was[from[i]];
	ends_move(k, from, n);
}

/* ---- what is told ---- */

/* Who has not been let in by the provider names nobody: it may be anybody. */
static int tell_letter(struct kept *k, const struct teller *t, struct unpack *u,
                       enum event what)
{
	size_t unnamed;

	if (t->account == -1)
		return 0;
	begin(k, what, t->account);
	pack_u32(&event, unpack_u32(u));
	if (what == EVENT_REFUSED)
		copy_text(u, EVENT_WORDS_MAX);
	unnamed = event.len;
	copy_text(u, EVENT_ID_MAX);
	if (copy_addrs(u))
		return -1;
	if (!t->proven) {
		event.len = unnamed;
		pack_str(&event, "");
		pack_u32(&event, 0);
	}
	watchers_tell(k->watchers, &event);
	return 0;
}

/* A verdict is what has our MAC; of which body it speaks is not known here. */
static int tell_opened(struct kept *k, const struct teller *t, struct unpack *u)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST] = { 0 };
	char text[VERDICT_LINE_MAX];
	enum verdict_check check;
	struct verdict v;

	unpack_str(u, text, sizeof text);
	unpack_mem(u, digest, sizeof digest);
	if (u->bad)
		return -1;
	check = verdict_check(text, digest, body, memory_key(k->memory), &v);
	begin(k, EVENT_OPENED, t->account);
	pack_str(&event, text);
	copy_text(u, EVENT_ID_MAX);
	if (!unpack_end(u))
		return -1;
	if (t->proven && t->account != -1
	    && (check == VERDICT_GENUINE || check == VERDICT_CHANGED))
		watchers_tell(k->watchers, &event);
	return 0;
}

/* What crypt says of a key: an event is what has changed, and each question.  A
 * plug-in's crypt may name the account, a session's has its front's. */
static int tell_key(struct kept *k, const struct teller *t,
                    const struct teller *head, struct unpack *u)
{
	static const enum event of[] = {
		EVENT_KEY_NEEDED, EVENT_LOCKED, EVENT_UNLOCKED
	};
	uint32_t named = unpack_u32(u), is = unpack_u32(u);
	int account = -1;
	unsigned char *was;

	if (!unpack_end(u) || is > KEY_IS_OPEN)
		return -1;
	if (!head)
		return 0;
	if (head->role == ROLE_FRONT)
		account = head->account;
	else if (t->generation == k->generation && named < k->conf->n_accounts)
		account = (int)named;
	else if (k->conf->n_accounts == 1)
		account = 0;
	if (head->role == ROLE_FRONT && account == -1)
		return 0;
	was = &k->key_is[account == -1 ? CONF_ACCOUNTS_MAX : account];
	if (is == KEY_IS_ASKED || *was != 1 + is) {
		begin(k, of[is], account);
		/* nobody waited for one that was never locked */
		if (is != KEY_IS_OPEN || *was)
			watchers_tell(k->watchers, &event);
	}
	*was = (unsigned char)(1 + is);
	return 0;
}

static int tell_changed(struct kept *k, struct unpack *u)
{
	begin(k, EVENT_RECIPIENTS, -1);
	if (copy_addrs(u))
		return -1;
	watchers_tell(k->watchers, &event);
	return 0;
}

bool event_told_by(unsigned type)
{
	return type == K_SENT || type == K_REFUSED || type == K_OPENED
	       || type == K_KEY || type == K_CHANGED || ends_told_by(type);
}

int event_tell(struct kept *k, const struct teller *t,
               const struct teller *head, const struct frame *f)
{
	struct unpack u;

	unpack_init(&u, f);
	switch (f->type) {
	case K_SENT: return tell_letter(k, t, &u, EVENT_SENT);
	case K_REFUSED: return tell_letter(k, t, &u, EVENT_REFUSED);
	case K_OPENED: return tell_opened(k, t, &u);
	case K_KEY: return tell_key(k, t, head, &u);
	case K_CHANGED: return tell_changed(k, &u);
	}
	return ends_tell(k, t, f->type, &u);
}

/* ---- what the keeper itself knows ---- */

void event_error(struct kept *k, uint32_t account, uint32_t kind)
{
	char words[LOGINS_WORDS_MAX];

	logins_words(k->logins, account, kind, words);
	utf8_plain(words);
	begin(k, EVENT_ERROR, (int)account);
	pack_u32(&event, kind);
	pack_str(&event, words);
	watchers_tell(k->watchers, &event);
}

void event_changed(struct kept *k, const char *const *addr, size_t n)
{
	char text[ADDR_MAX + 1];

	begin(k, EVENT_RECIPIENTS, -1);
	n = n < EVENT_ADDRS_MAX ? n : EVENT_ADDRS_MAX;
	pack_u32(&event, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%s", addr[i]);
		utf8_plain(text);
		pack_str(&event, text);
	}
	watchers_tell(k->watchers, &event);
}
