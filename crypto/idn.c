/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domain names through libidn2, strictly by IDNA2008: nothing is mapped, since
 * what is mapped is compared as something it does not look like. */
#include "crypto/idn.h"

#include <idn2.h>
#include <string.h>
#include <strings.h>

#include "crypto/ascii.h"

enum { DOMAIN_MAX = 320 };	/* octets looked at */

bool idn_is_wide(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return true;
	return false;
}

static bool copy(const char *from, char *out, size_t size)
{
	size_t n = strlen(from) + 1;

	if (n > size)
		return false;
	memcpy(out, from, n);
	return true;
}

bool idn_to_ascii(const char *domain, char *out, size_t size)
{
	char low[DOMAIN_MAX + 1], *made = NULL;
	bool ok;

	if (!idn_is_wide(domain))
		return copy(domain, out, size);
	if (!copy(domain, low, sizeof low))
		return false;
	/* A to Z alone: they were one with a to z before there was IDNA */
	for (char *p = low; *p; p++)
		*p = ascii_lower(*p);
	if (idn2_to_ascii_8z(low, &made, IDN2_NO_TR46) != IDN2_OK)
		return false;
	ok = copy(made, out, size);
	idn2_free(made);
	return ok;
}

bool idn_to_utf8(const char *domain, char *out, size_t size)
{
	char *made = NULL, again[DOMAIN_MAX + 1];
	bool ok = strlen(domain) <= DOMAIN_MAX && !idn_is_wide(domain)
	          && idn2_to_unicode_8z8z(domain, &made, 0) == IDN2_OK
	          /* two ways of writing one name would be two names */
	          && idn_to_ascii(made, again, sizeof again)
	          && strcasecmp(again, domain) == 0;

	ok = copy(ok ? made : domain, out, size);
	idn2_free(made);
	return ok;
}
