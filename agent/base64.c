/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base64, strictly: what OpenSSL reads has blanks in it, and too much padding. */
#include "agent/base64.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO = 64 };	/* not in the set */

static const unsigned char *values(void)
{
	static unsigned char value[UCHAR_MAX + 1];
	static bool made;

	for (unsigned i = 0; !made && i <= UCHAR_MAX; i++)
		value[i] = NO;
	for (unsigned i = 0; !made && i < NO; i++)
		value[(unsigned char)set[i]] = (unsigned char)i;
	made = true;
	return value;
}

ssize_t base64_decode(const char *text, size_t n, void *out, size_t size)
{
	const unsigned char *value = values(), *in = (const void *)text;
	unsigned char *to = out, v;
	uint32_t bits = 0;
	size_t pad = 0, len;

	if (n % 4)
		return -1;
	while (pad < 2 && n && in[n - 1] == '=') {
		pad++;
		n--;
	}
	len = (n + pad) / 4 * 3 - pad;
	if (len > size)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((v = value[in[i]]) == NO)
			return -1;
		bits = bits << 6 | v;
		if (i % 4)
			*to++ = (unsigned char)(bits >> (6 - 2 * (i % 4)));
	}
	if (pad && bits & (pad == 1 ? 3 : 15))
		return -1;
	return (ssize_t)len;
}

size_t base64_encode(const void *in, size_t n, char *text)
{
	const unsigned char *p = in;
	char *to = text;
	uint32_t v;

	for (; n >= 3; n -= 3, p += 3) {
		v = (uint32_t)(p[0] << 16 | p[1] << 8 | p[2]);
		*to++ = set[v >> 18];
		*to++ = set[v >> 12 & 63];
		*to++ = set[v >> 6 & 63];
		*to++ = set[v & 63];
	}
	if (n) {
		v = (uint32_t)(p[0] << 16 | (n == 2 ? p[1] << 8 : 0));
		*to++ = set[v >> 18];
		*to++ = set[v >> 12 & 63];
		*to++ = n == 2 ? set[v >> 6 & 63] : '=';
		*to++ = '=';
	}
	return (size_t)(to - text);
}
