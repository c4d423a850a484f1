/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: bodies made fit to be signed. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crlf.h"
#include "crypto/parts.h"
#include "crypto/sevenbit.h"
#include "crypto/transfer.h"
#include "tests/fuzz/fuzz.h"

enum { LEAVES = 200 };

static bool made(const struct header *h, const void *p, size_t n, uint8_t how,
                 struct membuf *m)
{
	struct sevenbit *s;
	struct cuts c;
	struct err e;
	int rc = 0;

	membuf_init(m, 1 << 24);
	s = sevenbit_new(h, &m->sink, &e);
	if (!s) {
		CHECK(gpg_err_code(e.code) == GPG_ERR_INV_VALUE);
		return false;
	}
	cuts_begin(&c, p, n, how);
	while (rc == 0 && cuts_next(&c))
		rc = sevenbit_put(s, c.piece, c.n, &e);
	cuts_end(&c);
	if (rc == 0)
		rc = sevenbit_end(s, &e);
	CHECK(rc == 0 || gpg_err_code(e.code) == GPG_ERR_INV_VALUE);
	sevenbit_free(s);
	return rc == 0;
}

/* ---- what it says is the same ---- */

struct leaves {
	struct parts_to to;	/* first */
	unsigned n;
	struct untransfer transfer;
	struct membuf m[LEAVES];
	bool decoded[LEAVES];	/* else as it stands */
	bool begun;
};

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct leaves *l = (struct leaves *)to;
	enum transfer how;

	if (what != PIECE_BODY || l->n == LEAVES)
		return 0;
	if (!l->begun) {
		how = transfer_in(p->header);
		l->decoded[l->n] = how != TRANSFER_NONE;
		if (how == TRANSFER_UNKNOWN)
			how = TRANSFER_NONE;
		untransfer_init(&l->transfer, how, &l->m[l->n].sink);
		l->begun = true;
	}
	return sink_put(&l->transfer.sink, buf, n, e);
}

static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct leaves *l = (struct leaves *)to;

	(void)e;
	l->n += p->kind == PART_LEAF && l->n < LEAVES;
	l->begun = false;
	return 0;
}

static void leaves_read(struct leaves *l, const struct header *h,
                        const struct membuf *body)
{
	struct parts *p;

	*l = (struct leaves){ .to = { on_piece, on_end } };
	for (int i = 0; i < LEAVES; i++)
		membuf_init(&l->m[i], 1 << 22);
	p = parts_new(h, PARTS_DEPTH_MAX, false, &l->to, NULL);
	CHECK(p && parts_put(p, body->buf ? body->buf : "", body->len, NULL)
	      == 0 && parts_end(p, NULL) == 0);
	parts_free(p);
}

static void check_leaves(struct leaves *a, struct leaves *b)
{
	CHECK(a->n == b->n);
	for (unsigned i = 0; i < a->n; i++)
		CHECK(a->decoded[i] || same(&a->m[i], &b->m[i]));
	for (int i = 0; i < LEAVES; i++) {
		membuf_free(&a->m[i]);
		membuf_free(&b->m[i]);
	}
}

/* ---- the header block as it is sent ---- */

static void head_of(const struct header *h, struct membuf *m)
{
	const char *encoding = sevenbit_encoding(h);
	const char *name = "Content-Transfer-Encoding";

	membuf_init(m, 1 << 22);
	for (size_t i = 0; i < h->n; i++)
		if (!encoding || !field_is(&h->field[i], name))
			CHECK(sink_put(&m->sink, h->field[i].raw,
			               h->field[i].raw_len, NULL) == 0);
	if (encoding)
		CHECK(membuf_printf(m, NULL, "%s: %s\r\n", name, encoding)
		      == 0);
	CHECK(sink_put(&m->sink, "\r\n", 2, NULL) == 0);
}

static void check_made(const struct header *h, const struct membuf *body,
                       const struct membuf *out, uint8_t how)
{
	static struct leaves before, after;
	struct membuf head, again;
	struct block b;

	CHECK(is_ascii(out->buf, out->len));
	if (out->len && out->buf[out->len - 1] == '\n')
		CHECK(clean_lines(out->buf, out->len, 998));
	head_of(h, &head);
	CHECK(block_cut(&b, head.buf, head.len));
	leaves_read(&before, h, body);
	leaves_read(&after, &b.h, out);
	check_leaves(&before, &after);
	/* what is fit is left alone */
	CHECK(made(&b.h, out->buf, out->len, how, &again));
	CHECK(same(out, &again));
	membuf_free(&again);
	membuf_free(&head);
	block_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf text, body, whole, cut;
	struct crlf crlf;
	struct block b;
	size_t span;
	bool ok;

	membuf_init(&text, 1 << 22);
	crlf_init(&crlf, &text.sink);
	CHECK(sink_put(&crlf.sink, data, size, NULL) == 0);
	CHECK(crlf_end(&crlf, NULL) == 0);
	span = block_span(text.buf, text.len);
	body = text;
	body.len -= span;
	body.buf = text.buf ? text.buf + span : NULL;
	if (block_cut(&b, text.buf, span)) {
		ok = made(&b.h, body.buf, body.len, 0, &whole);
		CHECK(made(&b.h, body.buf, body.len, how, &cut) == ok);
		CHECK(!ok || same(&whole, &cut));
		if (ok)
			check_made(&b.h, &body, &whole, how);
		membuf_free(&whole);
		membuf_free(&cut);
	}
	block_free(&b);
	membuf_free(&text);
	return 0;
}
