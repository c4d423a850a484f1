/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/parts.c: what the parts are. */
#include "tests/unit/parts.h"

/* ---- well-formed ---- */

static void test_leaf(void **state)
{
	(void)state;
	assert_told("", "", ".0");
	assert_told("", "hi", "B0 hi|.0");
	assert_told("", "hi\r\n\r\n", "B0 hi//|.0");
	assert_told("Content-Type: text/plain\r\n", "--\r\n--b\r\n-\r\n--b--",
	            "B0 --/--b/-/--b--|.0");
	assert_told("", "\r\r\n\r", "B0 ^/^|.0");
	assert_told("", "\n\r", "B0 ~^|.0");
}

static void test_parts(void **state)
{
	(void)state;
	assert_told(M, "--b\r\n\r\nhi\r\n--b--\r\n",
	            "D0 --b/|H1 /|B1 hi|.1|C0 /--b--/|.0m");
	assert_told(M, "pre\r\n--b\r\nC: d\r\n\r\nhi\r\n\r\n--b\r\n\r\nho\r\n"
	            "--b--\r\npost\r\n",
	            "P0 pre|D0 /--b/|H1 C: d//|B1 hi/|.1|D0 /--b/|H1 /|B1 ho|"
	            ".1|C0 /--b--/|E0 post/|.0m");
	/* blanks behind it; no final line end */
	assert_told(M, "\r\n--b \t\r\n\r\nhi\r\n--b--\t ",
	            "D0 /--b \t/|H1 /|B1 hi|.1|C0 /--b--\t |.0m");
	assert_told(M, "\r\n\r\n--b\r\n\r\n\r\n--b--",
	            "P0 /|D0 /--b/|H1 /|.1|C0 /--b--|.0m");
	assert_told(M, "--b\r\n\r\n--b\r\n\r\n\r\n\r\n--b--\r\n\r\n",
	            "D0 --b/|H1 /|.1|D0 --b/|H1 /|B1 /|.1|C0 /--b--/|E0 /|.0m");
	/* what looks like one */
	assert_told(M, "x--b\r\n --b\r\n-b\r\n--bb\r\n--B\r\n--\r\n---b\r\n"
	            "--b\r\n\r\n--bb\r\n>--b\r\n--b-\r\n--b---\r\n--b --\r\n-\r\n"
	            "--b x\r\n--b\v\r\n--b--x\r\n--b--\r\n--b-\r\n--\r\n-",
	            "P0 x--b/ --b/-b/--bb/--B/--/---b|D0 /--b/|H1 /|B1 --bb/>--b/"
	            "--b-/--b---/--b --/-/--b x/--b\v/--b--x|.1|C0 /--b--/|"
	            "E0 --b-/--/-|.0m");
	/* a folded field, and a line that looks like no field */
	assert_told(M, "--b\r\nC: d;\r\n\te\r\n-- x\r\n\r\nhi\r\n--b--\r\n",
	            "D0 --b/|H1 C: d;/\te/-- x//|B1 hi|.1|C0 /--b--/|.0m");
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_told(M, "a\n--b\r\n\nhi\r\n--b--\n~",
	            "P0 a|D0 ~--b/|H1 ~|B1 hi|.1|C0 /--b--~|E0 ~|.0m");
	/* a CR alone ends no line */
	assert_told(M, "a\r--b\r\n\r--b\r\n--b\r\nC\r\rD: e\r\r\n\r\r\n\r\n"
	            "\r\r\n\r--b--\r\r\n--b--\r\n\r--b\r\n\r",
	            "P0 a^--b/^--b|D0 /--b/|H1 C^^D: e^/^//|B1 ^/^--b--^|.1|"
	            "C0 /--b--/|E0 ^--b/^|.0m");
	assert_told(M, "--b\r\n\r\nhi\r\n--b--\r",
	            "D0 --b/|H1 /|B1 hi|.1|C0 /--b--^|.0m");
}

static void test_nested(void **state)
{
	(void)state;
	assert_told(M, "--b\r\n" C "\r\nin\r\n--c\r\n\r\nhi\r\n--c--\r\nout\r\n"
	            "--b\r\n\r\nho\r\n--b--\r\n",
	            "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	            "P1 in|D1 /--c/|H2 /|B2 hi|.2|C1 /--c--/|E1 out|.1m|D0 /--b/|"
	            "H1 /|B1 ho|.1|C0 /--b--/|.0m");
	assert_told(M, "--b\r\n" C "\r\n--c\r\n\r\n--c--\r\n--b--\r\n",
	            "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	            "D1 --c/|H2 /|.2|C1 --c--/|.1m|C0 --b--/|.0m");
	/* the inner one's is nothing behind its end */
	assert_told_so((struct how){ 1, false }, M, "--b\r\n" C "\r\n--c\r\n"
	               "--c--\r\n--b--\r\n",
	               strlen("--b\r\n" C "\r\n--c\r\n--c--\r\n--b--\r\n"),
	               "D0 --b/|H1 Content-Type: multipart,mixed; boundary=c//|"
	               "B1 --c/--c--|.1|C0 /--b--/|.0m", false);
}

static void test_message(void **state)
{
	static const char body[] = "--b\r\n" RFC822 "\r\nA: b\r\n\r\nhi\r\n"
		"--b--\r\n";

	(void)state;
	assert_told(M, body, "D0 --b/|H1r Content-Type: message,rfc822//|"
	            "H2 A: b//|B2 hi|.2|.1r|C0 /--b--/|.0m");
	assert_told_so((struct how){ 9, false }, M, body, sizeof body - 1,
	               "D0 --b/|H1 Content-Type: message,rfc822//|"
	               "B1 A: b//hi|.1|C0 /--b--/|.0m", false);
	assert_told("Content-Type: message/global\r\n", "A: b\r\n\r\nhi\r\n",
	            "H1 A: b//|B1 hi/|.1|.0r");
	assert_told(RFC822, RFC822 "\r\n" C "\r\n--c\r\n\r\n--c--",
	            "H1r Content-Type: message,rfc822//|"
	            "H2m Content-Type: multipart,mixed; boundary=c//|"
	            "D2 --c/|H3 /|.3|C2 --c--|.2m|.1r|.0r");
	/* what is encoded is not looked into, nor what is of another kind */
	assert_told(RFC822 "Content-Transfer-Encoding: base64\r\n",
	            "A: b\r\n\r\n", "B0 A: b//|.0");
	assert_told(RFC822 "Content-Transfer-Encoding: 8bit\r\n"
	            "Content-Transfer-Encoding: 8bit\r\n",
	            "A: b\r\n\r\n", "B0 A: b//|.0");
	assert_told(RFC822 "Content-Transfer-Encoding: 8bit\r\n",
	            "A: b\r\n\r\n", "H1 A: b//|.1|.0r");
	assert_told("Content-Type: message/partial\r\n", "A: b\r\n\r\n",
	            "B0 A: b//|.0");
	/* the message ends where the part does */
	assert_odd(M, "--b\r\n" RFC822 "\r\nA: b\r\n--b--\r\n",
	           "D0 --b/|H1r Content-Type: message,rfc822//|H2 A: b/|.2|.1r|"
	           "C0 --b--/|.0m");
	assert_odd(M, "--b\r\n" RFC822 "\r\n--b--\r\n",
	           "D0 --b/|H1r Content-Type: message,rfc822//|.2|.1r|"
	           "C0 --b--/|.0m");
	assert_odd(RFC822, "", ".1|.0r");
}

static void test_nul(void **state)
{
	static const char body[] = "\0\r\n--b\r\n\0: \0\r\n\r\n\0\0\r\n--b\0\r\n"
		"\0--b\r\n--b--\r\n\0";

	(void)state;
	assert_told_so(deep, M, body, sizeof body - 1, "P0 <0>|D0 /--b/|"
	               "H1 <0>: <0>//|B1 <0><0>/--b<0>/<0>--b|.1|C0 /--b--/|"
	               "E0 <0>|.0m", false);
}

/* ---- boundaries ---- */

#define MM "Content-Type: multipart/mixed; "

static void test_boundary(void **state)
{
	static const char *const as_b[] = {
		MM "boundary=\"b\"\r\n", MM " BOUNDARY = b (b)\r\n",
		MM "boundary*0=b\r\n", MM "a=b;boundary*0=\"\\b\"; c=d\r\n",
		"content-type:\r\n MULTIPART/x-y;\r\n\tboundary=b\r\n",
		"Content-Type: multipart / mixed; boundary=b\r\n",
	};
	static const char *const none[] = {
		MM "\r\n", MM "boundary=\r\n", MM "boundary=\"\"\r\n",
		MM "boundary=b; boundary=b\r\n", MM "boundary=b; Boundary=c\r\n",
		MM "boundary=\"b \"\r\n", MM "boundary=\"b\t\"\r\n",
		MM "boundary=\"b\r\n", MM "boundary=b c\r\n",
		MM "boundary*1=b\r\n", MM "boundary*=utf-8''b\r\n",
		"Content-Type: multipart/mixed boundary=b\r\n",
		"Content-Type: multipart/mixed (; boundary=b\r\n\r\n",
		MM "boundary=b\r\n" MM "boundary=b\r\n",
		MM "boundary=b\r\nContent-Type: text/plain\r\n",
		"Content-Type: text/plain\r\n" MM "boundary=b\r\n",
		"Content-Type: text/plain\r\nContent-Type: (\r\n",
		"Content-Type: text/plain\r\n" RFC822,
	};
	static const char body[] = "--b\r\n\r\nhi\r\n--b--\r\n";
	char head[200], b[BOUNDARY_MAX + 2], text[400], want[400];
	struct told t = { .text.max = 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof as_b / sizeof *as_b; i++)
		assert_told(as_b[i], body,
		            "D0 --b/|H1 /|B1 hi|.1|C0 /--b--/|.0m");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		if (!tell(&t, deep, none[i], body, sizeof body - 1, 0, 0))
			fail_msg("not odd: %s", none[i]);
		assert_string_equal(t.text.buf, "B0 --b//hi/--b--/|.0");
		told_free(&t);
	}
	assert_told(MM "boundary*0=\" \\\"=_\"; boundary*1=b\r\n",
	            "-- \"=_b\r\n\r\n-- \"=_b-- \r\n",
	            "D0 -- \"=_b/|H1 /|.1|C0 -- \"=_b-- /|.0m");
	/* the longest, and one more */
	for (size_t n = BOUNDARY_MAX; n <= BOUNDARY_MAX + 1; n++) {
		memset(b, 'x', n);
		b[n] = '\0';
		snprintf(head, sizeof head, MM "boundary=%s\r\n", b);
		snprintf(text, sizeof text, "--%s\r\n\r\n--%s--", b, b);
		snprintf(want, sizeof want, "D0 --%s/|H1 /|.1|C0 --%s--|.0m",
		         b, b);
		if (n == BOUNDARY_MAX)
			assert_told(head, text, want);
		else
			assert_true(tell(&t, deep, head, text, strlen(text), 0,
			                 0));
		told_free(&t);
	}
	/* one that looks like a closing one */
	assert_told(MM "boundary=\"b--\"\r\n", "--b--\r\n\r\n--b----\r\n",
	            "D0 --b--/|H1 /|.1|C0 --b----/|.0m");
}

static void test_type(void **state)
{
	static const char *const t[][2] = {
		{ "", "text/plain" }, { "X: y\r\n", "text/plain" },
		{ "Content-Type: Text/HTML; a=b\r\n", "text/html" },
		{ "content-TYPE:\r\n image/png (x)\r\n", "image/png" },
		{ "Content-Type: text\r\n", "text/plain" },
		{ "Content-Type: image/\r\n", "text/plain" },
		{ "Content-Type: /png\r\n", "text/plain" },
		{ "Content-Type: image/png/x\r\n", "text/plain" },
		{ "Content-Type: (image/png\r\n", "text/plain" },
		{ "Content-Type: image/png\r\nContent-Type: image/png\r\n",
		  "text/plain" },
	};
	struct part p = { 0 };
	struct header h;
	char *type;

	(void)state;
	p.header = &h;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		header_cut(&h, t[i][0], strlen(t[i][0]), NULL);
		type = part_type(&p);
		assert_string_equal(type, t[i][1]);
		free(type);
		header_free(&h);
	}
}

struct types {
	struct parts_to to;
	char text[400];
	size_t len;
};

static int types_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct types *t = (struct types *)to;
	char *type = part_type(p);

	(void)e;
	t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len,
	                           "%u.%u %s|", p->depth, p->nth, type);
	free(type);
	assert_null(p->user);
	p->user = t;
	assert_true(p->depth == 0 || !p->parent->user);
	return 0;
}

static void test_digest(void **state)
{
	static const char head[] = "Content-Type: multipart/digest; "
		"boundary=b\r\n";
	static const char body[] = "--b\r\n\r\nA: b\r\n\r\nhi\r\n--b\r\n"
		"Content-Type: text/html\r\n\r\n--b\r\nContent-Type: ?\r\n\r\n"
		"--b\r\n\r\n" C "\r\n--c\r\n\r\n--c--\r\n--b--\r\n";
	struct types t = { .to.end = types_end };
	struct header h;
	struct parts *p;

	(void)state;
	header_cut(&h, head, sizeof head - 1, NULL);
	p = parts_new(&h, 100, true, &t.to, NULL);
	assert_int_equal(parts_put(p, body, sizeof body - 1, NULL), 0);
	assert_int_equal(parts_end(p, NULL), 0);
	assert_false(parts_odd(p));
	parts_free(p);
	header_free(&h);
	assert_string_equal(t.text, "2.0 text/plain|1.0 message/rfc822|"
	                    "1.1 text/html|1.2 text/plain|3.0 text/plain|"
	                    "2.0 multipart/mixed|1.3 message/rfc822|"
	                    "0.0 multipart/digest|");
}

/* ---- what others may understand in another way ---- */

static void test_odd(void **state)
{
	(void)state;
	/* not closed */
	assert_odd(M, "", ".0m");
	assert_odd(M, "hi\r\n", "P0 hi/|.0m");
	assert_odd(M, "--b\r\n\r\nhi\r\n",
	           "D0 --b/|H1 /|B1 hi/|.1|.0m");
	assert_odd(M, "--b\r\n" C "\r\n--c\r\n\r\nhi\r\n--b--\r\n",
	           "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	           "D1 --c/|H2 /|B2 hi|.2|.1m|C0 /--b--/|.0m");
	assert_odd(M, "--b\r\n" C "\r\n--b--\r\n--c--\r\n",
	           "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	           ".1m|C0 --b--/|E0 --c--/|.0m");
	/* no part at all */
	assert_odd(M, "--b--\r\n--b\r\n", "C0 --b--/|E0 --b/|.0m");
	assert_odd(M, "--b--\r\n", "C0 --b--/|.0m");
	/* a delimiter behind the closing one */
	assert_odd(M, "--b\r\n\r\n--b--\r\nx\r\n--b \r\n\r\ny\r\n",
	           "D0 --b/|H1 /|.1|C0 --b--/|E0 x/--b //y/|.0m");
	assert_odd(M, "--b\r\n\r\n--b--\r\n--b--",
	           "D0 --b/|H1 /|.1|C0 --b--/|E0 --b--|.0m");
	assert_odd(M, "--b\r\n\r\n--b--\r\n--b\r\r\n",
	           "D0 --b/|H1 /|.1|C0 --b--/|E0 --b^/|.0m");
	assert_odd(M, "--b\r\n" C "\r\n--c\r\n\r\n--c--\r\n--c\r\n--b--\r\n",
	           "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	           "D1 --c/|H2 /|.2|C1 --c--/|E1 --c|.1m|C0 /--b--/|.0m");
	/* a CR before the line end */
	assert_odd(M, "--b\r\n\r\n--b \r \r\n--b--\r\n",
	           "D0 --b/|H1 /|B1 --b ^ |.1|C0 /--b--/|.0m");
	/* a header without its empty line */
	assert_odd(M, "--b\r\n--b--\r\n", "D0 --b/|.1|C0 --b--/|.0m");
	assert_odd(M, "--b\r\nC: d\r\n--b--\r\n",
	           "D0 --b/|H1 C: d/|.1|C0 --b--/|.0m");
	assert_odd(M, "--b", "D0 --b|.1|.0m");
	assert_odd(M, "--b\r\nC: d\r", "D0 --b/|H1 C: d^|.1|.0m");
	assert_odd(M, "--b\r\n-", "D0 --b/|H1 -|.1|.0m");
	assert_odd(M, "--b\r\n" RFC822, "D0 --b/|"
	           "H1 Content-Type: message,rfc822/|.1|.0m");
}

/* A boundary that others may take for another one. */
static void test_shared(void **state)
{
	(void)state;
	assert_odd(M, "--b\r\n" NEST("bc") "--bc\r\n\r\n--bc--\r\n--b--\r\n",
	           "D0 --b/|H1m Content-Type: multipart,mixed; boundary=bc//|"
	           "D1 --bc/|H2 /|.2|C1 --bc--/|.1m|C0 --b--/|.0m");
	assert_odd(NEST("bc"), "--bc\r\n" M "--b\r\n\r\n--b--\r\n--bc--\r\n",
	           "D0 --bc/|H1m Content-Type: multipart,mixed; boundary=b//|"
	           "D1 --b/|H2 /|.2|C1 --b--/|.1m|C0 --bc--/|.0m");
	/* the innermost takes it, until it is closed */
	assert_odd(M, "--b\r\n" M "--b\r\n\r\n--b--\r\n--b--\r\n",
	           "D0 --b/|H1m Content-Type: multipart,mixed; boundary=b//|"
	           "D1 --b/|H2 /|.2|C1 --b--/|.1m|C0 --b--/|.0m");
	assert_odd(NEST("\"b--\""), "--b--\r\n" M "--b\r\n\r\n--b--\r\n"
	           "--b----\r\n",
	           "D0 --b--/|H1m Content-Type: multipart,mixed; boundary=b//|"
	           "D1 --b/|H2 /|.2|C1 --b--/|.1m|C0 --b----/|.0m");
	/* sisters may have the same */
	assert_told(M, "--b\r\n" C "\r\n--c\r\n\r\n--c--\r\n--b\r\n" C
	            "\r\n--c\r\n\r\n--c--\r\n--b--\r\n",
	            "D0 --b/|H1m Content-Type: multipart,mixed; boundary=c//|"
	            "D1 --c/|H2 /|.2|C1 --c--/|.1m|D0 --b/|"
	            "H1m Content-Type: multipart,mixed; boundary=c//|"
	            "D1 --c/|H2 /|.2|C1 --c--/|.1m|C0 --b--/|.0m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
