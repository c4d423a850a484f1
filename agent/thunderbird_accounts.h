/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts that Thunderbird has already: they send through the agent, or as before
 * again. */
#ifndef AGENT_THUNDERBIRD_ACCOUNTS_H
#define AGENT_THUNDERBIRD_ACCOUNTS_H

#include "agent/conf.h"

struct thunderbird_account {
	const char *address, *user;
	const struct listen *smtp;	/* the agent's; NULL: back to what was */
	const struct listen *pop3;	/* NULL: fetched as before */
	const char *print;		/* the agent's certificate (CERT_PRINT), or
					 * NULL: no TLS */
};

/* How many profiles have an account of this address; -1. */
int thunderbird_accounts(const char *home, const char *address, struct err *e);
/* In each profile, as far as Thunderbird does not run there: an outgoing server of
 * our own for the identities of this address, and the certificate trusted for its
 * port.  What it was stays in the profile, so that it can be put back.  It says what
 * was done, and what is left to the user.  How many profiles it left alone since
 * Thunderbird runs there, or -1. */
int thunderbird_accounts_set(const char *home,
                             const struct thunderbird_account *a,
                             struct err *e);

#endif
