/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/protect_out.c, protect_code.c,
 * protect_in.c, refold.c and encword.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/protect.h"
#include "tests/unit/slow.h"

enum { SECONDS_MAX = 20, BIG = HEADER_MAX, OUT_MAX = 64 << 20 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S(s) s, sizeof(s) - 1
#define HP "hp=\"cipher\"; protected-headers=\"v1\""
#define NO_TYPE "Content-Type: text/plain; charset=us-ascii;\r\n " HP "\r\n"
#define MINIMUM "From: a@b\r\nDate: d\r\nMessage-ID: <m>\r\n"

static const struct protect_new ADD = {
	.date = "Mon, 23 Nov 2026 07:30:00 +0000", .message_id = "<1@b>"
};

struct block {
	char *buf;	/* exactly as long, on the heap */
	struct header h;
};

static void block_cut(struct block *b, const char *text, size_t n)
{
	struct err e;

	b->buf = malloc(n ? n : 1);
	assert_non_null(b->buf);
	memcpy(b->buf, text, n);
	assert_int_equal(header_cut(&b->h, b->buf, n, &e), 0);
}

static void block_free(struct block *b)
{
	header_free(&b->h);
	free(b->buf);
}

struct sealed {
	struct membuf outer, inner;
	struct err e;
	int rc;
};

static void seal(struct sealed *s, const char *text, size_t n)
{
	struct block b;

	block_cut(&b, text, n);
	membuf_init(&s->outer, OUT_MAX);
	membuf_init(&s->inner, OUT_MAX);
	s->rc = protect_seal(&b.h, &ADD, &s->outer, &s->inner, &s->e);
	block_free(&b);
}

static void sealed_free(struct sealed *s)
{
	membuf_free(&s->outer);
	membuf_free(&s->inner);
}

static void assert_text(const struct membuf *m, const char *want)
{
	if (m->len != strlen(want) || memcmp(m->buf, want, m->len) != 0)
		fail_msg("got:\n%.*s\nwanted:\n%s", (int)m->len, m->buf, want);
}

/* What holds for every sealed letter. */
static void assert_sealed(const struct sealed *s)
{
	const struct field *f;
	size_t column = 0, at = 0, types = 0;
	struct block in;
	bool twice;
	char *hp, *ph;

	assert_int_equal(s->rc, 0);
	for (size_t i = 0; i < s->outer.len; i++) {
		assert_true(!(s->outer.buf[i] & 0x80) && s->outer.buf[i]);
		column = s->outer.buf[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 999);	/* the CR too */
		assert_true((s->outer.buf[i] == '\n') ==
		            (i && s->outer.buf[i - 1] == '\r'));
	}
	assert_null(memmem(s->outer.buf, s->outer.len, "\r\n\r\n", 4));
	assert_memory_equal(s->outer.buf + s->outer.len - 2, "\r\n", 2);
	assert_memory_equal(s->inner.buf + s->inner.len - 4, "\r\n\r\n", 4);
	block_cut(&in, s->inner.buf, s->inner.len);
	for (size_t i = 0; i < in.h.n; i++) {
		f = &in.h.field[i];
		assert_false(field_is(f, "Bcc"));
		types += field_is(f, "Content-Type");
		if (!field_is(f, "HP-Outer"))
			continue;
		assert_true(f->value_len > 1 && at + f->value_len - 1 <=
		            s->outer.len);
		assert_memory_equal(f->value + 1, s->outer.buf + at,
		                    f->value_len - 1);
		at += f->value_len - 1;
	}
	assert_int_equal(at, s->outer.len);
	assert_int_equal(types, 1);
	f = header_get(&in.h, "Content-Type", 0);
	hp = field_param(f, "hp", &twice);
	ph = field_param(f, "protected-headers", &twice);
	assert_true(hp && ph);
	assert_string_equal(hp, "cipher");
	assert_string_equal(ph, "v1");
	free(hp);
	free(ph);
	assert_true(protect_present(&in.h));
	block_free(&in);
}

static void test_seal(void **state)
{
	struct sealed s;

	(void)state;
	seal(&s, S("Received: from here\r\nMessage-ID: <m@b>\r\n"
	           "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	           "MIME-Version: 1.0\r\nUser-Agent: Mozilla\r\n"
	           "Subject: [clear 4711] Secret\r\n plans\r\n"
	           "From: Alice <a@b>\r\nTo: c@d,\r\n\te@f\r\n"
	           "Bcc: x@y\r\nResent-BCC: x@y\r\nX-Letterlock: sign=no\r\n"
	           "letterlock-status: v=1\r\nAutocrypt: addr=a@b\r\n"
	           "Autocrypt-Gossip: addr=c@d\r\nHP-Outer: To: q@r\r\n"
	           "Keywords: k\r\nComments: c\r\nX-Mozilla-Status: 0\r\n"
	           "Content-Type: text/plain; charset=utf-8\r\n"
	           "X-Own: 1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
	assert_sealed(&s);
	assert_text(&s.outer, "Message-ID: <m@b>\r\n"
	            "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	            "Subject: [...]\r\nFrom: Alice <a@b>\r\n"
	            "To: c@d,\r\n\te@f\r\nX-Own: 1\r\n");
	assert_text(&s.inner, "Message-ID: <m@b>\r\n"
	            "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	            "User-Agent: Mozilla\r\nSubject: Secret\r\n plans\r\n"
	            "From: Alice <a@b>\r\nTo: c@d,\r\n\te@f\r\n"
	            "Keywords: k\r\nComments: c\r\nX-Mozilla-Status: 0\r\n"
	            "X-Own: 1\r\n"
	            "HP-Outer: Message-ID: <m@b>\r\n"
	            "HP-Outer: Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	            "HP-Outer: Subject: [...]\r\n"
	            "HP-Outer: From: Alice <a@b>\r\n"
	            "HP-Outer: To: c@d,\r\n\te@f\r\nHP-Outer: X-Own: 1\r\n"
	            "Content-Type: text/plain; charset=utf-8; " HP "\r\n"
	            "Content-Transfer-Encoding: 8bit\r\n\r\n");
	sealed_free(&s);
}

static void test_seal_little(void **state)
{
	struct sealed s;

	(void)state;
	seal(&s, S("From: a@b\n\tc"));		/* LF, and none at the end */
	assert_sealed(&s);
	assert_text(&s.outer, "From: a@b\r\n\tc\r\n"
	            "Date: Mon, 23 Nov 2026 07:30:00 +0000\r\n"
	            "Message-ID: <1@b>\r\n");
	assert_text(&s.inner, "From: a@b\r\n\tc\r\n"
	            "Date: Mon, 23 Nov 2026 07:30:00 +0000\r\n"
	            "Message-ID: <1@b>\r\n"
	            "HP-Outer: From: a@b\r\n\tc\r\n"
	            "HP-Outer: Date: Mon, 23 Nov 2026 07:30:00 +0000\r\n"
	            "HP-Outer: Message-ID: <1@b>\r\n" NO_TYPE "\r\n");
	sealed_free(&s);
}

static void test_refused(void **state)
{
	static const struct { const char *text; size_t n; } bad[] = {
		{ S("") }, { S("Subject: x\r\n") },
		{ S("From: a@b\r\nFrom: a@b\r\n") },
		{ S("From: us: a@b;\r\n") },
		{ S("From: a@b\r\nDate: d\r\ndate: d\r\n") },
		{ S("From: a@b\r\nSubject: d\r\nSUBJECT: d\r\n") },
		{ S("From: a@b\r\nMessage-ID: d\r\nMessage-Id: d\r\n") },
		{ S("From: a@b\r\nContent-Type: a/b\r\nContent-type: a/b\r\n") },
		{ S("From: a@b\r\nno colon\r\n") },
		{ S("From: a@b\r\nX : y\r\n") },
		{ S("From: a@b\r\nX: a\0b\r\n") },
		{ S("From: a@b\r\nX: a\rb\r\n") },
		{ S("From: a@b\r\n\xc3\xa4: b\r\n") },
	};
	static const struct {
		const char *text;
		size_t n;
		gpg_err_code_t code;
	} bad_outside[] = {
		{ S("From: \xc3\xa4@b\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: c <\xc3\xa4@b>\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: g: \xc3\xa4@b;\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: \"\xc3\xa4\"@b\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: \xc3\xa4@\xc3\xa4\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: c@\xa4\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nTo: c@\xc3\xa4 (d@e)\r\n"),
		  GPG_ERR_NOT_SUPPORTED },
		{ S("From: a@b\r\nTo: \xc3\xa4 <c@d\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nTo: \"\xc3\xa4 <c@d>\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nTo: (\xc3\xa4 <c@d>\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nDate: \xc3\xa4\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nMessage-ID: <\xc3\xa4>\r\n"),
		  GPG_ERR_ENCODING_PROBLEM },
		{ S("From: a@b\r\nContent-Type: a/b; c=\"d\r\n"),
		  GPG_ERR_INV_VALUE },
		{ S("From: a@b\r\nContent-Type: a/b (c\r\n"),
		  GPG_ERR_INV_VALUE },
		{ S("From: a@b\r\nContent-Type: ; c=d\r\n"),
		  GPG_ERR_INV_VALUE },
		{ S("From: a@b\r\nContent-Type:\r\n"),
		  GPG_ERR_INV_VALUE },
	};
	struct sealed s;
	struct block b;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		seal(&s, bad[i].text, bad[i].n);
		assert_int_equal(s.rc, -1);
		assert_int_equal(gpg_err_code(s.e.code), GPG_ERR_INV_VALUE);
		membuf_free(&s.outer);
		block_cut(&b, bad[i].text, bad[i].n);
		s.e.code = 0;
		assert_int_equal(protect_clear(&b.h, &ADD, &s.outer, &s.e), -1);
		assert_int_equal(gpg_err_code(s.e.code), GPG_ERR_INV_VALUE);
		block_free(&b);
		sealed_free(&s);
	}
	for (size_t i = 0; i < COUNT(bad_outside); i++) {
		seal(&s, bad_outside[i].text, bad_outside[i].n);
		if (s.rc != -1
		    || gpg_err_code(s.e.code) != bad_outside[i].code)
			fail_msg("sealed: %s", bad_outside[i].text);
		assert_null(strstr(s.e.text, "\xc3"));
		membuf_free(&s.outer);
		/* readable it goes as it came, but for what it lacks */
		block_cut(&b, bad_outside[i].text, bad_outside[i].n);
		assert_int_equal(protect_clear(&b.h, &ADD, &s.outer, NULL), 0);
		assert_true(s.outer.len > bad_outside[i].n
		            && memcmp(s.outer.buf, bad_outside[i].text,
		                      bad_outside[i].n) == 0);
		block_free(&b);
		sealed_free(&s);
	}
}

static void test_content_type(void **state)
{
	static const struct { const char *in, *out; } types[] = {
		{ "text/plain", "text/plain; " HP },
		{ "text/plain;", "text/plain; " HP },
		{ "text/plain ; ; a=b ; ", "text/plain; a=b; " HP },
		{ "text/plain; a=b (c;)", "text/plain; a=b (c;); " HP },
		{ "text/plain (c;)\r\n ", "text/plain (c;); " HP },
		{ "text/plain; HP=clear; a=b", "text/plain; a=b; " HP },
		{ "text/plain; a=\"; hp=x\"; hp=\"clear\"; protected-headers=v1",
		  "text/plain; a=\"; hp=x\"; " HP },
		{ "text/plain; hp*0=cle; hp*1=ar; hp*=''x; hp", "text/plain; " HP },
		{ "text/plain; hp=clear (; a=b); hp=\"cipher\"",
		  "text/plain; " HP },
		{ "text/plain; hpx=1; hp-legacy-display=\"1\"",
		  "text/plain; hpx=1; hp-legacy-display=\"1\";\r\n " HP },
		{ "multipart/mixed;\r\n boundary=\"------------0123456789abcdefghijklmn\"",
		  "multipart/mixed;\r\n boundary=\"------------0123456789abcdefghijklmn\";"
		  "\r\n " HP },
		{ "multipart/mixed;\n\tboundary=b\n",
		  "multipart/mixed;\r\n\tboundary=b; " HP },
		{ "text", "text; " HP },
	};
	char in[400], want[400];
	struct sealed s;
	int n;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		n = snprintf(in, sizeof in, MINIMUM "Content-Type: %s\r\n",
		             types[i].in);
		assert_in_range(n, 1, sizeof in - 1);
		seal(&s, in, (size_t)n);
		assert_sealed(&s);
		n = snprintf(want, sizeof want, "Content-Type: %s\r\n\r\n",
		             types[i].out);
		if ((size_t)n > s.inner.len ||
		    memcmp(s.inner.buf + s.inner.len - n, want, (size_t)n))
			fail_msg("%s:\n%.*s", types[i].in, (int)s.inner.len,
			         s.inner.buf);
		sealed_free(&s);
	}
}

/* One field, and what it is outside; NULL: it is left out. */
static void check_outside(const char *field, const char *want)
{
	const char *rest;
	struct sealed s;
	char in[400];
	int n;

	n = snprintf(in, sizeof in, MINIMUM "%s\r\n", field);
	assert_in_range(n, 1, sizeof in - 1);
	seal(&s, in, (size_t)n);
	assert_sealed(&s);
	assert_non_null(memmem(s.inner.buf, s.inner.len, field,
	                       strlen(field)));
	rest = s.outer.buf + sizeof MINIMUM - 1;
	n = snprintf(in, sizeof in, want ? "%s\r\n" : "%s", want ? want : "");
	if (s.outer.len - (sizeof MINIMUM - 1) != (size_t)n ||
	    memcmp(rest, in, (size_t)n) != 0)
		fail_msg("%s:\n%.*s", field,
		         (int)(s.outer.len - (sizeof MINIMUM - 1)), rest);
	sealed_free(&s);
}

static void test_outside(void **state)
{
	(void)state;
	check_outside("To:  a  <b@c> ", "To:  a  <b@c> ");
	check_outside("To: \xc3\xa4 <b@c>", "To: =?utf-8?B?w6Q=?= <b@c>");
	check_outside("To: \"\xc3\xa4, \\\"x\\\"\"\r\n  y (z) <b@c>, d@e",
	              "To: =?utf-8?B?w6QsICJ4IiB5?= <b@c>, d@e");
	check_outside("Cc: \xc3\xa4<b@c>,d@e,\"f\" <g@h>",
	              "Cc: =?utf-8?B?w6Q=?= <b@c>, d@e, \"f\" <g@h>");
	check_outside("Reply-To: b@c (\xc3\xa4), d@e (f)",
	              "Reply-To: b@c , d@e (f)");
	check_outside("To: \xc3\xa4:b@c,\xc3\xbc <d@e>;",
	              "To: =?utf-8?B?w6Q=?= : b@c, =?utf-8?B?w7w=?= <d@e>;");
	check_outside("To: b@\xc3\xa4.c, \xc3\xa4 <b@d.\xc3\xa4 (\xc3\xa4)>",
	              "To: b@xn--4ca.c, =?utf-8?B?w6Q=?= <b@d.xn--4ca >");
	check_outside("To: b@\xc3\xa4 (d)", "To: b@xn--4ca (d)");
	check_outside("X-Own: a \xc3\xa4 b", "X-Own: =?utf-8?B?YSDDpCBi?=");
	check_outside("X-Own: \xff", "X-Own: =?utf-8?B?/w==?=");
	check_outside("X-Own: 0123456789012345678901234567890123\xc3\xa4\xc3"
	              "\xa4",
	              "X-Own: =?utf-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nz"
	              "g5MDEyM8Ok?=\r\n =?utf-8?B?w6Q=?=");
	check_outside("X-Own: 01234567890123456789012345678901234\xf0\x9f\x92"
	              "\xa9",
	              "X-Own: =?utf-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nz"
	              "g5MDEyMzQ=?=\r\n =?utf-8?B?8J+SqQ==?=");
	check_outside("References: <a> <\xc3\xa4>", NULL);
	check_outside("In-Reply-To: <\xc3\xa4>", NULL);
	check_outside("X-Own: a\r\n \t\r\n b", "X-Own: a b");
	check_outside("X-Own:\r\n ", "X-Own:");
	check_outside("Organization: \xc3\xa4", NULL);
}

/* Lines that no server takes, in fields of every kind. */
static void test_long(void **state)
{
	static const struct { const char *name, *pattern; bool ok; } fields[] = {
		{ "To", "x@y.example,", true },
		{ "To", "a b <c@d>,", true },
		{ "To", "a ", false },
		{ "To", "a", false },
		{ "To", "\xc3\xa4 ", false },
		{ "References", "<a@b> ", true },
		{ "References", "<a@b>", true },
		{ "Message-ID", "a", false },
		{ "Message-ID", "a ", true },
		{ "X-Own", "a", true },
		{ "X-Own", " ", true },
		{ "X-Own", "ab ", true },
		{ "X-Own", "\xc3\xa4", true },
		{ "Subject", "a", true },
	};
	char in[30000];
	struct sealed s;

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		int n = snprintf(in, sizeof in, "From: a@b\r\n%s:",
		                 fields[i].name);
		size_t len = (size_t)n, plen = strlen(fields[i].pattern);

		while (len < 20000)
			for (size_t k = 0; k < plen; k++)
				in[len++] = fields[i].pattern[k];
		if (strcmp(fields[i].pattern, "a b <c@d>,") == 0)
			len--;
		memcpy(in + len, "\r\n", 2);
		seal(&s, in, len + 2);
		if (fields[i].ok != !s.rc && strcmp(fields[i].name, "To") != 0)
			fail_msg("%s of %s", fields[i].name, fields[i].pattern);
		if (!s.rc)
			assert_sealed(&s);
		else
			assert_int_equal(gpg_err_code(s.e.code),
			                 GPG_ERR_ENCODING_PROBLEM);
		sealed_free(&s);
	}
}

/* ---- signed only ---- */

#define HP_CLEAR "hp=\"clear\"; protected-headers=\"v1\""

static void sign(struct sealed *s, const char *text, size_t n, const char *cte)
{
	struct block b;

	block_cut(&b, text, n);
	membuf_init(&s->outer, OUT_MAX);
	membuf_init(&s->inner, OUT_MAX);
	s->rc = protect_sign(&b.h, &ADD, cte, &s->outer, &s->inner, &s->e);
	block_free(&b);
}

/* ASCII, lines of at most 998 octets without blanks at their ends; n octets at
 * the end may be empty lines. */
static void assert_lines(const struct membuf *m, size_t n)
{
	const char *p = m->buf, *end = p + m->len - n, *lf;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(lf);
		assert_in_range(lf - p, 2, 999);
		assert_true(lf[-1] == '\r' && lf[-2] != ' ' && lf[-2] != '\t');
		for (const char *q = p; q < lf; q++)
			assert_true(*q && !(*q & 0x80));
	}
}

/* What holds for every signed letter. */
static void assert_signed(const struct sealed *s)
{
	const struct field *f;
	struct block in;
	char *hp, *ph;

	assert_int_equal(s->rc, 0);
	assert_lines(&s->outer, 0);
	assert_lines(&s->inner, 2);
	assert_memory_equal(s->inner.buf + s->inner.len - 4, "\r\n\r\n", 4);
	block_cut(&in, s->inner.buf, s->inner.len);
	assert_int_equal(header_count(&in.h, "HP-Outer"), 0);
	assert_int_equal(header_count(&in.h, "Content-Type"), 1);
	f = header_get(&in.h, "Content-Type", 0);
	hp = field_param(f, "hp", NULL);
	ph = field_param(f, "protected-headers", NULL);
	assert_true(hp && ph);
	assert_string_equal(hp, "clear");
	assert_string_equal(ph, "v1");
	free(hp);
	free(ph);
	/* each line outside is inside as well */
	for (const char *p = s->outer.buf, *q = p; p < s->outer.buf +
	     s->outer.len; p = q) {
		q = (char *)memchr(p, '\n', s->outer.len) + 1;
		assert_non_null(memmem(s->inner.buf, s->inner.len, p,
		                       (size_t)(q - p)));
	}
	block_free(&in);
}

/* Octets at random: sealed and signed as it must be, or refused. */
static void test_random(void **state)
{
	static const char alphabet[] = "\r\n \t\"(),;:<>@\\ab=?\xc3\xa4[]%1*";
	static const char *const names[] = {
		"To:", "X:", "Content-Type: a/b;", "Subject:", "References:"
	};
	unsigned r = 7, sealed = 0;
	char in[120];
	struct sealed s;
	size_t n;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		n = (size_t)snprintf(in, sizeof in, MINIMUM "%s",
		                     names[i % 5]);
		for (int k = 0; k < i % 60; k++) {
			r = r * 1103515245 + 12345;
			in[n] = alphabet[(r >> 16) % (sizeof alphabet - 1)];
			if (in[n] == '\r' || in[n] == '\n') {
				memcpy(in + n, "\r\n ", 3);
				n += 2;
			}
			if (++n > sizeof in - 4)
				break;
		}
		seal(&s, in, n);
		if (!s.rc)
			assert_sealed(&s);
		sealed += !s.rc;
		sealed_free(&s);
		sign(&s, in, n, i % 2 ? "base64" : NULL);
		if (!s.rc)
			assert_signed(&s);
		sealed_free(&s);
	}
	assert_in_range(sealed, 10000, 39000);
}

static void test_sign(void **state)
{
	struct sealed s;

	(void)state;
	sign(&s, S("Received: from here\r\nMessage-ID: <m@b> \r\n"
	           "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	           "MIME-Version: 1.0\r\nUser-Agent: Mozilla \r\n"
	           "Subject: [clear 4711] Open\t\r\n plans\r\n"
	           "From: \xc3\xa4 <a@b>\r\nTo: c@d,\r\n \r\n\te@f\r\n"
	           "Bcc: x@y\r\nResent-BCC: x@y\r\nX-Letterlock: sign=no\r\n"
	           "letterlock-status: v=1\r\nAutocrypt: addr=a@b\r\n"
	           "Autocrypt-Gossip: addr=c@d\r\nHP-Outer: To: q@r\r\n"
	           "Keywords: k\r\nComments: c\r\nX-Mozilla-Status: 0\r\n"
	           "Content-Type: text/plain; charset=utf-8\r\n"
	           "X-Own: 1\r\nReferences: <\xc3\xa4>\r\n"
	           "Content-Transfer-Encoding: 8bit\r\n"
	           "Content-Description: \xc3\xa4\r\n"
	           "Content-Language: de \r\n\r\n"), "quoted-printable");
	assert_signed(&s);
	assert_text(&s.outer, "Message-ID: <m@b>\r\n"
	            "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	            "Subject: Open\r\n plans\r\n"
	            "From: =?utf-8?B?w6Q=?= <a@b>\r\nTo: c@d, e@f\r\n"
	            "Keywords: k\r\nComments: c\r\nX-Own: 1\r\n");
	assert_text(&s.inner, "Message-ID: <m@b>\r\n"
	            "Date: Mon, 1 Jan 2026 00:00:00 +0000\r\n"
	            "User-Agent: Mozilla\r\n"
	            "Subject: Open\r\n plans\r\n"
	            "From: =?utf-8?B?w6Q=?= <a@b>\r\nTo: c@d, e@f\r\n"
	            "Keywords: k\r\nComments: c\r\nX-Mozilla-Status: 0\r\n"
	            "X-Own: 1\r\n"
	            "Content-Type: text/plain; charset=utf-8; " HP_CLEAR "\r\n"
	            "Content-Transfer-Encoding: quoted-printable\r\n"
	            "Content-Description: =?utf-8?B?w6Q=?=\r\n"
	            "Content-Language: de\r\n\r\n");
	sealed_free(&s);
}

static void test_sign_root(void **state)
{
	static const struct { const char *in, *cte, *out; } roots[] = {
		{ "", NULL, "Content-Type: text/plain; charset=us-ascii;\r\n "
		  HP_CLEAR "\r\n\r\n" },
		{ "", "quoted-printable", "Content-Type: text/plain; "
		  "charset=us-ascii;\r\n " HP_CLEAR "\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n\r\n" },
		{ "content-transfer-encoding: base64 \r\nContent-Type: a/b ;\r\n"
		  " \r\n name=x \r\n", NULL,
		  "content-transfer-encoding: base64\r\nContent-Type: a/b;\r\n"
		  " name=x; " HP_CLEAR "\r\n\r\n" },
		{ "Content-Transfer-Encoding: 8bit\r\nContent-Type: a/b\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n", "base64",
		  "Content-Transfer-Encoding: base64\r\n"
		  "Content-Type: a/b; " HP_CLEAR "\r\n\r\n" },
		{ "content-transfer-encoding: \r\n 8bit\r\n"
		  "Content-Type: a/b; hp=cipher\r\n", "base64",
		  "Content-Transfer-Encoding: base64\r\n"
		  "Content-Type: a/b; " HP_CLEAR "\r\n\r\n" },
	};
	char in[300];
	struct sealed s;
	int n;

	(void)state;
	for (size_t i = 0; i < COUNT(roots); i++) {
		n = snprintf(in, sizeof in, MINIMUM "%s", roots[i].in);
		assert_in_range(n, 1, sizeof in - 1);
		sign(&s, in, (size_t)n, roots[i].cte);
		assert_signed(&s);
		assert_text(&s.outer, MINIMUM);
		n = snprintf(in, sizeof in, MINIMUM "%s", roots[i].out);
		assert_in_range(n, 1, sizeof in - 1);
		assert_text(&s.inner, in);
		sealed_free(&s);
	}
	sign(&s, S("From: a@b\nSubject: "), NULL);	/* LF, and none */
	assert_signed(&s);
	assert_text(&s.outer, "From: a@b\r\nSubject:\r\n"
	            "Date: Mon, 23 Nov 2026 07:30:00 +0000\r\n"
	            "Message-ID: <1@b>\r\n");
	sealed_free(&s);
}

static void test_sign_refused(void **state)
{
	static const struct { const char *text; size_t n; } bad[] = {
		{ S("") }, { S("From: a@b\r\nFrom: a@b\r\n") },
		{ S(MINIMUM "Date: d\r\n") }, { S(MINIMUM "X : y\r\n") },
		{ S(MINIMUM "Content-Type: a/b; name=\xc3\xa4\r\n") },
		{ S(MINIMUM "Content-Type: a/b; c=\"d\r\n") },
		{ S(MINIMUM "Content-Disposition: inline; "
		    "filename=\"\xc3\xa4\"\r\n") },
	};
	char in[3000];
	struct sealed s;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		sign(&s, bad[i].text, bad[i].n, "base64");
		assert_int_equal(s.rc, -1);
		assert_int_equal(gpg_err_code(s.e.code), GPG_ERR_INV_VALUE);
		assert_null(strstr(s.e.text, "\xc3"));
		sealed_free(&s);
	}
	sign(&s, S(MINIMUM "To: \xc3\xa4@b\r\n"), "base64");
	assert_int_equal(s.rc, -1);
	assert_int_equal(gpg_err_code(s.e.code), GPG_ERR_NOT_SUPPORTED);
	sealed_free(&s);
	for (int len = 900; len < 1100; len++) {
		int n = snprintf(in, sizeof in, MINIMUM "Content-ID: %0*d\r\n",
		                 len, 0);

		assert_in_range(n, 1, sizeof in - 1);
		sign(&s, in, (size_t)n, NULL);
		assert_int_equal(s.rc, 12 + len > 998 ? -1 : 0);
		if (!s.rc)
			assert_signed(&s);
		n = snprintf(in, sizeof in, MINIMUM "X-Long: %0*d %0*d\r\n",
		             len, 0, len, 0);
		assert_in_range(n, 1, sizeof in - 1);
		sealed_free(&s);
		sign(&s, in, (size_t)n, NULL);
		assert_signed(&s);
		sealed_free(&s);
	}
}

static const struct { const char *in; int code; const char *out; } codes[] = {
	{ "Subject: [clear 4711] Hello\r\n", 4711, "Subject: Hello\r\n" },
	{ "subject:[Clear 0001]Hello\r\n", 1, "subject:Hello\r\n" },
	{ "Subject:\r\n  [clear 4711] \r\n\tHello\r\n", 4711,
	  "Subject:\r\n  Hello\r\n" },
	{ "Subject: [clear 4711]\r\n", 4711, "Subject: \r\n" },
	{ "Subject: [clear 4711] [clear 4712] x\r\n", 4711,
	  "Subject: [clear 4712] x\r\n" },
	{ "Subject: =?UTF-8?Q?[clear_4711]_H=C3=A4?=\r\n", 4711,
	  "Subject: =?UTF-8?B?SMOk?=\r\n" },
	{ "Subject: =?UTF-8?B?W2NsZWFyIDQ3MTFdIEjDpA==?=\r\n =?UTF-8?Q?=C3=A4?="
	  "\r\n", 4711,
	  "Subject: =?UTF-8?B?SMOk?=\r\n =?UTF-8?Q?=C3=A4?=\r\n" },
	{ "Subject: =?UTF-8?Q?[clear_4711]_?=\r\n =?UTF-8?Q?=C3=A4?=\r\n", 4711,
	  "Subject: =?UTF-8?Q?=C3=A4?=\r\n" },
	{ "Subject: Re: [clear 4711] x\r\n", -1, NULL },
	{ "Subject: [clear 471] x\r\n", -1, NULL },
	{ "Subject: [clear 47111] x\r\n", -1, NULL },
	{ "Subject: [clear 1]34] x\r\n", -1, NULL },
	{ "Subject: [clear 47a1] x\r\n", -1, NULL },
	{ "Subject: [clear  471] x\r\n", -1, NULL },
	{ "Subject: [clear 4711\r\n", -1, NULL },
	{ "Subject: x =?UTF-8?Q?[clear_4711]?=\r\n", -1, NULL },
	{ "Subject: =?UTF-8?Q?[clear_4711]\r\n", -1, NULL },
	{ "Subject: \r\n", -1, NULL },
	{ "X: [clear 4711]\r\n", -1, NULL },
};

static void test_code(void **state)
{
	char in[200], want[200];
	struct membuf out;
	struct block b;
	struct err e;
	int n;

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		for (n = (int)strlen(codes[i].in); n >= 0; n--) {
			block_cut(&b, codes[i].in, (size_t)n);
			if (protect_code(&b.h) != codes[i].code)
				assert_int_equal(protect_code(&b.h), -1);
			if (codes[i].in[n] == '\0')
				assert_int_equal(protect_code(&b.h),
				                 codes[i].code);
			block_free(&b);
		}
		n = snprintf(in, sizeof in, MINIMUM "%s\r\n", codes[i].in);
		assert_in_range(n, 1, sizeof in - 1);
		snprintf(want, sizeof want, MINIMUM "%s\r\n",
		         codes[i].out ? codes[i].out : codes[i].in);
		block_cut(&b, in, (size_t)n);
		membuf_init(&out, OUT_MAX);
		assert_int_equal(protect_clear(&b.h, &ADD, &out, &e), 0);
		assert_text(&out, want);
		membuf_free(&out);
		block_free(&b);
	}
	block_cut(&b, S("Subject: [clear 4711]\r\nSubject: [clear 4711]\r\n"));
	assert_int_equal(protect_code(&b.h), -1);
	block_free(&b);
}

static void test_clear(void **state)
{
	struct membuf out;
	struct block b;
	struct err e;

	(void)state;
	membuf_init(&out, OUT_MAX);
	block_cut(&b, S("Received: x\r\nTo:  \xc3\xa4@b \r\n\t\r\nBcc: x@y,\r\n"
	                " z@y\r\nX-LETTERLOCK: sign=no\r\nLetterlock-X: y\r\n"
	                "autocrypt: addr=a@b\r\nAutocrypt-Gossip: addr=c@d;\r\n"
	                " keydata=x\r\nresent-bcc: x@y\r\n"
	                "From: a@b\r\nContent-Type: text/plain;\r\n\r\n"));
	assert_int_equal(protect_clear(&b.h, &ADD, &out, &e), 0);
	assert_text(&out, "Received: x\r\nTo:  \xc3\xa4@b \r\n\t\r\nFrom: a@b\r\n"
	            "Content-Type: text/plain;\r\n"
	            "Date: Mon, 23 Nov 2026 07:30:00 +0000\r\n"
	            "Message-ID: <1@b>\r\n\r\n");
	membuf_free(&out);
	block_free(&b);
}

static void test_lookalike(void **state)
{
	static const struct { const char *raw; size_t n; bool yes; } fields[] = {
		{ S("Letterlock-Status: v=1\r\n"), true },
		{ S("LETTERLOCK-Anything: v=1\r\n"), true },
		{ S("X-Letterlock: encrypt=no\r\n"), true },
		{ S("Letterlock-Status : v=1\r\n"), true },
		{ S("Letterlock-Status\0: v=1\r\n"), true },
		{ S("Letterlock-Status\r\n : v=1\r\n"), true },
		{ S("Letterlock-\r\n Status: v=1\r\n"), true },
		{ S("Letterlock-Status:\r\n v=1\r\n"), true },
		{ S(" Letterlock-Status: v=1\r\n"), true },
		{ S("\0Letterlock-Status: v=1\r\n"), true },
		{ S("Letter\0lock-Status: v=1\r\n"), true },
		{ S("\rLetterlock-Status: v=1\r\n"), true },
		{ S("Subject: x\rLetterlock-Status: v=1\r\n"), true },
		{ S("Subject: x\r X-Letterlock: v=1\r\n"), true },
		{ S("Subject: x\r\rX-Letterlock: v=1\r\n"), true },
		{ S("Subject: x\n Letterlock-Status: v=1\r\n"), true },
		{ S("Subject: x\r\r\n Letterlock-Status: v=1\r\n"), true },
		{ S("letterlock-"), true },
		{ S("Letterlock-Status"), true },
		{ S("Subject: Letterlock-Status: v=1\r\n"), false },
		{ S("Subject: x\r\n Letterlock-Status: v=1\r\n"), false },
		{ S("Subject: x\ry\r\n"), false },
		{ S("Letterlocking: x\r\n"), false },
		{ S("Letterloc-k: x\r\n"), false },
		{ S("letterlock"), false },
		{ S("Y-Letterlock-Status: x\r\n"), false },
		{ S(""), false }, { S("\r"), false }, { S("\r\n"), false },
	};
	struct field f;
	char *p;

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		p = malloc(fields[i].n + !fields[i].n);
		memcpy(p, fields[i].raw, fields[i].n);
		f = (struct field){ .raw = p, .raw_len = fields[i].n };
		if (protect_lookalike(&f) != fields[i].yes)
			fail_msg("%zu: %s", i, fields[i].raw);
		free(p);
	}
}

static void check_restore(const char *outer, const char *inner,
                          bool inner_from, const char *want)
{
	struct membuf m;
	struct block out, in;
	struct err e;

	block_cut(&out, outer, strlen(outer));
	block_cut(&in, inner, strlen(inner));
	membuf_init(&m, OUT_MAX);
	assert_int_equal(protect_restore(&out.h, &in.h, inner_from, &m, &e), 0);
	assert_text(&m, want);
	membuf_free(&m);
	block_free(&out);
	block_free(&in);
}

#define OUTER "Return-Path: <a@b>\r\nX-Unknown: o\r\nReceived: o\r\n" \
	"From: o@o\r\nLetterlock-Status: v=1\r\nTo: o\r\nHP-Outer: o: o\r\n" \
	"List-Id: o\r\nList-Post: o\r\nSubject: [...]\r\nDate: o\r\n" \
	"MIME-Version: 1.0\r\nX-Letterlock : o\r\nCc: o\r\n" \
	"Content-Type: multipart/encrypted; boundary=o\r\n" \
	"Content-Description: o\r\nAuthentication-Results: o\r\nodd\r\n"
#define INNER "MIME-Version: 1.0\r\nReceived: i\r\n" \
	"Authentication-Results: i\r\nFrom: i@i\r\nTo: i\r\nX-Own: i\r\n" \
	"List-Id: i\r\nSubject: i\r\n j\r\nDate: i\r\nX-Cr: a\rb\r\n" \
	"letterlock-status: v=1\r\nX-Sly: a\r\rLetterlock-Status: v=1\r\n" \
	"HP-Outer: Subject: [...]\r\nno colon\r\n"
#define ROOT "text/plain; a=b; hp-legacy-display=\"1\""

static void test_restore(void **state)
{
	(void)state;
	check_restore(OUTER, INNER "Content-Type: " ROOT "; hp=\"cipher\"\r\n"
	              "Content-Disposition: inline\r\n", true,
	              "Return-Path: <a@b>\r\nReceived: o\r\nList-Post: o\r\n"
	              "Authentication-Results: o\r\n"
	              "From: i@i\r\nTo: i\r\nX-Own: i\r\nList-Id: i\r\n"
	              "Subject: i\r\n j\r\nDate: i\r\nMIME-Version: 1.0\r\n"
	              "Content-Type: " ROOT "; hp=\"cipher\"\r\n"
	              "Content-Disposition: inline\r\n\r\n");
	check_restore(OUTER, INNER "Content-Type: a/b; hp=clear\r\n", false,
	              "Return-Path: <a@b>\r\nReceived: o\r\nFrom: o@o\r\n"
	              "List-Post: o\r\nAuthentication-Results: o\r\n"
	              "To: i\r\nX-Own: i\r\nList-Id: i\r\n"
	              "Subject: i\r\n j\r\nDate: i\r\nMIME-Version: 1.0\r\n"
	              "Content-Type: a/b; hp=clear\r\n\r\n");
	check_restore(OUTER, INNER "Content-Type: " ROOT
	              "; protected-headers=\"V1\"\r\n", true,
	              "Return-Path: <a@b>\r\nX-Unknown: o\r\nReceived: o\r\n"
	              "From: o@o\r\nTo: o\r\nList-Id: o\r\nList-Post: o\r\n"
	              "Cc: o\r\nAuthentication-Results: o\r\n"
	              "Subject: i\r\n j\r\nDate: i\r\nMIME-Version: 1.0\r\n"
	              "Content-Type: " ROOT "; protected-headers=\"V1\"\r\n"
	              "\r\n");
	check_restore(OUTER, INNER "Content-Type: " ROOT "\r\n", true,
	              "Return-Path: <a@b>\r\nX-Unknown: o\r\nReceived: o\r\n"
	              "From: o@o\r\nTo: o\r\nList-Id: o\r\nList-Post: o\r\n"
	              "Subject: [...]\r\nDate: o\r\n"
	              "Cc: o\r\nAuthentication-Results: o\r\n"
	              "MIME-Version: 1.0\r\nContent-Type: " ROOT "\r\n\r\n");
	check_restore("From: o@o\n", "", true,
	              "From: o@o\r\nMIME-Version: 1.0\r\n\r\n");
}

static void test_restore_from(void **state)
{
	static const char *const inner[] = {
		"", "From: i@i\r\nFrom: j@j\r\n", "From: i@i\r\nFrom : j@j\r\n",
		"From: i\ri@i\r\n", "From: =?a?Q?=0D?= <i@i>\r\n",
	};
	char in[200];

	(void)state;
	for (size_t i = 0; i < COUNT(inner); i++) {
		snprintf(in, sizeof in, "%sContent-Type: a/b; hp=cipher\r\n",
		         inner[i]);
		check_restore("From: o@o\r\nTo: o\r\n", in, true,
		              "From: o@o\r\nMIME-Version: 1.0\r\n"
		              "Content-Type: a/b; hp=cipher\r\n\r\n");
	}
}

static void test_restore_words(void **state)
{
	static const char *const bad[] = {
		"=?utf-8?Q?a=0D=0ABcc:_x?=", "=?utf-8?q?a=0a?=", "=?x?Q?=00?=",
		"=?utf-8?B?YQ0KYg==?=", "=?utf-8?b?Y\r\n Q0KYg==?=",
		"a =?utf-8?B?AA==?= b", "=?utf-8?Q?a?= =?utf-8?Q?=0D?=",
		"=?utf-8?Q?a?==?utf-8?Q?=0D?=", "=?=?utf-8?Q?=0D?=",
		"=?utf-8?B?YWE=DQo=?=", "=?utf-8?Q?a b=0A?=",
		"=?utf-8*en?Q?=0A?=", "=?utf-8?X?=?utf-8?Q?=0A?=",
	};
	static const char *const good[] = {
		"=?utf-8?Q?a=0?=", "=?utf-8?Q?=C3=A4=0G?=", "=?utf-8?Q?=0D",
		"=0D=0A", "=?utf-8?B?w6Q=?=", "=?utf-8?X?=0D?=", "=??Q?=0D?=",
		"=?utf-8?Q?" "?=", "=?utf-8?B?==?=",
	};
	char in[300], want[300];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(in, sizeof in, "Subject: %s\r\nX-Own: %s\r\n"
		         "Content-Type: a/b; hp=cipher\r\n", bad[i], bad[i]);
		check_restore("Subject: o\r\n", in, true,
		              "Subject: o\r\nMIME-Version: 1.0\r\n"
		              "Content-Type: a/b; hp=cipher\r\n\r\n");
		snprintf(in, sizeof in, "Subject: %s\r\n"
		         "Content-Type: a/b; protected-headers=v1\r\n", bad[i]);
		check_restore("Subject: o\r\n", in, true,
		              "Subject: o\r\nMIME-Version: 1.0\r\n"
		              "Content-Type: a/b; protected-headers=v1\r\n\r\n");
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(in, sizeof in, "Subject: %s\r\n"
		         "Content-Type: a/b; hp=cipher\r\n", good[i]);
		snprintf(want, sizeof want, "Subject: %s\r\nMIME-Version: 1.0"
		         "\r\nContent-Type: a/b; hp=cipher\r\n\r\n", good[i]);
		check_restore("Subject: o\r\n", in, true, want);
	}
}

static void test_present(void **state)
{
	static const struct { const char *type; bool yes; } types[] = {
		{ "Content-Type: a/b; hp=cipher\r\n", true },
		{ "Content-Type: a/b; hp=\"clear\"\r\n", true },
		{ "Content-Type: a/b; protected-headers=v1\r\n", true },
		{ "Content-Type: a/b; hp=no; protected-headers=v1\r\n", true },
		{ "", false }, { "Content-Type: a/b\r\n", false },
		{ "Content-Type: a/b; hp=\r\n", false },
		{ "Content-Type: a/b; hp=x\r\n", false },
		{ "Content-Type: a/b; hp=cipher; hp=clear\r\n", false },
		{ "Content-Type : a/b; hp=cipher\r\n", false },
		{ "Content-Type: a/b; protected-headers=v2\r\n", false },
		{ "Content-Type: a/b; a=\"; hp=cipher\"\r\n", false },
		{ "Content-Type: a/b; hp=cipher\r\nContent-Type: a/b\r\n", false },
	};
	struct block b;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		block_cut(&b, types[i].type, strlen(types[i].type));
		if (protect_present(&b.h) != types[i].yes)
			fail_msg("%s", types[i].type);
		block_free(&b);
	}
}

static void test_from_differs(void **state)
{
	static const struct { const char *inner, *type; bool yes; } cases[] = {
		{ "From: B <A@b>\r\n", "hp=cipher", false },
		{ "From: a@c\r\n", "hp=cipher", true },
		{ "From: a@b, a@c\r\n", "hp=cipher", true },
		{ "From: a@b\r\nFrom: a@b\r\n", "hp=cipher", true },
		{ "From: g: a@b;\r\n", "hp=cipher", true },
		{ "From: a@b, x\r\n", "hp=cipher", true },
		{ "From:\r\n", "hp=cipher", true },
		{ "", "hp=cipher", false },
		{ "From: a@c\r\n", "protected-headers=v1", false },
		{ "From: a@c\r\n", "x=y", false },
	};
	struct block out, in;
	char text[200];

	(void)state;
	block_cut(&out, S("From: A <a@b>\r\n"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof text, "%sContent-Type: a/b; %s\r\n",
		         cases[i].inner, cases[i].type);
		block_cut(&in, text, strlen(text));
		if (protect_from_differs(&out.h, &in.h) != cases[i].yes)
			fail_msg("%s", text);
		block_free(&in);
	}
	block_free(&out);
}

/* Sealed, carried, opened: the reader sees what the writer wrote. */
static void test_round_trip(void **state)
{
	static const char letter[] =
		"From: J\xc3\xbcrgen <a@b>\r\nTo: \"C, D\" <c@d>\r\n"
		"Subject: Gr\xc3\xbc\xc3\x9f" "e\r\n und mehr\r\nDate: now\r\n"
		"Message-ID: <m>\r\nList-Unsubscribe: <u>\r\nComments: k\r\n"
		"User-Agent: u\r\n";
	static const char shown[] =
		"Received: by us\r\n"
		"From: J\xc3\xbcrgen <a@b>\r\nTo: \"C, D\" <c@d>\r\n"
		"Subject: Gr\xc3\xbc\xc3\x9f" "e\r\n und mehr\r\nDate: now\r\n"
		"Message-ID: <m>\r\nList-Unsubscribe: <u>\r\nComments: k\r\n"
		"User-Agent: u\r\nMIME-Version: 1.0\r\n" NO_TYPE "\r\n";
	char wire[2000];
	struct sealed s;
	struct block in;
	size_t from = 0;
	int n;

	(void)state;
	seal(&s, S(letter));
	assert_sealed(&s);
	assert_int_equal(header_span(s.inner.buf, s.inner.len, &from),
	                 s.inner.len);
	n = snprintf(wire, sizeof wire, "Received: by us\r\n%.*s"
	             "Content-Type: multipart/encrypted\r\n\r\n",
	             (int)s.outer.len, s.outer.buf);
	assert_in_range(n, 1, sizeof wire - 1);
	assert_null(strstr(wire, "mehr"));
	block_cut(&in, s.inner.buf, s.inner.len);
	block_free(&in);
	assert_int_equal(sink_put(&s.inner.sink, "", 1, &s.e), 0);
	check_restore(wire, s.inner.buf, true, shown);
	sealed_free(&s);
}

/* ---- letters that are signed inside or signed only, and armored text ---- */

static void check_signed(const char *outer, const char *inner,
                         const char *content, bool inner_from, const char *want)
{
	struct block out, in, type;
	struct membuf m;
	struct err e;

	block_cut(&out, outer, strlen(outer));
	block_cut(&in, inner, strlen(inner));
	block_cut(&type, content, strlen(content));
	membuf_init(&m, OUT_MAX);
	assert_int_equal(protect_restore_signed(&out.h, &in.h, &type.h,
	                                        inner_from, &m, &e), 0);
	assert_text(&m, want);
	membuf_free(&m);
	block_free(&out);
	block_free(&in);
	block_free(&type);
}

#define SIGNED "multipart/signed; boundary=s; protocol=\"a/b\""
#define KEPT_BY_HP "Return-Path: <a@b>\r\nReceived: o\r\n"
#define SHOWN_BY_HP "List-Post: o\r\nAuthentication-Results: o\r\n"

/* The signed part's header block counts, the multipart's Content-* stay. */
static void test_restore_signed(void **state)
{
	static const char content[] =
		"Subject: c\r\nFrom: c@c\r\nContent-Type: " SIGNED "; hp=cipher"
		"\r\nLetterlock-Status: v=1\r\nContent-Odd : c\r\n"
		"Content-X: a\rX-Letterlock: c\r\nContent-Language: c\r\n"
		"Content-Y: a\n Letterlock-Status: v=1\r\n";
	static const char tail[] =
		"MIME-Version: 1.0\r\nContent-Type: " SIGNED "; hp=cipher\r\n"
		"Content-Language: c\r\n\r\n";
	char want[1000];

	(void)state;
	snprintf(want, sizeof want, KEPT_BY_HP SHOWN_BY_HP "From: i@i\r\n"
	         "To: i\r\nX-Own: i\r\nList-Id: i\r\nSubject: i\r\n j\r\n"
	         "Date: i\r\n%s", tail);
	check_signed(OUTER, INNER "Content-Type: " ROOT "; hp=\"cipher\"\r\n"
	             "Content-Language: i\r\n", content, true, want);
	check_signed(OUTER, INNER "Content-Type: a/b; hp=clear\r\n", content,
	             true, want);
	snprintf(want, sizeof want, KEPT_BY_HP "From: o@o\r\n" SHOWN_BY_HP
	         "To: i\r\nX-Own: i\r\nList-Id: i\r\nSubject: i\r\n j\r\n"
	         "Date: i\r\n%s", tail);
	check_signed(OUTER, INNER "Content-Type: a/b; hp=clear\r\n", content,
	             false, want);
	snprintf(want, sizeof want, "Return-Path: <a@b>\r\nX-Unknown: o\r\n"
	         "Received: o\r\nFrom: o@o\r\nTo: o\r\nList-Id: o\r\n"
	         "List-Post: o\r\nCc: o\r\nAuthentication-Results: o\r\n"
	         "Subject: i\r\n j\r\nDate: i\r\n%s", tail);
	check_signed(OUTER, INNER "Content-Type: a/b; protected-headers=v1\r\n",
	             content, true, want);
	/* not at the root of what is signed: no protection */
	snprintf(want, sizeof want, "Return-Path: <a@b>\r\nX-Unknown: o\r\n"
	         "Received: o\r\nFrom: o@o\r\nTo: o\r\nList-Id: o\r\n"
	         "List-Post: o\r\nSubject: [...]\r\nDate: o\r\nCc: o\r\n"
	         "Authentication-Results: o\r\n%s", tail);
	check_signed(OUTER, INNER "Content-Type: a/b\r\n", content, true, want);
	check_signed(OUTER, "", content, true, want);
}

/* A letter that is signed only: its own Content-* and MIME-Version. */
static void test_restore_signed_only(void **state)
{
	static const char outer[] =
		"Received: o\r\nFrom: o@o\r\nX-Outer: o\r\nSubject: o\r\n"
		"MIME-Version: 1.0 (o)\r\nContent-Type: " SIGNED "\n\t; a=b\n"
		"HP-Outer: Subject: o\r\n";
	static const char tail[] = "MIME-Version: 1.0 (o)\r\nContent-Type: "
		SIGNED "\r\n\t; a=b\r\n\r\n";
	static const char *const types[] = { "hp=clear", "hp=cipher" };
	char in[300], want[600];

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		snprintf(in, sizeof in, "From: o@o\r\nSubject: i\r\nX-Own: i\r\n"
		         "Received: i\r\nHP-Outer: Subject: i\r\n"
		         "MIME-Version: 9\r\nContent-Type: a/b; %s\r\n",
		         types[i]);
		snprintf(want, sizeof want, "Received: o\r\nFrom: o@o\r\n"
		         "Subject: i\r\nX-Own: i\r\n%s", tail);
		check_signed(outer, in, outer, true, want);
	}
	snprintf(want, sizeof want, "Received: o\r\nFrom: o@o\r\n"
	         "X-Outer: o\r\nSubject: o\r\n%s", tail);
	check_signed(outer, "Subject: =?a?Q?x=0Dy?=\r\n"
	             "Content-Type: a/b; protected-headers=v1\r\n", outer, true,
	             want);
	check_signed("MIME-Version: 1\r\nMIME-Version: 2\r\n", "",
	             "MIME-Version: 1\r\nMIME-Version: 2\r\n", true,
	             "MIME-Version: 1.0\r\n\r\n");
	check_signed("", "", "MIME-Version : 1\r\n", true,
	             "MIME-Version: 1.0\r\n\r\n");
}

static void test_restore_inline(void **state)
{
	static const struct { const char *outer, *want; } cases[] = {
		{ "", "MIME-Version: 1.0\r\nContent-Type: text/plain; "
		  "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
		{ "Received: o\nLETTERLOCK-Status: o\r\nFrom: o@o\r\n"
		  "Content-transfer-encoding: base64\r\nSubject: o\r\n p\r\n"
		  "X-Letterlock : o\r\nMIME-Version: 1.0 (o)\r\nX-Own: o\r\n"
		  "content-type: text/plain; hp=cipher;\r\n format=flowed\r\n"
		  "Content-Length: 9\r\nContent-MD5: o\r\nHP-Outer: a: b\r\n"
		  "no colon\r\nContent-Language: o\r\n",
		  "Received: o\r\nFrom: o@o\r\nSubject: o\r\n p\r\n"
		  "MIME-Version: 1.0 (o)\r\nX-Own: o\r\n"
		  "content-type: text/plain; hp=cipher;\r\n format=flowed\r\n"
		  "Content-Language: o\r\nContent-Transfer-Encoding: 8bit\r\n"
		  "\r\n" },
		{ "Subject: a\rContent-Transfer-Encoding: base64\r\n"
		  "X: a\r\r X-Letterlock: o\r\nContent-Type : o\r\n"
		  "Content-Transfer-Encoding : base64\r\nMIME-Version: 1.0\r\n",
		  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8"
		  "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
	};
	struct membuf m;
	struct block b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		membuf_init(&m, OUT_MAX);
		block_cut(&b, cases[i].outer, strlen(cases[i].outer));
		assert_int_equal(protect_restore_inline(&b.h, &m, &e), 0);
		assert_text(&m, cases[i].want);
		membuf_free(&m);
		block_free(&b);
	}
}

#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_linear(void **state)
{
	static const char *const patterns[] = {
		"=?", "=?a?Q?", "=?a?Q?x", "=?a?Q?=", "?=", "\r",
		"\n ", "\r\n ", "l\r", "\"",
		"(", "\\\"", "<", ",", ";", "\xc3", "a:", "[", " ", "=?a?Q?=?=",
		"\r\nX:" X60 X60 X60 X60, "\r\nList-X:" X60 X60 X60 X60,
	};
	static const char *const starts[] = {
		"From: a@b\r\nSubject: ", "Content-Type: a/b; hp=cipher\r\nTo: ",
		"From: a@b\r\nTo: \xc3", "From: a@b\r\nContent-Type: a/b;"
	};
	clock_t start = clock();
	char *p = malloc(BIG);
	struct sealed s;
	struct membuf m;
	struct block b;
	struct err e;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < COUNT(patterns) * COUNT(starts); i++) {
		const char *pattern = patterns[i / COUNT(starts)];
		const char *first = starts[i % COUNT(starts)];
		size_t n = strlen(first), len = strlen(pattern);

		memcpy(p, first, n);
		for (size_t k = 0; n < BIG; k++)
			p[n++] = pattern[k % len];
		membuf_init(&m, OUT_MAX);
		block_cut(&b, p, BIG);
		for (size_t k = 0; k < b.h.n; k++)
			protect_lookalike(&b.h.field[k]);
		protect_code(&b.h);
		protect_from_differs(&b.h, &b.h);
		assert_int_equal(protect_restore(&b.h, &b.h, true, &m, &e), 0);
		membuf_free(&m);
		assert_int_equal(protect_restore_inline(&b.h, &m, &e), 0);
		membuf_free(&m);
		protect_clear(&b.h, &ADD, &m, &e);
		membuf_free(&m);
		block_free(&b);
		seal(&s, p, BIG);
		sealed_free(&s);
		sign(&s, p, BIG, "base64");
		sealed_free(&s);
	}
	free(p);
	assert_true(clock() - start < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_seal_little),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_content_type),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sign_root),
		cmocka_unit_test(test_sign_refused),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_lookalike),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_restore_from),
		cmocka_unit_test(test_restore_words),
		cmocka_unit_test(test_present),
		cmocka_unit_test(test_from_differs),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_restore_signed),
		cmocka_unit_test(test_restore_signed_only),
		cmocka_unit_test(test_restore_inline),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
