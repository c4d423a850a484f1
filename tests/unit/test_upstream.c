/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a provider answers, cut at every octet: front hears the same, and letters
 * come through octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/upstream.h"
#include "tests/fuzz/play.h"

#define S(s) s, sizeof(s) - 1
#define T "\1"			/* the end of a turn of the provider's */
#define LOST_1 "DONE 4 0 the connection to localhost is closed\n"
#define LOST_5 LOST_1 LOST_1 LOST_1 LOST_1 LOST_1
#define LOST_6 LOST_5 LOST_1
#define LOST_7 LOST_6 LOST_1
#define LOST_8 LOST_7 LOST_1
#define LOST_9 LOST_8 LOST_1
#define LOST_10 LOST_9 LOST_1
#define LOST_11 LOST_10 LOST_1
#define LOST_12 LOST_11 LOST_1

/* "DONE 0 250 words", "ITEM 1 120", "READY": one line for each frame. */
static void frames_print(const struct membuf *heard, struct membuf *m)
{
	char text[1000];
	struct unpack u;
	struct frame f;
	uint32_t head[2], a, b;

	for (size_t at = 0; at < heard->len; at += 8 + head[1]) {
		memcpy(head, heard->buf + at, 8);
		f = (struct frame){ head[0], (const unsigned char *)heard->buf
		                    + at + 8, head[1] };
		unpack_init(&u, &f);
		if (f.type == U_READY) {
			membuf_printf(m, NULL, "READY\n");
			continue;
		}
		a = unpack_u32(&u);
		b = f.type == U_DONE ? unpack_u32(&u) : 0;
		unpack_str(&u, text, sizeof text);
		if (f.type == U_DONE)
			membuf_printf(m, NULL, "DONE %u %u %s\n", a, b, text);
		else
			membuf_printf(m, NULL, "ITEM %u %s\n", a, text);
	}
}

/* The octets of the letters; "|" ends one, "!" tells that one broke off. */
static void letters_print(const struct membuf *letters, struct membuf *m)
{
	uint32_t head[2];

	for (size_t at = 0; at < letters->len; at += 8 + head[1]) {
		memcpy(head, letters->buf + at, 8);
		if (head[0] == P_DATA)
			sink_put(&m->sink, letters->buf + at + 8, head[1],
			         NULL);
		else
			sink_put(&m->sink, head[0] == P_END ? "|" : "!", 1,
			         NULL);
	}
}

/* One session as text. */
static void session(bool pop3, const struct script *s, struct membuf *m)
{
	struct membuf heard, letters;

	membuf_init(m, 1 << 20);
	if (pop3) {
		play_upstream_pop3(s, false, &heard, &letters);
		frames_print(&heard, m);
		letters_print(&letters, m);
		membuf_free(&letters);
	} else {
		play_upstream_smtp(s, false, &heard);
		frames_print(&heard, m);
	}
	membuf_free(&heard);
}

static void check(bool pop3, const char *in, size_t n, const char *want)
{
	struct script s = { .p = in, .n = n };
	struct membuf m;

	for (s.split = 0; s.split < n; s.split++) {
		session(pop3, &s, &m);
		if (m.len != strlen(want) || memcmp(m.buf, want, m.len) != 0)
			fail_msg("cut at %zu:\n%.*s\nnot:\n%s", s.split,
			         (int)m.len, m.buf, want);
		membuf_free(&m);
	}
	s.split = 0;
	for (s.how = 1; s.how < 8; s.how++) {
		session(pop3, &s, &m);
		if (m.len != strlen(want) || memcmp(m.buf, want, m.len) != 0)
			fail_msg("in pieces of %u:\n%.*s\nnot:\n%s",
			         (unsigned)s.how, (int)m.len, m.buf, want);
		membuf_free(&m);
	}
}

#define EHLO \
	"220-mail\r\n220 ESMTP\n" T \
	"250-mail\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n" T

static void test_smtp(void **state)
{
	(void)state;
	check(false, S(EHLO "235 2.7.0 fine\r\n" T "250 2.1.0 a\r\n" T
	               "250-2.1.5 b\r\n250 2.1.5 c\r\n" T "354\r\n" T
	               "250 2.0.0 queued\r\n" T "250 x\r\n" T "250\r\n" T
	               "250 \xc3\xa4\ty\r\n" T "221 bye\r\n"),
	      "DONE 0 235 2.7.0 fine\n"
	      "DONE 0 250 2.1.0 a\n"
	      "DONE 0 250 2.1.5 b c\n"
	      "DONE 0 354 \n"
	      "READY\n"
	      "DONE 0 250 2.0.0 queued\n"
	      "DONE 0 250 x\n"
	      "DONE 0 250 \n"
	      "DONE 0 250 ?? y\n"
	      "DONE 0 221 bye\n");
}

static void test_smtp_refused(void **state)
{
	(void)state;
	check(false, S(EHLO "235 ok\r\n" T "550 5.7.1 no\r\n" T
	               "450 4.2.0 later\r\n" T "554-5.5.1 no\r\n554 5.5.1 x\r\n"
	               T "250 x\r\n" T "250 x\r\n" T "250 x\r\n" T
	               "421 bye\r\n" T "221 x\r\n"),
	      "DONE 0 235 ok\n"
	      "DONE 1 550 5.7.1 no\n"
	      "DONE 1 450 4.2.0 later\n"
	      "DONE 1 554 5.5.1 no x\n"
	      "DONE 0 250 x\n"
	      "DONE 0 250 x\n"
	      "DONE 0 250 x\n"
	      "DONE 4 0 localhost says: 421 bye\n");
	check(false, S(EHLO "535 5.7.8 no\r\n" T "500 x\r\n"),
	      "DONE 2 535 5.7.8 no\n"
	      "DONE 1 500 x\n"
	      "DONE 4 0 localhost closed the connection\n"
	      LOST_5);
}

static void test_smtp_odd(void **state)
{
	(void)state;
	check(false, S("220 x\r\n" T "250-a\r\n251 b\r\n"),
	      "DONE 3 1 localhost sent no SMTP reply\n"
	      LOST_7);
	check(false, S("220x\r\n"),
	      "DONE 3 1 localhost sent no SMTP reply\n"
	      LOST_7);
	check(false, S("22"),
	      "DONE 3 1 localhost closed the connection\n"
	      LOST_7);
	check(false, S(EHLO "235 ok\r\n" T "650 x\r\n"),
	      "DONE 0 235 ok\n"
	      "DONE 4 0 localhost sent no SMTP reply\n"
	      LOST_6);
}

#define POP3 "+OK ready\r\n" T "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n" T "+OK in\r\n" T

static void test_pop3(void **state)
{
	(void)state;
	check(true, S(POP3 "+OK 2 320\r\n" T "+OK\r\n1 120\r\n2 200 x\r\n.\r\n" T
	              "+OK\n1 abc\n2 def\n.\n" T
	              "+OK 120\r\nA: x\r\n\r\n..dot\r\n...\r\nb\n.\n\r\n.\r\n" T
	              "+OK\r\nA: x\r\n\r\n.\r\n" T "+OK deleted\r\n" T
	              "+OK\r\n" T "+OK\r\n" T "-ERR no\r\n" T "-ERR gone\r\n" T
	              "+OK\r\n.\r\n" T "+OK bye\r\n"),
	      "DONE 0 0 in\n"
	      "DONE 0 0 2 320\n"
	      "ITEM 1 120\n"
	      "ITEM 2 200\n"
	      "DONE 0 0 \n"
	      "ITEM 1 abc\n"
	      "ITEM 2 def\n"
	      "DONE 0 0 \n"
	      "DONE 0 0 120\n"
	      "DONE 0 0 \n"
	      "DONE 0 0 deleted\n"
	      "DONE 0 0 \n"
	      "DONE 0 0 \n"
	      "DONE 1 0 no\n"
	      "DONE 1 0 gone\n"
	      "DONE 0 0 \n"
	      "DONE 0 0 bye\n"
	      "A: x\r\n\r\n.dot\r\n..\r\nb\n.\n\r\n|A: x\r\n\r\n||");
}

static void test_pop3_refused(void **state)
{
	(void)state;
	check(true, S("+OK\r\n" T "-ERR what\r\n" T "+OK\r\n" T "+OK\r\n" T
	              "-ERR\r\n" T "+OK\r\n.\r\n" T "-err x\r\n" T
	              "-ERR [SYS/TEMP] y\r\n" T "-ERR\r\n" T "-ERR\r\n" T
	              "-ERR\r\n" T "-ERR\r\n" T "-ERR\r\n" T "-ERR\r\n" T
	              "-ERR\r\n" T "-ERR not all\r\n"),
	      "DONE 0 0 \nDONE 1 0 \nDONE 0 0 \nDONE 1 0 x\n"
	      "DONE 1 0 [SYS/TEMP] y\nDONE 1 0 \nDONE 1 0 \nDONE 1 0 \n"
	      "DONE 1 0 \nDONE 1 0 \nDONE 1 0 \nDONE 1 0 \nDONE 1 0 not all\n");
	check(true, S(POP3 "+OK 2 x\r\n"),
	      "DONE 0 0 in\n"
	      "DONE 4 0 localhost sent a state of the mailbox that cannot be "
	      "read\n" LOST_11);
}

static void test_pop3_odd(void **state)
{
	(void)state;
	check(true, S("+OKAY\r\n"),
	      "DONE 3 1 localhost sent an answer that cannot be read\n"
	      LOST_12);
	check(true, S(POP3 "+OK 1 1\r\n" T "+OK\r\n1 120\r\n0 1\r\n.\r\n"),
	      "DONE 0 0 in\nDONE 0 0 1 1\nITEM 1 120\n"
	      "DONE 4 0 localhost sent a list that cannot be read\n" LOST_10);
	check(true, S(POP3 "+OK 1 1\r\n" T "+OK\r\n.\r\n" T "+OK\r\n1 a\0b\r\n"),
	      "DONE 0 0 in\nDONE 0 0 1 1\nDONE 0 0 \n"
	      "DONE 4 0 localhost sent a list that cannot be read\n" LOST_9);
}

/* Nothing of it may be taken for whole, and the process ends. */
static void test_pop3_broken_letter(void **state)
{
	(void)state;
	check(true, S(POP3 "+OK 1 1\r\n" T "+OK\r\n.\r\n" T "+OK\r\n.\r\n" T
	              "+OK\r\nbroken\r\n."),
	      "DONE 0 0 in\nDONE 0 0 1 1\nDONE 0 0 \nDONE 0 0 \nDONE 0 0 \n"
	      "!");
}

/* What is said until a no, and what front hears, with a token of n octets. */
static void oauth(bool pop3, size_t n, const char *in, size_t in_len,
                  const char *sent, const char *heard)
{
	static char token[CREDENTIAL_MAX + 1];
	struct membuf out, m;
	struct script s = { .p = in, .n = in_len, .token = token,
	                    .sent = &out };

	memset(token, 'T', n);
	token[n] = '\0';
	session(pop3, &s, &m);
	assert_true(m.len >= strlen(heard));
	assert_memory_equal(m.buf, heard, strlen(heard));
	assert_true(out.len >= strlen(sent));
	assert_memory_equal(out.buf, sent, strlen(sent));
	membuf_free(&m);
	membuf_free(&out);
}

#define EHLO_OAUTH(list) \
	"220 x\r\n" T "250-mail\r\n250 AUTH PLAIN " list "\r\n" T
#define HELLO "EHLO [127.0.0.1]\r\n"
/* base64 of {"status":"invalid_token"} */
#define INVALID "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="

static void test_oauth(void **state)
{
	static char sent[16000];
	const size_t n = CREDENTIAL_MAX;
	char *p = sent;

	(void)state;
	oauth(false, 3, S(EHLO_OAUTH("XOAUTH2") "235 ok\r\n"),
	      HELLO "AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIFRUVAEB\r\nMAIL",
	      "DONE 0 235 ok\n");
	oauth(false, 3, S(EHLO_OAUTH("XOAUTH2 OAUTHBEARER") "334 " INVALID
	                  "\r\n" T "535 5.7.8 no\r\n"),
	      HELLO "AUTH OAUTHBEARER bixhPWEsAWhvc3Q9bG9jYWxob3N0AXBvcnQ9MjU"
	      "BYXV0aD1CZWFyZXIgVFRUAQE=\r\nAQ==\r\n",
	      "DONE 2 535 5.7.8 no (invalid_token)\n");
	oauth(false, 3, S(EHLO_OAUTH("XOAUTH2") "334 " INVALID "\r\n" T
	                  "535 5.7.8 no\r\n"),
	      HELLO "AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIFRUVAEB\r\n\r\n",
	      "DONE 2 535 5.7.8 no (invalid_token)\n");
	/* a no that becomes a yes is neither */
	oauth(false, 3, S(EHLO_OAUTH("XOAUTH2") "334 " INVALID "\r\n" T
	                  "235 fine\r\n"), HELLO,
	      "DONE 3 1 localhost broke off the login\n");
	/* the token is for no other login */
	oauth(false, 3, S(EHLO_OAUTH("LOGIN SCRAM-SHA-256") "235 ok\r\n"),
	      HELLO, "DONE 3 1 localhost offers no way to log in with a token "
	      "(OAuth) that Letterlock knows\n");
	oauth(true, 3, S("+OK\r\n" T "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n" T
	                 "+OK\r\n" T "+OK\r\n"),
	      "CAPA\r\n", "DONE 3 1 localhost offers no way to log in with a "
	      "token (OAuth) that Letterlock knows\n");
	oauth(true, 3, S("+OK\r\n" T "+OK\r\nUSER\r\nSASL XOAUTH2\r\n.\r\n"
	                 T "+ " INVALID "\r\n" T "-ERR no\r\n"),
	      "CAPA\r\nAUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIFRUVAEB\r\n"
	      "\r\n", "DONE 2 0 no (invalid_token)\n");
	/* 8 KB: whole, and on a line of its own */
	p += snprintf(p, 200, HELLO "AUTH XOAUTH2\r\n"
	              "dXNlcj1hAWF1dGg9QmVhcmVyIFRU");
	for (size_t i = 0; i < (n - 2) / 3; i++, p += 4)
		memcpy(p, "VFRU", 4);
	snprintf(p, 200, "VFQBAQ==\r\nMAIL");
	oauth(false, n, S(EHLO_OAUTH("XOAUTH2") "334 \r\n" T "235 ok\r\n"),
	      sent, "DONE 0 235 ok\n");
}

#define EHLO_SCRAM(list) "220 x\r\n" T "250-m\r\n250 AUTH " list "\r\n" T
#define UNPROVEN "localhost did not prove that it knows the password\n"

/* Front must know that this provider gets nothing weaker. */
static void test_no_proof(void **state)
{
	(void)state;
	check(false, S(EHLO_SCRAM("PLAIN SCRAM-SHA-256") "235 fine\r\n"),
	      "DONE 3 2 " UNPROVEN LOST_7);
	check(false, S(EHLO_SCRAM("PLAIN SCRAM-SHA-1") "334 bm8=\r\n"),
	      "DONE 3 2 localhost: the login's challenge is out of bounds\n"
	      LOST_7);
	check(false, S(EHLO_SCRAM("PLAIN SCRAM-SHA-1") "504 x\r\n"),
	      "DONE 3 2 localhost says: 504 x\n" LOST_7);
	check(true, S("+OK\r\n" T "+OK\r\nUSER\r\nSASL SCRAM-SHA-1\r\n.\r\n"
	              T "+OK\r\n"), "DONE 3 2 " UNPROVEN LOST_12);
	/* it was not asked, or has gone */
	check(false, S(EHLO_SCRAM("PLAIN") "504 x\r\n"),
	      "DONE 3 1 localhost says: 504 x\n" LOST_7);
	check(false, S(EHLO_SCRAM("SCRAM-SHA-256") "334 "),
	      "DONE 3 1 localhost closed the connection\n" LOST_7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp),
		cmocka_unit_test(test_smtp_refused),
		cmocka_unit_test(test_smtp_odd),
		cmocka_unit_test(test_pop3),
		cmocka_unit_test(test_pop3_refused),
		cmocka_unit_test(test_pop3_odd),
		cmocka_unit_test(test_pop3_broken_letter),
		cmocka_unit_test(test_oauth),
		cmocka_unit_test(test_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
