/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that may be a provider's. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/setup.h"

enum { DOMAIN_MAX = 253, LABEL_MAX = 63 };	/* RFC 1035, 2.3.4 */

void setup_guess_add(struct setup_guesses *g, const struct setup_guess *one)
{
	for (unsigned i = 0; i < g->n; i++)
		if (strcmp(g->guess[i].server, one->server) == 0)
			return;
	if (g->n < SETUP_GUESSES_MAX)
		g->guess[g->n++] = *one;
}

bool setup_domain_ok(const char *domain)
{
	size_t n = strlen(domain), label = 0;

	if (n < 1 || n > DOMAIN_MAX)
		return false;
	for (const char *p = domain; *p; p++) {
		if (*p == '.') {
			if (!label || p[-1] == '-')
				return false;
			label = 0;
		} else if ((!isalnum((unsigned char)*p)
		            && (*p != '-' || !label)) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label && domain[n - 1] != '-';
}

void setup_usual(struct setup_guesses *g, const char *domain,
                 enum session_kind kind)
{
	static const char *const smtp[][2] = {
		{ "smtp.", ":465 tls" }, { "mail.", ":465 tls" },
		{ "smtp.", ":587 starttls" }, { "mail.", ":587 starttls" },
		{ NULL, NULL }
	};
	static const char *const pop3[][2] = {
		{ "pop.", ":995 tls" }, { "pop3.", ":995 tls" },
		{ "mail.", ":995 tls" }, { NULL, NULL }
	};
	const char *const (*name)[2] = kind == SESSION_SMTP ? smtp : pop3;
	struct setup_guess one = { .from = "the usual name", .usual = true };

	for (; (*name)[0]; name++)
		if (snprintf(one.server, sizeof one.server, "%s%s%s",
		             (*name)[0], domain, (*name)[1])
		    < (int)sizeof one.server)
			setup_guess_add(g, &one);
}
