/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a provider answers while letters are fetched. */
#include <string.h>

#include "tests/fuzz/provider.h"

static void frame(struct chan *c, unsigned type)
{
	static struct pack p;

	pack_init(&p);
	if (type != U_STAT && type != U_NOOP && type != U_RESET
	    && type != U_QUIT)
		pack_u32(&p, type == U_RETR || type == U_TOP || type == U_DELE);
	if (type == U_TOP)
		pack_u32(&p, 2);
	CHECK(pack_send(&p, c, type, NULL) == 0);
}

/* What front and mime heard; true if each thing was said in its turn. */
static bool session(const uint8_t *p, size_t n, uint8_t how, bool tls,
                    struct membuf *heard, struct membuf *letters)
{
	static const unsigned types[] = {
		U_STAT, U_LIST, U_UIDL, U_RETR, U_TOP, U_DELE, U_RESET, U_NOOP,
		U_UIDL, U_RETR, U_RETR, U_QUIT
	};
	struct upstream_ends up_ends;
	struct ends ends, pipe;
	struct provider v;
	struct upstream *up = provider_upstream(&v, p, n, how, tls);
	struct chan front;

	ends_open(&ends, NULL, 0, 0);
	ends_open(&pipe, NULL, 0, 0);
	chan_init(&front, ends.ours);
	provider_login(&front, tls);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		frame(&front, types[i]);
	ends_hang_up(&ends);
	chan_init(&up_ends.front, ends.theirs);
	chan_init(&up_ends.pipe, pipe.theirs);
	upstream_pop3(up, &up_ends);
	chan_close(&up_ends.front);
	chan_close(&up_ends.pipe);
	provider_upstream_free(up);
	membuf_init(heard, 1 << 22);
	membuf_init(letters, 1 << 22);
	ends_read(&ends, heard);
	ends_read(&pipe, letters);
	ends.theirs = pipe.theirs = -1;
	ends_close(&ends);
	ends_close(&pipe);
	CHECK(clean_lines(v.heard.buf, v.heard.len, 4096));
	provider_close(&v);
	return !v.early && !tls;	/* what TLS makes of the rest is its own */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut, letters, letters_cut;
	bool tls = how == 13, right;

	session(data, size, 0, tls, &whole, &letters);
	right = session(data, size, how, tls, &cut, &letters_cut);
	provider_check_front(&whole);
	CHECK(!right || same(&whole, &cut));
	CHECK(!right || same(&letters, &letters_cut));
	membuf_free(&whole);
	membuf_free(&cut);
	membuf_free(&letters);
	membuf_free(&letters_cut);
	return 0;
}
