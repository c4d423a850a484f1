/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One recipient as it is shown while a letter is written. */
#include <stdio.h>
#include <string.h>

#include "agent/peers.h"
#include "agent/policy.h"

const char *policy_state(const struct recipient *r, enum policy strictest)
{
	static const char *const names[] = {
		[KEY_USABLE] = "unchecked", [KEY_NONE] = "no-key",
		[KEY_EXPIRED] = "expired", [KEY_UNUSABLE] = "unusable",
		[KEY_AMBIGUOUS] = "unchecked", [KEY_CHANGED] = "changed"
	};

	if (policy_can_read(r, strictest))
		return "sealed";
	return names[r->state];
}

/* Was it this key that letters were sealed to before? */
static bool is_used(const struct recipient *r)
{
	return r->used[0] && strcmp(r->used, r->fpr) == 0;
}

const char *policy_trust(const struct recipient *r)
{
	if (r->verified)
		return "verified";
	return r->valid || is_used(r) ? "seen" : "new";
}

/* The one that letters would go to, were it the one they went to before. */
static bool is_change(const struct contact_known *c,
                      const struct peer_known *peer, const char *fpr)
{
	const char *before = c->used[0] ? c->used : peer->own;

	return peer->n && strcmp(peer->key[0].fpr, fpr) == 0 && before[0]
	       && strcmp(before, fpr);
}

const char *policy_key_trust(const struct contact_known *c,
                             const struct peer_known *peer, const char *fpr,
                             bool valid)
{
	enum judged is = JUDGED_NOT;

	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->key[i].fpr, fpr) == 0)
			is = c->key[i].judged;
	if (is == JUDGED_REJECTED)
		return "rejected";
	if (is == JUDGED_VERIFIED || valid)
		return "verified";
	if (strcmp(c->waits, fpr) == 0)
		return "changed";
	if (is == JUDGED_ACCEPTED || strcmp(c->used, fpr) == 0)
		return "seen";
	return is_change(c, peer, fpr) ? "changed" : "new";
}

const char *policy_from(enum key_from from)
{
	static const char *const names[] = {
		[KEY_FROM_KEYRING] = "keyring",
		[KEY_FROM_AUTOCRYPT] = "autocrypt",
		[KEY_FROM_GOSSIP] = "gossip", [KEY_FROM_WKD] = "wkd",
		[KEY_FROM_IMPORT] = "import"
	};

	return names[from <= KEY_FROM_IMPORT ? from : KEY_FROM_KEYRING];
}

/* What is said around the address. */
struct words { const char *before, *behind; };

static struct words can(const struct recipient *r)
{
	if (r->verified)
		return (struct words){ "", " can read sealed letters, and the "
		                       "key was checked" };
	if (r->valid)
		return (struct words){ "", " can read sealed letters, and you "
		                       "accepted the key" };
	if (is_used(r))
		return (struct words){ "", " can read sealed letters and has "
		                       "had some from you" };
	return (struct words){ "", " can read sealed letters. Nobody has "
	                       "checked the key yet: compare it by phone if "
	                       "much depends on it" };
}

static struct words without_key(const struct recipient *r)
{
	if (r->sealed_before)
		return (struct words){ "There is no key of ", " on this "
		                       "computer any more, and letters that "
		                       "were sealed once stay sealed. Import "
		                       "the key, or ask for it" };
	if (r->clear_allowed)
		return (struct words){ "", " cannot read sealed letters yet, "
		                       "and you allowed letters that anyone on "
		                       "the way can read" };
	if (r->looked == LOOKED_NONE)
		return (struct words){ "", " cannot read sealed letters yet: no "
		                       "key was found. Send an invitation, or "
		                       "import the key if you have it" };
	if (r->looked == LOOKED_FAILED)
		return (struct words){ "", " cannot read sealed letters yet: a "
		                       "key could not be looked for now. Try "
		                       "again later, send an invitation, or "
		                       "import the key if you have it" };
	return (struct words){ "", " cannot read sealed letters yet. Send an "
	                       "invitation, or import the key if you have "
	                       "it" };
}

static struct words cannot(const struct recipient *r)
{
	switch (r->state) {
	case KEY_USABLE:
		return (struct words){ "", " has a key that nobody has checked "
		                       "yet. Compare it by phone, then accept "
		                       "it" };
	case KEY_AMBIGUOUS:
		return (struct words){ "There are several keys of ", ", and "
		                       "nobody has checked which is right. "
		                       "Compare by phone, then accept that "
		                       "one" };
	case KEY_CHANGED:
		return (struct words){ "", " has a new key, which means a new "
		                       "computer or somebody who poses as its "
		                       "owner. Ask by phone, then accept it" };
	case KEY_EXPIRED:
		return (struct words){ "The key of ", " has ended. Ask its "
		                       "owner to renew it and write to you "
		                       "once" };
	case KEY_UNUSABLE:
		return (struct words){ "The key of ", " was withdrawn, or is "
		                       "not made for sealing. Ask its owner for "
		                       "a new one" };
	case KEY_NONE:
		break;
	}
	return without_key(r);
}

void policy_tell(const struct recipient *r, enum policy strictest,
                 char words[POLICY_WORDS_MAX])
{
	char day[POLICY_DAY_MAX];
	struct words w = policy_can_read(r, strictest) ? can(r) : cannot(r);

	if (r->state == KEY_EXPIRED && policy_day(r->expires, day))
		snprintf(words, POLICY_WORDS_MAX, "The key of %s ended on %s. "
		         "Ask its owner to renew it and write to you once",
		         r->addr, day);
	else
		snprintf(words, POLICY_WORDS_MAX, "%s%s%s", w.before, r->addr,
		         w.behind);
}
