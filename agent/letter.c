/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DATA: a letter from the client, through mime and the lanes, to the answer.
 * The provider hears of it only after its header block allowed it. */
#include "agent/letter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/keeper.h"
#include "agent/log.h"
#include "crypto/header.h"

enum { DRAIN_FACTOR = 4 };	/* of max-message-size, then the line is cut */

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

static int broken(struct letter *l)
{
	return letter_refuse(l, 451, "4.3.0 A part of Letterlock failed, so "
	                     "nothing was sent. Press Send again");
}

/* ---- before 354 ---- */

static int ask_warm(struct letter *l)
{
	struct smtp *s = l->s;
	char words[500];
	struct pack p;
	struct unpack u;
	struct frame f;
	enum outcome o;

	if (!policy_could_seal(s->conf, s->who.account)
	    || s->who.account->sign == SIGN_NEVER)
		return 0;
	pack_init(&p);
	pack_u32(&p, s->who.index);
	pack_u32(&p, 1);
	if (pack_send(&p, &s->lane[0].crypt, C_WARM, NULL)
	    || chan_expect(&s->lane[0].crypt, C_DONE, &f, NULL))
		return broken(l);
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	if (o == DONE_LOCKED)
		return letter_refuse(l, 451, "4.7.0 Letterlock did not send "
		                     "this: your key is locked. Unlock it "
		                     "with the Letterlock button or: "
		                     "letterlock unlock. Then press Send "
		                     "again");
	/* no key at all is policy's to judge, when the header is known */
	return 0;
}

static int ready(struct letter *l)
{
	struct smtp *s = l->s;
	struct lane *lane = &s->lane[0];

	if (smtp_lane(s, 0) == 0)
		return ask_warm(l);
	if (lane->outcome == DONE_UNREACHABLE || lane->outcome == DONE_LOST) {
		log_note("not sent: %s", lane->text);
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
	return letter_refuse(l, 451, "4.3.0 %s", lane->text);
}

/* ---- from the client ---- */

static int lose_client(struct letter *l)
{
	l->gone = true;
	return -1;
}

/* Take what the client sent, once.  The end is found before a bare CR or LF is
 * changed, so that no other program sees a line where we saw none (O16). */
static int take_some(struct letter *l)
{
	struct client *c = &l->s->client;
	const char *p;
	size_t n, used;
	struct err e;
	int r;

	if (client_some(c, &p, &n))
		return lose_client(l);
	r = undots_put(&l->undots, p, n, &used, &l->crlf.sink, &e);
	client_used(c, r == -1 ? n : used);
	l->octets += n;
	if (r == 1) {
		l->done = true;
		r = crlf_end(&l->crlf, &e);
	}
	if (r != -1)
		return 0;
	if (gpg_err_code(e.code) == GPG_ERR_TOO_LARGE)
		return letter_refuse(l, 554, "5.6.0 Letterlock did not send "
		                     "this: its header is larger than 4 MB");
	return broken(l);
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

	l->null.put = null_put;
	l->crlf.out = &l->null;
	while (!l->gone && !l->done)
		if (l->octets > max || take_some(l))
			l->gone = true;
}

static int take_header(struct letter *l)
{
	size_t from = 0;

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
	if (sink_put(&l->head.sink, "\r\n", 2, NULL))
		return broken(l);
	l->head_len = l->head.len;
	return 0;
}

/* ---- what mime finds in it ---- */

static int take_fact(struct letter *l, const struct frame *f)
{
	char addr[ADDR_MAX + 1], words[1000];
	uint32_t field, code;
	struct unpack u;

	unpack_init(&u, f);
	switch (f->type) {
	case M_ADDR:
		field = unpack_u32(&u);
		unpack_str(&u, addr, sizeof addr);
		if (!unpack_end(&u)
		    || addrs_add(field == FIELD_FROM ? &l->from : &l->shown,
		                 addr, NULL))
			return broken(l);
		return 0;
	case M_ANSWERS:
		unpack_str(&u, words, sizeof words);
		if (!unpack_end(&u) || l->wishes.answers_sealed)
			return u.bad ? broken(l) : 0;
		if (keeper_did_come(&l->s->ends->keeper, words,
		                    &l->wishes.answers_sealed, NULL))
			return broken(l);
		return 0;
	case M_FACTS:
		code = unpack_u32(&u);
		l->code = code > 9999 ? -1 : (int)code;
		l->wishes.encrypt = (enum wish)unpack_u32(&u);
		l->sign = (enum wish)unpack_u32(&u);
		return unpack_end(&u) ? 0 : broken(l);
	case M_BAD:
		code = unpack_u32(&u);
		unpack_str(&u, words, sizeof words);
		return letter_refuse(l, code, "%s", words);
	}
	return broken(l);
}

static int ask_mime(struct letter *l)
{
	struct chan *mime = &l->s->ends->mime;
	struct frame f;

	l->at_mime = true;
	chan_sink_init(&l->to_mime, mime, M_DATA);
	if (chan_send(mime, M_LETTER, NULL, 0, NULL)
	    || sink_put(&l->to_mime.sink, l->head.buf, l->head_len, NULL)
	    || chan_sink_flush(&l->to_mime, NULL)
	    || chan_send(mime, M_HEADER_END, NULL, 0, NULL))
		return broken(l);
	do {
		if (chan_recv(mime, &f, NULL))
			return broken(l);
		if (take_fact(l, &f))
			return -1;
	} while (f.type != M_FACTS);
	return 0;
}

static int check_from(struct letter *l)
{
	if (l->from.n != 1)
		return letter_refuse(l, 550, "5.6.0 Letterlock did not send "
		                     "this: it must say exactly one sender "
		                     "in From");
	if (!account_owns(l->s->who.account, l->from.addr[0]))
		return letter_refuse(l, 550, "5.7.1 Letterlock did not send "
		                     "this: %s is not an address of this "
		                     "account. Add it to aliases in the "
		                     "configuration if it is yours",
		                     l->from.addr[0]);
	return 0;
}

/* ---- the decision ---- */

static int ask_keys(struct letter *l, enum key_state *own)
{
	struct chan *crypt = &l->s->lane[0].crypt;
	char fpr[41];
	struct pack p;
	struct unpack u;
	struct frame f;

	pack_init(&p);
	pack_u32(&p, l->s->who.index);
	pack_u32(&p, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		pack_str(&p, l->to[i].addr);
	if (pack_send(&p, crypt, C_KEYS, NULL)
	    || chan_recv(crypt, &f, NULL) || f.type != C_KEYS_FOUND)
		return broken(l);
	unpack_init(&u, &f);
	*own = (enum key_state)unpack_u32(&u);
	for (size_t i = 0; i < l->n; i++) {
		l->to[i].state = (enum key_state)unpack_u32(&u);
		l->to[i].valid = unpack_u32(&u) != 0;
		l->to[i].expires = (int64_t)unpack_u64(&u);
		unpack_str(&u, fpr, sizeof fpr);
	}
	return unpack_end(&u) ? 0 : broken(l);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The code belongs to these recipients, in whatever order. */
static int ask_code(struct letter *l)
{
	const char *sorted[RCPT_MAX];
	unsigned today, yesterday;
	struct membuf text;
	int rc = -1;

	membuf_init(&text, 50000);
	for (size_t i = 0; i < l->n; i++)
		sorted[i] = l->to[i].addr;
	qsort(sorted, l->n, sizeof sorted[0], by_text);
	for (size_t i = 0; i < l->n; i++)
		if (membuf_printf(&text, NULL, "%s\n", sorted[i]))
			goto out;
	if (sink_put(&text.sink, "", 1, NULL)
	    || keeper_code(&l->s->ends->keeper, text.buf, &today, &yesterday,
	                   NULL))
		goto out;
	l->wishes.code = today;
	l->wishes.code_right = l->code >= 0
		&& ((unsigned)l->code == today || (unsigned)l->code == yesterday);
	rc = 0;
out:
	membuf_free(&text);
	return rc ? broken(l) : 0;
}

static int know_recipients(struct letter *l)
{
	struct smtp *s = l->s;

	l->n = s->to.n;
	for (size_t i = 0; i < l->n; i++) {
		struct recipient *r = &l->to[i];

		r->addr = s->to.addr[i];
		r->bcc = !addrs_have(&l->shown, r->addr);
		r->policy = conf_policy(s->conf, s->who.account, r->addr);
		if (keeper_contact(&s->ends->keeper, r->addr,
		                   &r->sealed_before, &r->clear_allowed, NULL))
			return broken(l);
	}
	return 0;
}

static int refuse_own_key(struct letter *l, enum key_state own)
{
	if (own == KEY_EXPIRED)
		return letter_refuse(l, 550, "5.7.5 Letterlock did not send "
		                     "this: your own key has ended. Renew it, "
		                     "then press Send again");
	return letter_refuse(l, 550, "5.7.5 Letterlock did not send this: "
	                     "there is no usable key of your own for %s on "
	                     "this computer", l->from.addr[0]);
}

static int decide(struct letter *l)
{
	char words[POLICY_WORDS_MAX];
	enum key_state own = KEY_NONE;

	if (know_recipients(l) || ask_code(l) || ask_keys(l, &own))
		return -1;
	switch (policy_decide(l->to, l->n, &l->wishes, words)) {
	case SEND_REFUSED:
		return letter_refuse(l, 550, "5.7.5 %s", words);
	case SEND_SEALED:
		l->sealed = true;
		return own == KEY_USABLE ? 0 : refuse_own_key(l, own);
	case SEND_CLEAR:
		break;
	}
	if (l->sign == WISH_YES
	    || (l->s->who.account->sign == SIGN_ALWAYS && l->sign != WISH_NO))
		return letter_refuse(l, 554, "5.7.4 Letterlock did not send "
		                     "this: it cannot sign readable letters "
		                     "yet. Set sign = sealed, or seal it");
	return 0;
}

/* ---- the body ---- */

/* Now that all of it was seen: who have this very letter already? */
static int known(struct letter *l)
{
	if (resend_end(&l->resend, l->digest)
	    || keeper_part_find(&l->s->ends->keeper, l->digest, &l->have, NULL))
		return broken(l);
	return 0;
}

static int body_to_mime(struct letter *l)
{
	struct chan *mime = &l->s->ends->mime;
	struct frame f;

	l->resend.out = &l->to_mime.sink;
	if (sink_put(&l->to_mime.sink, l->head.buf + l->head_len,
	             l->head.len - l->head_len, NULL))
		return broken(l);
	membuf_free(&l->head);
	while (!l->done) {
		if (take_some(l))
			return -1;
		if (l->octets > l->s->conf->max_message_size)
			return letter_refuse(l, 552, "5.3.4 Letterlock did "
			                     "not send this: it is larger "
			                     "than max-message-size allows");
	}
	if (chan_sink_flush(&l->to_mime, NULL)
	    || chan_send(mime, M_END, NULL, 0, NULL)
	    || chan_recv(mime, &f, NULL))
		return broken(l);
	if (f.type == M_END)
		return known(l);
	return f.type == M_BAD ? take_fact(l, &f) : broken(l);
}

/* ---- the whole ---- */

/* Everything up to the answer; l->reply is set then, unless the client went. */
static void conduct(struct letter *l)
{
	bool gone_to_lanes = false;

	if (take_header(l) || ask_mime(l) || check_from(l) || decide(l))
		goto failed;
	gone_to_lanes = true;
	if (letter_open_lanes(l) || letter_go(l) || letter_envelope(l)
	    || letter_data(l) || body_to_mime(l) || letter_finish(l))
		goto failed;
	return;
failed:
	if (l->at_mime)
		chan_send(&l->s->ends->mime, M_ABORT, NULL, 0, NULL);
	if (gone_to_lanes)
		letter_drop_lanes(l);
	drain(l);
}

/* Has the client gone, so that it can't hear the answer? */
static bool deaf(const struct client *c)
{
	char octet;

	return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
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

/* Once sealed, sealed for ever; once allowed to be readable by the code, so
 * until a key is known. */
static void remember(struct letter *l)
{
	struct chan *keeper = &l->s->ends->keeper;

	if (l->reply != 250)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->sealed && !l->to[i].sealed_before)
			keeper_sealed(keeper, l->to[i].addr, NULL);
		else if (l->wishes.code_right && l->to[i].state == KEY_NONE
		         && !l->to[i].clear_allowed)
			keeper_clear(keeper, l->to[i].addr, NULL);
}

int letter_take(struct smtp *s)
{
	static struct letter l;
	int rc;

	memset(&l, 0, sizeof l);
	l.s = s;
	l.code = -1;
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
	rc = deaf(&s->client) || client_flush(&s->client) ? -1 : 0;
	remember_answer(&l, rc == 0);
	remember(&l);
	if (!chan_open(&s->ends->mime))
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
