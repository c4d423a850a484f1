/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mail programs say to front, cut at every octet: the answers, and what the
 * others hear, stay the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/front_login.h"
#include "tests/fuzz/play.h"

enum { RIGHT = 7, WRONG = 0, TOKEN = 8 };	/* how a login goes, see play.h */

typedef void play_fn(const struct script *client, uint8_t login,
                     struct membuf heard[HANDS]);

static void heard_free(struct membuf heard[HANDS])
{
	for (int i = 0; i < HANDS; i++)
		membuf_free(&heard[i]);
}

static void assert_same(const struct membuf whole[HANDS],
                        const struct membuf cut[HANDS], size_t split)
{
	for (int i = 0; i < HANDS; i++)
		if (play_same((enum hand)i) && !same(&whole[i], &cut[i]))
			fail_msg("cut at %zu, hand %d heard:\n%.*s\nnot:\n%.*s",
			         split, i, (int)cut[i].len, cut[i].buf,
			         (int)whole[i].len, whole[i].buf);
}

static void check(play_fn *play, uint8_t login, const char *in, size_t n,
                  const char *want)
{
	struct script s = { .p = in, .n = n };
	struct membuf whole[HANDS], cut[HANDS];

	play(&s, login, whole);
	if (whole[HAND_CLIENT].len != strlen(want)
	    || memcmp(whole[HAND_CLIENT].buf, want, strlen(want)) != 0)
		fail_msg("said:\n%.*s\nnot:\n%s", (int)whole[HAND_CLIENT].len,
		         whole[HAND_CLIENT].buf, want);
	for (s.split = 1; s.split < n; s.split++) {
		play(&s, login, cut);
		assert_same(whole, cut, s.split);
		heard_free(cut);
	}
	s.split = 0;
	for (s.how = 1; s.how < 8; s.how++) {
		play(&s, login, cut);
		assert_same(whole, cut, 0);
		heard_free(cut);
	}
	heard_free(whole);
}

#define S(s) s, sizeof(s) - 1
#define TEN(s) s s s s s s s s s s
#define EHLO_WANT \
	"250-Letterlock\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n" \
	"250-SMTPUTF8\r\n250-PIPELINING\r\n" \
	"250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n" \
	"250 ENHANCEDSTATUSCODES\r\n"
#define LOGIN "EHLO x\r\nAUTH PLAIN AGEAc2VjcmV0\r\n"
#define LOGIN_WANT "220 Letterlock ESMTP\r\n" EHLO_WANT "235 2.7.0 Welcome\r\n"

#define LETTER_WANT \
	"250 2.1.0 Sender taken\r\n250 2.1.5 Recipient taken\r\n" \
	"354 Send the letter\r\n" \
	"250 2.0.0 localhost says: words of the provider's\r\n"
#define UNKNOWN "500 5.5.1 This command is not known\r\n"
#define NO_NUMBER "-ERR This is no message number\r\n"
#define RETR_WANT \
	"+OK The letter follows\r\nSubject: a letter\r\n\r\n..\r\n...b\r\nc\r\n" \
	".\r\n"

static void test_smtp_letter(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S(LOGIN "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME\r\n"
	        "rcpt to:<bob@c.example>\nDATA\r\nSubject: x\r\n\r\n..\r\n"
	        ".\r\nRSET\r\nQUIT\r\nNOOP\r\n"),
	      LOGIN_WANT LETTER_WANT "250 2.0.0 Forgotten\r\n"
	      "221 2.0.0 Goodbye\r\n");
}

static void test_smtp_smuggling(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S(LOGIN "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@c.example>\r\n"
	        "DATA\r\na\n.\nb\r\n.\nc\r.\r\nd\n.\r\nMAIL FROM:<e@f>\r\n"
	        ".\r\nQUIT\r\n"),
	      LOGIN_WANT LETTER_WANT "221 2.0.0 Goodbye\r\n");
}

static void test_smtp_login(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S("EHLO x\nAUTH LOGIN\r\nYQ==\r\nc2VjcmV0\r\nAUTH PLAIN\r\nQUIT\r\n"),
	      "220 Letterlock ESMTP\r\n" EHLO_WANT "334 VXNlcm5hbWU6\r\n"
	      "334 UGFzc3dvcmQ6\r\n235 2.7.0 Welcome\r\n"
	      "503 5.5.1 You are logged in\r\n221 2.0.0 Goodbye\r\n");
	check(play_smtp, WRONG,
	      S("EHLO x\r\nAUTH PLAIN\r\nAGEAc2VjcmV0\r\nAUTH LOGIN\r\n*\r\n"),
	      "220 Letterlock ESMTP\r\n" EHLO_WANT "334 \r\n"
	      "535 5.7.8 localhost says: 2.0.0 words of the provider's\r\n"
	      "334 VXNlcm5hbWU6\r\n501 5.7.0 Authentication ended\r\n"
	      "221 2.0.0 Goodbye\r\n");
}

/* The login that upstream hears of first. */
static void check_login(play_fn *play, const char *in, size_t n, uint32_t index,
                        enum login_with with, const char *user,
                        const char *secret)
{
	struct script s = { .p = in, .n = n };
	struct membuf heard[HANDS];
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, U_LOGIN);
	pack_u32(&p, (uint32_t)(16 + strlen(user) + strlen(secret)));
	pack_u32(&p, index);
	pack_u32(&p, with);
	pack_str(&p, user);
	pack_str(&p, secret);
	play(&s, RIGHT | TOKEN, heard);
	assert_true(heard[HAND_UPSTREAM].len >= p.len);
	assert_memory_equal(heard[HAND_UPSTREAM].buf, p.buf, p.len);
	heard_free(heard);
}

#define NO_X "501 5.5.2 This is not what AUTH XOAUTH2 takes\r\n"
#define NO_O "501 5.5.2 This is not what AUTH OAUTHBEARER takes\r\n"
#define REFUSED "535 5.7.8 Letterlock knows no account with this user name\r\n"

static void test_oauth(void **state)
{
	(void)state;
	check(play_smtp, RIGHT, S(
		"EHLO x\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQB\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQBAXg=\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmFzaWMgdAEB\r\n"
		"AUTH XOAUTH2 dXNlcj0BYXV0aD1CZWFyZXIgdAEB\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQgdAEB\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQBYXV0aD1CZWFyZXIgdQEB\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIAEB\r\n"
		"AUTH XOAUTH2 dXNlcj1hAQE=\r\n"
		"AUTH XOAUTH2 dXNlcj1h\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQAAQE=\r\n"
		"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHQKAQE=\r\n"
		"AUTH XOAUTH2 dXNlcj1h!!!!\r\n"
		"AUTH OAUTHBEARER cD14LGE9YSwBYXV0aD1CZWFyZXIgdAEB\r\n"
		"AUTH OAUTHBEARER bixhPWEBYXV0aD1CZWFyZXIgdAEB\r\n"
		"AUTH OAUTHBEARER biwsAWF1dGg9QmVhcmVyIHQBAQ==\r\n"
		"AUTH OAUTHBEARER bixhPT0yRCwBYXV0aD1CZWFyZXIgdAEB\r\n"
		"AUTH OAUTHBEARER bixhPWEseGF1dGg9QmVhcmVyIHQBAQ==\r\n"
		"AUTH OAUTHBEARER bixhPWEsAQ==\r\n"
		"AUTH GSSAPI\r\nAUTH XOAUTH2 =\r\n*\r\nAUTH OAUTHBEARER\r\n"
		"bixhPWEsAWhvc3Q9aAFwb3J0PTEBYXV0aD1iZWFyZXIgdAEB\r\n"),
		"220 Letterlock ESMTP\r\n" EHLO_WANT
		NO_X NO_X NO_X NO_X NO_X NO_X
		NO_X NO_X NO_X NO_X NO_X NO_X
		NO_O NO_O NO_O NO_O NO_O NO_O
		"504 5.5.4 Letterlock understands these after AUTH: PLAIN LOGIN "
		"XOAUTH2 OAUTHBEARER\r\n"
		"334 \r\n501 5.7.0 Authentication ended\r\n"
		"334 \r\n235 2.7.0 Welcome\r\n221 2.0.0 Goodbye\r\n");
	check_login(play_smtp, S("EHLO x\r\nAUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHlhMjkueC1ZX3p+Ky89AQE=\r\n"), 0,
	            LOGIN_OAUTH, "a", "ya29.x-Y_z~+/=");
	check_login(play_pop3, S("AUTH OAUTHBEARER\r\nbixhPWFAYi5leGFtcGxlLAFob3N0PWgBcG9ydD0xAWF1dGg9YmVhcmVyIHRvawEB\r\n"), 0,
	            LOGIN_OAUTH, "a@b.example", "tok");
	check_login(play_smtp, S("EHLO x\r\nAUTH PLAIN AGEAc2VjcmV0\r\n"), 0,
	            LOGIN_PASSWORD, "a", "secret");
}

/* As long as one may be, on the line or asked for; one octet more is none. */
static void test_oauth_long(void **state)
{
	static char token[SECRET_MAX + 1], text[2 * SECRET_MAX];
	static char b64[2 * SECRET_MAX], in[3 * SECRET_MAX];
	struct membuf heard[HANDS];
	int n;

	(void)state;
	for (size_t size = SECRET_MAX - 1; size <= SECRET_MAX; size++)
		for (int i = 0; i < 2; i++) {
			memset(token, 't', size);
			n = snprintf(text, sizeof text,
			             "user=a\1auth=Bearer %s\1\1", token);
			EVP_EncodeBlock((unsigned char *)b64,
			                (const unsigned char *)text, n);
			n = snprintf(in, sizeof in, "AUTH XOAUTH2%s%s\r\n",
			             i ? "\r\n" : " ", b64);
			if (size < SECRET_MAX) {
				check_login(play_pop3, in, (size_t)n, 0,
				            LOGIN_OAUTH, "a", token);
				continue;
			}
			play_pop3(&(struct script){ .p = in, .n = (size_t)n },
			          RIGHT, heard);
			assert_int_equal(heard[HAND_UPSTREAM].len, 0);
			heard_free(heard);
		}
}

/* The keeper gives the secret (here: an empty one) for the token. */
static void test_token(void **state)
{
	(void)state;
	check_login(play_smtp, S("EHLO x\r\nAUTH PLAIN AHQAdG9rZW4=\r\n"), 1,
	            LOGIN_OAUTH, "t", "");
}

/* From another computer only a token counts. */
static void test_remote(void **state)
{
	static const char text[] =
		"[a@b.example]\nuser = a\nsmtp = localhost:25 plaintext\n"
		"[t@b.example]\nuser = t\nsmtp = localhost:25 plaintext\n"
		"credentials = command \"x\"\n";
	static struct client client;
	static struct login who;
	static struct conf conf;
	static struct lane lane;
	struct front_ends ends = { .remote = true, .keeper = { .fd = -1 } };
	const struct entry n = { &conf, &ends, &client, SESSION_SMTP, &who };

	(void)state;
	assert_int_equal(conf_parse(&conf, "c", text, sizeof text - 1, NULL), 0);
	assert_string_equal(login_mechs(&conf, true), "PLAIN LOGIN");
	assert_string_equal(login_mechs(&conf, false),
	                    "PLAIN LOGIN XOAUTH2 OAUTHBEARER");
	memcpy(who.user, "a", 2);
	assert_int_equal(login_begin(&n, &lane), -1);
	assert_int_equal(lane.outcome, DONE_REFUSED);
	assert_non_null(strstr(lane.text, "without a token"));
	memcpy(who.user, "T@b.example", 12);
	memcpy(who.password_secret, "token", 6);
	assert_int_equal(login_begin(&n, &lane), 0);
	assert_string_equal(who.token_secret, "token");
	assert_string_equal(who.password_secret, "");
	assert_string_equal(who.user, "t");
	ends.remote = false;
	memcpy(who.user, "a", 2);
	memcpy(who.password_secret, "pass", 5);
	assert_int_equal(login_begin(&n, &lane), 0);
	assert_string_equal(who.token_secret, "");
	assert_string_equal(who.password_secret, "pass");
	conf_free(&conf);
}

/* Ten, and the session is over. */
static void test_failures(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S("EHLO x\r\n" TEN("AUTH PLAIN AHkAc2VjcmV0\r\n") "NOOP\r\n"),
	      "220 Letterlock ESMTP\r\n" EHLO_WANT TEN(REFUSED)
	      "421 4.7.0 Too many wrong passwords\r\n");
	check(play_pop3, RIGHT, S(TEN("AUTH PLAIN AHkAc2VjcmV0\r\n") "STAT\r\n"),
	      "+OK Letterlock POP3\r\n"
	      TEN("-ERR [AUTH] Letterlock knows no account with this user "
	          "name\r\n") "-ERR Too many errors\r\n");
}

static void test_smtp_odd(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S("\r\n\n\r\nHELO\r\nMAIL FROM:<>\r\nNOOP \0\r\nEHLO x\r\r\n"
	        "MAIL FROM:a@b\r\nAUTH PLAIN AA==\r\nAUTH PLAIN YWJj\r\n"
	        "QUITE\r\nNOOP"),
	      "220 Letterlock ESMTP\r\n" UNKNOWN UNKNOWN UNKNOWN
	      "501 5.5.4 HELO wants an argument\r\n"
	      "503 5.5.1 Say EHLO first\r\n"
	      "500 5.5.2 This line is too long or no text\r\n" EHLO_WANT
	      "530 5.7.0 Log in first: set your user name and password in "
	      "your mail program's outgoing server\r\n"
	      "501 5.5.2 This is not what AUTH PLAIN takes\r\n"
	      "501 5.5.2 This is not what AUTH PLAIN takes\r\n"
	      UNKNOWN UNKNOWN);
	check(play_smtp, RIGHT, S("NOOP\r\nGET / HTTP/1.1\r\nNOOP\r\n"), 
	      "220 Letterlock ESMTP\r\n250 2.0.0 Fine\r\n");
}

#define TAKEN "250 2.1.5 Recipient taken\r\n"
#define NO_RECIPIENT "501 5.1.3 This is no address\r\n"
#define NO_DOMAIN \
	"501 5.1.3 There can be no domain of that name: behind the @ write " \
	"small letters, digits and hyphens\r\n"
#define NOT_ANNOUNCED \
	"553 5.6.7 Letterlock did not send this: an address has letters other " \
	"than a to z, digits and signs before its @, and your mail program " \
	"did not announce it (SMTPUTF8). Use another address, or a newer mail " \
	"program\r\n"

/* RFC 6531: UTF-8 before the @ where it was announced, behind it always. */
static void test_smtp_utf8(void **state)
{
	(void)state;
	check(play_smtp, RIGHT,
	      S(LOGIN "MAIL FROM:<\xc3\xa4@b.example>\r\n"
	        "RCPT TO:<\xc3\xa4@b.example>\r\n"
	        "MAIL FROM:<\xa4@b.example> SMTPUTF8\r\n"
	        "MAIL FROM:<a@\xc3\x84.example> smtputf8\r\n"
	        "MAIL FROM:<a@b.example> SMTPUTF8=\r\n"
	        "MAIL FROM:<\xc3\xa4@b.example> SMTPUTF8\r\n"
	        "MAIL FROM:<a@b.example> SIZE=100\r\n"
	        "RCPT TO:<\xc3\xa4@b.example>\r\n"
	        "RCPT TO:<a@\xc3\xa4.example>\r\n"
	        "RCPT TO:<\xc3\xa4@\xc3\xa4.example>\r\n"
	        "RCPT TO:<a@b.example> SMTPUTF8\r\n"),
	      LOGIN_WANT NOT_ANNOUNCED "503 5.5.1 MAIL comes first\r\n"
	      "501 5.1.7 This is no address\r\n"
	      "501 5.1.7 There can be no domain of that name: behind the @ "
	      "write small letters, digits and hyphens\r\n"
	      "555 5.5.4 This parameter of MAIL is not understood\r\n"
	      "550 5.7.1 Letterlock did not send this: \xc3\xa4@b.example is "
	      "not an address of this account. Add it to aliases in the "
	      "configuration if it is yours\r\n"
	      "250 2.1.0 Sender taken\r\n" NOT_ANNOUNCED TAKEN NOT_ANNOUNCED
	      "555 5.5.4 This parameter of RCPT is not understood\r\n"
	      "221 2.0.0 Goodbye\r\n");
	check(play_smtp, RIGHT,
	      S(LOGIN "MAIL FROM:<a@b.example> BODY=8BITMIME smtpUTF8 SIZE=9\r\n"
	        "RCPT TO:<\xc3\xa4@b.example>\r\n"
	        "RCPT TO:<\xc3\xa4@\xc3\xa4.example>\r\n"
	        "RCPT TO:<\"\xf0\x9f\x92\xa9@\xc3\xa4\"@b.example>\r\n"
	        "RCPT TO:<\xc3@b.example>\r\n"
	        "RCPT TO:<\xc0\xaf@b.example>\r\n"
	        "RCPT TO:<\xed\xa0\x80@b.example>\r\n"
	        "RCPT TO:<a@\xa4.example>\r\n"
	        "RCPT TO:<a@\xe2\x98\x83.example>\r\n"
	        "RCPT TO:<a@[\xc3\xa4]>\r\n"
	        "RSET\r\nMAIL FROM:<a@b.example>\r\n"
	        "RCPT TO:<\xc3\xa4@b.example>\r\n"),
	      LOGIN_WANT "250 2.1.0 Sender taken\r\n" TAKEN TAKEN TAKEN
	      NO_RECIPIENT NO_RECIPIENT NO_RECIPIENT NO_RECIPIENT NO_DOMAIN
	      NO_DOMAIN "250 2.0.0 Forgotten\r\n250 2.1.0 Sender taken\r\n"
	      NOT_ANNOUNCED "221 2.0.0 Goodbye\r\n");
	/* Subject is Latin-1 */
	check(play_smtp, RIGHT,
	      S(LOGIN "MAIL FROM:<a@b.example> SMTPUTF8\r\n"
	        "rcpt to:<\xc3\xa4@c.example>\nDATA\r\nSubject: \xc3\xa4\r\n"
	        "\r\n\xa4\r\n.\r\n"
	        "MAIL FROM:<a@b.example> SMTPUTF8\r\n"
	        "rcpt to:<bob@c.example>\nDATA\r\nSubject: \xa4\r\n"
	        "\r\n..\r\n.\r\n"),
	      LOGIN_WANT LETTER_WANT "250 2.1.0 Sender taken\r\n" TAKEN
	      "354 Send the letter\r\n"
	      "554 5.6.0 Letterlock did not send this: its header has letters "
	      "other than a to z, digits and signs that are not UTF-8, though "
	      "your mail program says so. Have it write encoded words, or seal "
	      "the letter\r\n221 2.0.0 Goodbye\r\n");
}

static void test_pop3(void **state)
{
	(void)state;
	check(play_pop3, RIGHT,
	      S("USER a\r\nPASS secret\r\nSTAT\nDELE 1\r\nRETR 1\r\n"
	        "NOOP\r\nQUIT\r\nNOOP\r\n"),
	      "+OK Letterlock POP3\r\n+OK Now the password\r\n+OK Welcome\r\n"
	      "+OK 2 320\r\n+OK Deleted at QUIT\r\n" RETR_WANT
	      "+OK\r\n+OK Goodbye\r\n");
}

static void test_pop3_login(void **state)
{
	(void)state;
	check(play_pop3, RIGHT, S("AUTH PLAIN =\r\n*\r\nAUTH PLAIN\r\n"
	                          "AGEAc2VjcmV0\r\nCAPA\r\nQUIT\r\n"), 
	      "+OK Letterlock POP3\r\n+ \r\n-ERR Authentication ended\r\n"
	      "+ \r\n+OK Welcome\r\n+OK What Letterlock can do\r\nUSER\r\n"
	      "SASL PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	      "PIPELINING\r\nIMPLEMENTATION Letterlock\r\n.\r\n"
	      "+OK Goodbye\r\n");
	check(play_pop3, WRONG, S("AUTH PLAIN AGEAc2VjcmV0\r\nQUIT\r\n"), 
	      "+OK Letterlock POP3\r\n-ERR [AUTH] localhost says: 2 320\r\n"
	      "+OK Goodbye\r\n");
}

static void test_pop3_odd(void **state)
{
	(void)state;
	check(play_pop3, RIGHT,
	      S("\r\nPASS x\r\nUSER \0\r\nRETR 1\r\nAUTH PLAIN YWJj\r\n"
	        "USER a\r\nPASS s\r\nRETR 0\r\nRETR 01 \r\nRETR 1 2\r\n"
	        "TOP 1\r\nTOP 1 99999999999\r\nDELE x\r\nDELE -1"), 
	      "+OK Letterlock POP3\r\n-ERR This command is not known\r\n"
	      "-ERR USER comes first\r\n"
	      "-ERR This line is too long or no text\r\n"
	      "-ERR Log in first\r\n"
	      "-ERR This is not what AUTH PLAIN takes\r\n"
	      "+OK Now the password\r\n+OK Welcome\r\n" NO_NUMBER RETR_WANT
	      NO_NUMBER NO_NUMBER NO_NUMBER NO_NUMBER NO_NUMBER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp_letter),
		cmocka_unit_test(test_smtp_smuggling),
		cmocka_unit_test(test_smtp_login),
		cmocka_unit_test(test_oauth),
		cmocka_unit_test(test_oauth_long),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_smtp_odd),
		cmocka_unit_test(test_smtp_utf8),
		cmocka_unit_test(test_pop3),
		cmocka_unit_test(test_pop3_login),
		cmocka_unit_test(test_pop3_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
