/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/sasl*.c, with the examples of RFC 5802, 7677 and 7628. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sasl.h"
#include "agent/sasl_oauth.h"
#include "agent/tls.h"

#define NONCE_1 "fyko+d2lbbFgONRv9qkxdawL"
#define SERVER_1 NONCE_1 "3rfcNHYJY1ZVvWVs7j"
#define FIRST_1 "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096"
#define FINAL_1 "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
#define NONCE_256 "rOprNGfwEbeRWgbNEkqO"
#define SERVER_256 NONCE_256 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST_256 "r=" SERVER_256 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

static const struct tls_binding unique = { "tls-unique", "0123456789ab", 12 };

static struct sasl *start(unsigned mech, const char *user, const char *password,
                          const char *nonce, const struct tls_binding *b)
{
	struct sasl_login l = {
		.user = user, .password_secret = password, .nonce = nonce,
		.host = "mail.example.org", .port = 465, .binding = b
	};
	struct err e = { 0 };
	struct sasl *s = sasl_new(mech, &l, &e);

	assert_non_null(s);
	return s;
}

/* One step with octets instead of base64: the error's code, or 0. */
static gpg_err_code_t say_n(struct sasl *s, const void *said, size_t len,
                            char *out, size_t size)
{
	char *b64 = NULL, *text = NULL, answer[SASL_ANSWER_MAX];
	struct err e = { 0 };
	size_t n;
	int rc;

	assert_int_equal(gsasl_base64_to(said, len, &b64, NULL), GSASL_OK);
	rc = sasl_answer(s, b64, answer, &e);
	gsasl_free(b64);
	out[0] = '\0';
	if (rc)
		return gpg_err_code(e.code);
	assert_int_equal(gsasl_base64_from(answer, strlen(answer), &text, &n),
	                 GSASL_OK);
	assert_true(n < size);
	memcpy(out, text, n);
	out[n] = '\0';
	gsasl_free(text);
	return 0;
}

static gpg_err_code_t say(struct sasl *s, const char *said, char *out,
                          size_t size)
{
	return say_n(s, said, strlen(said), out, size);
}

static void step(struct sasl *s, const char *said, const char *want)
{
	char out[SASL_ANSWER_MAX];

	assert_int_equal(say(s, said, out, sizeof out), 0);
	assert_string_equal(out, want);
}

static void test_mechanisms(void **state)
{
	static const char *const order[] = {
		"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
		"SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"
	};
	unsigned set = 0, mech;

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		mech = sasl_named(order[i], strlen(order[i]));
		assert_true(mech && !(set & mech));
		assert_string_equal(sasl_name(mech), order[i]);
		set |= mech;
	}
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		mech = sasl_best(set);
		assert_string_equal(sasl_name(mech), order[i]);
		set &= ~mech;
	}
	assert_int_equal(sasl_best(0), 0);
	assert_int_equal(sasl_named("plain", 5), SASL_PLAIN);
	assert_int_equal(sasl_named("PLAIN", 4), 0);
	assert_int_equal(sasl_named("CRAM-MD5", 8), 0);
	assert_int_equal(SASL_BY_PASSWORD & SASL_BY_TOKEN, 0);
}

static void test_vectors(void **state)
{
	struct sasl *s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1,
	                       NULL);

	(void)state;
	step(s, "", "n,,n=user,r=" NONCE_1);
	step(s, FIRST_1, "c=biws,r=" SERVER_1
	     ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
	assert_false(sasl_done(s));
	step(s, FINAL_1, "");
	assert_true(sasl_done(s));
	sasl_free(s);
	s = start(SASL_SCRAM_SHA_256, "user", "pencil", NONCE_256, NULL);
	step(s, "", "n,,n=user,r=" NONCE_256);
	step(s, FIRST_256, "c=biws,r=" SERVER_256
	     ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_false(sasl_done(s));
	step(s, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "");
	assert_true(sasl_done(s));
	sasl_free(s);
}

/* What the client says of the channel, at first and under its proof. */
static void check_flag(unsigned mech, const struct tls_binding *b,
                       const char *flag, const char *c)
{
	struct sasl *s = start(mech, "user", "pencil", NONCE_1, b);
	char out[SASL_ANSWER_MAX], want[200];

	snprintf(want, sizeof want, "%sn=user,r=" NONCE_1, flag);
	step(s, "", want);
	assert_int_equal(say(s, FIRST_1, out, sizeof out), 0);
	snprintf(want, sizeof want, "c=%s,r=" SERVER_1 ",p=", c);
	assert_memory_equal(out, want, strlen(want));
	/* the proof is another than that for "n" */
	assert_true((strcmp(flag, "n,,") == 0) ==
	            (say(s, FINAL_1, out, sizeof out) == 0));
	sasl_free(s);
}

static void test_channel(void **state)
{
	struct tls_binding large = { "tls-unique", "", TLS_BINDING_MAX + 1 };
	struct sasl_login l = { .user = "u", .password_secret = "p" };

	(void)state;
	check_flag(SASL_SCRAM_SHA_1, NULL, "n,,", "biws");
	check_flag(SASL_SCRAM_SHA_1, &unique, "y,,", "eSws");
	check_flag(SASL_SCRAM_SHA_1_PLUS, &unique, "p=tls-unique,,",
	           "cD10bHMtdW5pcXVlLCwwMTIzNDU2Nzg5YWI=");
	assert_null(sasl_new(SASL_SCRAM_SHA_1_PLUS, &l, NULL));
	l.binding = &large;
	assert_null(sasl_new(SASL_SCRAM_SHA_1_PLUS, &l, NULL));
}

static void test_names(void **state)
{
	struct sasl *s = start(SASL_SCRAM_SHA_256, "a=b,c\xc2\xad", "p", "N",
	                       NULL);
	char out[SASL_ANSWER_MAX], long_name[4000], small[8];
	struct sasl_login l = { .user = long_name, .password_secret = "p" };

	(void)state;
	step(s, "", "n,,n=a=3Db=2Cc,r=N");	/* and no soft hyphen */
	sasl_free(s);
	/* SASLprep: a Roman nine is IX */
	s = start(SASL_SCRAM_SHA_1, "user", "I\xc2\xadX", NONCE_1, NULL);
	step(s, "", "n,,n=user,r=" NONCE_1);
	assert_int_equal(say(s, FIRST_1, out, sizeof out), 0);
	sasl_free(s);
	s = start(SASL_SCRAM_SHA_1, "user", "\xe2\x85\xa8", NONCE_1, NULL);
	step(s, "", "n,,n=user,r=" NONCE_1);
	step(s, FIRST_1, out);
	sasl_free(s);
	memset(long_name, ',', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_null(sasl_new(SASL_SCRAM_SHA_256, &l, NULL));
	l.user = "\xff";
	assert_null(sasl_new(SASL_SCRAM_SHA_256, &l, NULL));
	assert_int_equal(sasl_escape("=====", small, sizeof small), -1);
	assert_int_equal(sasl_escape("==", small, sizeof small), 0);
	assert_string_equal(small, "=3D=3D");
	/* a nonce of our own each time */
	s = start(SASL_SCRAM_SHA_256, "u", "p", NULL, NULL);
	assert_int_equal(say(s, "", long_name, sizeof long_name), 0);
	sasl_free(s);
	s = start(SASL_SCRAM_SHA_256, "u", "p", NULL, NULL);
	assert_int_equal(say(s, "", out, sizeof out), 0);
	sasl_free(s);
	assert_int_equal(strlen(out), strlen("n,,n=u,r=") + 24);
	assert_string_not_equal(out, long_name);
}

/* A challenge that must be refused, and is. */
static void bad_first(const char *said, size_t n)
{
	struct sasl *s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1,
	                       NULL);
	char out[SASL_ANSWER_MAX];

	step(s, "", "n,,n=user,r=" NONCE_1);
	assert_int_equal(say_n(s, said, n, out, sizeof out), GPG_ERR_BAD_DATA);
	assert_false(sasl_done(s));
	sasl_free(s);
}

static void test_bad_challenges(void **state)
{
	static const char *const bad[] = {
		"", "r", "r=", "e=other-error", "x=" SERVER_1,
		"r=" NONCE_1 ",s=QSXCR+Q6sek8bf92,i=4096",	/* none of its own */
		"r=X" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096",
		"r=" SERVER_1 ",i=4096,s=QSXCR+Q6sek8bf92",
		"r=" SERVER_1 ",s=,i=4096", "r=" SERVER_1 ",s=!!!!,i=4096",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=0",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=-1",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096x",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=1000001",
		"r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4294967297",
		"m=x,r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096",
	};
	static const char nul[] = FIRST_1 "\0";
	struct sasl *s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1,
	                       NULL);
	char out[SASL_ANSWER_MAX], huge[5000] = FIRST_1 ",x=";
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		bad_first(bad[i], strlen(bad[i]));
	for (size_t n = 0; n < strlen(FIRST_1) - 4; n++)
		bad_first(FIRST_1, n);
	bad_first(nul, sizeof nul - 1);
	memset(huge + strlen(huge), 'x', sizeof huge - strlen(huge));
	bad_first(huge, sizeof huge);
	/* nor is what is no base64 a challenge */
	assert_int_equal(sasl_answer(s, "", out, &e), 0);
	assert_int_equal(sasl_answer(s, "cj1!", out, &e), -1);
	sasl_free(s);
	/* what follows in a form that is not known is passed over */
	s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1, NULL);
	step(s, "", "n,,n=user,r=" NONCE_1);
	assert_int_equal(say(s, FIRST_1 ",x=y", out, sizeof out), 0);
	sasl_free(s);
}

static void bad_final(const char *said, size_t n, gpg_err_code_t want)
{
	struct sasl *s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1,
	                       NULL);
	char out[SASL_ANSWER_MAX];

	step(s, "", "n,,n=user,r=" NONCE_1);
	assert_int_equal(say(s, FIRST_1, out, sizeof out), 0);
	assert_int_equal(say_n(s, said, n, out, sizeof out), want);
	assert_false(sasl_done(s));
	/* nothing makes it good again */
	assert_true(want || say(s, FINAL_1, out, sizeof out));
	assert_false(sasl_done(s));
	sasl_free(s);
}

static void test_bad_proofs(void **state)
{
	static const char nul[] = FINAL_1 "\0";
	char one[sizeof FINAL_1] = FINAL_1, out[SASL_ANSWER_MAX];
	struct sasl *s;

	(void)state;
	for (size_t n = 0; n < strlen(FINAL_1); n++)
		bad_final(FINAL_1, n, GPG_ERR_BAD_SIGNATURE);
	for (size_t i = 0; i < strlen(FINAL_1) - 2; i++) {
		one[i] = one[i] == 'A' ? 'B' : 'A';
		bad_final(one, strlen(one), GPG_ERR_BAD_SIGNATURE);
		one[i] = FINAL_1[i];
	}
	bad_final(nul, sizeof nul - 1, GPG_ERR_BAD_SIGNATURE);
	bad_final("v=", 2, GPG_ERR_BAD_SIGNATURE);
	/* the server's no is about the password, or about the channel */
	bad_final("e=invalid-proof", 15, 0);
	bad_final("e=channel-bindings-dont-match", 29, GPG_ERR_BAD_DATA);
	bad_final("e=server-does-support-channel-binding", 37,
	          GPG_ERR_BAD_DATA);
	/* more behind the end */
	s = start(SASL_SCRAM_SHA_1, "user", "pencil", NONCE_1, NULL);
	step(s, "", "n,,n=user,r=" NONCE_1);
	assert_int_equal(say(s, FIRST_1, out, sizeof out), 0);
	step(s, FINAL_1, "");
	assert_int_equal(say(s, FINAL_1, out, sizeof out), GPG_ERR_BAD_DATA);
	sasl_free(s);
}

static void test_plain_and_login(void **state)
{
	struct sasl *s = start(SASL_PLAIN, "me", "p w", NULL, NULL);
	char out[SASL_ANSWER_MAX];

	(void)state;
	assert_int_equal(say(s, "", out, sizeof out), 0);
	assert_memory_equal(out, "\0me\0p w", 8);
	assert_true(sasl_done(s));
	assert_int_equal(say(s, "", out, sizeof out), GPG_ERR_BAD_DATA);
	sasl_free(s);
	s = start(SASL_LOGIN, "me", "p w", NULL, NULL);
	assert_false(sasl_first(SASL_LOGIN));
	step(s, "Username:", "me");
	assert_false(sasl_done(s));
	step(s, "Password:", "p w");
	assert_true(sasl_done(s));
	sasl_free(s);
}

static void test_oauth(void **state)
{
	static const char json[] = "{\"status\":\"invalid_token\","
		"\"scope\":\"x\",\"openid-configuration\":\"https://x\"}";
	struct sasl *s = start(SASL_OAUTHBEARER, "a,b=c@example.org", "T0k.en",
	                       NULL, NULL);
	char out[SASL_ANSWER_MAX], token[8192];

	(void)state;
	step(s, "", "n,a=a=2Cb=3Dc@example.org,\1host=mail.example.org\1"
	     "port=465\1auth=Bearer T0k.en\1\1");
	assert_true(sasl_done(s));
	step(s, json, "\1");
	assert_false(sasl_done(s));
	assert_string_equal(sasl_status(s), "invalid_token");
	assert_int_equal(say(s, json, out, sizeof out), GPG_ERR_BAD_DATA);
	sasl_free(s);
	s = start(SASL_XOAUTH2, "a,b@example.org", "T0k.en", NULL, NULL);
	step(s, "", "user=a,b@example.org\1auth=Bearer T0k.en\1\1");
	assert_true(sasl_done(s));
	assert_string_equal(sasl_status(s), "");
	step(s, "{\"status\" : \"401\" ,\"schemes\":\"bearer\"}", "");
	assert_string_equal(sasl_status(s), "401");
	assert_false(sasl_done(s));
	sasl_free(s);
	/* as long as a token may be, and too long */
	memset(token, 't', sizeof token - 1);
	token[sizeof token - 1] = '\0';
	s = start(SASL_OAUTHBEARER, "a@example.org", token, NULL, NULL);
	assert_int_equal(say(s, "", out, sizeof out), 0);
	assert_non_null(strstr(out, token));
	sasl_free(s);
}

static void check_status(const char *json, size_t n, const char *want)
{
	char out[SASL_STATUS_MAX + 1], *copy = malloc(n ? n : 1);

	assert_non_null(copy);	/* of its size, for valgrind and ASan */
	memcpy(copy, json, n);
	oauth_status(copy, n, out);
	assert_string_equal(out, want);
	free(copy);
}

static void test_status(void **state)
{
	static const char json[] = "{\"a\":1,\"status\"\t:\r\n \"ab-1.c_D\"";
	static const char *const none[] = {
		"{}", "status", "\"status\"", "\"status\":", "\"status\":\"",
		"\"status\" x", "\"status\":400", "\"status\":\"a b\"",
		"\"status\":\"a\\u0041\"", "\"status\":\"<b>\"",
		"\"status\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde\"",
	};

	(void)state;
	for (size_t n = 0; n < sizeof json - 1; n++)
		check_status(json, n, "");
	check_status(json, sizeof json - 1, "ab-1.c_D");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		check_status(none[i], strlen(none[i]), "");
	check_status("\"status\":\"a\0\"", 13, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mechanisms),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_challenges),
		cmocka_unit_test(test_bad_proofs),
		cmocka_unit_test(test_plain_and_login),
		cmocka_unit_test(test_oauth),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
