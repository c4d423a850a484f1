/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Native messaging: a length in four octets of this machine's order, and JSON. */
#include "plugin-api/nmh.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many octets, or fewer at the end; -1. */
static ssize_t read_all(int fd, void *p, size_t n)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = read(fd, (char *)p + done, n - done);
		if (r == 0)
			break;
		if (r == -1 && errno != EINTR)
			return -1;
		done += r > 0 ? (size_t)r : 0;
	}
	return (ssize_t)done;
}

int frame_read(int fd, char **p, size_t *n, const char **why)
{
	uint32_t len;
	ssize_t r;

	*p = NULL;
	*why = "a message ended too early";
	r = read_all(fd, &len, sizeof len);
	if (r == 0)
		return 0;
	if (r != sizeof len)
		return -1;
	if (len > NMH_IN_MAX) {
		*why = "a message is too long";
		return -1;
	}
	if (!(*p = malloc((size_t)len + 1))) {
		*why = "no memory left";
		return -1;
	}
	if (read_all(fd, *p, len) != (ssize_t)len) {
		free(*p);
		*p = NULL;
		return -1;
	}
	(*p)[len] = '\0';
	*n = len;
	return 1;
}

static int write_all(int fd, const void *p, size_t n)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = write(fd, (const char *)p + done, n - done);
		if (r == -1 && errno != EINTR)
			return -1;
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

int frame_write(int fd, const char *p, size_t n)
{
	uint32_t len = (uint32_t)n;

	return write_all(fd, &len, sizeof len) || write_all(fd, p, n) ? -1 : 0;
}

size_t frame_part(const char *p, size_t n)
{
	if (n <= NMH_PART)
		return n;
	n = NMH_PART;
	while (n > NMH_PART - 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n;
}
