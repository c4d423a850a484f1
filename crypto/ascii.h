/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ASCII without the locale: names in mail compare alike everywhere. */
#ifndef CRYPTO_ASCII_H
#define CRYPTO_ASCII_H

#include <stdbool.h>
#include <stddef.h>

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A blank as RFC 5234 has it: WSP. */
static inline bool ascii_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Nothing to see: blanks, line ends, NUL and the other controls. */
static inline bool ascii_hidden(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The same n octets, letters compared without case. */
static inline bool ascii_same(const char *a, const char *b, size_t n)
{
	while (n && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
		n--;
	}
	return n == 0;
}

#endif
