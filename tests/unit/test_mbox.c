/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/mbox.c: files of letters, cut everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mbox.h"

enum { OUT = 4000 };

static struct {
	char text[OUT];
	size_t n;
} told;

static int tell(void *arg, const struct mbox_letter *l, struct err *e)
{
	(void)arg;
	(void)e;
	assert_in_range(told.n + l->n + 8, 0, OUT);
	memcpy(told.text + told.n, l->head, l->n);
	told.n += l->n;
	told.n += (size_t)sprintf(told.text + told.n, "<%s%s%s>\n",
	                          l->whole ? "" : "c", l->deleted ? "d" : "",
	                          l->key ? "k" : "");
	return 0;
}

static void three(bool one, const char *in, size_t n, size_t a, size_t b,
                  const char *want, size_t w)
{
	const size_t cut[] = { 0, a, b, n };
	struct mbox m;

	told.n = 0;
	mbox_init(&m, one, tell, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mbox_put(&m, in + cut[i], cut[i + 1] - cut[i],
		                          NULL), 0);
	assert_int_equal(mbox_end(&m, NULL), 0);
	mbox_free(&m);
	assert_int_equal(told.n, w);
	assert_memory_equal(told.text, want, w);
}

static void octets(bool one, const char *in, size_t n, const char *want,
                   size_t w)
{
	struct mbox m;

	told.n = 0;
	mbox_init(&m, one, tell, NULL);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(mbox_put(&m, in + i, 1, NULL), 0);
	assert_int_equal(mbox_end(&m, NULL), 0);
	mbox_free(&m);
	assert_int_equal(told.n, w);
	assert_memory_equal(told.text, want, w);
}

static void check(bool one, const char *in, size_t n, const char *want,
                  size_t w)
{
	for (size_t a = 0; a <= n; a++) {
		three(one, in, n, a, a, want, w);
		three(one, in, n, a, a + (n - a) / 2, want, w);
	}
	octets(one, in, n, want, w);
}

#define MBOX(in, want) check(false, in, sizeof in - 1, want, sizeof want - 1)
#define ONE(in, want) check(true, in, sizeof in - 1, want, sizeof want - 1)
#define SEP "From - Mon Nov 23 07:30:00 2026\n"

static void test_letters(void **state)
{
	(void)state;
	MBOX("", "");
	MBOX(SEP "A: b\n\nc\n\n" SEP "D: e\n\nf\n", "A: b\n\n<>\nD: e\n\n<>\n");
	MBOX("From a@b Mon Nov  3 07:30 2026\r\nA: b\r\n\r\nc\r\n\r\n"
	     "From \r\nD:\r\n e\r\n\r\nf",
	     "A: b\r\n\r\n<>\nD:\r\n e\r\n\r\n<>\n");
	/* without a text, without an end, and with what is no letter before */
	MBOX(SEP "A: b\n\n" SEP "D: e\n", "A: b\n\n<>\nD: e\n<>\n");
	MBOX("nothing\n\n" SEP "A: b\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A\0: \xff\n\n", "");
	MBOX(SEP "A : b\0c\n\n", "A : b\0c\n\n<>\n");
}

static void test_lines_in_texts(void **state)
{
	(void)state;
	/* no empty line before, no date, no header behind */
	MBOX(SEP "A: b\n\nc\n" SEP "D: e\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\nFrom here on\nD: e\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\nFrom \nthere on: f\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\n" SEP "\nD: e\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\n" SEP SEP "D: e\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\n>" SEP "D: e\n\n", "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\nFrom x Mon Nov 23 at seven\nD: e\n\n",
	     "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\nFrom x Mon 23 Nov 07:30\nD: e\n\n",
	     "A: b\n\n<>\n");
	MBOX(SEP "A: b\n\nc\n\nfrom - Mon Nov 23 07:30:00 2026\nD: e\n\n",
	     "A: b\n\n<>\n");
	/* a header block has no empty line: so it is none within one */
	MBOX(SEP "A: b\n" SEP "D: e\n\n", "A: b\n" SEP "D: e\n\n<>\n");
}

static void test_what_is_seen(void **state)
{
	(void)state;
	MBOX(SEP "X-Mozilla-Status: 0009\nX-Mozilla-Status: 0000\n\n",
	     "X-Mozilla-Status: 0009\nX-Mozilla-Status: 0000\n\n<d>\n");
	MBOX(SEP "x-mozilla-status: 1001\r\nX-Mozilla-Status: 0008\n\n" SEP
	     "X-Mozilla-Status: 000a \n\n" SEP "X-Mozilla-Status: 8\n\n"
	     "X-Mozilla-Status: 0008\n",
	     "x-mozilla-status: 1001\r\nX-Mozilla-Status: 0008\n\n<>\n"
	     "X-Mozilla-Status: 000a \n\n<d>\nX-Mozilla-Status: 8\n\n<>\n");
	MBOX(SEP "A: b\n\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" SEP
	     "A: b\n\nx -----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" SEP
	     "A: b\n\n--x\ncontent-type: application/PGP-keys; name=x\n",
	     "A: b\n\n<k>\nA: b\n\n<>\nA: b\n\n<k>\n");
	MBOX(SEP "A: b\nD: e", "A: b\nD: e<c>\n");
}

static void test_one(void **state)
{
	(void)state;
	ONE("", "");
	ONE("A: b\n\nc\n\n" SEP "D: e\n\n", "A: b\n\n<>\n");
	ONE("A: b\r\n", "A: b\r\n<>\n");
	ONE("A: b", "A: b<c>\n");
	ONE("\nc\n", "\n<>\n");
	ONE(SEP "A: b\n\n", SEP "A: b\n\n<>\n");
}

static void test_long_lines(void **state)
{
	static char in[600], want[600];
	const size_t sep = sizeof SEP - 1;
	size_t n;

	(void)state;
	/* a field's name that goes on, and its value */
	memcpy(in, SEP, sep);
	memset(in + sep, 'A', 400);
	memcpy(in + sep + 400, ": b\n\n", 5);
	check(false, in, sep + 405, "", 0);
	in[sep + 150] = ':';
	memcpy(want, in + sep, 405);
	memcpy(want + 405, "<>\n", 3);
	check(false, in, sep + 405, want, 408);
	/* From_ with too much */
	n = (size_t)sprintf(in, SEP "A: b\n\n\n%.31s", SEP);
	memset(in + n, ' ', 300);
	memcpy(in + n + 300, "\nD: e\n\n", 7);
	check(false, in, n + 307, "A: b\n\n<>\n", 9);
}

static int count(void *arg, const struct mbox_letter *l, struct err *e)
{
	size_t *n = arg;

	if (l->whole != (n[0] == 0) || l->n > MBOX_HEAD_MAX)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no");
	n[0]++;
	return 0;
}

/* One as large as may be, one larger, and what else may go wrong. */
static void test_bounds(void **state)
{
	static char a[MBOX_HEAD_MAX - 7];
	size_t n[1] = { 0 };
	struct mbox m;

	(void)state;
	memset(a, 'x', sizeof a);
	mbox_init(&m, false, count, n);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mbox_put(&m, SEP "A: b", sizeof SEP + 3, NULL),
		                 0);
		assert_int_equal(mbox_put(&m, a, sizeof a - 1 + (unsigned)i,
		                          NULL), 0);
		assert_int_equal(mbox_put(&m, "xx\n\n", 4, NULL), 0);
	}
	assert_int_equal(mbox_end(&m, NULL), 0);
	assert_int_equal(n[0], 2);
	/* what the other says is the end */
	assert_int_equal(mbox_put(&m, "\n" SEP "A: b\n", sizeof SEP + 5, NULL),
	                 0);
	n[0] = 1;
	assert_int_equal(mbox_end(&m, NULL), -1);
	mbox_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_lines_in_texts),
		cmocka_unit_test(test_what_is_seen),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
