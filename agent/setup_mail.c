/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sends one letter, and finds it again among the newest of a mailbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/setup_end.h"
#include "crypto/header.h"

enum {
	WORDS_MAX = 2048,
	NEWEST = 20,			/* letters that are looked at */
	LETTER_MAX = 1 << 20,		/* octets of one that may be ours */
	TAKEN_MAX = 128 << 20		/* and of one that is not */
};

/* ---- commands ---- */

static int answer(struct setup_session *t, struct err *e)
{
	enum unreachable why;

	return probe_answer(&t->probe, -1, &why, e) == DONE_OK ? 0 : -1;
}

/* One that was packed: 0, or -1; either with the words of the answer in e. */
static int ask(struct setup_session *t, unsigned type, struct pack *p,
               struct err *e)
{
	if (p->bad)
		return err_set(e, GPG_ERR_TOO_LARGE, "an address is too long");
	return pack_send(p, &t->probe.up, type, e) || answer(t, e) ? -1 : 0;
}

static int ask_number(struct setup_session *t, unsigned type, uint32_t n,
                      struct err *e)
{
	static struct pack p;

	pack_init(&p);
	if (type != U_STAT)
		pack_u32(&p, n);
	if (type == U_TOP)
		pack_u32(&p, 0);
	return ask(t, type, &p, e);
}

/* ---- sending ---- */

static int envelope(struct setup_session *t, const char *address, size_t n,
                    struct err *e)
{
	static struct pack p;

	pack_init(&p);
	pack_str(&p, address);
	pack_u32(&p, 0);
	pack_u64(&p, n);
	if (ask(t, U_MAIL, &p, e))
		return -1;
	pack_init(&p);
	pack_str(&p, address);
	if (ask(t, U_RCPT, &p, e))
		return -1;
	pack_init(&p);
	return ask(t, U_DATA, &p, e);
}

/* The letter and its end: 0, or -1 with what the server says of it. */
static int put(struct setup_session *t, const char *letter, size_t n,
               struct err *e)
{
	char text[WORDS_MAX];
	struct chan_sink out;
	struct unpack u;
	struct frame f;

	chan_sink_init(&out, &t->pipe, P_DATA);
	if (sink_put(&out.sink, letter, n, e) || chan_sink_flush(&out, e)
	    || chan_send(&t->pipe, P_END, NULL, 0, e)
	    || chan_recv(&t->probe.up, &f, e))
		return -1;
	if (f.type == U_READY)
		return chan_send(&t->probe.up, U_COMMIT, NULL, 0, e)
		       || answer(t, e) ? -1 : 0;
	unpack_init(&u, &f);
	unpack_u32(&u);
	unpack_u32(&u);
	unpack_str(&u, text, sizeof text);
	return err_set(e, GPG_ERR_SERVER_FAILED, "%s", text);
}

int setup_mail_send(const struct setup_login *l, const char *letter,
                    struct err *e)
{
	const size_t n = strlen(letter);
	struct setup_session t;
	int rc = -1;

	if (setup_session_open(&t, l, SESSION_SMTP, e) == DONE_OK
	    && envelope(&t, l->address, n, e) == 0)
		rc = put(&t, letter, n, e);
	setup_session_close(&t);
	return rc;
}

/* ---- fetching ---- */

/* What the pipe brings, with a NUL behind it.  All of it is taken, so that the
 * next command has its own answer; a letter without an end ends the session. */
static int take(struct setup_session *t, struct membuf *m, struct err *e)
{
	struct frame f;
	size_t taken = 0;
	int rc = 0;

	for (;;) {
		if (chan_recv(&t->pipe, &f, e))
			return -1;
		if (f.type == P_END)
			return rc ? rc : sink_put(&m->sink, "", 1, e);
		if (f.type != P_DATA)
			return err_set(e, GPG_ERR_EOF, "the letter broke off");
		if ((taken += f.len) > TAKEN_MAX)
			return err_set(e, GPG_ERR_EOF,
			               "a letter in the mailbox has no end");
		if (rc == 0)
			rc = sink_put(&m->sink, f.data, f.len, e);
	}
}

static bool has_id(const struct membuf *m, const char *id)
{
	struct header h = { 0 };
	const struct field *f;
	char *text = NULL;
	size_t from = 0, n = header_span(m->buf, m->len - 1, &from);
	bool is = false;

	if (header_cut(&h, m->buf, n ? n : m->len - 1, NULL) == 0
	    && (f = header_get(&h, "Message-ID", 0)) && (text = field_text(f)))
		is = strcmp(text, id) == 0;
	free(text);
	header_free(&h);
	return is;
}

/* Is the letter of this number the one?  TOP is optional (RFC 1939 section 7); a
 * letter that is too long for ours is none. */
static int look(struct setup_session *t, uint32_t n, const char *id,
                struct err *e)
{
	struct membuf m;
	int rc = -1;

	membuf_init(&m, LETTER_MAX);
	if (ask_number(t, U_TOP, n, e) == 0
	    || ask_number(t, U_RETR, n, e) == 0) {
		rc = take(t, &m, e);
		if (rc == 0)
			rc = has_id(&m, id);
		else if (gpg_err_code(e->code) == GPG_ERR_TOO_LARGE)
			rc = 0;
	}
	membuf_free(&m);
	return rc;
}

static int fetch(struct setup_session *t, const char *id, struct membuf *out,
                 struct err *e)
{
	unsigned long n, last;
	int rc = 0;

	if (ask_number(t, U_STAT, 0, e))
		return -1;
	n = strtoul(e->text, NULL, 10);
	last = n > NEWEST ? n - NEWEST : 0;
	for (; rc == 0 && n > last; n--)
		rc = look(t, (uint32_t)n, id, e);
	if (rc == 1 && (ask_number(t, U_RETR, (uint32_t)n + 1, e)
	                || take(t, out, e)))
		rc = -1;
	return rc;
}

int setup_mail_fetch(const struct setup_login *l, const char *id,
                     struct membuf *out, struct err *e)
{
	struct setup_session t;
	int rc = -1;

	if (setup_session_open(&t, l, SESSION_POP3, e) == DONE_OK)
		rc = fetch(&t, id, out, e);
	setup_session_close(&t);
	return rc;
}
