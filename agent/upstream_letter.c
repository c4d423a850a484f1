/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letters between the wire and the other roles, in whole blocks. */
#include "agent/upstream.h"

#include <poll.h>

#include "agent/dots.h"
#include "agent/stream.h"

struct wire_sink {
	struct sink sink;
	struct wire *wire;
	bool ascii;		/* the provider takes nothing else */
};

static bool has_8bit(const unsigned char *p, size_t n)
{
	unsigned char any = 0;

	while (n--)
		any |= *p++;
	return any & 0x80;
}

static int wire_sink_put(struct sink *s, const void *buf, size_t n,
                         struct err *e)
{
	struct wire_sink *w = (struct wire_sink *)s;

	if (w->ascii && has_8bit(buf, n))
		return err_set(e, GPG_ERR_NOT_SUPPORTED, "5.6.3 Letterlock did "
		               "not send this: %s takes no letters with 8-bit "
		               "text. Have your mail program write it as "
		               "quoted-printable, or seal it", w->wire->host);
	return wire_write(w->wire, buf, n, e);
}

/* Until crypt has something.  -1: the provider or the front spoke first,
 * which neither has any reason to. */
static int await_letter(struct upstream *up, struct upstream_ends *ends,
                        struct err *e)
{
	struct pollfd p[] = {
		{ .fd = ends->pipe.fd, .events = POLLIN },
		{ .fd = ends->front.fd, .events = POLLIN },
		{ .fd = stream_of(up->wire.stream)->fd, .events = POLLIN },
	};

	for (;;) {
		if (wire_spoke(&up->wire))
			return err_set(e, GPG_ERR_CANCELED, "%s did not take "
			               "the letter", up->wire.host);
		if (chan_wait(&ends->front, 0))
			return err_set(e, GPG_ERR_CANCELED,
			               "the letter was called off");
		if (chan_wait(&ends->pipe, 0))
			return 0;
		poll(p, sizeof p / sizeof *p, -1);
	}
}

int upstream_send_letter(struct upstream *up, struct upstream_ends *ends,
                         struct err *e)
{
	struct wire_sink wire = { .sink.put = wire_sink_put,
	                          .wire = &up->wire,
	                          .ascii = !(up->flags & HAS_8BIT) };
	struct frame f;
	struct dots d;

	dots_init(&d, &wire.sink);
	wire_letter(&up->wire);
	for (;;) {
		if (await_letter(up, ends, e))
			return -1;
		if (chan_recv(&ends->pipe, &f, e))
			return err_set(e, GPG_ERR_EOF, "the letter broke off "
			               "on this side, nothing was sent");
		if (f.type == P_END)
			break;
		if (f.type != P_DATA)
			return err_set(e, GPG_ERR_INTERNAL, "the letter went "
			               "wrong on this side, nothing was sent");
		if (sink_put(&d.sink, f.data, f.len, e))
			return -1;
	}
	return dots_end(&d, e) || wire_flush(&up->wire, e) ? -1 : 0;
}

int upstream_fetch_letter(struct upstream *up, struct sink *to, struct err *e)
{
	struct wire *w = &up->wire;
	struct undots u;
	size_t used;
	int end;

	undots_init(&u);
	wire_letter(w);
	do {
		if (wire_fill(w, e))
			return -1;
		end = undots_put(&u, w->in + w->off, w->len - w->off, &used,
		                 to, e);
		w->off += used;
	} while (end == 0);
	return end > 0 ? 0 : -1;
}
