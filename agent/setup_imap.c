/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who fetches by IMAP goes on with that: setup then changes sending alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/setup_end.h"
#include "agent/thunderbird.h"
#include "agent/thunderbird_prefs.h"

struct look {
	const char *address;
	json_t *prefs;
	bool imap, pop3;
};

static void look_at(void *arg, const char *identity, const char *address)
{
	struct look *l = arg;
	const char *type;

	if (!addr_same(address, l->address))
		return;
	type = thunderbird_pref_text(l->prefs, "server",
	                             thunderbird_server_of(l->prefs, identity),
	                             "type");
	l->imap = l->imap || strcmp(type, "imap") == 0;
	l->pop3 = l->pop3 || strcmp(type, "pop3") == 0;
}

static int look_into(void *arg, const char *profile, struct err *e)
{
	struct look *l = arg;

	(void)e;
	if ((l->prefs = thunderbird_prefs(profile)))
		thunderbird_identities(l->prefs, look_at, l);
	json_decref(l->prefs);
	return 0;
}

void setup_imap(struct setup *s)
{
	struct look l = { .address = s->address };
	const char *home = getenv("HOME");
	struct err e;

	if (s->sending_only || s->with_pop3 || s->server[SESSION_POP3]
	    || s->listen[SESSION_POP3] || (s->old && s->old->pop3.host))
		return;
	if (s->old) {		/* it was chosen before */
		s->sending_only = true;
		return;
	}
	if (!home || thunderbird_profiles(home, look_into, &l, &e) < 0
	    || !l.imap || l.pop3)
		return;
	s->sending_only = true;
	printf("Thunderbird fetches for %s by IMAP: that stays as it is, and only "
	       "sending goes through Letterlock. Its add-on opens what comes "
	       "sealed. (By POP3 instead: --with-pop3)\n", s->address);
}
