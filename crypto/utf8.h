/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a text UTF-8, and how is it made to be? */
#ifndef CRYPTO_UTF8_H
#define CRYPTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8 as RFC 3629 has it, ASCII included: each character whole and in its
 * shortest form, no surrogate, and none above U+10FFFF. */
bool utf8_ok(const char *p, size_t n);

/* Make a text plain: each octet that is of no such character becomes ?, and so does
 * each control (C0, DEL and C1). */
void utf8_plain(char *text);

#endif
