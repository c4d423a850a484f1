/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds of time where something slows a program down: sanitizers, or valgrind,
 * whose make target says how much in $TESTS_SLOWER. */
#ifndef TESTS_SLOW_H
#define TESTS_SLOW_H

#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
enum { SLOWER = 4 };
#else
enum { SLOWER = 1 };
#endif
enum { SLOWER_MAX = 100 };

/* How many times slower than by itself this program may be: 1 to SLOWER_MAX. */
static inline long slower(void)
{
	const char *s = getenv("TESTS_SLOWER");
	long n = s ? strtol(s, NULL, 10) : SLOWER;

	return n < 1 ? 1 : n > SLOWER_MAX ? SLOWER_MAX : n;
}

#endif
