/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way out: what a header block says, then the letter rebuilt for
 * each lane (RFC 3156 section 4, RFC 9788). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "agent/mime.h"
#include "agent/smtp.h"
#include "crypto/protect.h"

enum {
	ANSWERS_MAX = 100	/* Message-IDs of other letters that are told */
};

struct out {
	struct chan *front;
	struct chan lane[LANES];
	unsigned lanes;		/* of this letter */
	struct membuf text;	/* the header block */
	struct header header;
	char boundary[40];
};

/* ---- facts ---- */

static int tell_bad(struct out *o, unsigned code, const char *words)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, code);
	pack_str(&p, words);
	return pack_send(&p, o->front, M_BAD, NULL);
}

/* A header block that RFC 5322 forbids, or (550) one without its one sender. */
static int tell_odd(struct out *o, const struct err *e)
{
	unsigned code = header_count(&o->header, "From") == 1 ? 554 : 550;
	char words[ERR_TEXT_MAX + 60];

	snprintf(words, sizeof words, "5.6.0 Letterlock did not send this: "
	         "%c%s", e->text[0] ? tolower((unsigned char)e->text[0]) : ' ',
	         e->text[0] ? e->text + 1 : "");
	return tell_bad(o, code, words);
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

static int tell_facts(struct out *o)
{
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
	return pack_send(&p, o->front, M_FACTS, NULL);
}

/* ---- to the lanes ---- */

/* A lane that is gone is front's to notice; the others go on. */
static void to_lanes(struct out *o, unsigned type, const void *p, size_t n)
{
	const char *at = p;
	size_t m;

	do {
		m = n < FRAME_DATA ? n : FRAME_DATA;
		for (unsigned i = 0; i < o->lanes; i++)
			if (chan_open(&o->lane[i])
			    && chan_send(&o->lane[i], type, at, m, NULL))
				chan_close(&o->lane[i]);
		at += m;
		n -= m;
	} while (n);
}

static int random_hex(char *out, size_t octets)
{
	unsigned char r[32];

	if (getrandom(r, octets, 0) != (ssize_t)octets)
		return -1;
	for (size_t i = 0; i < octets; i++)
		snprintf(out + 2 * i, 3, "%02x", r[i]);
	return 0;
}

/* What a letter lacks (O12): no host name, no time zone. */
static int make_new(const char *domain, char date[64], char id[400],
                    struct protect_new *add)
{
	time_t now = time(NULL);
	char hex[33];
	struct tm tm;

	if (random_hex(hex, 16) || !gmtime_r(&now, &tm))
		return -1;
	strftime(date, 64, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	snprintf(id, 400, "<%s@%s>", hex, domain);
	add->date = date;
	add->message_id = id;
	return 0;
}

static int send_sealed(struct out *o, const struct protect_new *add,
                       struct err *e)
{
	struct membuf outer, inner;
	int rc = -1;

	membuf_init(&outer, 2 * HEADER_MAX);
	membuf_init(&inner, 4 * HEADER_MAX);
	if (random_hex(o->boundary, 15)
	    || protect_seal(&o->header, add, &outer, &inner, e)
	    || membuf_printf(&outer, e,
	                     "MIME-Version: 1.0\r\n"
	                     "Content-Type: multipart/encrypted;\r\n"
	                     " protocol=\"application/pgp-encrypted\";\r\n"
	                     " boundary=\"%s\"\r\n\r\n"
	                     "--%s\r\n"
	                     "Content-Type: application/pgp-encrypted\r\n\r\n"
	                     "Version: 1\r\n\r\n"
	                     "--%s\r\n"
	                     "Content-Type: application/octet-stream;"
	                     " name=\"encrypted.asc\"\r\n"
	                     "Content-Disposition: inline;"
	                     " filename=\"encrypted.asc\"\r\n\r\n",
	                     o->boundary, o->boundary, o->boundary))
		goto out;
	to_lanes(o, X_HEAD, outer.buf, outer.len);
	to_lanes(o, X_DATA, inner.buf, inner.len);
	rc = 0;
out:
	membuf_free(&outer);
	membuf_free(&inner);
	return rc;
}

static int send_clear(struct out *o, const struct protect_new *add,
                      struct err *e)
{
	struct membuf head;
	int rc;

	membuf_init(&head, 2 * HEADER_MAX);
	rc = protect_clear(&o->header, add, &head, e);
	if (rc == 0)
		to_lanes(o, X_DATA, head.buf, head.len);
	membuf_free(&head);
	return rc;
}

/* Body frames straight on; 0 when the letter was complete, 1 aborted. */
static int pass_body(struct out *o, bool sealed)
{
	struct frame f;
	char tail[80];

	for (;;) {
		if (chan_recv(o->front, &f, NULL))
			return -1;
		if (f.type == M_DATA)
			to_lanes(o, X_DATA, f.data, f.len);
		else
			break;
	}
	if (f.type != M_END)
		return f.type == M_ABORT ? 1 : -1;
	if (sealed) {
		snprintf(tail, sizeof tail, "\r\n--%s--\r\n", o->boundary);
		to_lanes(o, X_TAIL, tail, strlen(tail));
	}
	to_lanes(o, X_END, NULL, 0);
	return 0;
}

static void close_lanes(struct out *o)
{
	for (unsigned i = 0; i < LANES; i++)
		chan_close(&o->lane[i]);
}

/* After M_GO: 0, 1 aborted, -1 front is gone. */
static int go(struct out *o, struct unpack *u)
{
	char domain[ADDR_MAX + 1], date[64], id[400];
	struct err e = { .text = "" };
	struct protect_new add;
	bool sealed;
	struct frame f;
	int rc;

	o->lanes = unpack_u32(u);
	sealed = unpack_u32(u) != 0;
	unpack_str(u, domain, sizeof domain);
	if (!unpack_end(u) || o->lanes > LANES || make_new(domain, date, id, &add))
		return -1;
	rc = sealed ? send_sealed(o, &add, &e) : send_clear(o, &add, &e);
	if (rc == 0) {
		rc = pass_body(o, sealed);
		return rc ? rc : chan_send(o->front, M_END, NULL, 0, NULL);
	}
	/* said now, so that the octets that follow are only drained */
	close_lanes(o);
	do
		if (chan_recv(o->front, &f, NULL))
			return -1;
	while (f.type == M_DATA);
	return f.type == M_END ? tell_odd(o, &e) : 1;
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

/* Can it be sent at all?  Both ways of building a header block must like it. */
static int check(struct out *o, struct err *e)
{
	struct protect_new add = { "Thu, 1 Jan 1970 00:00:00 +0000", "<x@y>" };
	struct membuf a, b;
	int rc;

	membuf_init(&a, 2 * HEADER_MAX);
	membuf_init(&b, 4 * HEADER_MAX);
	rc = protect_seal(&o->header, &add, &a, &b, e);
	membuf_free(&a);
	membuf_free(&b);
	return rc;
}

static int letter(struct out *o)
{
	struct unpack u;
	struct frame f;
	struct err e;
	int rc = -1;

	memset(&o->header, 0, sizeof o->header);
	if (take_header(o))
		return -1;
	if (header_cut(&o->header, o->text.buf, o->text.len, &e)
	    || check(o, &e))
		rc = tell_odd(o, &e);
	else
		rc = tell_facts(o);
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
		if (f.type == M_LANE) {
			rc = take_lane(o, &u);
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
