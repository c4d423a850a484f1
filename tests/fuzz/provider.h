/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provider made of fuzzed octets, for the targets upstream_*: it says the next
 * thing once it was spoken to. */
#ifndef TESTS_FUZZ_PROVIDER_H
#define TESTS_FUZZ_PROVIDER_H

#include "agent/upstream.h"
#include "tests/fuzz/fuzz.h"

enum { TURN_END = 1 };		/* the octet between two turns of the provider */

struct provider {
	struct stream *stream;
	const uint8_t *p;	/* what is left of all */
	size_t left;
	size_t turn;		/* of them may be read now */
	uint8_t how;		/* cuts */
	bool early;		/* it was spoken to before a turn was read */
	bool secret;		/* no command of a login may come */
	struct membuf heard;
	/* called behind each thing it heard, and with NULL when the connection is
	 * closed; may be NULL itself */
	void (*spoken_to)(struct provider *v, const char *p, size_t n);
	void *user;
};

/* A wire to the provider, for upstream; the first turn may be read.  Behind the
 * end of the octets it has closed. */
void provider_open(struct provider *v, struct wire *w, const uint8_t *p,
                   size_t n, uint8_t how);
void provider_close(struct provider *v);

/* An upstream of one account that is connected to it.  starttls: this account
 * wants it, and there will be no TLS. */
struct upstream *provider_upstream(struct provider *v, const uint8_t *p,
                                   size_t n, uint8_t how, bool starttls);
void provider_upstream_free(struct upstream *up);
/* The account's U_LOGIN, as a frame. */
void provider_login(struct chan *c, bool starttls);

/* Every U_DONE that front heard, its texts printable. */
void provider_check_front(const struct membuf *heard);

#endif
