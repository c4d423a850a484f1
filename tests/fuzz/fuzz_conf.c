/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the configuration's text. */
#include <stdlib.h>
#include <string.h>

#include "agent/conf.h"
#include "tests/fuzz/fuzz.h"

static void check_account(const struct conf *c, const struct account *a)
{
	CHECK(addr_ok(a->address) && a->user && account_owns(a, a->address));
	CHECK(conf_account(c, a->user));
	CHECK(a->encrypt <= POLICY_ALWAYS && a->sign <= SIGN_NEVER);
	CHECK(!a->smtp.host || (*a->smtp.host && a->smtp.port));
	CHECK(!a->pop3.host || (*a->pop3.host && a->pop3.port));
	CHECK(!a->key || strspn(a->key, "0123456789ABCDEFabcdef") == 40);
	CHECK(!a->ca_file || *a->ca_file);
	CHECK(conf_policy(c, a, "bob@example.org") <= POLICY_ALWAYS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	static struct conf c;
	struct err e = { 0 };

	setenv("HOME", "/home/somebody", 1);
	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (conf_parse(&c, "some.conf", text, size, &e) == 0) {
		CHECK(c.n_accounts <= CONF_ACCOUNTS_MAX);
		CHECK(c.n_submission <= CONF_LISTEN_MAX
		      && c.n_pop3 <= CONF_LISTEN_MAX);
		for (unsigned i = 0; i < c.n_accounts; i++)
			check_account(&c, &c.account[i]);
		for (size_t i = 0; i < c.n_contacts; i++)
			CHECK(c.contact[i].address);
	} else {
		CHECK(gpg_err_code(e.code) == GPG_ERR_CONFIGURATION);
		CHECK(strncmp(e.text, "some.conf", 9) == 0);
		for (const char *p = e.text; *p; p++)
			CHECK((unsigned char)*p >= ' ' || *p == '\t');
	}
	conf_free(&c);
	free(text);
	return 0;
}
