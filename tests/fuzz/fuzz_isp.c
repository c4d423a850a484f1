/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: a file about a provider's servers, as web servers send it to setup. */
#include <stdlib.h>
#include <string.h>

#include "agent/conf_value.h"
#include "agent/setup.h"
#include "tests/fuzz/fuzz.h"

/* What is found can be configured, with TLS, and says nothing else there. */
static void check(const struct setup_guess *g)
{
	const struct conf_value v = { .path = "", .key = "", .text = g->server };
	const struct conf_value u = { .path = "", .key = "", .text = g->user };
	struct server s = { .host = NULL };
	char *user = NULL;

	CHECK(conf_value_server(&v, &s, NULL) == 0);
	CHECK(s.transport != TRANSPORT_PLAINTEXT && setup_domain_ok(s.host));
	CHECK(!strpbrk(g->server, "\r\n#;") && !strpbrk(g->user, " \t\r\n#;"));
	CHECK(!*g->user || conf_value_login(&u, &user, NULL) == 0);
	free(user);
	CHECK(strlen(g->user) <= ADDR_MAX && !g->elsewhere && !g->usual);
	free(s.host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum session_kind kind = size && data[0] & 1 ? SESSION_POP3
	                                                   : SESSION_SMTP;
	static struct setup_guesses g, again;
	const char *text = (const char *)data + 1;
	int n;

	if (!size)
		return 0;
	g.n = again.n = 0;
	n = setup_isp_parse(&g, text, size - 1, "alice@example.org",
	                    "example.org", kind, "");
	CHECK(n >= -1 && n <= SETUP_GUESSES_MAX);
	CHECK(g.n == (n == -1 ? 0 : (unsigned)n));
	for (unsigned i = 0; i < g.n; i++)
		check(&g.guess[i]);
	CHECK(n == setup_isp_parse(&again, text, size - 1, "alice@example.org",
	                           "example.org", kind, ""));
	CHECK(memcmp(&g, &again, g.n * sizeof g.guess[0] + sizeof g.n) == 0);
	return 0;
}
