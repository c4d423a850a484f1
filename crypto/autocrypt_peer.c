/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Autocrypt's rules: how letters change what is known of a peer, and what it
 * recommends. */
#include "crypto/autocrypt.h"

int64_t autocrypt_date(int64_t date, int64_t now)
{
	return date <= 0 || date > now ? now : date;
}

bool autocrypt_update(struct autocrypt_peer *p, int64_t date,
                      const struct autocrypt *a)
{
	if (date < p->timestamp)
		return false;
	if (date > p->last_seen)
		p->last_seen = date;
	if (!a)
		return false;
	p->timestamp = date;
	p->mutual = a->mutual;
	p->has_key = true;
	return true;
}

bool autocrypt_update_gossip(struct autocrypt_peer *p, int64_t date)
{
	if (p->gossip_timestamp > date)
		return false;
	p->gossip_timestamp = date;
	p->has_gossip = true;
	return true;
}

struct autocrypt_advised autocrypt_advise(const struct autocrypt_peer *p,
                                          bool key, bool gossip, bool mutual,
                                          bool reply)
{
	struct autocrypt_advised a = { .advice = AUTOCRYPT_DISABLE };

	key = p && p->has_key && key;
	gossip = p && p->has_gossip && gossip;
	if (!key && !gossip)
		return a;
	a.gossip = !key;
	a.advice = a.gossip || p->last_seen - p->timestamp > AUTOCRYPT_OLD
	           ? AUTOCRYPT_DISCOURAGE : AUTOCRYPT_AVAILABLE;
	if (reply || (a.advice == AUTOCRYPT_AVAILABLE && p->mutual && mutual))
		a.advice = AUTOCRYPT_ENCRYPT;
	return a;
}

enum autocrypt_advice autocrypt_advise_all(const enum autocrypt_advice *each,
                                           size_t n)
{
	bool all = n > 0, discouraged = false;

	for (size_t i = 0; i < n; i++) {
		if (each[i] == AUTOCRYPT_DISABLE)
			return AUTOCRYPT_DISABLE;
		all = all && each[i] == AUTOCRYPT_ENCRYPT;
		discouraged = discouraged || each[i] == AUTOCRYPT_DISCOURAGE;
	}
	if (!n)
		return AUTOCRYPT_DISABLE;
	if (all)
		return AUTOCRYPT_ENCRYPT;
	return discouraged ? AUTOCRYPT_DISCOURAGE : AUTOCRYPT_AVAILABLE;
}
