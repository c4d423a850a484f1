/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/protect_out.c, and of what is brought back as it was. */
#include "tests/unit/protect.h"

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
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
