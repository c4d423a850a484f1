/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long somebody wants to wait. */
#include <limits.h>
#include <time.h>

#include "plugin-api/private.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t time_until(int ms)
{
	return ms < 0 ? INT64_MAX : now_ms() + ms;
}

int time_left(int64_t until)
{
	int64_t left;

	if (until == INT64_MAX)
		return -1;
	left = until - now_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
