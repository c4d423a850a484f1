/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 (RFC 4648 section 4), whole, with its padding and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "plugin-api/private.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_write(const void *p, size_t n, size_t *len)
{
	const unsigned char *in = p;
	char *out = malloc((n + 2) / 3 * 4 + 1), *o = out;
	uint32_t v;

	if (!out)
		return NULL;
	for (; n >= 3; n -= 3, in += 3) {
		v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		for (int shift = 18; shift >= 0; shift -= 6)
			*o++ = digits[v >> shift & 63];
	}
	if (n) {
		v = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = n == 2 ? digits[v >> 6 & 63] : '=';
		*o++ = '=';
	}
	*o = '\0';
	*len = (size_t)(o - out);
	return out;
}

static int digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void *base64_read(const char *p, size_t n, size_t *len)
{
	size_t pad = n >= 4 ? (p[n - 1] == '=') + (p[n - 1] == '='
	                                            && p[n - 2] == '=') : 0;
	unsigned char *out = n % 4 ? NULL : malloc(n / 4 * 3 + 1), *o = out;
	uint32_t v = 0;
	int d;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		d = i < n - pad ? digit((unsigned char)p[i]) : 0;
		if (d < 0) {
			free(out);
			return NULL;
		}
		v = v << 6 | (uint32_t)d;
		if (i % 4 == 3) {
			*o++ = (unsigned char)(v >> 16);
			*o++ = (unsigned char)(v >> 8);
			*o++ = (unsigned char)v;
		}
	}
	*len = (size_t)(o - out) - pad;
	out[*len] = '\0';
	return out;
}
