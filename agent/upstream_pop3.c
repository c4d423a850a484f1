/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fetching from the provider (RFC 1939) behind its login: our own lines, and
 * letters octet for octet. */
#include "agent/upstream_pop3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	NUMBER_MAX = 10000000,		/* of a message, and how many */
	UID_LEN_MAX = 70		/* octets, RFC 1939 section 7 */
};
#define OCTETS_MAX ((uint64_t)1 << 40)	/* of one letter, or of all */

/* ---- the maildrop ---- */

/* What the provider answered, or that it is gone, to the front. */
static int pop3_answer(struct upstream *up, struct chan *front, int asked,
                       const struct reply *r, struct err *e)
{
	if (!asked && r->answer == ANSWER_MORE)
		asked = upstream_pop3_nonsense(up, "an answer", e);
	if (asked)
		return upstream_lost(up, front, e);
	return upstream_done(front, r->answer == ANSWER_OK ? DONE_OK
	                     : DONE_REFUSED, 0, r->text);
}

static int pop3_stat(struct upstream *up, struct chan *front)
{
	uint64_t n, octets;
	struct reply r;
	struct err e;
	char text[48];
	size_t a;

	if (POP3_ASK(up, &r, &e, "STAT"))
		return upstream_lost(up, front, &e);
	if (r.answer != ANSWER_OK)
		return pop3_answer(up, front, 0, &r, &e);
	a = parse_number(r.text, NUMBER_MAX, &n);
	if (!a || r.text[a] != ' ' ||
	    !parse_number(r.text + a + 1, OCTETS_MAX, &octets)) {
		upstream_pop3_nonsense(up, "a state of the mailbox", &e);
		return upstream_lost(up, front, &e);
	}
	snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, n, octets);
	return upstream_done(front, DONE_OK, 0, text);
}

static bool uid_ok(const char *s)
{
	size_t n = 0;

	while (s[n] >= 0x21 && s[n] <= 0x7e)
		n++;
	return n >= 1 && n <= UID_LEN_MAX && !s[n];
}

/* "1 120", "1 whqtswO00WBw418f9t5JxYwZ": a U_ITEM for the front.  1: the line
 * is none, -1: the front is gone. */
static int item(struct chan *front, const char *line, bool uidl)
{
	uint64_t n, octets;
	struct pack p;
	size_t a = parse_number(line, NUMBER_MAX, &n);
	char text[24];

	if (!a || !n || line[a++] != ' ')
		return 1;
	pack_init(&p);
	pack_u32(&p, (uint32_t)n);
	if (uidl) {
		if (!uid_ok(line + a))
			return 1;
		pack_str(&p, line + a);
	} else {
		size_t b = parse_number(line + a, OCTETS_MAX, &octets);

		if (!b || (line[a + b] && line[a + b] != ' '))
			return 1;
		snprintf(text, sizeof text, "%" PRIu64, octets);
		pack_str(&p, text);
	}
	return pack_send(&p, front, U_ITEM, NULL);
}

/* The lines behind the +OK of a list: 0, or as item(). */
static int items(struct upstream *up, struct chan *front, bool uidl,
                 struct err *e)
{
	struct line l;
	int r;

	wire_letter(&up->wire);
	for (int i = 0; i <= NUMBER_MAX; i++) {
		if (wire_line(&up->wire, &l, e))
			return 1;
		if (strcmp(l.text, ".") == 0)
			return 0;
		r = strlen(l.text) == l.len ? item(front, l.text, uidl) : 1;
		if (r > 0)
			upstream_pop3_nonsense(up, "a list", e);
		if (r)
			return r;
	}
	upstream_pop3_nonsense(up, "a list", e);
	return 1;
}

/* LIST or UIDL, of all or of message n. */
static int pop3_list(struct upstream *up, struct chan *front, uint32_t n,
                     bool uidl)
{
	const char *verb = uidl ? "UIDL" : "LIST";
	struct reply r;
	struct err e;
	int bad;

	if (n ? POP3_ASK(up, &r, &e, "%s %" PRIu32, verb, n)
	      : POP3_ASK(up, &r, &e, "%s", verb))
		return upstream_lost(up, front, &e);
	if (r.answer != ANSWER_OK)
		return pop3_answer(up, front, 0, &r, &e);
	if (n) {
		bad = r.odd ? 1 : item(front, r.text, uidl);
		if (bad > 0)
			upstream_pop3_nonsense(up, "a list", &e);
	} else {
		bad = items(up, front, uidl, &e);
	}
	if (bad > 0)
		return upstream_lost(up, front, &e);
	return bad ? -1 : upstream_done(front, DONE_OK, 0, r.text);
}

/* ---- a letter ---- */

/* RETR or TOP was sent: its answer to the front, the letter to mime; 1: there
 * is none.  A letter that broke off ends the process: nothing of it may be taken
 * for whole. */
static int pop3_letter(struct upstream *up, struct chan *front,
                       struct chan *pipe, int sent, struct err *e)
{
	struct chan_sink out;
	struct reply r;
	struct pack p;

	if (sent || upstream_pop3_reply(up, &r, e))
		return upstream_lost(up, front, e);
	if (r.answer != ANSWER_OK)
		return pop3_answer(up, front, 0, &r, e) ? -1 : 1;
	if (upstream_done(front, DONE_OK, 0, r.text))
		return -1;
	chan_sink_init(&out, pipe, P_DATA);
	if (upstream_fetch_letter(up, &out.sink, e) == 0 &&
	    chan_sink_flush(&out, e) == 0)
		return chan_send(pipe, P_END, NULL, 0, NULL);
	pack_init(&p);
	pack_str(&p, e->text);
	pack_send(&p, pipe, P_FAIL, NULL);
	return -1;
}

/* A letter that the client will ask for next, into another mime's pipe. */
static int pop3_ahead(struct upstream *up, struct chan *front, uint32_t n)
{
	struct chan pipe;
	struct err e;
	int rc;

	chan_init(&pipe, chan_take_fd(front));
	rc = pop3_letter(up, front, &pipe, wire_send(&up->wire, &e,
	                 "RETR %" PRIu32, n), &e);
	if (rc == 1)		/* there is none: mime must not wait */
		rc = chan_send(&pipe, P_FAIL, NULL, 0, NULL);
	chan_close(&pipe);
	return rc;
}

/* ---- the session ---- */

/* The message number that the commands of this kind carry, behind it lines. */
static bool numbers(const struct frame *f, uint32_t *n, uint32_t *lines)
{
	struct unpack u;

	*n = *lines = 0;
	unpack_init(&u, f);
	switch (f->type) {
	case U_TOP:
		*n = unpack_u32(&u);
		*lines = unpack_u32(&u);
		break;
	case U_LIST:
	case U_UIDL:
	case U_DELE:
	case U_RETR:
	case U_AHEAD:
		*n = unpack_u32(&u);
		break;
	}
	return unpack_end(&u) && *n <= NUMBER_MAX;
}

/* One command of the front's: 0, or -1 when that was the last. */
static int pop3_command(struct upstream *up, struct upstream_ends *ends,
                        const struct frame *f)
{
	struct chan *front = &ends->front;
	uint32_t n, lines;
	struct reply r;
	struct err e;

	if (f->type == U_LOGIN)
		return upstream_login(up, front, f, SESSION_POP3,
		                      &upstream_pop3_protocol);
	if (!numbers(f, &n, &lines))
		return upstream_done(front, DONE_REFUSED, 0,
		                     "no such message");
	switch (f->type) {
	case U_STAT:
		return pop3_stat(up, front);
	case U_LIST:
	case U_UIDL:
		return pop3_list(up, front, n, f->type == U_UIDL);
	case U_DELE:
		return pop3_answer(up, front,
		                   POP3_ASK(up, &r, &e, "DELE %" PRIu32, n), &r,
		                   &e);
	case U_RETR:
		return pop3_letter(up, front, &ends->pipe, wire_send(&up->wire,
		                   &e, "RETR %" PRIu32, n), &e) < 0 ? -1 : 0;
	case U_TOP:
		return pop3_letter(up, front, &ends->pipe, wire_send(&up->wire,
		                   &e, "TOP %" PRIu32 " %" PRIu32, n, lines),
		                   &e) < 0 ? -1 : 0;
	case U_AHEAD:
		return pop3_ahead(up, front, n);
	case U_RESET:
		return pop3_answer(up, front, POP3_ASK(up, &r, &e, "RSET"), &r,
		                   &e);
	case U_NOOP:
		return pop3_answer(up, front, POP3_ASK(up, &r, &e, "NOOP"), &r,
		                   &e);
	}
	upstream_done(front, DONE_FAILED, 0, "a command out of place");
	return -1;
}

int upstream_pop3(struct upstream *up, struct upstream_ends *ends)
{
	struct frame f;
	struct reply r;
	struct err e;

	while (chan_recv(&ends->front, &f, NULL) == 0) {
		if (f.type == U_QUIT)	/* its -ERR: not all is deleted */
			return -pop3_answer(up, &ends->front,
			                    POP3_ASK(up, &r, &e, "QUIT"), &r,
			                    &e);
		if (pop3_command(up, ends, &f))
			return 1;
	}
	return 0;
}
