/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sink that collects in memory. */
#include "crypto/sink.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBUF_FIRST = 256 };

/* Make room for n more octets and a NUL, which is not of the max. */
static int membuf_grow(struct membuf *m, size_t n, struct err *e)
{
	size_t need, size;
	char *buf;

	if (n > m->max - m->len || n >= SIZE_MAX - m->len)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "This is larger than the limit of %zu octets",
		               m->max);
	need = m->len + n + 1;
	if (need <= m->size)
		return 0;
	size = m->size > SIZE_MAX / 2 ? SIZE_MAX : 2 * m->size;
	if (size < MEMBUF_FIRST)
		size = MEMBUF_FIRST;
	if (size > m->max)
		size = m->max;
	if (size < need)
		size = need;
	/* No realloc: it may leave a copy behind that nobody can wipe. */
	buf = malloc(size);
	if (!buf)
		return err_errno(e, "Out of memory");
	if (m->len)
		memcpy(buf, m->buf, m->len);
	if (m->buf)
		OPENSSL_cleanse(m->buf, m->size);
	free(m->buf);
	m->buf = buf;
	m->size = size;
	return 0;
}

static int membuf_put(struct sink *s, const void *buf, size_t n,
                      struct err *e)
{
	struct membuf *m = (struct membuf *)s;

	if (membuf_grow(m, n, e))
		return -1;
	memcpy(m->buf + m->len, buf, n);
	m->len += n;
	return 0;
}

void membuf_init(struct membuf *m, size_t max)
{
	*m = (struct membuf){ .sink.put = membuf_put, .max = max };
}

int membuf_printf(struct membuf *m, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n, done;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_errno(e, "A text cannot be formatted");
	if (membuf_grow(m, (size_t)n, e))
		return -1;
	va_start(ap, fmt);
	done = vsnprintf(m->buf + m->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	if (done != n)
		return err_set(e, GPG_ERR_INTERNAL,
		               "A text changed while it was formatted");
	m->len += (size_t)n;
	return 0;
}

void membuf_free(struct membuf *m)
{
	if (m->buf)
		OPENSSL_cleanse(m->buf, m->size);
	free(m->buf);
	m->buf = NULL;
	m->len = m->size = 0;
}
