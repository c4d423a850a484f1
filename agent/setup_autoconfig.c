/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the domain itself says of its servers, by autoconfig over HTTPS, and what
 * Mozilla knows of it, where that is wanted. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/setup.h"

/* As it may stand in a URL (RFC 3986 section 2.3). */
static int escape(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (size - n < 4)
			return -1;
		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", c);
	}
	out[n] = '\0';
	return 0;
}

int setup_autoconfig_url(enum setup_autoconfig_at at, const char *address,
                         const char *domain, char out[SETUP_URL_MAX])
{
	char who[3 * ADDR_MAX + 4];
	int n = -1;

	switch (at) {
	case SETUP_AT_AUTOCONFIG:
		if (escape(address, who, sizeof who))
			return -1;
		n = snprintf(out, SETUP_URL_MAX, "https://autoconfig.%s/mail/"
		             "config-v1.1.xml?emailaddress=%s", domain, who);
		break;
	case SETUP_AT_WELL_KNOWN:
		n = snprintf(out, SETUP_URL_MAX, "https://%s/.well-known/"
		             "autoconfig/mail/config-v1.1.xml", domain);
		break;
	case SETUP_AT_MOZILLA:
		n = snprintf(out, SETUP_URL_MAX, "https://autoconfig."
		             "thunderbird.net/v1.1/%s", domain);
		break;
	}
	return n > 0 && n < SETUP_URL_MAX ? 0 : -1;
}

/* The host of one of those. */
static void tell(const struct setup_page *p)
{
	const char *host = p->url + strlen("https://");

	printf("  %.*s: %s\n", (int)strcspn(host, "/"), host,
	       p->is == SETUP_PAGE_FOUND ? "has them" : p->why);
}

/* Is there something in it?  What is no file of this kind at all is a web site that
 * has a page for everything. */
static bool fit(const struct setup *s, struct setup_page *p)
{
	struct setup_guesses g = { .n = 0 };

	if (p->is != SETUP_PAGE_FOUND)
		return false;
	if (p->body.len
	    && setup_isp_parse(&g, p->body.buf, p->body.len, s->address,
	                       s->ascii, SESSION_SMTP, "") > 0)
		return true;
	p->is = SETUP_PAGE_NONE;
	snprintf(p->why, sizeof p->why, "it names no server that can be used");
	return false;
}

static bool ask(struct setup *s, enum setup_autoconfig_at first, unsigned n,
                const char *from)
{
	struct setup_page page[SETUP_PAGES_MAX] = { { .url = "" } };
	const char *ca = s->ca_file ? s->ca_file : s->old ? s->old->ca_file
	                 : NULL;
	const struct setup_page *best = NULL;

	for (unsigned i = 0; i < n; i++)
		if (setup_autoconfig_url(first + i, s->address, s->ascii,
		                         page[i].url))
			return false;
	fflush(stdout);
	setup_https(page, n, ca);
	for (unsigned i = 0; i < n && !best; i++) {
		if (fit(s, &page[i]))
			best = &page[i];
		if (page[i].is != SETUP_PAGE_NOWHERE || best)
			tell(&page[i]);
	}
	if (best) {
		s->autoconfig = best->body;
		s->autoconfig_from = from;
	}
	for (unsigned i = 0; i < n; i++)
		if (&page[i] != best)
			membuf_free(&page[i].body);
	return best != NULL;
}

void setup_autoconfig(struct setup_guesses *g, struct setup *s,
                      enum session_kind kind)
{
	if (!s->autoconfig_asked) {
		s->autoconfig_asked = true;
		printf("Asking %s for its servers:\n", s->domain);
		if (!ask(s, SETUP_AT_AUTOCONFIG, 2, "your provider's word")
		    && (!s->ispdb
		        || !ask(s, SETUP_AT_MOZILLA, 1, "Mozilla's list")))
			printf("  it tells none this way, or there is no network\n");
	}
	if (s->autoconfig.len)
		setup_isp_parse(g, s->autoconfig.buf, s->autoconfig.len,
		                s->address, s->ascii, kind, s->autoconfig_from);
}
