/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a provider answers while a letter is submitted. */
#include <string.h>
#include <sys/socket.h>

#include "tests/fuzz/provider.h"

struct session {
	struct chan front;	/* our end */
	bool data, rest;
};

static void frame(struct chan *c, unsigned type)
{
	static struct pack p;

	pack_init(&p);
	if (type == U_MAIL || type == U_RCPT)
		pack_str(&p, "a@b.example");
	if (type == U_MAIL) {
		pack_u32(&p, 0);
		pack_u64(&p, 100);
	}
	pack_send(&p, c, type, NULL);
}

/* What the front says behind the letter, or where there is none. */
static void rest(struct session *s)
{
	static const unsigned types[] = {
		U_COMMIT, U_RESET, U_MAIL, U_NOOP, U_QUIT
	};

	if (s->rest)
		return;
	s->rest = true;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		frame(&s->front, types[i]);
	shutdown(s->front.fd, SHUT_WR);
}

static void spoken_to(struct provider *v, const char *p, size_t n)
{
	struct session *s = v->user;

	if (s->data || !p)
		rest(s);
	s->data = n == 6 && memcmp(p, "DATA\r\n", 6) == 0;
	if (s->data && (v->turn < 3 || memcmp(v->p, "354", 3) != 0))
		rest(s);	/* there is no letter, and none is to wait */
}

/* What front heard; true if each thing was said in its turn. */
static bool session(const uint8_t *p, size_t n, uint8_t how, bool tls,
                    struct membuf *heard)
{
	static const char letter[] = "Subject: x\r\n\r\n.a\r\n\xc3\xa4\r\n.";
	struct upstream_ends up_ends;
	struct ends ends, pipe;
	struct session s = { 0 };
	struct provider v;
	struct upstream *up = provider_upstream(&v, p, n, how, tls);

	ends_open(&ends, NULL, 0, 0);
	ends_open(&pipe, NULL, 0, 0);
	chan_init(&s.front, pipe.ours);
	CHECK(chan_send(&s.front, P_DATA, letter, sizeof letter - 1, NULL)
	      == 0);
	frame(&s.front, P_END);
	ends_hang_up(&pipe);
	chan_init(&s.front, ends.ours);
	v.user = &s;
	v.spoken_to = spoken_to;
	provider_login(&s.front, tls);
	frame(&s.front, U_MAIL);
	frame(&s.front, U_RCPT);
	frame(&s.front, U_DATA);
	chan_init(&up_ends.front, ends.theirs);
	chan_init(&up_ends.pipe, pipe.theirs);
	upstream_smtp(up, &up_ends);
	chan_close(&up_ends.front);
	chan_close(&up_ends.pipe);
	provider_upstream_free(up);
	membuf_init(heard, 1 << 22);
	ends_read(&ends, heard);
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
	struct membuf whole, cut;
	bool tls = how == 13, right;

	session(data, size, 0, tls, &whole);
	right = session(data, size, how, tls, &cut);
	provider_check_front(&whole);
	CHECK(!right || same(&whole, &cut));
	membuf_free(&whole);
	membuf_free(&cut);
	return 0;
}
