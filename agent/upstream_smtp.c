/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submission to the provider (RFC 6409, RFC 5321): our own lines, and the
 * final dot only when the front says so. */
#include "agent/upstream.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { AUTH_LINE_MAX = 512 };		/* RFC 5321 section 4.5.3.1.4 */

/* ---- replies ---- */

/* "250-", "250 " or "250": 250, else 0. */
static unsigned reply_code(const struct line *l)
{
	const char *t = l->text;

	if (l->len < 3 || t[0] < '2' || t[0] > '5' ||
	    !isdigit((unsigned char)t[1]) || !isdigit((unsigned char)t[2]) ||
	    (l->len > 3 && t[3] != ' ' && t[3] != '-'))
		return 0;
	return (unsigned)(t[0] - '0') * 100 + (unsigned)(t[1] - '0') * 10 +
	       (unsigned)(t[2] - '0');
}

/* The octets of an enhanced code and its blank (RFC 3463), or 0. */
static size_t enhanced(const char *t)
{
	size_t n = strspn(t, "0123456789.");

	return n >= 5 && t[1] == '.' && t[n] == ' ' ? n + 1 : 0;
}

/* A provider that repeats its enhanced code in each line says it once. */
static void add_words(struct reply *r, const char *words, size_t n)
{
	size_t code = enhanced(words);

	if (code && code < n && strncmp(r->text, words, code) == 0) {
		words += code;
		n -= code;
	}
	reply_add(r, words, n);
}

typedef void line_fn(struct upstream *up, const char *words);

/* A reply with all its lines; those behind the first to each, if wanted. */
static int smtp_lines(struct upstream *up, struct reply *r, line_fn *each,
                      struct err *e)
{
	const char *host = up->wire.host;
	struct line l;
	unsigned code;
	size_t skip;

	memset(r, 0, sizeof *r);
	for (int n = 0; n < REPLY_LINES_MAX; n++) {
		if (wire_line(&up->wire, &l, e))
			return -1;
		code = reply_code(&l);
		if (!code || (n && code != r->code))
			return err_set(e, GPG_ERR_BAD_DATA,
			               "%s sent no SMTP reply", host);
		r->code = code;
		skip = l.len > 3 ? 4 : 3;
		add_words(r, l.text + skip, l.len - skip);
		if (each && n)
			each(up, l.text + skip);
		if (l.text[3] == '-')
			continue;
		r->answer = code < 300 ? ANSWER_OK :
		            code < 400 ? ANSWER_MORE : ANSWER_NO;
		return 0;
	}
	return err_set(e, GPG_ERR_TOO_LARGE, "%s sent a reply of more than %d "
	               "lines", host, REPLY_LINES_MAX);
}

static int smtp_reply(struct upstream *up, struct reply *r, struct err *e)
{
	return smtp_lines(up, r, NULL, e);
}

/* ---- until AUTH ---- */

static bool is(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

/* One line of the answer to EHLO, "AUTH=LOGIN" of old included. */
static void ehlo_line(struct upstream *up, const char *words)
{
	const char *const blank = " \t=";
	size_t n = strcspn(words, blank);
	const char *arg = words + n + strspn(words + n, blank);

	if (is(words, n, "8BITMIME"))
		up->flags |= HAS_8BIT;
	else if (is(words, n, "SMTPUTF8"))
		up->flags |= HAS_UTF8;
	else if (is(words, n, "STARTTLS"))
		up->starttls = true;
	else if (is(words, n, "SIZE")) {
		up->has_size = true;
		if (!parse_number(arg, INT64_MAX, &up->size))
			up->size = 0;
	} else if (is(words, n, "AUTH"))
		for (; *arg; arg += n, arg += strspn(arg, blank)) {
			n = strcspn(arg, blank);
			up->mechs |= sasl_named(arg, n);
		}
}

static int ehlo(struct upstream *up, struct err *e)
{
	struct reply r;

	up->mechs = up->flags = 0;
	up->starttls = up->has_size = false;
	up->size = 0;
	if (wire_send(&up->wire, e, "EHLO [127.0.0.1]") ||
	    smtp_lines(up, &r, ehlo_line, e))
		return -1;
	if (!(up->flags & HAS_8BIT))	/* RFC 6531 section 3.1: never alone */
		up->flags &= ~(unsigned)HAS_UTF8;
	return r.code == 250 ? 0 : upstream_says(up, &r, e);
}

static int starttls(struct upstream *up, struct err *e)
{
	struct reply r;

	if (!up->starttls)
		return err_set(e, GPG_ERR_NOT_SUPPORTED, "%s does not offer to "
		               "encrypt the connection (STARTTLS)",
		               up->wire.host);
	if (wire_send(&up->wire, e, "STARTTLS") || smtp_reply(up, &r, e))
		return -1;
	if (r.code != 220)
		return upstream_says(up, &r, e);
	return wire_starttls(&up->wire, up->trust, e);
}

static int smtp_greet(struct upstream *up, struct err *e)
{
	struct reply r;

	if (smtp_reply(up, &r, e))
		return -1;
	if (r.code != 220)
		return upstream_says(up, &r, e);
	if (ehlo(up, e))
		return -1;
	if (up->server->transport != TRANSPORT_STARTTLS)
		return 0;
	return starttls(up, e) || ehlo(up, e) ? -1 : 0;
}

static enum outcome smtp_auth(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	unsigned mech = upstream_mech(up, c);
	enum outcome o = DONE_DENIED;

	if (!mech)
		return upstream_no_mech(up, c, e);
	for (; mech && o == DONE_DENIED; mech = upstream_mech(up, c)) {
		o = upstream_sasl(up, smtp_reply, mech, AUTH_LINE_MAX, c, r,
		                  e);
		if (r->code != 504)	/* mechanism offered, but not meant */
			break;
		up->mechs &= ~mech;
		if (mech & SASL_SCRAM)	/* then no less will do */
			up->mechs &= SASL_SCRAM;
	}
	if (o == DONE_DENIED && (r->code < 500 || r->code == 504)) {
		upstream_says(up, r, e);	/* 454, 421, 504: it is not */
		o = DONE_UNREACHABLE;		/* the password's fault */
	}
	return o;
}

static const struct protocol smtp_protocol = {
	.greet = smtp_greet, .auth = smtp_auth
};

/* ---- the envelope ---- */

/* The answer to a command, unless it could not be sent, to the front. */
static int smtp_answer(struct upstream *up, struct chan *front, int sent,
                       struct err *e)
{
	struct reply r;

	if (sent || smtp_reply(up, &r, e))
		return upstream_lost(up, front, e);
	if (r.code == 421 || r.answer == ANSWER_MORE) {
		upstream_says(up, &r, e);
		return upstream_lost(up, front, e);
	}
	return upstream_done(front, r.answer == ANSWER_OK ? DONE_OK
	                     : DONE_REFUSED, r.code, r.text);
}

static bool is_ascii(const char *s)
{
	while (*s > 0)
		s++;
	return !*s;
}

/* May this stand between < and >? */
static bool path_ok(const char *s)
{
	return arg_ok(s, ARGUMENT_MAX) && !strpbrk(s, "<> ");
}

/* Front says of a letter whether it needs SMTPUTF8 (O14). */
static int not_announced(struct chan *front)
{
	return upstream_done(front, DONE_REFUSED, 550,
		"5.6.7 an address beyond ASCII was not announced");
}

static int smtp_mail(struct upstream *up, struct chan *front,
                     const struct frame *f)
{
	char from[ARGUMENT_MAX + 1], size[32] = "";
	uint64_t octets;
	struct unpack u;
	unsigned flags;
	struct err e;
	int sent;

	unpack_init(&u, f);
	unpack_str(&u, from, sizeof from);
	flags = unpack_u32(&u);
	octets = unpack_u64(&u);
	if (!unpack_end(&u))
		return -1;
	up->utf8 = flags & MAIL_UTF8;
	if (!path_ok(from))
		return upstream_done(front, DONE_REFUSED, 553,
			"5.1.7 that sender's address cannot be written");
	if ((flags & MAIL_8BIT) && !(up->flags & HAS_8BIT))
		return upstream_done(front, DONE_REFUSED, 554,
			"5.6.3 the provider takes no letters with 8-bit text");
	if (!is_ascii(from) && !up->utf8)
		return not_announced(front);
	if (up->utf8 && !(up->flags & HAS_UTF8))
		return upstream_done(front, DONE_REFUSED, 550,
			"5.6.7 the provider takes nothing beyond ASCII");
	if (up->has_size && octets)
		snprintf(size, sizeof size, " SIZE=%" PRIu64, octets);
	sent = wire_send(&up->wire, &e, "MAIL FROM:<%s>%s%s%s", from,
	                 flags & MAIL_8BIT ? " BODY=8BITMIME" : "",
	                 up->utf8 ? " SMTPUTF8" : "", size);
	return smtp_answer(up, front, sent, &e);
}

static int smtp_rcpt(struct upstream *up, struct chan *front,
                     const struct frame *f)
{
	char to[ARGUMENT_MAX + 1];
	struct unpack u;
	struct err e;

	unpack_init(&u, f);
	unpack_str(&u, to, sizeof to);
	if (!unpack_end(&u))
		return -1;
	if (!*to || !path_ok(to))
		return upstream_done(front, DONE_REFUSED, 553,
			"5.1.3 that address cannot be written");
	if (!is_ascii(to) && !up->utf8)
		return not_announced(front);
	return smtp_answer(up, front,
	                   wire_send(&up->wire, &e, "RCPT TO:<%s>", to), &e);
}

/* ---- the letter ---- */

/* A letter that will not get through at another time either: words, or NULL. */
static const char *never(const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_BAD_DATA:	/* other line ends were made CRLF by front */
		return "5.6.0 Letterlock did not send this: it holds a NUL, "
		       "which no readable letter may. Attach such text as a "
		       "file, or seal it";
	case GPG_ERR_NOT_SUPPORTED:
		return e->text;
	default:
		return NULL;
	}
}

/* The letter did not get through: drop the connection, no final dot.  What
 * the provider still said about it is worth more than that it hung up. */
static int letter_lost(struct upstream *up, struct chan *front, struct err *e)
{
	const char *words = never(e);
	struct reply r;

	if (words) {
		wire_close(&up->wire);
		upstream_done(front, DONE_REFUSED, 554, words);
		return -1;
	}
	if (wire_spoke(&up->wire)) {
		wire_patience(&up->wire, up->wire.reply_timeout);
		if (smtp_reply(up, &r, e) == 0) {
			if (r.answer == ANSWER_NO && r.code != 421) {
				wire_close(&up->wire);
				upstream_done(front, DONE_REFUSED, r.code,
				              r.text);
				return -1;
			}
			upstream_says(up, &r, e);
		}
	}
	upstream_lost(up, front, e);
	return -1;
}

static int smtp_letter(struct upstream *up, struct upstream_ends *ends)
{
	struct frame f;
	struct err e;
	int sent;

	if (upstream_send_letter(up, ends, &e))
		return letter_lost(up, &ends->front, &e);
	if (chan_send(&ends->front, U_READY, NULL, 0, NULL))
		return -1;
	if (chan_expect(&ends->front, U_COMMIT, &f, NULL)) {
		err_set(&e, GPG_ERR_CANCELED, "the letter was called off");
		upstream_lost(up, &ends->front, &e);
		return -1;
	}
	if (wire_spoke(&up->wire))	/* that was no answer to the dot */
		return letter_lost(up, &ends->front, &e);
	sent = wire_send(&up->wire, &e, ".");
	if (!sent)	/* giving up now may mean that it goes out twice */
		wire_patience(&up->wire, up->wire.reply_timeout > WIRE_DOT_MIN
		              ? up->wire.reply_timeout : WIRE_DOT_MIN);
	return smtp_answer(up, &ends->front, sent, &e);
}

static int smtp_data(struct upstream *up, struct upstream_ends *ends)
{
	struct chan *front = &ends->front;
	struct reply r;
	struct err e;

	if (wire_send(&up->wire, &e, "DATA") || smtp_reply(up, &r, &e))
		return upstream_lost(up, front, &e);
	if (r.code == 354) {
		if (upstream_done(front, DONE_OK, r.code, r.text))
			return -1;
		return smtp_letter(up, ends);
	}
	if (r.answer == ANSWER_NO && r.code != 421)
		return upstream_done(front, DONE_REFUSED, r.code, r.text);
	upstream_says(up, &r, &e);
	return upstream_lost(up, front, &e);
}

/* ---- the session ---- */

/* One command of the front's: 0, or -1 when that was the last. */
static int smtp_command(struct upstream *up, struct upstream_ends *ends,
                        const struct frame *f)
{
	struct chan *front = &ends->front;
	struct err e;

	switch (f->type) {
	case U_LOGIN:
		return upstream_login(up, front, f, SESSION_SMTP,
		                      &smtp_protocol);
	case U_MAIL:
		return smtp_mail(up, front, f);
	case U_RCPT:
		return smtp_rcpt(up, front, f);
	case U_DATA:
		return smtp_data(up, ends);
	case U_RESET:
		return smtp_answer(up, front,
		                   wire_send(&up->wire, &e, "RSET"), &e);
	case U_NOOP:
		return smtp_answer(up, front,
		                   wire_send(&up->wire, &e, "NOOP"), &e);
	}
	upstream_done(front, DONE_FAILED, 0, "a command out of place");
	return -1;
}

int upstream_smtp(struct upstream *up, struct upstream_ends *ends)
{
	struct frame f;
	struct err e;

	while (chan_recv(&ends->front, &f, NULL) == 0) {
		if (f.type == U_QUIT)
			return -smtp_answer(up, &ends->front,
			                    wire_send(&up->wire, &e, "QUIT"),
			                    &e);
		if (smtp_command(up, ends, &f))
			return 1;
	}
	return 0;
}
