/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/protect_in.c, refold.c and encword.c. */
#include "tests/unit/protect.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookalike),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_restore_from),
		cmocka_unit_test(test_restore_words),
		cmocka_unit_test(test_present),
		cmocka_unit_test(test_from_differs),
		cmocka_unit_test(test_restore_signed),
		cmocka_unit_test(test_restore_signed_only),
		cmocka_unit_test(test_restore_inline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
