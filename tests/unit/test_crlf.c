/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/crlf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/crlf.h"

enum { SHORT = 8, MANY = 70000 };

/* As plainly as it can be written. */
static size_t slow_crlf(char *out, const char *in, size_t n)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		if (in[i] != '\r' && in[i] != '\n') {
			out[o++] = in[i];
			continue;
		}
		out[o++] = '\r';
		out[o++] = '\n';
		if (in[i] == '\r' && i + 1 < n && in[i + 1] == '\n')
			i++;
	}
	return o;
}

static void assert_same(struct membuf *m, const void *p, size_t n)
{
	assert_int_equal(m->len, n);
	if (n)
		assert_memory_equal(m->buf, p, n);
	membuf_free(m);
}

/* In three pieces. */
static void check(const char *in, size_t n, size_t a, size_t b)
{
	static char want[2 * MANY];
	size_t w = slow_crlf(want, in, n);
	struct membuf m;
	struct crlf c;

	membuf_init(&m, 2 * MANY);
	crlf_init(&c, &m.sink);
	assert_int_equal(sink_put(&c.sink, in, a, NULL), 0);
	assert_int_equal(sink_put(&c.sink, in + a, b - a, NULL), 0);
	assert_int_equal(sink_put(&c.sink, in + b, n - b, NULL), 0);
	assert_int_equal(crlf_end(&c, NULL), 0);
	assert_int_equal(crlf_end(&c, NULL), 0);	/* once is enough */
	assert_same(&m, want, w);
}

static void test_all_short(void **state)
{
	static const char set[] = { '\r', '\n', '\0' };
	char in[SHORT] = "";
	unsigned all = 1;

	(void)state;
	for (size_t n = 0; n <= SHORT; n++, all *= 3)
		for (unsigned x = 0; x < all; x++) {
			for (size_t i = 0, y = x; i < n; i++, y /= 3)
				in[i] = set[y % 3];
			for (size_t a = 0; a <= n; a++)
				for (size_t b = a; b <= n; b++)
					check(in, n, a, b);
		}
}

static void test_known(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" }, { "a", "a" }, { "a\r\nb\r\n", "a\r\nb\r\n" },
		{ "a\nb\n", "a\r\nb\r\n" }, { "a\rb\r", "a\r\nb\r\n" },
		{ "\r\r\n\n", "\r\n\r\n\r\n" }, { "\n\r", "\r\n\r\n" },
		{ "a\r\nb\nc\rd", "a\r\nb\r\nc\r\nd" },
	};
	struct membuf m;
	struct crlf c;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t n = strlen(t[i].in);

		membuf_init(&m, 100);
		crlf_init(&c, &m.sink);
		assert_int_equal(sink_put(&c.sink, t[i].in, n, NULL), 0);
		assert_int_equal(crlf_end(&c, NULL), 0);
		assert_same(&m, t[i].out, strlen(t[i].out));
		for (size_t cut = 0; cut <= n; cut++)
			check(t[i].in, n, cut, cut);
	}
}

static void test_many(void **state)
{
	static char in[MANY];
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		x = x * 1664525 + 1013904223;
		in[i] = (x >> 24) % 16 ? (char)(x >> 16) : "\r\n"[x >> 30 & 1];
	}
	check(in, MANY, 0, 0);
	for (size_t cut = 1; cut < MANY; cut += 997)
		check(in, MANY, cut, cut + (MANY - cut) / 2);
}

struct counting {
	struct sink sink;
	unsigned puts;
};

static int counting_put(struct sink *s, const void *buf, size_t n,
                        struct err *e)
{
	(void)buf, (void)n, (void)e;
	((struct counting *)s)->puts++;
	return 0;
}

/* What is right already goes through in one piece. */
static void test_runs(void **state)
{
	struct counting to = { { counting_put }, 0 };
	struct crlf c;

	(void)state;
	crlf_init(&c, &to.sink);
	assert_int_equal(sink_put(&c.sink, "a\r\n\r\nbc\r\nd", 11, NULL), 0);
	assert_int_equal(to.puts, 1);
}

static void test_sink_fails(void **state)
{
	static const char text[] = "ab\rc\nd\r\ne\r";
	struct membuf m;
	struct crlf c;
	struct err e;
	int r;

	(void)state;
	for (size_t max = 0; max <= 13; max++)
		for (size_t cut = 0; cut <= sizeof text - 1; cut++) {
			membuf_init(&m, max);
			crlf_init(&c, &m.sink);
			r = sink_put(&c.sink, text, cut, &e)
			    || sink_put(&c.sink, text + cut,
			                sizeof text - 1 - cut, &e)
			    || crlf_end(&c, &e);
			assert_int_equal(r, max < 13);
			if (r)
				assert_int_equal(gpg_err_code(e.code),
				                 GPG_ERR_TOO_LARGE);
			membuf_free(&m);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_short),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
