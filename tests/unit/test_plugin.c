/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plug-ins say, cut at every octet: the answers stay the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base64.h"
#include "agent/plugin.h"
#include "tests/fuzz/play.h"

/* Who answers, see play.h. */
enum {
	GUARD = 1, KEEPER = 2, NO_CRYPT = 4, OPENERS = 8, GENUINE = 16,
	EVENTS_COME = 32,
	FORGED = 64
};

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
	"\"contacts\"," \
	"\"invite\"," \
	"\"keys\"," \
	"\"recipients\"," \
	"\"senders\"," \
	"\"learn\"," \
	"\"status\"," \
	"\"unlock\"," \
	"\"open\"," \
	"\"verdict\"," \
	"\"put\"," \
	"\"get\"," \
	"\"watch\"" \
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

/* ---- letters ---- */

#define PUT(id, call, data, more) \
	"{\"id\":" id ",\"call\":\"" call "\",\"data\":\"" data "\",\"more\":" more \
	"}\n"
#define GET(id) "{\"id\":" id ",\"call\":\"get\"}\n"
#define OK(id) "{\"id\":" id ",\"ok\":{}}\n"
#define VERDICT_SAID \
	"\"verdict\":{\"encryption\":\"ok\",\"signature\":\"good\"," \
	"\"signer\":\"a@b.example\",\"fpr\":\"X\",\"trust\":\"seen\"," \
	"\"time\":1700000003}"
#define NO_LETTER(id) \
	ERROR(id, "no-letter", "There is no letter to go on with")
#define FAILED(id) \
	ERROR(id, "failed", "A part of Letterlock failed while this letter was " \
	      "opened. Try again")

static void test_open(void **state)
{
	(void)state;
	check(OPENERS | GENUINE,
	      S(HELLO PUT("2", "open", "aGk=", "true") PUT("3", "put", "", "true")
	        PUT("4", "put", "IQ==", "false") GET("5")
	        PUT("6", "verdict", "aGk=", "false")
	        PUT("7", "open", "aGk=", "false") GET("8")
	        PUT("9", "verdict", "aGk=", "false")
	        PUT("10", "open", "aGk=", "false")),
	      HELLO_OK OK("2") OK("3")
	      "{\"id\":4,\"ok\":{" VERDICT_SAID ",\"size\":9,"
	      "\"data\":\"aGVsbG8NCgD/\",\"more\":false}}\n"
	      NO_LETTER("5")
	      "{\"id\":6,\"ok\":{\"state\":\"none\",\"sealed\":true}}\n"
	      ERROR("7", "locked", "Your key is locked, so this letter stays "
	            "sealed. Unlock it with the Letterlock button or: letterlock "
	            "unlock")
	      NO_LETTER("8")
	      "{\"id\":9,\"ok\":{\"state\":\"genuine\",\"sealed\":false,"
	      VERDICT_SAID "}}\n"
	      FAILED("10"));
	/* a mime that says what is not so */
	check(OPENERS | FORGED,
	      S(HELLO PUT("2", "open", "aGk=", "false") GET("3")
	        PUT("4", "verdict", "", "false") PUT("5", "open", "", "false")
	        PUT("6", "verdict", "", "false")),
	      HELLO_OK FAILED("2") NO_LETTER("3")
	      "{\"id\":4,\"ok\":{\"state\":\"none\",\"sealed\":true}}\n"
	      ERROR("5", "locked", "Your key is locked, so this letter stays "
	            "sealed. Unlock it with the Letterlock button or: letterlock "
	            "unlock")
	      "{\"id\":6,\"ok\":{\"state\":\"forged\",\"sealed\":false}}\n");
	/* nobody says that the verdict is ours, and nobody will here */
	check(OPENERS, S(HELLO PUT("2", "open", "aGk=", "false") GET("3")),
	      HELLO_OK FAILED("2"));
}

static void test_put(void **state)
{
	(void)state;
	check(OPENERS | GENUINE,
	      S(HELLO GET("2") PUT("3", "put", "", "false")
	        "{\"id\":4,\"call\":\"open\",\"data\":\"\"}\n"
	        PUT("5", "open", "aGk", "true") PUT("6", "put", "", "true")
	        PUT("7", "open", "aGk=", "true") GET("8")
	        PUT("9", "put", "aGl=", "true") PUT("10", "put", "", "true")),
	      HELLO_OK NO_LETTER("2") NO_LETTER("3")
	      ERROR("4", "request", "open lacks more")
	      ERROR("5", "request", "data has to be base64") NO_LETTER("6")
	      OK("7") NO_LETTER("8")
	      ERROR("9", "request", "data has to be base64") NO_LETTER("10"));
}

/* The frames of a pipe, joined; up to its P_END. */
static void joined(const struct membuf *guard, char *out, size_t *n)
{
	uint32_t head[2] = { 0 };

	*n = 0;
	for (size_t at = 0; at < guard->len && head[0] != P_END;
	     at += sizeof head + head[1]) {
		memcpy(head, guard->buf + at, sizeof head);
		if (head[0] == P_DATA)
			memcpy(out + *n, guard->buf + at + 8, head[1]);
		*n += head[0] == P_DATA ? head[1] : 0;
	}
	assert_int_equal(head[0], P_END);
}

/* A letter in three pieces, cut everywhere. */
static void test_pieces(void **state)
{
	static const char letter[] = "From: x\r\n\r\n\0\xff\x80 end";
	enum { N = sizeof letter - 1 };
	char line[600], b64[3][100], out[N + 8];
	struct membuf heard, guard;
	size_t n;
	int len;

	(void)state;
	for (size_t a = 0; a <= N; a++)
		for (size_t b = a; b <= N; b++) {
			const size_t cut[] = { 0, a, b, N };

			for (int i = 0; i < 3; i++) {
				n = base64_encode(letter + cut[i],
				                 cut[i + 1] - cut[i], b64[i]);
				b64[i][n] = '\0';
			}
			len = snprintf(line, sizeof line, HELLO
			               PUT("2", "open", "%s", "true")
			               PUT("3", "put", "%s", "true")
			               PUT("4", "put", "%s", "false"),
			               b64[0], b64[1], b64[2]);
			assert_in_range(len, 1, sizeof line - 1);
			struct script s = { .p = line, .n = (size_t)len };

			play_plugin(&s, OPENERS | GENUINE, &heard, &guard);
			joined(&guard, out, &n);
			assert_int_equal(n, N);
			assert_memory_equal(out, letter, N);
			membuf_free(&heard);
			membuf_free(&guard);
		}
}

/* ---- watch ---- */

#define EVENT(what, more) \
	"{\"event\":\"" what "\",\"time\":1700000003" more "}\n"
#define ACCOUNT ",\"account\":\"a@b.example\""
#define LETTER(id) \
	id ",\"recipients\":[\"b@c.example\",\"d\\\"\\\\@e.example\"]"
#define ID ",\"message-id\":\"<1@b.example>\""
#define EVENTS \
	EVENT("sent", ACCOUNT ",\"how\":\"sealed\"" LETTER(ID)) \
	EVENT("refused", ACCOUNT ",\"code\":451,\"words\":\"No\"" LETTER("")) \
	EVENT("opened", ACCOUNT ",\"verdict\":{\"encryption\":\"ok\"," \
	      "\"signature\":\"none\",\"time\":1700000000}" ID) \
	EVENT("key-needed", ACCOUNT) EVENT("locked", "") \
	EVENT("unlocked", ACCOUNT) \
	EVENT("error", ACCOUNT ",\"protocol\":\"pop3\",\"words\":\"Gone\"") \
	EVENT("recipients", ",\"addresses\":[\"b@c.example\"," \
	      "\"d\\\"\\\\@e.example\"]") \
	EVENT("lost", ",\"count\":7")

/* Answers come as without them, events in their order, each whole: how many octets
 * of them. */
static size_t check_events(const struct script *s, const char *want)
{
	struct membuf heard, guard, events;
	size_t n;

	play_plugin(s, KEEPER | EVENTS_COME, &heard, &guard);
	play_events(&heard, &events);
	if (heard.len != strlen(want) || memcmp(heard.buf, want, heard.len))
		fail_msg("said:\n%.*s", (int)heard.len, heard.buf);
	n = events.len;
	if (n > strlen(EVENTS) || (n && memcmp(events.buf, EVENTS, n))
	    || (n && events.buf[n - 1] != '\n'))
		fail_msg("events:\n%.*s", (int)n, events.buf);
	membuf_free(&heard);
	membuf_free(&guard);
	membuf_free(&events);
	return n;
}

#define WATCH "{\"id\":2,\"call\":\"watch\"}\n"
#define MORE "{\"id\":3,\"call\":\"x\"}\n"
#define UNKNOWN ERROR("3", "unknown-call", "This call is not known")

static void test_watch(void **state)
{
	static const char in[] = HELLO WATCH MORE MORE WATCH;
	struct script s = { .p = in, .n = sizeof in - 1 };
	size_t n, most = 0;

	(void)state;
	for (size_t i = 1; i < s.n + 8; i++) {
		s.split = i < s.n ? i : 0;
		s.how = (uint8_t)(i < s.n ? 0 : i - s.n + 1);
		n = check_events(&s, HELLO_OK "{\"id\":2,\"ok\":{}}\n" UNKNOWN
		                 UNKNOWN "{\"id\":2,\"ok\":{}}\n");
		most = n > most ? n : most;
	}
	assert_int_equal(most, strlen(EVENTS));
	/* nobody has asked for them */
	s = (struct script){ .p = HELLO MORE, .n = strlen(HELLO MORE) };
	for (s.how = 1; s.how < 8; s.how++)
		assert_int_equal(check_events(&s, HELLO_OK UNKNOWN), 0);
	check(0, S(HELLO WATCH), HELLO_OK ERROR("2", "failed", "A part of "
	      "Letterlock did not answer. Try again"));
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

/* An answer that no line can hold. */
static void test_too_large(void **state)
{
	static const char want[] = ERROR("7", "too-large", "The answer would have "
	                                 "more than 1048576 octets");
	static char big[JSON_ANSWER_MAX], got[sizeof want];
	static struct plugin p;
	struct plugin_ends ends;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	ends.client = s[0];
	p.ends = &ends;
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(plugin_say(&p, json_pack("{s:i, s:{s:s}}", "id", 7,
	                                          "ok", "a", big)), 0);
	assert_int_equal(recv(s[1], got, sizeof got, 0), sizeof want - 1);
	assert_memory_equal(got, want, sizeof want - 1);
	close(s[0]);
	close(s[1]);
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
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_json_read),
		cmocka_unit_test(test_json_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
