/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DATA: a letter from the client, through mime and the lanes, to the answer.
 * The provider hears of it only after its header block allowed it. */
#include "agent/letter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/log.h"
#include "crypto/header.h"

enum {
	DRAIN_FACTOR = 4,	/* of max-message-size, then the line is cut */
	SEALED_TENTHS = 14	/* of its size is what a letter has once sealed */
};

int letter_refuse(struct letter *l, unsigned reply, const char *fmt, ...)
{
	va_list ap;

	if (l->reply)
		return -1;
	l->reply = reply;
	va_start(ap, fmt);
	vsnprintf(l->words, sizeof l->words, fmt, ap);
	va_end(ap);
	return -1;
}

int letter_broken(struct letter *l)
{
	l->broken = true;
	return letter_refuse(l, 451, "4.3.0 A part of Letterlock failed, so "
	                     "nothing was sent. Press Send again");
}

int letter_locked(struct letter *l)
{
	return letter_refuse(l, 451, "4.7.0 Letterlock did not send this: your "
	                     "key is locked. Unlock it with the Letterlock "
	                     "button or: letterlock unlock. Then press Send "
	                     "again");
}

/* ---- before 354 ---- */

int letter_warm(struct letter *l)
{
	struct smtp *s = l->s;
	char words[500];
	struct pack p;
	struct unpack u;
	struct frame f;
	enum outcome o;

	if (l->warm)
		return 0;
	l->warm = true;
	pack_init(&p);
	pack_u32(&p, s->who.index);
	pack_u32(&p, ASK_SIGN);
	if (pack_send(&p, &s->lane[0].crypt, C_WARM, NULL)
	    || chan_expect(&s->lane[0].crypt, C_DONE, &f, NULL))
		return letter_broken(l);
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	if (o == DONE_LOCKED)
		return letter_locked(l);
	/* no key at all is policy's to judge, when the header is known */
	return 0;
}

static int ready(struct letter *l)
{
	struct smtp *s = l->s;
	struct lane *lane = &s->lane[0];

	if (smtp_lane(s, 0) == 0)
		return policy_could_sign(s->conf, s->who.account)
		       ? letter_warm(l) : 0;
	if (lane->outcome == DONE_UNREACHABLE || lane->outcome == DONE_LOST) {
		log_note("not sent: the provider of %s could not be reached",
		         log_addr(s->who.account->address));
		return letter_refuse(l, 451, "4.4.1 Letterlock cannot reach "
		                     "%s, so nothing was sent. Check the "
		                     "connection and press Send again%s%s%s",
		                     s->who.account->smtp.host,
		                     lane->code ? " (" : "",
		                     lane->code ? lane->text : "",
		                     lane->code ? ")" : "");
	}
	if (lane->outcome == DONE_DENIED)
		return letter_refuse(l, 451, "4.7.0 %s no longer takes the "
		                     "password: %s",
		                     s->who.account->smtp.host, lane->text);
	l->broken = true;
	return letter_refuse(l, 451, "4.3.0 %s", lane->text);
}

/* ---- from the client ---- */

static int lose_client(struct letter *l)
{
	l->gone = true;
	return -1;
}

/* What came could not be passed on. */
static int no_room(struct letter *l, const struct err *e)
{
	if (gpg_err_code(e->code) != GPG_ERR_TOO_LARGE)
		return letter_broken(l);
	return letter_refuse(l, 554, "5.6.0 Letterlock did not send this: its "
	                     "header is larger than 4 MB");
}

/* Take what the client sent, once.  The end is found before a bare CR or LF is
 * changed, so that no other program sees a line where we saw none (O16). */
static int take_some(struct letter *l)
{
	struct client *c = &l->s->client;
	struct undots before = l->undots;
	const char *p;
	size_t n, used;
	struct err e;
	int r;

	if (client_some(c, &p, &n))
		return lose_client(l);
	r = undots_put(&l->undots, p, n, &used, &l->crlf.sink, &e);
	l->done = r == 1;
	if (r == -1) {		/* the end may be among these all the same */
		l->undots = before;
		l->done = undots_put(&l->undots, p, n, &used, &l->null, NULL);
	}
	client_used(c, used);
	l->octets += used;
	if (r == 1)
		r = crlf_end(&l->crlf, &e);
	return r == -1 ? no_room(l, &e) : 0;
}

static int null_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	(void)s, (void)buf, (void)n, (void)e;
	return 0;
}

/* Read what is left of a letter that is not sent. */
static void drain(struct letter *l)
{
	uint64_t max = DRAIN_FACTOR * l->s->conf->max_message_size;

	l->crlf.out = &l->null;
	while (!l->gone && !l->done)
		if (l->octets > max || take_some(l))
			l->gone = true;
}

static int take_header(struct letter *l)
{
	size_t from = 0;
	struct err e;

	undots_init(&l->undots);
	resend_init(&l->resend, &l->head.sink);
	crlf_init(&l->crlf, &l->resend.sink);
	while (!l->done) {
		if (take_some(l))
			return -1;
		l->head_len = header_span(l->head.buf, l->head.len, &from);
		if (l->head_len)
			return 0;
	}
	/* header fields only, without the empty line */
	if (sink_put(&l->head.sink, "\r\n", 2, &e))
		return no_room(l, &e);
	l->head_len = l->head.len;
	return 0;
}

int letter_take_more(struct letter *l, size_t body)
{
	l->head.max += body;
	while (!l->done && l->head.len - l->head_len < body)
		if (take_some(l))
			return -1;
	return 0;
}

/* ---- its size ---- */

struct size { char text[24]; };

static struct size size_text(uint64_t octets)
{
	struct size s;
	bool small = octets < 1 << 20;

	snprintf(s.text, sizeof s.text, "%llu %s", (unsigned long long)
	         (small ? octets >> 10 : octets >> 20), small ? "KB" : "MB");
	return s;
}

/* Of a letter of which it is decided how it goes: may it have so many octets? */
static int check_size(struct letter *l, uint64_t octets)
{
	uint64_t ours = l->s->conf->max_message_size;
	uint64_t most = l->s->lane[0].size_max;
	bool grows = l->how == GOES_SEALED;
	const char *host = l->s->who.account->smtp.host;

	if (octets > ours)
		return letter_refuse(l, 552, "5.3.4 Letterlock did not send "
		                     "this: it is larger than %s, which "
		                     "max-message-size allows",
		                     size_text(ours).text);
	if (!most || octets <= (grows ? most / SEALED_TENTHS * 10 : most))
		return 0;
	if (!grows)
		return letter_refuse(l, 552, "5.3.4 Letterlock did not send "
		                     "this: %s takes letters of at most %s",
		                     host, size_text(most).text);
	return letter_refuse(l, 552, "5.3.4 Letterlock did not send this: it "
	                     "is too large once sealed. %s takes letters of "
	                     "at most %s, and sealing makes them larger: "
	                     "before it, this one can have %s", host,
	                     size_text(most).text,
	                     size_text(most / SEALED_TENTHS * 10).text);
}

/* ---- the body ---- */

/* Now that all of it was seen: who have this very letter already? */
static int known(struct letter *l)
{
	if (resend_end(&l->resend, l->digest)
	    || keeper_part_find(&l->s->ends->keeper, l->digest, &l->have, NULL))
		return letter_broken(l);
	return 0;
}

static int body_to_mime(struct letter *l)
{
	struct chan *mime = &l->s->ends->mime;
	struct unpack u;
	struct frame f;

	l->resend.out = &l->to_mime.sink;
	if (sink_put(&l->to_mime.sink, l->head.buf + l->head_len,
	             l->head.len - l->head_len, NULL))
		return letter_broken(l);
	membuf_free(&l->head);
	while (!l->done)
		if (take_some(l) || check_size(l, l->octets))
			return -1;
	if (check_size(l, l->octets))
		return -1;
	if (chan_sink_flush(&l->to_mime, NULL)
	    || chan_send(mime, M_END, NULL, 0, NULL)
	    || chan_recv(mime, &f, NULL))
		return letter_broken(l);
	unpack_init(&u, &f);
	if (f.type == M_END) {
		unpack_str(&u, l->id, sizeof l->id);
		return unpack_end(&u) ? known(l) : letter_broken(l);
	}
	return f.type == M_BAD ? letter_take_fact(l, &f) : letter_broken(l);
}

/* ---- the whole ---- */

/* Everything up to the answer; l->reply is set then, unless the client went. */
static void conduct(struct letter *l)
{
	uint32_t gone_to_lanes = false;

	if (take_header(l) || letter_decide(l) || check_size(l, l->s->size))
		goto failed;
	gone_to_lanes = true;
	if (letter_open_lanes(l) || letter_go(l) || letter_envelope(l)
	    || letter_data(l) || body_to_mime(l) || letter_finish(l))
		goto failed;
	return;
failed:
	if (gone_to_lanes)
		letter_drop_lanes(l);
	if (l->at_mime)		/* which waits for no lane any more */
		chan_send(&l->s->ends->mime, M_ABORT, &gone_to_lanes,
		          sizeof gone_to_lanes, NULL);
	drain(l);
}

/* A 250 that nobody heard: the letter will be sent again, and must not go to
 * anybody twice.  A 250 that was heard ends all that. */
static void remember_answer(struct letter *l, bool heard)
{
	struct chan *keeper = &l->s->ends->keeper;
	struct addrs none = { 0 };

	if (l->reply != 250)
		return;
	if (!heard)
		keeper_part_keep(keeper, l->digest, &l->s->to, NULL);
	else if (l->have.n)
		keeper_part_keep(keeper, l->digest, &none, NULL);
}

/* For who watches. */
static void tell(const struct letter *l)
{
	struct chan *keeper = &l->s->ends->keeper;
	char enh[12];

	if (l->reply == 250)
		keeper_tell_sent(keeper, l->how, l->id, &l->s->to);
	else
		keeper_tell_refused(keeper, l->reply,
		                    letter_enhanced(l->words, l->reply, enh),
		                    l->id, &l->s->to);
}

/* Once allowed to be readable by the code, so until a key is known. */
static void remember(struct letter *l)
{
	struct chan *keeper = &l->s->ends->keeper;

	if (l->reply != 250 || !l->wishes.code_right
	    || (l->how != GOES_CLEAR && l->how != GOES_SIGNED))
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->to[i].state == KEY_NONE && !l->to[i].clear_allowed)
			keeper_clear(keeper, l->to[i].addr, NULL);
}

int letter_take(struct smtp *s)
{
	static struct letter l;
	bool ended;
	int rc;

	memset(&l, 0, sizeof l);
	l.s = s;
	l.code = -1;
	l.null.put = null_put;
	membuf_init(&l.head, HEADER_MAX + CLIENT_BUFFER);
	if (ready(&l) == 0) {
		client_say(&s->client, "354 Send the letter");
		conduct(&l);
	}
	if (l.gone || !l.reply) {
		rc = -1;
		goto out;
	}
	client_say(&s->client, "%u %s", l.reply, l.words);
	ended = client_deaf(&s->client);	/* it may read all the same */
	rc = client_flush(&s->client) || ended ? -1 : 0;
	remember_answer(&l, rc == 0);
	remember(&l);
	tell(&l);
	if (l.broken)		/* a new connection has all its parts */
		rc = -1;
out:
	membuf_free(&l.head);
	addrs_free(&l.from);
	addrs_free(&l.shown);
	addrs_free(&l.have);
	resend_free(&l.resend);
	explicit_bzero(&l.to_mime, sizeof l.to_mime);
	return rc;
}
