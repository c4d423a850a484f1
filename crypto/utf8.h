/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a text UTF-8? */
#ifndef CRYPTO_UTF8_H
#define CRYPTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8 as RFC 3629 has it, ASCII included: each character whole and in its
 * shortest form, no surrogate, and none above U+10FFFF. */
bool utf8_ok(const char *p, size_t n);

#endif
