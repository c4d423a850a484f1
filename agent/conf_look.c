/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A configuration that was read: what it says of a login and of an address, and
 * its end. */
#include "agent/conf.h"

#include <stdlib.h>
#include <string.h>

void conf_free(struct conf *c)
{
	for (unsigned i = 0; i < c->n_accounts; i++) {
		struct account *a = &c->account[i];

		free(a->address);
		free(a->user);
		free(a->smtp.host);
		free(a->pop3.host);
		free(a->ca_file);
		addrs_free(&a->aliases);
		free(a->key);
		free(a->command);
	}
	for (size_t i = 0; i < c->n_contacts; i++)
		free(c->contact[i].address);
	free(c->contact);
	free(c->gnupghome);
	free(c->path);
	memset(c, 0, sizeof *c);
}

const struct account *conf_account(const struct conf *c, const char *user)
{
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (!strcmp(c->account[i].user, user))
			return &c->account[i];
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (addr_same(c->account[i].address, user))
			return &c->account[i];
	return NULL;
}

bool account_owns(const struct account *a, const char *addr)
{
	if (addr_same(a->address, addr))
		return true;
	for (size_t i = 0; i < a->aliases.n; i++)
		if (addr_match(a->aliases.addr[i], addr))
			return true;
	return false;
}

enum policy conf_policy(const struct conf *c, const struct account *a,
                        const char *to)
{
	enum policy strictest = a->encrypt;

	for (size_t i = 0; i < c->n_contacts; i++)
		if (c->contact[i].encrypt > strictest &&
		    addr_match(c->contact[i].address, to))
			strictest = c->contact[i].encrypt;
	return strictest;
}
