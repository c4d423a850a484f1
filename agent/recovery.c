/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recovery codes, in the alphabet of Crockford's base 32. */
#include "agent/recovery.h"

#include <ctype.h>
#include <string.h>

#include <openssl/rand.h>

enum { SIGNS = 28, GROUP = 4 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Odd weights: one wrong sign is always seen, and nearly all that were
 * exchanged. */
static unsigned check(const unsigned char sign[SIGNS])
{
	unsigned sum = 0;

	for (unsigned i = 0; i < SIGNS - 1; i++)
		sum += (2 * i + 1) * sign[i];
	return sum % 32;
}

static void spell(const unsigned char sign[SIGNS], char *out)
{
	for (int i = 0; i < SIGNS; i++) {
		if (i && i % GROUP == 0)
			*out++ = '-';
		*out++ = alphabet[sign[i]];
	}
	*out = '\0';
}

int recovery_make(char code_secret[RECOVERY_SIZE], struct err *e)
{
	unsigned char sign[SIGNS];

	if (RAND_priv_bytes(sign, sizeof sign) != 1)
		return err_set(e, gpg_error(GPG_ERR_GENERAL),
		               "there are no random numbers");
	for (int i = 0; i < SIGNS; i++)
		sign[i] %= 32;
	sign[SIGNS - 1] = (unsigned char)check(sign);
	spell(sign, code_secret);
	explicit_bzero(sign, sizeof sign);
	return 0;
}

static int value(char c)
{
	const char *at;

	c = (char)toupper((unsigned char)c);
	c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool recovery_read(const char *typed_secret, char code_secret[RECOVERY_SIZE])
{
	unsigned char sign[SIGNS];
	int n = 0, v;
	bool ok = true;

	for (const char *p = typed_secret; *p && ok; p++) {
		if (strchr(" -\t\r\n", *p))
			continue;
		v = value(*p);
		ok = v != -1 && n < SIGNS;
		if (ok)
			sign[n++] = (unsigned char)v;
	}
	ok = ok && n == SIGNS && sign[SIGNS - 1] == check(sign);
	if (ok)
		spell(sign, code_secret);
	explicit_bzero(sign, sizeof sign);
	return ok;
}
