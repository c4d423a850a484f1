/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock: letters in pieces, and answers with types. */
#include "tests/unit/library.h"

/* ---- letters ---- */

/* What was asked, line by line: "call" and "more". */
static void check_asked(struct ends *s, const char *want)
{
	struct membuf m;
	char got[400] = "";
	const char *p, *lf, *end;

	membuf_init(&m, 1 << 24);
	ends_read(s, &m);
	end = m.buf + m.len;
	for (p = m.buf; p < end; p = lf + 1) {
		json_t *j;

		lf = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(lf);
		assert_true(lf - p < REQUEST_MAX);
		j = json_loadb(p, (size_t)(lf - p), 0, NULL);
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s%s ",
		         result_word(j, "call"),
		         json_object_get(j, "ask") ? "?" : "",
		         result_true(j, "more") ? "+" : "");
		json_decref(j);
	}
	assert_string_equal(got, want);
	membuf_free(&m);
}

#define VERDICT "\"verdict\":{\"encryption\":\"ok\",\"signature\":\"good\"," \
	"\"signer\":\"a@b.example\",\"time\":7}"

static void test_open(void **state)
{
	static char letter[PIECE / 4 * 3 + 1];
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	void *opened;
	struct ends s;
	size_t n;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{}}\n{\"id\":3,\"ok\":{" VERDICT
	                ",\"size\":5,\"data\":\"QUJD\",\"more\":true}}\n"
	                "{\"id\":4,\"ok\":{\"data\":\"RA\",\"more\":true}}\n"
	                "{\"id\":5,\"ok\":{\"data\":\"==\",\"more\":true}}\n"
	                "{\"id\":6,\"ok\":{\"data\":\"\",\"more\":false}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_non_null(l);
	assert_int_equal(letterlock_open(l, letter, sizeof letter, true,
	                                 &opened, &n, &v, MS, &e), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(opened, "ABCD", 4);
	assert_null(v->state);
	assert_string_equal(v->encryption, "ok");
	assert_string_equal(v->signer, "a@b.example");
	assert_null(v->fpr);
	assert_int_equal(v->time, 7);
	check_asked(&s, "hello open?+ put get get get ");
	free(opened);
	letterlock_verdict_free(v);
	letterlock_verdict_free(NULL);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

static void test_verdict(void **state)
{
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"state\":\"none\",\"sealed\":"
	                "true}}\n{\"id\":3,\"ok\":{}}\n{\"id\":4,\"error\":"
	                "{\"code\":\"locked\",\"text\":\"L\"}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_verdict(l, "", 0, &v, MS, &e), 0);
	assert_string_equal(v->state, "none");
	assert_true(v->sealed);
	assert_null(v->encryption);
	letterlock_verdict_free(v);
	assert_int_equal(letterlock_verdict(l, S("x"), &v, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
	assert_int_equal(letterlock_verdict(l, S("x"), &v, MS, &e), -1);
	assert_string_equal(e.word, "locked");
	assert_null(v);
	assert_int_equal(letterlock_verdict(l, "", LETTERLOCK_LETTER_MAX + 1u,
	                                    &v, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_TOO_LARGE);
	check_asked(&s, "hello verdict verdict verdict ");
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

/* Pieces without end, and an answer without its letter. */
static void test_open_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJD\",\"more\":true}}\n"
		"{\"id\":3,\"ok\":{\"data\":\"\",\"more\":true}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJD\",\"more\":true}}\n"
		"{\"id\":3,\"ok\":{\"more\":false}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"more\":true}}\n",
		"{\"id\":2,\"ok\":{" VERDICT "}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"QUJ\"}}\n",
		"{\"id\":2,\"ok\":{" VERDICT ",\"data\":\"Q=JD\"}}\n",
		"{\"id\":2,\"ok\":{\"data\":\"QUJD\"}}\n",
	};
	struct letterlock_verdict *v;
	struct letterlock_error e;
	struct letterlock *l;
	void *opened;
	struct ends s;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ends_open(&s, S(HELLO), 0);
		ends_say(&s, bad[i], strlen(bad[i]), 0);
		l = handle_over(s.theirs, MS, &e);
		assert_int_equal(letterlock_open(l, S("x"), false, &opened, &n,
		                                 &v, MS, &e), -1);
		assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
		assert_null(opened);
		assert_null(v);
		letterlock_close(l);
		s.theirs = -1;
		ends_close(&s);
	}
}

static void test_base64(void **state)
{
	unsigned char in[300];
	char *text;
	void *back;
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i <= sizeof in; i++) {
		text = base64_write(in, i, &n);
		assert_int_equal(n, strlen(text));
		back = base64_read(text, n, &len);
		assert_int_equal(len, i);
		assert_memory_equal(back, in, i);
		free(back);
		free(text);
	}
	text = base64_write(S("\xfb\xff\xfe" "Z"), &n);
	assert_string_equal(text, "+//+Wg==");
	free(text);
	assert_null(base64_read(S("QUJD="), &n));
	assert_null(base64_read(S("A==="), &n));
	assert_null(base64_read(S("===="), &n));
	assert_null(base64_read(S("QU=D"), &n));
	assert_null(base64_read(S("QUJ\n"), &n));
	assert_null(base64_read(S("QUJ\x80"), &n));
}

/* ---- with types ---- */

static void test_recipients(void **state)
{
	const char *const to[] = { "b@b.example", "c@b.example", NULL };
	const char *const bad[] = { "\xff", NULL };
	struct letterlock_recipients *r;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"outcome\":\"refused\","
	                "\"words\":\"W\",\"may-be-readable\":true,\"key\":"
	                "\"usable\",\"recipients\":[{\"address\":\"b@b.example\","
	                "\"state\":\"sealed\",\"key\":{\"fpr\":\"F\",\"since\":5},"
	                "\"sealed-before\":true},{\"address\":\"c@b.example\","
	                "\"state\":\"no-key\",\"key\":7,\"words\":\"V\"}]}}\n"
	                "{\"id\":3,\"ok\":{\"outcome\":\"sealed\",\"recipients\":"
	                "[{\"address\":\"b@b.example\"}]}}\n"
	                "{\"id\":4,\"ok\":{\"recipients\":[]}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_recipients(l, "a", to, LETTERLOCK_YES,
	                                       LETTERLOCK_BY_POLICY, &r, MS,
	                                       &e), 0);
	assert_string_equal(r->outcome, "refused");
	assert_true(r->may_be_readable);
	assert_false(r->is_signed);
	assert_int_equal(r->n, 2);
	assert_string_equal(r->recipient[0]->fpr, "F");
	assert_int_equal(r->recipient[0]->since, 5);
	assert_true(r->recipient[0]->sealed_before);
	assert_null(r->recipient[1]->fpr);
	assert_string_equal(r->recipient[1]->state, "no-key");
	assert_string_equal(r->recipient[1]->words, "V");
	letterlock_recipients_free(r);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(letterlock_recipients(
			l, "a", to, LETTERLOCK_NO, LETTERLOCK_NO, &r, MS, &e),
			-1);
		assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
		assert_null(r);
	}
	assert_int_equal(letterlock_recipients(l, "a", bad, LETTERLOCK_NO,
	                                       LETTERLOCK_NO, &r, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_USE);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

static void test_accounts_and_status(void **state)
{
	struct letterlock_accounts *a;
	struct letterlock_status *st;
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;

	(void)state;
	ends_open(&s, S(HELLO "{\"id\":2,\"ok\":{\"accounts\":[{\"address\":\"a\","
	                "\"login\":\"l\",\"aliases\":[\"x\",1,\"y\"],"
	                "\"submission\":true}]}}\n"
	                "{\"id\":3,\"ok\":{\"accounts\":[{\"address\":1}]}}\n"
	                "{\"id\":4,\"ok\":{\"started\":9,\"accounts\":[{"
	                "\"address\":\"a\",\"key\":\"locked\",\"pop3\":{"
	                "\"failed\":3,\"failure\":\"F\"}},{\"address\":\"b\"}]}}\n"
	                "{\"id\":5,\"ok\":{\"accounts\":[[]]}}\n"), 0);
	l = handle_over(s.theirs, MS, &e);
	assert_int_equal(letterlock_accounts(l, &a, MS, &e), 0);
	assert_int_equal(a->n, 1);
	assert_int_equal(a->account[0]->n_aliases, 2);
	assert_string_equal(a->account[0]->alias[1], "y");
	assert_true(a->account[0]->submission);
	assert_false(a->account[0]->pop3);
	letterlock_accounts_free(a);
	assert_int_equal(letterlock_accounts(l, &a, MS, &e), -1);
	assert_null(a);
	assert_int_equal(letterlock_status(l, true, &st, MS, &e), 0);
	assert_int_equal(st->started, 9);
	assert_int_equal(st->n_accounts, 2);
	assert_string_equal(st->account[0]->key, "locked");
	assert_string_equal(st->account[0]->pop3.failure, "F");
	assert_int_equal(st->account[0]->submission.failed, 0);
	assert_null(st->account[1]->key);
	letterlock_status_free(st);
	assert_int_equal(letterlock_status(l, true, &st, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_BAD_ANSWER);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_open_is_refused),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_accounts_and_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
