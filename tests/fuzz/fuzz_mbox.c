/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: files of letters. */
#include <string.h>

#include "agent/mbox.h"
#include "tests/fuzz/fuzz.h"

/* What was told, and whether all of it stood in the file in this order. */
struct told {
	struct membuf m;
	const char *p;		/* of the file, not told yet */
	size_t left;
	size_t letters;
};

static int tell(void *arg, const struct mbox_letter *l, struct err *e)
{
	struct told *t = arg;
	const char flags[] = { (char)('0' + l->whole), (char)('0' + l->deleted),
	                       (char)('0' + l->key), '\n' };
	const char *at = l->n ? memmem(t->p, t->left, l->head, l->n) : t->p;

	CHECK(l->n <= MBOX_HEAD_MAX && at);
	CHECK(!l->whole || (l->n && l->head[l->n - 1] == '\n'));
	t->left -= (size_t)(at - t->p) + l->n;
	t->p = at + l->n;
	t->letters++;
	return sink_put(&t->m.sink, l->head, l->n, e)
	       || sink_put(&t->m.sink, flags, sizeof flags, e) ? -1 : 0;
}

static void read_it(const uint8_t *data, size_t size, bool one, uint8_t how,
                    struct told *t)
{
	struct cuts c;
	struct mbox m;

	memset(t, 0, sizeof *t);
	membuf_init(&t->m, 1 << 24);
	t->p = (const char *)data;
	t->left = size;
	mbox_init(&m, one, tell, t);
	cuts_begin(&c, data, size, how);
	while (cuts_next(&c))
		CHECK(mbox_put(&m, c.piece, c.n, NULL) == 0);
	cuts_end(&c);
	CHECK(mbox_end(&m, NULL) == 0);
	mbox_free(&m);
	CHECK(!one || t->letters <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct told whole, cut;

	read_it(data, size, how & 1, 0, &whole);
	read_it(data, size, how & 1, how, &cut);
	CHECK(whole.letters == cut.letters && whole.m.len == cut.m.len);
	CHECK(!whole.m.len || memcmp(whole.m.buf, cut.m.buf, cut.m.len) == 0);
	membuf_free(&whole.m);
	membuf_free(&cut.m);
	return 0;
}
