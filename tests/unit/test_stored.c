/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/mime_stored.c: stored letters, cut everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/mime_in.h"

enum { OUT = 1000 };

static struct stored s;

static void more(char *out, size_t *n, const unsigned char *p, size_t len)
{
	assert_in_range(*n + len, 0, OUT);
	memcpy(out + *n, p, len);
	*n += len;
}

/* In three pieces. */
static void three(const char *in, size_t n, size_t a, size_t b, const char *want,
                  size_t w)
{
	const size_t cut[] = { 0, a, b, n };
	const unsigned char *p;
	char out[OUT];
	size_t len, got = 0;

	stored_begin(&s);
	for (int i = 0; i < 3; i++) {
		len = stored_put(&s, (const unsigned char *)in + cut[i],
		                 cut[i + 1] - cut[i], &p);
		more(out, &got, p, len);
	}
	len = stored_end(&s, &p);
	more(out, &got, p, len);
	assert_int_equal(stored_end(&s, &p), 0);
	assert_int_equal(got, w);
	assert_memory_equal(out, want, w);
}

static void check(const char *in, size_t n, const char *want, size_t w)
{
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++)
			three(in, n, a, b, want, w);
}

#define BECOMES(in, want) check(in, sizeof in - 1, want, sizeof want - 1)
#define STAYS(in) BECOMES(in, in)

static void test_line_ends(void **state)
{
	(void)state;
	STAYS("");
	STAYS("A: b\r\n\r\nc\nd\re\r\n\n\r\r\n");	/* the first one counts */
	STAYS("\r\nc\n");
	BECOMES("A: b\n\nc\n\0\xff\nend", "A: b\r\n\r\nc\r\n\0\xff\r\nend");
	BECOMES("A: b\nC: d\r\n\ne\rf\r\r\ng\n",
	        "A: b\r\nC: d\r\n\r\ne\rf\r\r\ng\r\n");
	BECOMES("\n", "\r\n");
	STAYS("no end");
	STAYS("\r");
}

static void test_mbox(void **state)
{
	(void)state;
	BECOMES("From - Mon Nov 23\nA: b\n\nFrom x\n", "A: b\r\n\r\nFrom x\r\n");
	BECOMES("From a@b Mon\r\nA: b\r\n\r\nc\n", "A: b\r\n\r\nc\n");
	BECOMES("From x\nA: b\r\n\r\nc\n", "A: b\r\n\r\nc\n");
	BECOMES("From x\nFrom y\n", "From y\r\n");
	BECOMES("From x", "");
	BECOMES("From \n\n", "\r\n");
	STAYS("From: a@b\r\n\r\n");
	STAYS("From : a@b\r\n\r\n");
	STAYS("From  : a@b\r\n\r\n");
	STAYS("from x\r\n\r\n");
	STAYS("From");
	STAYS("From ");
	STAYS("FroA: b\r\n");
	STAYS(" From x\r\n");
	BECOMES("Fro\nFrom x\n", "Fro\r\nFrom x\r\n");
}

static void test_large_frames(void **state)
{
	static unsigned char lf[FRAME_MAX];
	const unsigned char *p;

	(void)state;
	memset(lf, '\n', sizeof lf);
	stored_begin(&s);
	assert_int_equal(stored_put(&s, (const void *)"Fro", 3, &p), 0);
	assert_int_equal(stored_put(&s, lf, sizeof lf, &p), 2 * FRAME_MAX + 3);
	assert_memory_equal(p, "Fro\r\n", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_mbox),
		cmocka_unit_test(test_large_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
