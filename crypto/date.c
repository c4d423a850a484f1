/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a letter says that it was written. */
#include "crypto/date.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/lex.h"

enum { DAY = 86400, MINUTE = 60, HOUR = 3600 };

struct cursor {
	const char *p, *end;
};

static void skip(struct cursor *c)
{
	c->p = lex_cfws(c->p, c->end);
}

/* From min to max digits, and no digit behind them: how many, or 0. */
static int digits(struct cursor *c, int min, int max, int *out)
{
	int n = 0;

	*out = 0;
	while (n < max && c->p < c->end && *c->p >= '0' && *c->p <= '9') {
		*out = *out * 10 + (*c->p++ - '0');
		n++;
	}
	if (n < min || (c->p < c->end && *c->p >= '0' && *c->p <= '9'))
		return 0;
	return n;
}

static bool octet(struct cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* Letters, at most as many as fit. */
static size_t word(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;

	while (c->p < c->end && ((*c->p | 32) >= 'a' && (*c->p | 32) <= 'z')) {
		if (n == size - 1)
			return 0;
		out[n++] = *c->p++;
	}
	out[n] = '\0';
	return n;
}

static bool day_of_week(struct cursor *c)
{
	static const char names[] = "MonTueWedThuFriSatSun";
	char w[4];

	if (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		return true;		/* none is said */
	if (word(c, w, sizeof w) != 3)
		return false;
	for (size_t i = 0; i < sizeof names - 1; i += 3)
		if (strncasecmp(w, names + i, 3) == 0) {
			skip(c);
			return octet(c, ',');
		}
	return false;
}

static bool month(struct cursor *c, int *out)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char w[4];

	if (word(c, w, sizeof w) != 3)
		return false;
	for (*out = 1; *out <= 12; ++*out)
		if (strncasecmp(w, names + 3 * (*out - 1), 3) == 0)
			return true;
	return false;
}

static bool leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int days_in(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
	                            31 };

	return days[m - 1] + (m == 2 && leap(y));
}

/* Of the beginning of a day since 1970. */
static int64_t day_time(int y, int m, int d)
{
	int64_t days = d - 1;

	for (int i = 1970; i < y; i++)
		days += 365 + leap(i);
	for (int i = 1; i < m; i++)
		days += days_in(y, i);
	return days * DAY;
}

static bool take_day(struct cursor *c, int64_t *t)
{
	int d, m, y, n;

	if (!digits(c, 1, 2, &d))
		return false;
	skip(c);
	if (!month(c, &m))
		return false;
	skip(c);
	if (!(n = digits(c, 2, 4, &y)))
		return false;
	if (n == 2)			/* section 4.3 */
		y += y < 50 ? 2000 : 1900;
	else if (n == 3)
		y += 1900;
	if (y < 1970 || d < 1 || d > days_in(y, m))
		return false;
	*t = day_time(y, m, d);
	return true;
}

static bool take_time(struct cursor *c, int64_t *t)
{
	int h, m, s = 0;

	if (!digits(c, 2, 2, &h))
		return false;
	skip(c);
	if (!octet(c, ':'))
		return false;
	skip(c);
	if (!digits(c, 2, 2, &m))
		return false;
	skip(c);
	if (octet(c, ':')) {
		skip(c);
		if (!digits(c, 2, 2, &s))
			return false;
	}
	if (h > 23 || m > 59 || s > 60)
		return false;
	*t += h * HOUR + m * MINUTE + s;
	return true;
}

/* A name is UTC, but for those of North America (section 4.3). */
static bool take_zone(struct cursor *c, int64_t *t)
{
	static const struct {
		const char *name;
		int hours;
	} known[] = { { "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 },
	              { "MDT", -6 }, { "MST", -7 }, { "PDT", -7 },
	              { "PST", -8 } };
	bool east = octet(c, '+');
	char w[8];
	int hhmm, off;

	if (east || octet(c, '-')) {
		if (!digits(c, 4, 4, &hhmm) || hhmm % 100 > 59)
			return false;
		off = hhmm / 100 * HOUR + hhmm % 100 * MINUTE;
		*t -= east ? off : -off;
		return true;
	}
	if (!word(c, w, sizeof w))
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(w, known[i].name) == 0)
			*t -= (int64_t)known[i].hours * HOUR;
	return true;
}

bool date_parse(const char *text, int64_t *out)
{
	struct cursor c = { text, text + strlen(text) };
	int64_t t;

	skip(&c);
	if (!day_of_week(&c))
		return false;
	skip(&c);
	if (!take_day(&c, &t))
		return false;
	skip(&c);
	if (!take_time(&c, &t))
		return false;
	skip(&c);
	if (!take_zone(&c, &t))
		return false;
	skip(&c);
	if (c.p != c.end || t < 0)
		return false;
	*out = t;
	return true;
}

int64_t date_of(const struct header *h)
{
	int64_t t = 0;
	char *text;

	if (header_count(h, "Date") != 1)
		return 0;
	text = field_text(header_get(h, "Date", 0));
	if (text && !date_parse(text, &t))
		t = 0;
	free(text);
	return t;
}
