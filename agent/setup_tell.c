/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of setup: what to type into the mail program, and what to do next. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "agent/addr.h"
#include "agent/setup_end.h"

static void tell_place(const char *what, const struct listen *l)
{
	static const char *const security[] = {
		[LOCAL_OFFERED] = "none", [LOCAL_STARTTLS] = "STARTTLS",
		[LOCAL_TLS] = "SSL/TLS"
	};
	char host[ADDR_HOST_MAX];

	addr_host(&l->addr, host);
	printf("  %-8s  %s, port %u, connection security: %s\n", what, host,
	       (unsigned)addr_port(&l->addr), security[l->tls]);
}

void setup_tell(const struct setup *s)
{
	const struct conf *c = &s->conf;
	bool tls = c->n_submission && c->submission[0].tls != LOCAL_OFFERED;

	printf("\nIn your mail program, use for %s:\n", s->address);
	if (c->n_submission)
		tell_place("sending", &c->submission[0]);
	if (s->old->pop3.host && c->n_pop3)
		tell_place("fetching", &c->pop3[0]);
	else
		printf("  fetching  as before; the add-on opens what is sealed\n");
	printf("  user      %s, with %s\n", s->old->user, s->old->command
	       ? "a token, which 'letterlock token' makes"
	       : "the password of your provider");
	if (tls)
		printf("It has to trust Letterlock's certificate: letterlock "
		       "certificate tells how\n");
	printf("\nNow\n");
	if (s->no_start)
		printf("  start it             systemctl --user enable --now "
		       "letterlock.socket\n"
		       "                       (or, without systemd: "
		       "letterlockd)\n");
	if (setup_thunderbird_has(s))
		printf("  find others' keys    letterlock scan\n");
	printf("  show it Thunderbird  letterlock thunderbird install\n"
	       "  lose nothing         letterlock backup FILE\n"
	       "  see that all is well letterlock doctor\n"
	       "letterlock undo %s takes it back.\n", s->address);
}
