/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8 checked octet by octet, by the table of RFC 3629 section 4. */
#include "crypto/utf8.h"

#include <string.h>

/* The octets of a character that begins with c, 0 if none does, and from where
 * to where the second may be; all others are 80 to BF. */
static size_t length(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The octets of the character at p, 0: there is none. */
static size_t whole(const unsigned char *p, size_t n)
{
	unsigned char low, high;
	size_t len = length(*p, &low, &high);

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return len;
}

bool utf8_ok(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	size_t len;

	for (; p < end; p += len)
		if (!(len = whole(p, (size_t)(end - p))))
			return false;
	return true;
}

void utf8_plain(char *text)
{
	unsigned char *p = (unsigned char *)text, *end = p + strlen(text);
	size_t len;

	for (; p < end; p += len) {
		len = whole(p, (size_t)(end - p));
		if (len > 2 || (len == 2 && (*p != 0xc2 || p[1] >= 0xa0))
		    || (len == 1 && *p >= 0x20 && *p != 0x7f))
			continue;
		len = len ? len : 1;
		memset(p, '?', len);
	}
}
