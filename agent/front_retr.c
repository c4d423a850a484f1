/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RETR and TOP: letters from mime to a POP3 client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dots.h"
#include "agent/keeper_tell.h"
#include "agent/pop3.h"

enum {
	TOP_OPEN_MAX = 256 << 10,	/* TOP opens what is not larger, octets */
	OPENING_FIRST = 30,		/* seconds until "+OK" is begun, ... */
	OPENING_LAST = 85,		/* ... at the latest: clients wait 100 ... */
	OPENING_DOT = 20		/* ... and fed a dot each time */
};

/* Wait for mime's first frame; a long opening keeps the client awake by an
 * "+OK" line that grows (RFC 1939 sets no limit but 512 octets). */
static bool wait_opening(struct pop3 *s, struct chan *mime)
{
	unsigned wait = s->conf->unlock_timeout + 10;
	bool begun = false;

	/* a prompt that nobody answers must still end in -ERR */
	if (wait < OPENING_FIRST)
		wait = OPENING_FIRST;
	if (wait > OPENING_LAST)
		wait = OPENING_LAST;
	while (!chan_wait(mime, (int)wait * 1000)) {
		if (sink_put(&s->client.sink, begun ? "." : "+OK Opening ",
		             begun ? 1 : 12, NULL)
		    || client_flush(&s->client))
			break;
		begun = true;
		wait = OPENING_DOT;
	}
	return begun;
}

int pop3_hand_over(struct pop3 *s, struct chan *mime, bool quiet)
{
	bool line_begun = wait_opening(s, mime), begun = false;
	char words[900];
	uint32_t last;
	struct dots d;
	struct unpack u;
	struct frame f;

	dots_init(&d, &s->client.sink);
	d.lenient = true;
	for (;;) {
		if (chan_recv(mime, &f, NULL))
			f.type = 0;
		if (f.type != M_DATA && f.type != M_END)
			break;
		if (!begun && client_say(&s->client, line_begun ? ""
		                         : "+OK The letter follows"))
			return -1;
		begun = true;
		if (f.type == M_END) {
			if (dots_end(&d, NULL))
				return -1;
			if (f.len)	/* all of it, not TOP's */
				keeper_tell_opened(&s->ends->keeper, &f);
			return client_say(&s->client, ".");
		}
		if (sink_put(&d.sink, f.data, f.len, NULL))
			return -1;
	}
	if (begun || line_begun)
		return -1;	/* half a letter must not look whole */
	if (quiet)
		return 1;
	if (f.type != M_BAD) {
		client_say(&s->client, "-ERR [SYS/TEMP] A part of Letterlock "
		           "failed. Fetch again");
		client_flush(&s->client);
		return -1;
	}
	unpack_init(&u, &f);
	last = unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	client_say(&s->client, "-ERR %s", words);
	return last ? -1 : 0;
}

static int fetch(struct pop3 *s, unsigned type, const uint32_t *n, unsigned k,
                 enum fetched how)
{
	struct pack p;

	if (pop3_ask(s, type, n, k))
		return pop3_say_err(s);
	pack_init(&p);
	pack_u32(&p, how);
	pack_u32(&p, how == FETCHED_ALL ? 0 : n[1]);
	pack_u32(&p, s->who.account->autocrypt);
	if (pack_send(&p, &s->ends->mime, M_OPEN, NULL)) {
		client_say(&s->client, "-ERR [SYS/TEMP] A part of Letterlock "
		           "failed. Fetch again");
		client_flush(&s->client);
		return -1;
	}
	return pop3_hand_over(s, &s->ends->mime, false);
}

int pop3_retr(struct pop3 *s, char *arg)
{
	uint32_t n;
	int r;

	if (pop3_numbers(arg, &n, 1, MESSAGE_MAX))
		return pop3_bad_number(s);
	r = ahead_retr(s, n);
	if (r == 0)
		r = fetch(s, U_RETR, &n, 1, FETCHED_ALL);
	if (r == -1)
		return -1;
	ahead_more(s, n);
	return 0;
}

/* The provider's size of one message, or UINT64_MAX. */
static uint64_t size_of(struct pop3 *s, uint32_t n)
{
	struct lane *l = &s->lane;
	uint64_t size = UINT64_MAX;
	struct frame f;
	struct unpack u;
	char text[100];

	if (ahead_settle(s) || lane_tell(l, U_LIST, &n, sizeof n)
	    || chan_recv(&l->upstream, &f, NULL))
		return size;
	if (f.type == U_ITEM) {
		unpack_init(&u, &f);
		unpack_u32(&u);
		unpack_str(&u, text, sizeof text);
		if (unpack_end(&u))
			size = strtoull(text, NULL, 10);
		lane_done(l);
	}
	return size;
}

int pop3_top(struct pop3 *s, char *arg)
{
	uint32_t n[2];

	if (pop3_numbers(arg, n, 2, 999999999) || n[0] > MESSAGE_MAX)
		return pop3_bad_number(s);
	if (size_of(s, n[0]) <= TOP_OPEN_MAX)
		return fetch(s, U_RETR, n, 1, FETCHED_FOR_TOP);
	return fetch(s, U_TOP, n, 2, FETCHED_TOP);
}
