/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what goes out signed only, or readable: crypto/protect_out.c and
 * protect_code.c. */
#include "tests/unit/protect.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sign_root),
		cmocka_unit_test(test_sign_refused),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
