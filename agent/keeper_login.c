/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two small tables: clients with wrong passwords, and accounts. */
#include "agent/keeper_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"

enum { KINDS = 2 };		/* SESSION_SMTP, SESSION_POP3 */

struct peer {
	char name[PEER_MAX];
	unsigned wrong;		/* in a row; 0 = this place is free */
	int64_t last;		/* ms */
};

struct reached {
	int64_t good, bad;	/* unix time, 0 = never */
	bool outage;
	bool unproven;
	int64_t unproven_at;	/* ms */
	char words[LOGINS_WORDS_MAX];
};

struct logins {
	struct peer peer[LOGINS_PEERS_MAX];
	struct reached account[CONF_ACCOUNTS_MAX][KINDS];
};

struct logins *logins_new(void)
{
	return calloc(1, sizeof(struct logins));
}

/* ---- clients ---- */

static struct peer *find(struct logins *l, const char *name)
{
	for (unsigned i = 0; i < LOGINS_PEERS_MAX; i++)
		if (l->peer[i].wrong && strcmp(l->peer[i].name, name) == 0)
			return &l->peer[i];
	return NULL;
}

uint32_t logins_wait(struct logins *l, const char *peer, int64_t ms)
{
	const struct peer *p = find(l, peer);
	uint32_t wait = LOGINS_WAIT_MS;

	if (!p || p->wrong < LOGINS_FREE || ms - p->last >= LOGINS_FORGET_MS)
		return 0;
	for (unsigned i = LOGINS_FREE; i < p->wrong; i++) {
		wait *= 2;
		if (wait >= LOGINS_WAIT_MAX_MS)
			return LOGINS_WAIT_MAX_MS;
	}
	return wait;
}

/* A free place, or that of the client that was quiet longest. */
static struct peer *place(struct logins *l)
{
	struct peer *best = &l->peer[0];

	for (unsigned i = 1; i < LOGINS_PEERS_MAX && best->wrong; i++)
		if (!l->peer[i].wrong || l->peer[i].last < best->last)
			best = &l->peer[i];
	memset(best, 0, sizeof *best);
	return best;
}

static void note_right(struct logins *l, const char *name)
{
	struct peer *p = find(l, name);

	if (p)
		p->wrong = 0;
}

static void note_wrong(struct logins *l, const char *name, int64_t ms)
{
	struct peer *p = find(l, name);

	if (!p) {
		p = place(l);
		memcpy(p->name, name, strlen(name) + 1);
	} else if (ms - p->last >= LOGINS_FORGET_MS) {
		p->wrong = 0;
	}
	p->last = ms;
	if (++p->wrong == LOGINS_FREE)
		log_note("wrong passwords in a row: the next logins have to "
		         "wait");
}

/* ---- accounts ---- */

/* What a provider or resolver said, without what may be somebody's address. */
static void keep_words(char out[LOGINS_WORDS_MAX], const char *words)
{
	size_t n = 0;

	while (*words) {
		size_t len = strcspn(words, " "), blanks;
		const char *p = words;

		if (memchr(words, '@', len)) {
			p = "(address)";
			words += len;
			len = strlen(p);
		} else {
			words += len;
		}
		blanks = strspn(words, " ");
		if (n + len + 2 > LOGINS_WORDS_MAX)
			break;
		memcpy(out + n, p, len);
		n += len;
		if (blanks)
			out[n++] = ' ';
		words += blanks;
	}
	out[n] = '\0';
}

void logins_move(struct logins *l, const int *from, unsigned n)
{
	struct reached old[CONF_ACCOUNTS_MAX][KINDS];

	memcpy(old, l->account, sizeof old);
	memset(l->account, 0, sizeof l->account);
	for (unsigned i = 0; i < n && i < CONF_ACCOUNTS_MAX; i++)
		if (from[i] >= 0)
			memcpy(l->account[i], old[from[i]], sizeof old[0]);
}

static bool note_account(struct logins *l, const struct logged *in, int64_t ms,
                         int64_t now)
{
	struct reached *r;
	bool was;

	if (in->account >= CONF_ACCOUNTS_MAX || in->kind >= KINDS)
		return false;
	r = &l->account[in->account][in->kind];
	if (in->outcome == DONE_OK) {
		r->good = now;
		r->outage = r->unproven = false;
		return false;
	}
	if (in->outcome == DONE_UNREACHABLE && in->code == UNREACHED_NO_PROOF) {
		r->unproven = true;
		r->unproven_at = ms;
	}
	r->bad = now;
	/* its own words may quote what it was given */
	keep_words(r->words, in->outcome == DONE_DENIED
	           ? "the user name or the password was not taken"
	           : in->words);
	was = r->outage;
	r->outage = was || in->outage;
	return r->outage && !was;
}

void logins_words(const struct logins *l, uint32_t account, uint32_t kind,
                  char words[LOGINS_WORDS_MAX])
{
	words[0] = '\0';
	if (account < CONF_ACCOUNTS_MAX && kind < KINDS)
		memcpy(words, l->account[account][kind].words,
		       LOGINS_WORDS_MAX);
}

bool logins_note(struct logins *l, const struct logged *in, int64_t ms,
                 int64_t now)
{
	if (in->outcome == DONE_OK)
		note_right(l, in->peer);
	else if (in->outcome == DONE_DENIED || in->outcome == DONE_REFUSED)
		note_wrong(l, in->peer, ms);
	/* DONE_REFUSED is no matter of the provider's */
	return in->outcome != DONE_REFUSED && note_account(l, in, ms, now);
}

bool logins_unproven(const struct logins *l, uint32_t account, uint32_t kind,
                     int64_t ms)
{
	const struct reached *r;

	if (account >= CONF_ACCOUNTS_MAX || kind >= KINDS)
		return false;
	r = &l->account[account][kind];
	return r->unproven && ms - r->unproven_at < LOGINS_UNPROVEN_MS;
}

void logins_status(const struct logins *l, uint32_t account, struct pack *p)
{
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct reached none = { 0 };
		const struct reached *r = account < CONF_ACCOUNTS_MAX
		                          ? &l->account[account][kind] : &none;

		pack_u64(p, (uint64_t)r->good);
		pack_u64(p, (uint64_t)r->bad);
		pack_str(p, r->words);
	}
}
