/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contacts: what is remembered of them, and what the user says of them and of their
 * keys. */
#include <string.h>
#include <time.h>

#include "agent/conf_value.h"
#include "agent/keeper.h"
#include "agent/plugin.h"
#include "agent/policy.h"

enum {
	CONTACTS_MAX = 500,		/* of one answer */
	CONTACTS_OCTETS = 600 << 10	/* of it: the line has room for more */
};

/* ---- what is known ---- */

static void set_time(json_t *j, const char *name, int64_t t)
{
	if (t)
		json_object_set_new(j, name, json_integer(t));
}

void plugin_tell_trust(json_t *key, const struct contact_known *c,
                       const struct peer_known *peer)
{
	const char *fpr = json_string_value(json_object_get(key, "fpr"));
	bool valid = json_is_true(json_object_get(key, "valid"));

	json_object_set_new(key, "trust", json_string(
		json_is_true(json_object_get(key, "secret")) ? "own"
		: policy_key_trust(c, peer, fpr, valid)));
	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->key[i].fpr, fpr) == 0)
			set_time(key, "since", c->key[i].first);
	for (unsigned i = 0; i < peer->n; i++)
		if (strcmp(peer->key[i].fpr, fpr) == 0)
			set_time(key, "learnt", peer->key[i].learnt);
}

/* Those that came by letters and look-ups. */
static json_t *keys(const struct contact_known *c,
                    const struct peer_known *peer)
{
	json_t *list = json_array(), *key;

	for (unsigned i = 0; i < peer->n; i++) {
		const struct peer_ref *r = &peer->key[i];

		key = json_pack("{s:s, s:s, s:b, s:b}", "fpr", r->fpr, "from",
		                policy_from(r->from), "revoked", r->revoked,
		                "expired", r->expires
		                && r->expires <= time(NULL));
		set_time(key, "expires", r->expires);
		plugin_tell_trust(key, c, peer);
		json_array_append_new(list, key);
	}
	return list;
}

static json_t *contact(const struct contact_known *c,
                       const struct peer_known *peer)
{
	json_t *accepted = json_array(), *j;
	int64_t since = 0;

	for (unsigned i = 0; i < c->n; i++) {
		if (strcmp(c->key[i].fpr, c->used) == 0)
			since = c->key[i].first;
		if (c->key[i].judged == JUDGED_ACCEPTED
		    || c->key[i].judged == JUDGED_VERIFIED)
			json_array_append_new(accepted,
			                      json_string(c->key[i].fpr));
	}
	j = json_pack("{s:o, s:b, s:o}", "address", json_words(c->addr),
	              "readable-allowed", c->readable, "accepted", accepted);
	if (c->policy != POLICY_UNSET)
		json_object_set_new(j, "encrypt", json_string(
			conf_value_policy_word(c->policy)));
	set_time(j, "sealed-before", c->last);
	if (c->used[0])
		json_object_set_new(j, "key", json_string(c->used));
	set_time(j, "since", since);
	if (c->waits[0])
		json_object_set_new(j, "changed", json_string(c->waits));
	if (peer->n)
		json_object_set_new(j, "keys", keys(c, peer));
	return j;
}

struct page {
	json_t *list;
	size_t octets;
	char last[ADDR_MAX + 1];
};

static bool add(void *arg, const struct contact_known *c,
                const struct peer_known *peer)
{
	struct page *page = arg;
	json_t *j;

	if (json_array_size(page->list) == CONTACTS_MAX
	    || page->octets > CONTACTS_OCTETS)
		return false;
	j = contact(c, peer);
	page->octets += json_dumpb(j, NULL, 0, JSON_COMPACT);
	memcpy(page->last, c->addr, sizeof page->last);
	json_array_append_new(page->list, j);
	return true;
}

static json_t *no_answer(struct fault *f)
{
	return fault_set(f, "failed", "A part of Letterlock did not answer. Try "
	                 "again");
}

/* Those behind an address, page by page of the keeper's. */
static json_t *list(struct plugin *p, const char *after, struct fault *f)
{
	struct page page = { .list = json_array() };
	json_t *ok = json_pack("{s:o}", "contacts", page.list);
	bool more = true;
	size_t before;

	memcpy(page.last, after, strlen(after) + 1);
	do {
		before = json_array_size(page.list);
		if (keeper_contacts(&p->ends->keeper, false, page.last, add,
		                    &page, &more, NULL)) {
			json_decref(ok);
			return no_answer(f);
		}
	} while (more && json_array_size(page.list) > before
	         && json_array_size(page.list) < CONTACTS_MAX
	         && page.octets <= CONTACTS_OCTETS);
	if (more)
		json_object_set_new(ok, "more", json_true());
	return ok;
}

static json_t *one(struct plugin *p, const char *addr, struct fault *f)
{
	struct page page = { .list = json_array() };
	json_t *ok = json_pack("{s:o}", "contacts", page.list);
	bool more;

	if (keeper_contacts(&p->ends->keeper, true, addr, add, &page, &more,
	                    NULL) == 0)
		return ok;
	json_decref(ok);
	return no_answer(f);
}

/* ---- what is said ---- */

/* "" is POLICY_UNSET; -1: no word for a policy. */
static int policy_of(const char *word)
{
	for (int i = POLICY_NEVER; word[0] && i <= POLICY_ALWAYS; i++)
		if (strcmp(word, conf_value_policy_word((enum policy)i)) == 0)
			return i;
	return word[0] ? -1 : POLICY_UNSET;
}

static int take_set(json_t *set, struct keeper_set *s, struct fault *f)
{
	json_t *readable = json_object_get(set, "readable");
	json_t *encrypt = json_object_get(set, "encrypt");
	const char *word = json_string_value(encrypt);
	int policy = word ? policy_of(word) : -1;

	s->what = (readable ? SET_READABLE : 0) | (encrypt ? SET_POLICY : 0);
	s->readable = json_is_true(readable);
	s->policy = policy < 0 ? POLICY_UNSET : (enum policy)policy;
	if (s->what && json_object_size(set) == (readable ? 1U : 0U)
	                                        + (encrypt ? 1U : 0U)
	    && (!readable || json_is_boolean(readable))
	    && (!encrypt || policy >= 0))
		return 0;
	fault_set(f, "request", "set wants readable (true or false), encrypt "
	          "(\"always\", \"ask\", \"when-possible\", \"never\" or \"\"), "
	          "or both");
	return -1;
}

/* Is there such a key for the address?  Nobody accepts what is not there. */
static int look_for(struct plugin *p, const char *addr, const char *fpr,
                    struct fault *f)
{
	json_t *ok = plugin_keys_of(p, addr, 0, f), *key;
	bool found = false;
	size_t i;

	if (!ok)
		return -1;
	json_array_foreach(json_object_get(ok, "keys"), i, key)
		found = found || strcmp(json_string_value(
			json_object_get(key, "fpr")), fpr) == 0;
	json_decref(ok);
	if (found)
		return 0;
	fault_set(f, "no-key", "There is no such key for this address");
	return -1;
}

static int take_judged(struct plugin *p, const char *addr, json_t *request,
                       struct keeper_set *s, struct fault *f)
{
	const char *accept = json_string_value(
		json_object_get(request, "accept"));
	json_t *verified = json_object_get(request, "verified");

	s->what = SET_JUDGED;
	s->fpr = accept ? accept : json_string_value(
		json_object_get(request, "reject"));
	s->judged = !accept ? JUDGED_REJECTED : json_is_true(verified)
	            ? JUDGED_VERIFIED : JUDGED_ACCEPTED;
	if (!fpr_ok(s->fpr)) {
		fault_set(f, "request", "A fingerprint is wanted: 40 digits "
		          "from 0 to F");
		return -1;
	}
	return accept ? look_for(p, addr, s->fpr, f) : 0;
}

static json_t *change(struct plugin *p, const char *addr, json_t *request,
                      struct fault *f)
{
	json_t *set = json_object_get(request, "set");
	struct keeper_set s = { .what = 0 };
	struct err e;

	if (set ? take_set(set, &s, f) : take_judged(p, addr, request, &s, f))
		return NULL;
	if (keeper_set(&p->ends->keeper, addr, &s, &e))
		return fault_set(f, "failed", "Nothing was changed: %s", e.text);
	return one(p, addr, f);
}

json_t *plugin_contacts(struct plugin *p, json_t *request, struct fault *f)
{
	const char *addr = json_string_value(
		json_object_get(request, "address"));
	const char *after = json_string_value(
		json_object_get(request, "after"));
	bool accept = json_object_get(request, "accept");
	int changes = (json_object_get(request, "set") != NULL) + accept
	              + (json_object_get(request, "reject") != NULL);

	if ((addr && !addr_ok(addr)) || (after && after[0] && !addr_ok(after)))
		return fault_set(f, "request", "This is no address");
	if (changes > 1 || (changes && !addr) || (addr && after)
	    || (json_object_get(request, "verified") && !accept))
		return fault_set(f, "request", "contacts wants no more than one "
		                 "of after, set, accept and reject, and an "
		                 "address for the last three; verified goes with "
		                 "accept");
	if (changes)
		return change(p, addr, request, f);
	return addr ? one(p, addr, f) : list(p, after ? after : "", f);
}
