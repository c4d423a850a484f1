/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plug-ins say, cut at every octet: the answers stay the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/plugin.h"
#include "tests/fuzz/play.h"

enum { GUARD = 1, KEEPER = 2, NO_CRYPT = 4 };	/* who answers, see play.h */

static void check(uint8_t know, const char *in, size_t n, const char *want)
{
	struct script s = { .p = in, .n = n };
	struct membuf whole, cut, guard;

	play_plugin(&s, know, &whole, &guard);
	membuf_free(&guard);
	if (whole.len != strlen(want)
	    || (whole.len && memcmp(whole.buf, want, whole.len)))
		fail_msg("said:\n%.*s\nnot:\n%s", (int)whole.len, whole.buf,
		         want);
	for (size_t i = 1; i < n + 8; i++) {
		s.split = i < n ? i : 0;
		s.how = (uint8_t)(i < n ? 0 : i - n + 1);
		play_plugin(&s, know, &cut, &guard);
		if (!same(&whole, &cut))
			fail_msg("cut at %zu, said:\n%.*s", i, (int)cut.len,
			         cut.buf);
		membuf_free(&cut);
		membuf_free(&guard);
	}
	membuf_free(&whole);
}

#define S(s) s, sizeof(s) - 1
#define HELLO "{\"id\":1,\"call\":\"hello\",\"version\":1}\n"
#define HELLO_OK \
	"{\"id\":1,\"ok\":{\"version\":1,\"agent\":\"Letterlock 0.1\"," \
	"\"capabilities\":[" \
	"\"accounts\"," \
	"\"recipients\"," \
	"\"status\"," \
	"\"unlock\"" \
	"],\"line-max\":65536}}\n"
#define ERROR(id, code, text) \
	"{\"id\":" id ",\"error\":{\"code\":\"" code "\",\"text\":\"" text "\"}}\n"
#define LISTENING \
	"\"listening\":[{\"address\":\"127.0.0.1:1587\",\"protocol\":" \
	"\"submission\",\"tls\":\"starttls\"},{\"address\":\"/run/x?\"," \
	"\"protocol\":\"plugin\"}],\"started\":1700000000,\"sessions\":2," \
	"\"sessions-most\":3,\"walls\":{\"words\":\"none\",\"whole\":false," \
	"\"required\":false},"

static void test_hello(void **state)
{
	(void)state;
	check(0, S(HELLO), HELLO_OK);
	check(0, S("{\"id\":1,\"call\":\"hello\",\"version\":1}\r\n"), HELLO_OK);
	check(0, S("{\"id\":1,\"call\":\"hello\",\"version\":1}"), "");
	check(0, S("{\"id\":2,\"call\":\"hello\",\"version\":0}\n"),
	      ERROR("2", "version",
	            "This Letterlock speaks version 1 of the plug-in protocol"));
	check(0, S("{\"id\":2,\"call\":\"status\"}\n"),
	      ERROR("2", "hello-first", "The first call has to be hello"));
}

static void test_status(void **state)
{
	(void)state;
	check(GUARD | KEEPER, S(HELLO "{\"id\":2,\"call\":\"status\"}\n"),
	      HELLO_OK "{\"id\":2,\"ok\":{" LISTENING "\"accounts\":[{"
	      "\"address\":\"a@b.example\",\"submission\":{"
	      "\"reached\":1700000001},\"pop3\":{\"failed\":1700000002,"
	      "\"failure\":\"no?\\r\\n\"}}]}}\n");
	check(GUARD, S(HELLO "{\"id\":2,\"call\":\"status\",\"keys\":false}\n"),
	      HELLO_OK "{\"id\":2,\"ok\":{" LISTENING "\"accounts\":[{"
	      "\"address\":\"a@b.example\"}]}}\n");
	check(KEEPER, S(HELLO "{\"id\":2,\"call\":\"status\"}\n"),
	      HELLO_OK ERROR("2", "failed", "A part of Letterlock did not "
	                     "answer. Try again"));
}

static void test_accounts(void **state)
{
	(void)state;
	check(0, S(HELLO "{\"id\":2,\"call\":\"accounts\"}\n"),
	      HELLO_OK "{\"id\":2,\"ok\":{\"accounts\":[{"
	      "\"address\":\"a@b.example\",\"login\":\"a@b.example\","
	      "\"aliases\":[],\"encrypt\":\"ask\",\"sign\":\"sealed\","
	      "\"submission\":true,\"pop3\":false}]}}\n");
}

#define ASK(rest) \
	"{\"id\":2,\"call\":\"recipients\",\"account\":\"a@b.example\"" rest \
	"}\n"

static void test_recipients(void **state)
{
	(void)state;
	check(0, S(HELLO ASK(",\"to\":[\"x@y.example\",1]")),
	      HELLO_OK ERROR("2", "request", "to is of the wrong type"));
	check(0, S(HELLO ASK("")),
	      HELLO_OK ERROR("2", "request", "recipients lacks to"));
	check(0, S(HELLO ASK(",\"to\":[]")),
	      HELLO_OK ERROR("2", "request", "to has no recipients"));
	check(0, S(HELLO ASK(",\"to\":[\"x@y.example\",\"x@\"]")),
	      HELLO_OK ERROR("2", "request", "to, number 2: This is no address"));
	/* who has no keeper is of no use any more */
	check(0, S(HELLO ASK(",\"to\":[\"x@y.example\"]")
	           ASK(",\"to\":[]")),
	      HELLO_OK ERROR("2", "failed", "A part of Letterlock did not answer. "
	                     "Try again"));
}

static void test_unlock(void **state)
{
	(void)state;
	check(NO_CRYPT, S(HELLO "{\"id\":2,\"call\":\"unlock\",\"account\":"
	                  "\"a@b.example\"}\n"),
	      HELLO_OK ERROR("2", "failed", "The key of a@b.example stays locked: "
	                     "a part of Letterlock did not answer"));
	check(0, S(HELLO "{\"id\":2,\"call\":\"unlock\",\"account\":\"x\"}\n"),
	      HELLO_OK ERROR("2", "no-account", "There is no such account"));
}

static void test_nonsense(void **state)
{
	(void)state;
	check(GUARD, S("x\n{\"id\":3}\n\n{\"id\":4,\"call\":\"a\0b\"}\n"),
	      ERROR("null", "json", "It is not JSON, from octet 1 on")
	      ERROR("3", "request", "call has to be a string")
	      ERROR("null", "json", "It is not JSON, from octet 0 on")
	      ERROR("null", "json", "There is a NUL in it"));
}

/* ---- JSON ---- */

static bool reads(const char *p, size_t n)
{
	struct err e;
	void *copy = fuzz_copy(p, n);
	json_t *j = json_read(copy, n, &e);

	free(copy);
	json_decref(j);
	return j != NULL;
}

static void test_json_read(void **state)
{
	(void)state;
	assert_true(reads(S("{}")));
	assert_true(reads(S("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}")));
	assert_false(reads(S("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}")));
	assert_true(reads(S("{\"a\":\"[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[\"}")));
	assert_false(reads(S("")));
	assert_false(reads(S("[]")));
	assert_false(reads(S("{\"a\":1,\"a\":2}")));
	assert_false(reads(S("{\"a\":\"\xc3\"}")));
	assert_false(reads(S("{} {}")));
	assert_false(reads(S("{}\0")));
	assert_false(reads(S("{\"a\":\"\\u0000\"}")));
}

static void test_json_write(void **state)
{
	static char big[JSON_ANSWER_MAX];
	json_t *j = json_pack("{s:o}", "a", json_words("\xc3\xa4\n"));
	size_t n;
	char *line = json_write(j, &n);

	(void)state;
	assert_int_equal(n, 13);
	assert_memory_equal(line, "{\"a\":\"\xc3\xa4\\n\"}\n", n);
	free(line);
	json_object_set_new(j, "a", json_words("\xc3x"));
	line = json_write(j, &n);
	assert_memory_equal(line, "{\"a\":\"?x\"}\n", n);
	free(line);
	memset(big, 'x', sizeof big - 1);
	json_object_set_new(j, "a", json_words(big));
	assert_null(json_write(j, &n));
	big[sizeof big - 9] = '\0';	/* with {"a":""} and LF as long as may be */
	json_object_set_new(j, "a", json_words(big));
	line = json_write(j, &n);
	assert_non_null(line);
	assert_int_equal(n, JSON_ANSWER_MAX);
	free(line);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_unlock),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_json_read),
		cmocka_unit_test(test_json_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
