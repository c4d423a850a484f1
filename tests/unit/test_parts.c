/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/parts.c: what each octet of a MIME body is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/parts.h"
#include "crypto/sink.h"
#include "tests/unit/slow.h"

/* What was told, as a text: "P0 pre|D0 /--b/|H1 /|B1 hi|.1|C0 /--b--/|.0m".  The
 * letter, the depth, and the octets, where "/" is CRLF, "~" LF, "^" CR, "<0>" NUL
 * and "," a slash; "." is an end; "m", "r" and "!" behind the depth are a multipart,
 * a message and what is opaque. */
struct told {
	struct parts_to to;
	struct membuf text, all;
	char last;		/* the piece that may go on */
	unsigned last_depth;
	bool first;
	size_t fail_at;		/* fail at this octet, if not 0 */
	size_t n[8];		/* pieces of a kind; and at END, ends */
};

enum { END = PIECE_EPILOGUE + 1 };

static const char letters[] = "HBPDCE";

static void tell_octets(struct membuf *m, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n' && m->buf[m->len - 1] == '^')
			m->buf[m->len - 1] = '/';
		else if (buf[i] == '\0')
			membuf_printf(m, NULL, "<0>");
		else
			membuf_printf(m, NULL, "%c", buf[i] == '\r' ? '^'
			              : buf[i] == '\n' ? '~'
			              : buf[i] == '/' ? ',' : buf[i]);
	}
}

static const char *mark(const struct part *p)
{
	return p->kind == PART_MULTI ? "m" : p->kind == PART_MESSAGE ? "r"
	       : p->opaque ? "!" : "";
}

static int told_piece(struct parts_to *to, struct part *p,
                      enum parts_piece what, const char *buf, size_t n,
                      struct err *e)
{
	struct told *t = (struct told *)to;
	char c = letters[what];

	assert_true(n > 0);
	assert_non_null(p->header);
	if (sink_put(&t->all.sink, buf, n, e))
		return -1;
	if (t->fail_at && t->all.len >= t->fail_at)
		return err_set(e, GPG_ERR_ENOSPC, "full");
	t->n[what]++;
	if (t->text.max == 0)
		return 0;
	if (t->last != c || t->last_depth != p->depth || c == 'H')
		membuf_printf(&t->text, NULL, "%s%c%u%s ", t->last ? "|" : "",
		              c, p->depth, c == 'H' ? mark(p) : "");
	t->last = c == 'D' || c == 'C' ? ' ' : c;
	t->last_depth = p->depth;
	tell_octets(&t->text, buf, n);
	return 0;
}

static int told_end(struct parts_to *to, struct part *p, struct err *e)
{
	struct told *t = (struct told *)to;

	(void)e;
	t->n[END]++;
	if (t->text.max)
		membuf_printf(&t->text, NULL, "%s.%u%s", t->last ? "|" : "",
		              p->depth, mark(p));
	t->last = '.';
	return 0;
}

struct how {
	unsigned depth;
	bool messages;
};

static void told_free(struct told *t)
{
	membuf_free(&t->text);
	membuf_free(&t->all);
}

/* Read a body, the first cut as told, then every part octets: was it odd? */
static bool tell(struct told *t, struct how how, const char *head,
                 const char *body, size_t n, size_t first, size_t part)
{
	size_t max = t->text.max, k;
	struct parts *p;
	struct header h;
	bool odd;

	memset(t, 0, sizeof *t);
	t->to.piece = told_piece;
	t->to.end = told_end;
	membuf_init(&t->text, max);
	membuf_init(&t->all, n);
	assert_int_equal(header_cut(&h, head, strlen(head), NULL), 0);
	p = parts_new(&h, how.depth, how.messages, &t->to, NULL);
	assert_non_null(p);
	for (size_t i = 0; i < n; i += k) {
		k = i ? part : first;
		if (!k || k > n - i)
			k = n - i;
		assert_int_equal(parts_put(p, body + i, k, NULL), 0);
	}
	assert_int_equal(parts_end(p, NULL), 0);
	odd = parts_odd(p);
	parts_free(p);
	header_free(&h);
	assert_int_equal(t->all.len, n);
	assert_memory_equal(t->all.buf ? t->all.buf : "", body, n);
	return odd;
}

static const struct how deep = { PARTS_DEPTH_MAX, true };

/* In every cutting; and the text is the same with LF line ends. */
static void assert_told_so(struct how how, const char *head, const char *body,
                           size_t n, const char *want, bool want_odd)
{
	struct told t = { .text.max = 1 << 20 };
	bool odd;

	for (size_t i = 0; i <= n + 2; i++) {
		odd = tell(&t, how, head, body, n, i <= n ? i : 1,
		           i <= n ? 0 : i - n);
		if (!t.text.buf || strcmp(t.text.buf, want) != 0)
			fail_msg("cut at %zu: %s\n is    %s\n not   %s", i,
			         body, t.text.buf ? t.text.buf : "", want);
		if (odd != want_odd)
			fail_msg("cut at %zu: odd is %d: %s", i, odd, body);
		told_free(&t);
	}
}

static void assert_told(const char *head, const char *body, const char *want)
{
	char lf_body[4000], lf_want[4000];
	size_t n = 0, m = 0;

	assert_told_so(deep, head, body, strlen(body), want, false);
	if (strchr(want, '~') || strchr(want, '^'))
		return;
	for (const char *p = body; *p; p++)
		if (*p != '\r')
			lf_body[n++] = *p;
	lf_body[n] = '\0';
	for (const char *p = want; *p; p++)
		lf_want[m++] = *p == '/' ? '~' : *p;
	lf_want[m] = '\0';
	assert_told_so(deep, head, lf_body, n, lf_want, false);
}

static void assert_odd(const char *head, const char *body, const char *want)
{
	assert_told_so(deep, head, body, strlen(body), want, true);
}

#define M "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define C "Content-Type: multipart/mixed; boundary=c\r\n"

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

#define RFC822 "Content-Type: message/rfc822\r\n"

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

#define NEST(x) "Content-Type: multipart/mixed; boundary=" x "\r\n\r\n"

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
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
