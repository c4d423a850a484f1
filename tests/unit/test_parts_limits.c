/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/parts.c: limits, and letters of very many parts. */
#include "tests/unit/parts.h"

/* ---- limits ---- */

static char *repeat(struct membuf *m, const char *fmt, int from, int to)
{
	for (int i = from; i != to; i += from < to ? 1 : -1) {
		/* not by printf, which the compiler can't check */
		for (const char *p = fmt; *p; p++) {
			if (*p == '#')
				membuf_printf(m, NULL, "%d", i);
			else
				sink_put(&m->sink, p, 1, NULL);
		}
	}
	return m->buf;
}

static void test_depth(void **state)
{
	struct told t = { .text.max = 1 << 20 };
	struct membuf body;
	bool odd;

	(void)state;
	for (int n = PARTS_DEPTH_MAX - 2; n <= PARTS_DEPTH_MAX + 3; n++) {
		membuf_init(&body, 1 << 20);
		/* n multiparts below the root, each in the one before */
		for (int i = 0; i < n; i++)
			membuf_printf(&body, NULL, "--x%dx\r\nContent-Type: "
			              "multipart/mixed; boundary=x%dx\r\n\r\n",
			              i, i + 1);
		membuf_printf(&body, NULL, "--x%dx\r\n\r\nhi\r\n", n);
		for (int i = n; i >= 0; i--)
			membuf_printf(&body, NULL, "--x%dx--\r\n", i);
		for (size_t cut = 0; cut < 9; cut++) {
			odd = tell(&t, deep, NEST("x0x"), body.buf, body.len,
			           cut, cut);
			assert_false(odd);
			assert_true(strstr(t.text.buf, n < PARTS_DEPTH_MAX
			            ? "hi|." : n == PARTS_DEPTH_MAX
			            ? "B100 --x100x//hi/--x100x--|.100!|C99 "
			            : "|.100!|C99 /--x99x--/|.99m|"));
			told_free(&t);
		}
		membuf_free(&body);
	}
}

static void test_header_limit(void **state)
{
	struct told t = { .text.max = 1 << 20 };
	size_t fixed = strlen("X: \r\n\r\n");
	struct membuf body;
	bool odd;

	(void)state;
	for (int over = -3; over < 8; over++) {
		for (size_t cut = 0; cut < 70000; cut += cut / 2 + 1) {
			membuf_init(&body, 1 << 20);
			membuf_printf(&body, NULL, "--b\r\nX: %0*d\r\n\r\nhi\r\n"
			              "--b--\r\n", PART_HEADER_MAX + over
			              - (int)fixed, 0);
			odd = tell(&t, deep, M, body.buf, body.len, cut, cut);
			assert_int_equal(odd, over > 0);
			assert_int_equal(t.n[PIECE_HEADER], over <= 0);
			assert_int_equal(t.n[PIECE_CLOSE], 1);
			assert_true(strstr(t.text.buf, over > 0
			            ? "//hi|.1!|C0 /--b--/|.0m"
			            : "//|B1 hi|.1|C0 /--b--/|.0m"));
			told_free(&t);
			membuf_free(&body);
		}
	}
	for (int n = PART_FIELDS_MAX - 1; n <= PART_FIELDS_MAX + 1; n++) {
		membuf_init(&body, 1 << 20);
		membuf_printf(&body, NULL, "--b\r\nContent-Type: multipart/x; "
		              "boundary=c\r\n");
		repeat(&body, "x#:\r\n", 0, n - 1);
		membuf_printf(&body, NULL, "\r\n--c\r\n\r\n--c--\r\n--b--\r\n");
		odd = tell(&t, deep, M, body.buf, body.len, 0, 0);
		assert_int_equal(odd, n > PART_FIELDS_MAX);
		assert_int_equal(t.n[PIECE_HEADER],
		                 n > PART_FIELDS_MAX ? 0 : 2);
		told_free(&t);
		membuf_free(&body);
	}
}

/* Blanks behind a delimiter, as far as they are looked at; other long lines. */
static void test_long_lines(void **state)
{
	struct told t = { .text.max = 0 };
	struct membuf body;
	bool odd;

	(void)state;
	for (int n = 1; n < 70000; n += n > 1000 && n < 1040 ? 1 : n / 50 + 1) {
		for (size_t cut = 0; cut < 3000; cut += 1 + cut * cut) {
			membuf_init(&body, 1 << 20);
			membuf_printf(&body, NULL, "--b%*s\r\n\r\n--b--\r\n",
			              n, "");
			odd = tell(&t, deep, M, body.buf, body.len, cut, cut);
			assert_int_equal(odd, n + 5 > PARTS_LINE_MAX);
			assert_int_equal(t.n[PIECE_DELIMITER], !odd);
			told_free(&t);
			membuf_free(&body);
			membuf_init(&body, 1 << 20);
			membuf_printf(&body, NULL, "--%0*d--b\r\n--b\r\n\r\n"
			              "%0*d--b\r\n--b %*s x\r\n--b--\r\n--b%*s "
			              "-\r\n", n, 0, n, 0,
			              n % 1000, "", n % 1000, "");
			odd = tell(&t, deep, M, body.buf, body.len, cut, cut);
			assert_false(odd);
			assert_int_equal(t.n[PIECE_DELIMITER], 1);
			assert_int_equal(t.n[PIECE_CLOSE], 1);
			told_free(&t);
			membuf_free(&body);
		}
	}
}

/* ---- many ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double time_of(struct told *t, const char *head, struct membuf *body)
{
	double from = seconds();

	t->text.max = 0;
	tell(t, deep, head, body->buf, body->len, 65536, 65536);
	membuf_free(body);
	return seconds() - from;
}

/* Ten times as much takes no more than about ten times as long. */
static void test_many(void **state)
{
	static const struct {
		const char *head, *text, *end;
		int n;
	} t[] = {
		{ M, "--b\r\n\r\n#\r\n", "--b--", 20000 },
		{ M, "--b\r\n", "--b--", 20000 },
		{ M, "--b\r\nContent-Type: multipart/mixed; boundary=c#\r\n\r\n"
		  "--c#\r\n\r\n", "--b--", 20000 },
		{ RFC822, RFC822 "\r\n", "", 50000 },
		{ NEST("x0x"), "--x#x\r\nContent-Type: multipart/mixed; "
		  "boundary=x#1x\r\n\r\n", "", 20000 },
		{ "Content-Type: multipart/digest; boundary=b\r\n",
		  "--b\r\n\r\nx: #\r\n\r\n#\r\n", "--b--", 20000 },
		{ M, "--\r\n", "--b--", 50000 },
		{ M, "--b\r\n\r\n--b--\r\n", "", 50000 },
	};
	struct membuf body;
	double one, ten;
	struct told told;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		membuf_init(&body, 64 << 20);
		repeat(&body, t[i].text, 0, t[i].n / 10);
		membuf_printf(&body, NULL, "%s", t[i].end);
		one = time_of(&told, t[i].head, &body);
		told_free(&told);
		repeat(&body, t[i].text, 0, t[i].n);
		membuf_printf(&body, NULL, "%s", t[i].end);
		ten = time_of(&told, t[i].head, &body);
		if (i == 0)
			assert_int_equal(told.n[END], 20001);
		if (i == 3)
			assert_int_equal(told.n[PIECE_HEADER], 100);
		told_free(&told);
		if (ten > 30 * one + 0.05 * (double)slower())
			fail_msg("%zu: %f s, ten times that: %f s", i, one, ten);
	}
}

/* A receiver that fails is heard at once. */
static void test_fails(void **state)
{
	static const char body[] = "pre\r\n--b\r\nA: b\r\n\r\nhi\r\n--b--\r\nx";
	size_t n = sizeof body - 1;
	struct told t;
	struct header h;
	struct parts *p;
	struct err e;
	int rc;

	(void)state;
	header_cut(&h, M, strlen(M), NULL);
	for (size_t i = 1; i <= n; i++) {
		memset(&t, 0, sizeof t);
		memset(&e, 0, sizeof e);
		t.to.piece = told_piece;
		t.fail_at = i;
		membuf_init(&t.all, n);
		p = parts_new(&h, 1, false, &t.to, &e);
		rc = parts_put(p, body, n, &e);
		if (rc == 0)
			rc = parts_end(p, &e);
		assert_int_equal(rc, -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOSPC);
		assert_in_range(t.all.len, i, i + 16);
		parts_free(p);
		told_free(&t);
	}
	/* nobody listens */
	t.to = (struct parts_to){ 0 };
	p = parts_new(&h, 1, false, &t.to, &e);
	assert_int_equal(parts_put(p, body, n, &e), 0);
	assert_int_equal(parts_end(p, &e), 0);
	assert_false(parts_odd(p));
	parts_free(p);
	parts_free(NULL);
	header_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
