/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sink takes octets.  Filters are sinks that own a sink; embed struct sink
 * as the first member.  The end of the octets is told to each filter by its
 * own NAME_end(), never by put(). */
#ifndef CRYPTO_SINK_H
#define CRYPTO_SINK_H

#include <stddef.h>

#include "crypto/err.h"

struct sink {
	/* Take all n octets or fail: 0, or -1 with e filled. */
	int (*put)(struct sink *s, const void *buf, size_t n, struct err *e);
};

static inline int sink_put(struct sink *s, const void *buf, size_t n,
                           struct err *e)
{
	return n ? s->put(s, buf, n, e) : 0;
}

/* A sink that grows in memory up to max octets (GPG_ERR_TOO_LARGE beyond). */
struct membuf {
	struct sink sink;
	char *buf;
	size_t len, size, max;
};

void membuf_init(struct membuf *m, size_t max);
int membuf_printf(struct membuf *m, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Wipe and free what it holds; it may be used again. */
void membuf_free(struct membuf *m);

#endif
