/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ustar: blocks of 512 octets, a head before each file, two empty ones at the
 * end. */
#include "agent/tar.h"

#include <stdio.h>
#include <string.h>

enum {
	BLOCK = 512,
	AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124,
	AT_MTIME = 136, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257,
	SUM_OCTETS = 8,
	SIZE_DIGITS = 11
};

/* The checksum field itself counts as blanks. */
static unsigned sum(const char *head)
{
	unsigned s = 0;

	for (int i = 0; i < BLOCK; i++)
		s += i >= AT_SUM && i < AT_SUM + SUM_OCTETS
		     ? ' ' : (unsigned char)head[i];
	return s;
}

int tar_put(struct sink *out, const char *name, const void *p, size_t n,
            int64_t mtime, struct err *e)
{
	static const char nothing[BLOCK];
	char head[BLOCK] = "", number[32];

	if (strlen(name) >= TAR_NAME_MAX || n >= (size_t)1 << 33)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "too large for a backup");
	memcpy(head + AT_NAME, name, strlen(name));
	memcpy(head + AT_MODE, "0000600", 7);
	memcpy(head + AT_UID, "0000000", 7);
	memcpy(head + AT_GID, "0000000", 7);
	snprintf(number, sizeof number, "%011llo", (unsigned long long)n);
	memcpy(head + AT_SIZE, number, SIZE_DIGITS);
	snprintf(number, sizeof number, "%011llo",
	         (unsigned long long)mtime & 077777777777ULL);
	memcpy(head + AT_MTIME, number, SIZE_DIGITS);
	head[AT_TYPE] = '0';
	memcpy(head + AT_MAGIC, "ustar\00000", 8);
	snprintf(number, sizeof number, "%06o", sum(head));
	memcpy(head + AT_SUM, number, 7);
	head[AT_SUM + 7] = ' ';
	if (sink_put(out, head, sizeof head, e) || sink_put(out, p, n, e))
		return -1;
	return sink_put(out, nothing, (BLOCK - n % BLOCK) % BLOCK, e);
}

int tar_end(struct sink *out, struct err *e)
{
	static const char nothing[2 * BLOCK];

	return sink_put(out, nothing, sizeof nothing, e);
}

/* ---- reading ---- */

void tar_begin(struct tar *t, const void *p, size_t n)
{
	memset(t, 0, sizeof *t);
	t->p = p;
	t->left = n;
}

/* Octal digits, then blanks or NULs. */
static bool octal(const char *p, int n, uint64_t *out)
{
	int i = 0;

	*out = 0;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(p[i] - '0');
	if (!i)
		return false;
	for (; i < n; i++)
		if (p[i] && p[i] != ' ')
			return false;
	return true;
}

static int bad(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "it is cut off, or not "
	               "what letterlock backup wrote");
}

int tar_next(struct tar *t, struct err *e)
{
	static const char nothing[BLOCK];
	uint64_t size, check;
	size_t padded;

	if (t->left < BLOCK)
		return bad(e);
	if (memcmp(t->p, nothing, BLOCK) == 0)
		return 0;
	if (memcmp(t->p + AT_MAGIC, "ustar", 5) != 0
	    || !octal(t->p + AT_SUM, SUM_OCTETS, &check)
	    || check != sum(t->p) || t->p[AT_TYPE] != '0'
	    || !octal(t->p + AT_SIZE, SIZE_DIGITS + 1, &size)
	    || !memchr(t->p, '\0', TAR_NAME_MAX))
		return bad(e);
	memcpy(t->name, t->p, TAR_NAME_MAX);
	t->p += BLOCK;
	t->left -= BLOCK;
	if (size > t->left)
		return bad(e);
	t->file = t->p;
	t->n = (size_t)size;
	padded = (t->n + BLOCK - 1) / BLOCK * BLOCK;
	if (padded > t->left)
		return bad(e);
	t->p += padded;
	t->left -= padded;
	return 1;
}
