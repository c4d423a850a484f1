/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fetching from the provider (RFC 1939, 2449, 2595, 5034): our own lines, and
 * letters octet for octet. */
#include "agent/upstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	AUTH_LINE_MAX = 255,		/* RFC 5034 section 4 */
	CAPA_LINES_MAX = REPLY_LINES_MAX,
	NUMBER_MAX = 10000000,		/* of a message, and how many */
	UID_LEN_MAX = 70		/* octets, RFC 1939 section 7 */
};
#define OCTETS_MAX ((uint64_t)1 << 40)	/* of one letter, or of all */

static int nonsense(struct upstream *up, const char *what, struct err *e)
{
	return err_set(e, GPG_ERR_BAD_DATA, "%s sent %s that cannot be read",
	               up->wire.host, what);
}

/* ---- replies ---- */

static int pop3_reply(struct upstream *up, struct reply *r, struct err *e)
{
	static const struct {
		const char *word;
		enum answer answer;
	} first[] = { { "+OK", ANSWER_OK }, { "-ERR", ANSWER_NO },
	              { "+", ANSWER_MORE } };
	struct line l;
	size_t n;

	memset(r, 0, sizeof *r);
	if (wire_line(&up->wire, &l, e))
		return -1;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		n = strlen(first[i].word);
		if (strncasecmp(l.text, first[i].word, n) != 0 ||
		    (l.len > n && l.text[n] != ' '))
			continue;
		r->answer = first[i].answer;
		n += l.len > n;
		reply_add(r, l.text + n, l.len - n);
		return 0;
	}
	return nonsense(up, "an answer", e);
}

/* A command is sent and answered, in r.  -1: the connection broke, or the
 * answer is none. */
#define ASK(up, r, e, ...) \
	(wire_send(&(up)->wire, e, __VA_ARGS__) || pop3_reply(up, r, e) \
	 ? -1 : 0)

/* ---- until AUTH ---- */

static void capability(struct upstream *up, const char *words)
{
	size_t n = strcspn(words, " ");

	if (n == 4 && strncasecmp(words, "USER", 4) == 0)
		up->has_user = true;
	if (n != 4 || strncasecmp(words, "SASL", 4) != 0)
		return;
	for (words += n; *words; words += n) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		up->mechs |= sasl_named(words, n);
	}
}

/* A provider without CAPA has USER and PASS. */
static int capa(struct upstream *up, struct err *e)
{
	struct reply r;
	struct line l;

	up->mechs = 0;
	up->has_user = false;
	if (ASK(up, &r, e, "CAPA"))
		return -1;
	if (r.answer == ANSWER_MORE)
		return nonsense(up, "an answer", e);
	if (r.answer == ANSWER_NO)
		return 0;
	for (int i = 0; i < CAPA_LINES_MAX; i++) {
		if (wire_line(&up->wire, &l, e))
			return -1;
		if (strcmp(l.text, ".") == 0)
			return 0;
		capability(up, l.text);
	}
	return nonsense(up, "a list of capabilities", e);
}

static int pop3_greet(struct upstream *up, struct err *e)
{
	struct reply r;

	if (pop3_reply(up, &r, e))
		return -1;
	if (r.answer != ANSWER_OK)
		return upstream_says(up, &r, e);
	if (up->server->transport == TRANSPORT_STARTTLS) {
		if (ASK(up, &r, e, "STLS"))
			return -1;
		if (r.answer != ANSWER_OK)
			return err_set(e, GPG_ERR_NOT_SUPPORTED, "%s does not "
			               "encrypt the connection (STLS): %s",
			               up->wire.host, r.text);
		if (wire_starttls(&up->wire, up->trust, e))
			return -1;
	}
	return capa(up, e);
}

/* Is this no to a login about something else than the password (RFC 2449
 * section 8, RFC 3206)? */
static bool not_the_password(const struct reply *r)
{
	static const char *const codes[] = {
		"[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "[SYS/PERM]"
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncasecmp(r->text, codes[i], strlen(codes[i])) == 0)
			return true;
	return false;
}

static enum outcome user_pass(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	if (ASK(up, r, e, "USER %s", c->user))
		return DONE_UNREACHABLE;
	if (r->answer == ANSWER_OK &&
	    ASK(up, r, e, "PASS %s", c->password_secret))
		return DONE_UNREACHABLE;
	if (r->answer == ANSWER_MORE) {
		nonsense(up, "an answer", e);
		return DONE_UNREACHABLE;
	}
	return r->answer == ANSWER_OK ? DONE_OK : DONE_DENIED;
}

static enum outcome pop3_auth(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	unsigned mech = upstream_mech(up, c);
	enum outcome o;

	if (c->with == LOGIN_OAUTH && !mech)
		return upstream_no_mech(up, c, e);
	if (mech == SASL_LOGIN && up->has_user)
		mech = 0;		/* USER and PASS are the same, and older */
	o = mech ? upstream_sasl(up, pop3_reply, mech, AUTH_LINE_MAX, c, r, e)
	         : user_pass(up, c, r, e);
	if (o == DONE_DENIED && not_the_password(r)) {
		upstream_says(up, r, e);
		o = DONE_UNREACHABLE;
	}
	return o;
}

static const struct protocol pop3_protocol = {
	.greet = pop3_greet, .auth = pop3_auth
};

/* ---- the maildrop ---- */

/* What the provider answered, or that it is gone, to the front. */
static int pop3_answer(struct upstream *up, struct chan *front, int asked,
                       const struct reply *r, struct err *e)
{
	if (!asked && r->answer == ANSWER_MORE)
		asked = nonsense(up, "an answer", e);
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

	if (ASK(up, &r, &e, "STAT"))
		return upstream_lost(up, front, &e);
	if (r.answer != ANSWER_OK)
		return pop3_answer(up, front, 0, &r, &e);
	a = parse_number(r.text, NUMBER_MAX, &n);
	if (!a || r.text[a] != ' ' ||
	    !parse_number(r.text + a + 1, OCTETS_MAX, &octets)) {
		nonsense(up, "a state of the mailbox", &e);
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
			nonsense(up, "a list", e);
		if (r)
			return r;
	}
	nonsense(up, "a list", e);
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

	if (n ? ASK(up, &r, &e, "%s %" PRIu32, verb, n)
	      : ASK(up, &r, &e, "%s", verb))
		return upstream_lost(up, front, &e);
	if (r.answer != ANSWER_OK)
		return pop3_answer(up, front, 0, &r, &e);
	if (n) {
		bad = r.odd ? 1 : item(front, r.text, uidl);
		if (bad > 0)
			nonsense(up, "a list", &e);
	} else {
		bad = items(up, front, uidl, &e);
	}
	if (bad > 0)
		return upstream_lost(up, front, &e);
	return bad ? -1 : upstream_done(front, DONE_OK, 0, r.text);
}

/* ---- a letter ---- */

/* RETR or TOP was sent: its answer to the front, the letter to mime; 1: there
 * is none.  A letter that broke off ends the process: nothing of it may be taken for whole. */
static int pop3_letter(struct upstream *up, struct chan *front,
                       struct chan *pipe, int sent, struct err *e)
{
	struct chan_sink out;
	struct reply r;
	struct pack p;

	if (sent || pop3_reply(up, &r, e))
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
		                      &pop3_protocol);
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
		                   ASK(up, &r, &e, "DELE %" PRIu32, n), &r,
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
		return pop3_answer(up, front, ASK(up, &r, &e, "RSET"), &r,
		                   &e);
	case U_NOOP:
		return pop3_answer(up, front, ASK(up, &r, &e, "NOOP"), &r,
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
			                    ASK(up, &r, &e, "QUIT"), &r, &e);
		if (pop3_command(up, ends, &f))
			return 1;
	}
	return 0;
}
