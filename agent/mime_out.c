/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way out: what a header block says, and each letter from front to
 * the lanes. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "agent/mime_out.h"

enum {
	ANSWERS_MAX = 100	/* Message-IDs of other letters that are told */
};

/* ---- facts ---- */

static int tell_reply(struct out *o, unsigned type, unsigned code,
                      const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, code);
	pack_str(&p, words);
	return pack_send(&p, o->front, type, NULL);
}

/* A header block that RFC 5322 forbids, or (550) one without its one sender, or
 * whose addresses can't be written: by M_BAD or M_UNFIT. */
static int tell_odd(struct out *o, unsigned type, const struct err *e)
{
	bool wide = gpg_err_code(e->code) == GPG_ERR_NOT_SUPPORTED;
	bool sender = header_count(&o->header, "From") == 1;
	char words[ERR_TEXT_MAX + 60];

	if (gpg_err_code(e->code) == GPG_ERR_ENOMEM)
		return tell_reply(o, M_BAD, 451, "4.3.0 Letterlock did not "
		                  "send this: it is out of memory. Press Send "
		                  "again");
	snprintf(words, sizeof words, "5.6.%c Letterlock did not send this: "
	         "%c%s", wide ? '7' : '0',
	         e->text[0] ? tolower((unsigned char)e->text[0]) : ' ',
	         e->text[0] ? e->text + 1 : "");
	return tell_reply(o, type, sender && !wide ? 554 : 550, words);
}

static int tell_addrs(struct out *o, const char *name, enum addr_field field)
{
	const struct field *f;
	struct addrs list = { 0 };
	struct pack p;
	char *text;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (f = header_get(&o->header, name, i)); i++)
		if ((text = field_text(f))) {
			rc = addrs_parse(&list, text, NULL);
			free(text);
		}
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		pack_init(&p);
		pack_u32(&p, field);
		pack_str(&p, list.addr[i]);
		rc = pack_send(&p, o->front, M_ADDR, NULL);
	}
	addrs_free(&list);
	return rc;
}

/* "encrypt=no; sign=yes": the wish of that name. */
static enum wish wish_of(const struct header *h, const char *name)
{
	const struct field *f = header_get(h, "X-Letterlock", 0);
	char *text = f ? field_text(f) : NULL, *save = NULL, *word;
	size_t n = strlen(name);
	enum wish w = WISH_NONE;

	for (word = text ? strtok_r(text, "; \t", &save) : NULL; word;
	     word = strtok_r(NULL, "; \t", &save)) {
		if (strncasecmp(word, name, n) != 0 || word[n] != '=')
			continue;
		if (strcasecmp(word + n + 1, "no") == 0)
			w = WISH_NO;
		else if (strcasecmp(word + n + 1, "yes") == 0)
			w = WISH_YES;
	}
	free(text);
	return w;
}

/* The Message-IDs in all fields of a name. */
static int tell_answers(struct out *o, const char *name, unsigned *left)
{
	char id[ID_MAX + 1], *text = NULL;
	const struct field *f;
	const char *at;
	struct pack p;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (f = header_get(&o->header, name, i));
	     i++) {
		if (!(text = field_text(f)))
			return -1;
		at = text;
		while (rc == 0 && *left && mime_next_id(&at, id)) {
			--*left;
			pack_init(&p);
			pack_str(&p, id);
			rc = pack_send(&p, o->front, M_ANSWERS, NULL);
		}
		free(text);
	}
	return rc;
}

/* The letter's own Message-ID as it can be told, or "". */
static void id_of(const struct header *h, char id[ID_MAX + 1])
{
	const struct field *f = header_get(h, "Message-ID", 0);
	char *text = f ? field_text(f) : NULL;
	const char *at = text;

	if (!text || !mime_next_id(&at, id))
		id[0] = '\0';
	free(text);
}

static int tell_facts(struct out *o)
{
	char id[ID_MAX + 1];
	unsigned left = ANSWERS_MAX;
	int code = protect_code(&o->header);
	struct pack p;

	if (tell_addrs(o, "From", FIELD_FROM) || tell_addrs(o, "To", FIELD_TO)
	    || tell_addrs(o, "Cc", FIELD_TO)
	    || tell_addrs(o, "Resent-To", FIELD_TO)
	    || tell_addrs(o, "Resent-Cc", FIELD_TO)
	    || tell_answers(o, "In-Reply-To", &left)
	    || tell_answers(o, "X-Forwarded-Message-Id", &left)
	    || tell_answers(o, "References", &left))
		return -1;
	pack_init(&p);
	pack_u32(&p, code < 0 ? UINT32_MAX : (uint32_t)code);
	pack_u32(&p, wish_of(&o->header, "encrypt"));
	pack_u32(&p, wish_of(&o->header, "sign"));
	pack_u32(&p, out_form(&o->header));
	id_of(&o->header, id);
	pack_str(&p, id);
	return pack_send(&p, o->front, M_FACTS, NULL);
}

static int null_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	(void)s, (void)buf, (void)n, (void)e;
	return 0;
}

/* What S/MIME is said to have enveloped, or not. */
static int tell_form(struct out *o, const struct frame *f)
{
	struct sink null = { null_put };
	uint32_t form = FORM_OTHER;

	smime_init(&o->smime, &null);
	if (smime_is(&o->header)
	    && sink_put(&o->smime.sink, f->data, f->len, NULL) == 0
	    && o->smime.right
	    && (f->len >= SMIME_HEAD_MAX || smime_end(&o->smime, NULL) == 0))
		form = FORM_SMIME;
	return chan_send(o->front, M_FORM, &form, sizeof form, NULL);
}

/* ---- the letter ---- */

/* What a letter lacks (O12): no host name, no time zone. */
static int make_new(const char *domain, char date[64], char id[400],
                    struct protect_new *add)
{
	time_t now = time(NULL);
	unsigned char r[16];
	struct tm tm;
	size_t n = 1;

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r
	    || !gmtime_r(&now, &tm))
		return -1;
	strftime(date, 64, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	id[0] = '<';
	for (size_t i = 0; i < sizeof r; i++)
		n += (size_t)snprintf(id + n, 400 - n, "%02x", r[i]);
	snprintf(id + n, 400 - n, "@%s>", domain);
	add->date = date;
	add->message_id = id;
	return 0;
}

static void close_lanes(struct out *o)
{
	for (unsigned i = 0; i < LANES; i++)
		chan_close(&o->lane[i]);
}

/* Body frames through, or to nowhere once it has failed: 0 when the letter was
 * complete, 1 aborted, 2 it can't go and e says why, -1 front is gone. */
static int run(struct out *o, enum going how, const struct protect_new *add,
               struct err *e)
{
	int rc = out_begin(o, how, add, e);
	struct frame f;

	for (;;) {
		if (rc)		/* said now: what follows is only drained */
			close_lanes(o);
		if (chan_recv(o->front, &f, NULL))
			return -1;
		if (f.type != M_DATA)
			break;
		if (rc == 0)
			rc = out_body(o, f.data, f.len, e);
	}
	if (f.type != M_END)
		return f.type == M_ABORT ? 1 : -1;
	if (rc == 0)
		rc = out_end(o, e);
	if (rc == 0)
		return 0;
	close_lanes(o);
	return 2;
}

/* It is complete: with the Message-ID of the client's, or that which was made. */
static int tell_end(struct out *o, const char *made)
{
	char id[ID_MAX + 1];
	struct pack p;

	id_of(&o->header, id);
	pack_init(&p);
	pack_str(&p, header_count(&o->header, "Message-ID") ? id : made);
	return pack_send(&p, o->front, M_END, NULL);
}

/* After M_GO: 0, 1 aborted, -1 front is gone. */
static int go(struct out *o, struct unpack *u)
{
	char domain[ADDR_MAX + 1], date[64], id[400];
	struct err e = { .text = "" };
	struct protect_new add;
	uint32_t how;
	int rc;

	o->lanes = unpack_u32(u);
	how = unpack_u32(u);
	unpack_str(u, domain, sizeof domain);
	if (!unpack_end(u) || o->lanes > LANES || how > GOES_PASSED
	    || make_new(domain, date, id, &add))
		return -1;
	rc = run(o, (enum going)how, &add, &e);
	out_free(o);
	if (rc == 0)
		return tell_end(o, id);
	return rc == 2 ? tell_odd(o, M_BAD, &e) : rc;
}

/* ---- one letter, and the next ---- */

/* Front has another lane for us. */
static int take_lane(struct out *o, struct unpack *u)
{
	uint32_t n = unpack_u32(u);

	if (n >= LANES)
		return -1;
	chan_close(&o->lane[n]);
	chan_init(&o->lane[n], chan_take_fd(o->front));
	return 0;
}

static int take_header(struct out *o)
{
	struct frame f;

	membuf_free(&o->text);
	for (;;) {
		if (chan_recv(o->front, &f, NULL))
			return -1;
		if (f.type != M_DATA)
			break;
		if (sink_put(&o->text.sink, f.data, f.len, NULL))
			return -1;
	}
	return f.type == M_HEADER_END ? 0 : -1;
}

/* Can it be sent at all?  If so: 1 where it can't be sealed or signed, as e
 * says. */
static int check(struct out *o, struct err *e)
{
	struct protect_new add = { "Thu, 1 Jan 1970 00:00:00 +0000", "<x@y>" };
	struct membuf a, b;
	gpg_err_code_t code;
	int rc;

	membuf_init(&a, 2 * HEADER_MAX);
	membuf_init(&b, 4 * HEADER_MAX);
	rc = protect_seal(&o->header, &add, &a, &b, e);
	membuf_free(&a);
	membuf_free(&b);
	if (!rc)
		return 0;
	code = gpg_err_code(e->code);
	return code == GPG_ERR_NOT_SUPPORTED || code == GPG_ERR_ENCODING_PROBLEM
	       ? 1 : -1;
}

/* What is in the header block, or why it can't go: 0, or -1. */
static int tell_header(struct out *o)
{
	struct err e;
	int rc = header_cut(&o->header, o->text.buf, o->text.len, &e);

	if (!rc)
		rc = check(o, &e);
	if (rc < 0)
		return tell_odd(o, M_BAD, &e);
	if (rc && tell_odd(o, M_UNFIT, &e))
		return -1;
	return tell_facts(o);
}

static int letter(struct out *o)
{
	struct unpack u;
	struct frame f;
	int rc;

	memset(&o->header, 0, sizeof o->header);
	if (take_header(o))
		return -1;
	rc = tell_header(o);
	while (rc == 0) {
		rc = chan_recv(o->front, &f, NULL);
		if (rc)
			break;
		unpack_init(&u, &f);
		if (f.type == M_ABORT) {
			if (unpack_u32(&u))
				close_lanes(o);
			break;
		}
		if (f.type == M_LANE || f.type == M_BEGINS) {
			rc = f.type == M_LANE ? take_lane(o, &u)
			     : tell_form(o, &f);
			continue;
		}
		rc = f.type == M_GO ? go(o, &u) : -1;
		if (rc == 1)
			close_lanes(o);
		break;
	}
	header_free(&o->header);
	membuf_free(&o->text);
	return rc < 0 ? -1 : 0;
}

int mime_out(struct mime_ends *ends)
{
	static struct out o;
	struct unpack u;
	struct frame f;
	int rc = 0;

	o.front = &ends->front;
	for (unsigned i = 0; i < LANES; i++)
		chan_init(&o.lane[i], -1);
	o.lane[0] = ends->crypt;
	membuf_init(&o.text, HEADER_MAX + FRAME_MAX);
	while (rc == 0 && chan_recv(o.front, &f, NULL) == 0) {
		unpack_init(&u, &f);
		switch (f.type) {
		case M_LETTER: rc = letter(&o); break;
		case M_LANE: rc = take_lane(&o, &u); break;
		case M_ABORT: close_lanes(&o); break;	/* behind its M_END */
		default: rc = -1;
		}
	}
	return 0;
}
