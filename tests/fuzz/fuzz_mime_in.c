/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: a letter on its way through mime to the client, with a crypt that opens it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mime.h"
#include "crypto/protect.h"
#include "crypto/verdict.h"
#include "tests/fuzz/fuzz.h"

#define VERDICT VERDICT_NAME ": v=1; fuzzed; signature=%s; mac=x\r\n"

/* The letter and what is in it, with "%%" on a line of its own between them. */
struct letter {
	const uint8_t *raw, *clear;
	size_t n_raw, n_clear;
	uint8_t luck;		/* is it opened, is the signature good? */
};

struct crypt {
	const struct letter *l;
	struct chan mime;
	struct membuf raw;	/* as it came */
	pthread_t thread;
};

/* ---- crypt's side ---- */

static void answer(struct crypt *c, unsigned type, uint32_t a, uint32_t b,
                   uint32_t d, int n)
{
	uint32_t u[3] = { a, b, d };

	chan_send(&c->mime, type, u, (size_t)n * sizeof *u, NULL);
}

static void give_spool(struct crypt *c, enum spool_name which)
{
	struct chan_sink out;
	bool raw = which == SPOOL_RAW;

	chan_sink_init(&out, &c->mime, X_DATA);
	if (sink_put(&out.sink, raw ? (void *)c->raw.buf : c->l->clear,
	             raw ? c->raw.len : c->l->n_clear, NULL) == 0
	    && chan_sink_flush(&out, NULL) == 0)
		chan_send(&c->mime, X_END, NULL, 0, NULL);
}

static void give_verdict(struct crypt *c)
{
	char line[200];
	struct pack *p = malloc(sizeof *p);

	CHECK(p);
	snprintf(line, sizeof line, VERDICT, c->l->luck & 2 ? "good" : "none");
	pack_init(p);
	pack_str(p, line);
	pack_send(p, &c->mime, X_VERDICT, NULL);
	free(p);
}

static void *crypt_run_fuzzed(void *arg)
{
	struct crypt *c = arg;
	uint32_t first = 0;
	bool opened;
	struct frame f;

	while (chan_recv(&c->mime, &f, NULL) == 0) {
		if (f.len >= sizeof first)
			memcpy(&first, f.data, sizeof first);
		switch (f.type) {
		case X_LETTER:
			membuf_free(&c->raw);
			break;
		case X_RAW:
			CHECK(sink_put(&c->raw.sink, f.data, f.len, NULL)
			      == 0);
			break;
		case X_RAW_END:
			opened = first == RAW_SEALED && c->l->luck & 1;
			answer(c, X_OPENED, opened ? ENC_OK
			       : first == RAW_CLEAR ? ENC_NONE : ENC_FAILED,
			       0, HELD_NOT, 3);
			break;
		case X_VERIFY:
			answer(c, X_VERIFIED, HELD_NOT, c->l->luck >> 2 & 1, 0,
			       2);
			break;
		case X_READ:
			give_spool(c, (enum spool_name)first);
			break;
		case X_JUDGE:
			give_verdict(c);
			break;
		}
	}
	return NULL;
}

/* ---- front's and upstream's ---- */

static void say(struct membuf *m, unsigned type, const void *p, size_t n)
{
	uint32_t head[2] = { type, (uint32_t)n };

	CHECK(sink_put(&m->sink, head, sizeof head, NULL) == 0);
	CHECK(sink_put(&m->sink, p, n, NULL) == 0);
}

static void pipe_open(struct ends *pipe, const struct letter *l, uint8_t how)
{
	struct membuf m;
	struct cuts c;

	membuf_init(&m, 1 << 22);
	cuts_begin(&c, l->raw, l->n_raw, how);
	while (cuts_next(&c))
		say(&m, P_DATA, c.piece, c.n);
	cuts_end(&c);
	say(&m, P_END, NULL, 0);
	ends_open(pipe, m.buf, m.len, 255);
	ends_hang_up(pipe);
	membuf_free(&m);
}

static void front_open(struct ends *front, enum fetched how, uint32_t lines)
{
	uint32_t open[3] = { how, lines, true }, send[2] = { FETCHED_ALL, 0 };
	struct membuf m;

	membuf_init(&m, 1 << 10);
	say(&m, M_OPEN, open, sizeof open);
	if (how == FETCHED_AHEAD)
		say(&m, M_SEND, send, sizeof send);
	ends_open(front, m.buf, m.len, 0);
	ends_hang_up(front);
	membuf_free(&m);
}

/* What a plug-in is told first: how many octets follow. */
static uint64_t announced(const struct membuf *m, size_t *at)
{
	uint32_t head[2];
	uint64_t size;

	memcpy(head, m->buf, sizeof head);
	CHECK(head[1] <= m->len - 8);
	if (head[0] == M_CHECKED) {
		CHECK(head[1] > sizeof size);
		memcpy(&size, m->buf + head[1], sizeof size);
		*at = 8 + head[1];
	} else {
		CHECK(head[0] == M_BAD);
		size = 0;
	}
	return size;
}

/* The octets of the letter that front was given; false where it was told that
 * there is none. */
static bool heard(struct ends *front, bool stored, struct membuf *out)
{
	struct membuf m;
	uint32_t head[2] = { 0 };
	uint64_t size = 0;
	size_t at = 0;

	membuf_init(&m, 1 << 24);
	ends_read(front, &m);
	if (stored)
		size = announced(&m, &at);
	for (; at < m.len; at += 8 + head[1]) {
		CHECK(m.len - at >= 8);
		memcpy(head, m.buf + at, 8);
		CHECK(head[1] <= m.len - at - 8);
		CHECK(head[0] == M_DATA || at + 8 + head[1] == m.len);
		if (head[0] == M_DATA)
			CHECK(sink_put(&out->sink, m.buf + at + 8, head[1],
			               NULL) == 0);
	}
	CHECK(head[0] == M_END || (head[0] == M_BAD && !out->len));
	CHECK(!stored || size == out->len);
	membuf_free(&m);
	return head[0] == M_END;
}

static bool fetched(const struct letter *l, enum fetched how, uint32_t lines,
                    uint8_t cut, struct membuf *out)
{
	struct ends front, pipe, two;
	struct mime_ends ends;
	struct crypt crypt;
	bool whole;

	membuf_init(out, 1 << 24);
	front_open(&front, how, lines);
	pipe_open(&pipe, l, cut);
	ends_open(&two, NULL, 0, 0);
	crypt.l = l;
	chan_init(&crypt.mime, two.ours);
	membuf_init(&crypt.raw, 1 << 24);
	CHECK(pthread_create(&crypt.thread, NULL, crypt_run_fuzzed, &crypt)
	      == 0);
	chan_init(&ends.front, front.theirs);
	chan_init(&ends.crypt, two.theirs);
	chan_init(&ends.upstream, pipe.theirs);
	CHECK(mime_in(&ends) == 0);
	chan_close(&ends.front);
	chan_close(&ends.crypt);
	chan_close(&ends.upstream);
	pthread_join(crypt.thread, NULL);
	chan_close(&crypt.mime);
	membuf_free(&crypt.raw);
	front.theirs = pipe.theirs = -1;
	whole = heard(&front, how == FETCHED_STORED, out);
	ends_close(&front);
	ends_close(&pipe);
	return whole;
}

/* ---- what must hold ---- */

/* Our verdict stands on top, and nothing else like it in the block. */
static void check_top(const struct membuf *m)
{
	struct block b;

	CHECK(m->len && memcmp(m->buf, VERDICT, sizeof VERDICT_NAME) == 0);
	if (block_cut(&b, m->buf, block_span(m->buf, m->len)))
		for (size_t i = 1; i < b.h.n; i++)
			CHECK(!protect_lookalike(&b.h.field[i]));
	block_free(&b);
}

/* Is it no letter on its way, but one of an mbox, or with LF? */
static bool is_stored(const struct letter *l)
{
	const uint8_t *lf = l->n_raw ? memchr(l->raw, '\n', l->n_raw) : NULL;

	return (l->n_raw > 5 && memcmp(l->raw, "From ", 5) == 0)
	       || (lf && (lf == l->raw || lf[-1] != '\r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, other;
	struct letter l = { .luck = fuzz_octet(&data, &size), .raw = data };
	const uint8_t *mark = size ? memmem(data, size, "\n%%\n", 4) : NULL;

	l.n_raw = mark ? (size_t)(mark - data) + 1 : size;
	l.clear = mark ? mark + 4 : data;
	l.n_clear = mark ? size - l.n_raw - 3 : 0;
	CHECK(fetched(&l, FETCHED_ALL, 0, 0, &whole));
	check_top(&whole);
	/* in pieces, before it was asked for, and a part of it */
	if (how % 4 == 3) {
		CHECK(fetched(&l, FETCHED_STORED, 0, how, &other));
		check_top(&other);
		CHECK(is_stored(&l) || same(&whole, &other));
	} else if (how % 3 == 0) {
		CHECK(fetched(&l, FETCHED_ALL, 0, how, &other));
		CHECK(same(&whole, &other));
	} else if (how % 3 == 1) {
		CHECK(fetched(&l, FETCHED_AHEAD, 0, how, &other));
		CHECK(same(&whole, &other));
	} else {
		CHECK(fetched(&l, FETCHED_FOR_TOP, l.luck >> 4, how, &other));
		CHECK(other.len <= whole.len
		      && memcmp(whole.buf, other.buf, other.len) == 0);
	}
	membuf_free(&whole);
	membuf_free(&other);
	return 0;
}
