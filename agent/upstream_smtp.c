/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submission to the provider (RFC 6409, RFC 5321) behind its login: our own
 * lines, and the final dot only when the front says so. */
#include "agent/upstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the envelope ---- */

/* The answer to a command, unless it could not be sent, to the front. */
static int smtp_answer(struct upstream *up, struct chan *front, int sent,
                       struct err *e)
{
	struct reply r;

	if (sent || upstream_smtp_reply(up, &r, e))
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
		if (upstream_smtp_reply(up, &r, e) == 0) {
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

	if (wire_send(&up->wire, &e, "DATA") || upstream_smtp_reply(up, &r, &e))
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
		                      &upstream_smtp_protocol);
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
