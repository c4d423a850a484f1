/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/autocrypt.c and autocrypt_peer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "crypto/autocrypt.h"
#include "crypto/keydata.h"
#include "tests/unit/keydata_many.h"

#define FPR "2102A2BC0A1A031F12AE60617BCE2DFAD3FD8A39"
#define ME "a@b.example.org"

/* Field text, each KEY in it a key in base64, each PART the first of it; the result
 * is malloced. */
static char *with_key(const char *form)
{
	size_t n;
	unsigned char *p = many_key(&n), b64[4096];
	char *text = calloc(1, 20000), *at = text;

	EVP_EncodeBlock(b64, p, (int)n);
	while (*form) {
		bool whole = strncmp(form, "KEY", 3) == 0;

		if (whole || strncmp(form, "PART", 4) == 0) {
			at += snprintf(at, 5000, "%.*s", whole ? 4096 : 40, b64);
			form += whole ? 3 : 4;
			continue;
		}
		*at++ = *form++;
	}
	free(p);
	return text;
}

static int read_text(const char *text, struct autocrypt *a)
{
	struct header h;
	struct err e;
	int r;

	assert_int_equal(header_cut(&h, text, strlen(text), &e), 0);
	assert_int_equal(h.n, 1);
	r = autocrypt_read(&h.field[0], a, &e);
	header_free(&h);
	return r;
}

static void test_valid(void **state)
{
	static const struct {
		const char *form;
		bool mutual;
	} row[] = {
		{ "Autocrypt: addr=" ME "; keydata=KEY\r\n", false },
		{ "Autocrypt: addr=" ME "; prefer-encrypt=mutual; keydata=KEY\r\n",
		  true },
		{ "Autocrypt: prefer-encrypt=mutual;addr=" ME ";keydata=KEY\r\n",
		  true },
		{ "autocrypt:\r\n addr=" ME ";\r\n\tkeydata=\r\n KEY\r\n", false },
		{ "Autocrypt: addr=" ME "; _later=\"x=y\"; _=; keydata=KEY\r\n",
		  false },
		{ "Autocrypt: addr=" ME "; prefer-encrypt=nopreference; "
		  "keydata=KEY\r\n", false },
		{ "Autocrypt: addr=" ME "; prefer-encrypt=Mutual; keydata=KEY\r\n",
		  false },
		{ "Autocrypt: addr=" ME "; keydata=KEY;\r\n", false },
		{ "Autocrypt: ADDR=" ME "; Keydata=KEY\r\n", false },
		{ "Autocrypt-Gossip: addr=" ME "; keydata=KEY\r\n", false },
	};
	struct autocrypt a;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		text = with_key(row[i].form);
		assert_int_equal(read_text(text, &a), 1);
		assert_string_equal(a.addr, ME);
		assert_string_equal(a.fpr, FPR);
		assert_int_equal(a.mutual, row[i].mutual);
		autocrypt_free(&a);
		assert_null(a.key);
		free(text);
	}
}

static void test_not_valid(void **state)
{
	static const char *const row[] = {
		"Autocrypt: keydata=KEY\r\n",
		"Autocrypt: addr=" ME "\r\n",
		"Autocrypt: addr=" ME "; keydata=\r\n",
		"Autocrypt: addr=" ME "; later=x; keydata=KEY\r\n",
		"Autocrypt: addr=" ME "; later; keydata=KEY\r\n",
		"Autocrypt: addr=" ME "; keydata=KEY; prefer-encrypt=mutual\r\n",
		"Autocrypt: addr=" ME "; keydata=KEY; _x=y\r\n",
		"Autocrypt: addr=" ME "; addr=" ME "; keydata=KEY\r\n",
		"Autocrypt: addr=" ME ", x@y; keydata=KEY\r\n",
		"Autocrypt: addr=nobody; keydata=KEY\r\n",
		"Autocrypt: addr=<" ME ">; keydata=KEY\r\n",
		"Autocrypt: addr=; keydata=KEY\r\n",
		"Autocrypt: addr=" ME "; keydata=PART\r\n",
		"Autocrypt: addr=" ME "; keydata=!KEY\r\n",
		"Autocrypt: addr=" ME "; keydata=AAAA\r\n",
		"Autocrypt: addr=" ME "; keydata=KEYKEY\r\n",
		"Autocrypt: addr=" ME "; keydata=KEY; keydata=KEY\r\n",
		"Autocrypt:\r\n",
		"Autocrypt : addr=" ME "; keydata=KEY\r\n",
	};
	struct autocrypt a;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		text = with_key(row[i]);
		if (read_text(text, &a) != 0)
			fail_msg("valid: %s", row[i]);
		assert_null(a.key);
		free(text);
	}
}

static void test_too_large(void **state)
{
	char *text = malloc(AUTOCRYPT_FIELD_MAX + 100), *key;
	struct autocrypt a;
	size_t n;

	(void)state;
	key = with_key("; keydata=KEY\r\n");
	for (int over = 0; over < 2; over++) {
		n = (size_t)snprintf(text, 100, "Autocrypt: addr=" ME "; _x=");
		memset(text + n, 'x', AUTOCRYPT_FIELD_MAX);
		snprintf(text + AUTOCRYPT_FIELD_MAX - strlen(key)
		         + (size_t)over, strlen(key) + 1, "%s", key);
		assert_int_equal(strlen(text), AUTOCRYPT_FIELD_MAX + over);
		assert_int_equal(read_text(text, &a), !over);
		if (!over)
			autocrypt_free(&a);
	}
	free(key);
	free(text);
}

/* Every cut of a field, and every octet of it gone: valid or not, no crash. */
static void test_cut(void **state)
{
	char *text = with_key("Autocrypt: addr=" ME "; prefer-encrypt=mutual; "
	                      "keydata=KEY\r\n"), *part;
	size_t n = strlen(text), valid = 0;
	struct autocrypt a;

	(void)state;
	for (size_t i = 10; i < n; i++) {
		part = strndup(text, i);
		if (read_text(part, &a) == 1) {
			assert_true(i > 60);
			autocrypt_free(&a);
			valid++;
		}
		free(part);
	}
	/* where the base64 and a packet end at one place, and before CR LF */
	assert_in_range(valid, 2, 30);
	free(text);
}

/* What is written reads back, in short lines. */
static void test_write(void **state)
{
	static const char *const names[] = { AUTOCRYPT_NAME, AUTOCRYPT_GOSSIP };
	struct autocrypt a;
	struct membuf m;
	struct err e;
	size_t n;
	unsigned char *p = many_key(&n);
	char *text, *line, *save;

	(void)state;
	for (int i = 0; i < 2; i++) {
		membuf_init(&m, 100000);
		assert_int_equal(autocrypt_write(&m.sink, names[i], ME, !i, p,
		                                 n, &e), 0);
		text = strndup(m.buf, m.len);
		assert_int_equal(read_text(text, &a), 1);
		assert_string_equal(a.addr, ME);
		assert_int_equal(a.mutual, !i);
		assert_int_equal(a.n, n);
		assert_memory_equal(a.key, p, n);
		assert_int_equal(strncmp(text, names[i], strlen(names[i])), 0);
		assert_string_equal(text + m.len - 2, "\r\n");
		autocrypt_free(&a);
		for (line = strtok_r(text, "\r\n", &save); line;
		     line = strtok_r(NULL, "\r\n", &save))
			assert_in_range(strlen(line), 2, 76);
		free(text);
		membuf_free(&m);
	}
	free(p);
}

static void test_write_refused(void **state)
{
	static const char *const bad[] = { "", "nobody", "a b@c", "a;b@c.org",
	                                   "\"a b\"@c.org", "ä@c.org" };
	static const unsigned char large[AUTOCRYPT_FIELD_MAX];
	struct membuf m;
	struct err e;

	(void)state;
	membuf_init(&m, 100000);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(autocrypt_write(&m.sink, AUTOCRYPT_NAME, bad[i],
		                                 true, "x", 1, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_INV_VALUE);
	}
	assert_int_equal(autocrypt_write(&m.sink, AUTOCRYPT_NAME, ME, true,
	                                 large, sizeof large, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(m.len, 0);
	membuf_free(&m);
}

/* ---- a header block ---- */

static int of(const char *form, const char *from, struct autocrypt *a)
{
	char *text = with_key(form);
	struct header h;
	struct err e;
	int r;

	assert_int_equal(header_cut(&h, text, strlen(text), &e), 0);
	r = autocrypt_of(&h, from, a, &e);
	header_free(&h);
	free(text);
	return r;
}

static void test_of(void **state)
{
	struct autocrypt a;

	(void)state;
	assert_int_equal(of("Subject: x\r\n", ME, &a), 0);
	assert_int_equal(of("Autocrypt: addr=" ME "; keydata=KEY\r\n", ME, &a),
	                 1);
	autocrypt_free(&a);
	assert_int_equal(of("Autocrypt: addr=" ME "; keydata=KEY\r\n",
	                    "A@B.Example.ORG", &a), 1);
	autocrypt_free(&a);
	assert_int_equal(of("Autocrypt: addr=" ME "; keydata=KEY\r\n", "x@y.z",
	                    &a), 0);
	/* two valid ones are none */
	assert_int_equal(of("Autocrypt: addr=" ME "; keydata=KEY\r\n"
	                    "Subject: x\r\nAutocrypt: addr=" ME
	                    "; keydata=KEY\r\n", ME, &a), 0);
	assert_null(a.key);
	/* of which one is for a later level, it is one */
	assert_int_equal(of("Autocrypt: addr=" ME "; level=2; keydata=KEY\r\n"
	                    "Autocrypt: addr=" ME "; keydata=KEY\r\n", ME, &a),
	                 1);
	autocrypt_free(&a);
	assert_int_equal(of("Autocrypt-Gossip: addr=" ME "; keydata=KEY\r\n", ME,
	                    &a), 0);
}

static bool ignored(const char *text)
{
	struct header h;
	bool is;

	assert_int_equal(header_cut(&h, text, strlen(text), NULL), 0);
	is = autocrypt_ignores(&h);
	header_free(&h);
	return is;
}

static void test_ignores(void **state)
{
	(void)state;
	assert_false(ignored("Subject: x\r\n"));
	assert_false(ignored("Auto-Submitted: no\r\n"));
	assert_true(ignored("Auto-Submitted: Auto-Replied\r\n"));
	assert_true(ignored("auto-submitted: (x) auto-replied; owner=x\r\n"));
	assert_true(ignored("Content-Type: multipart/report; report-type=x\r\n"));
	assert_false(ignored("Content-Type: multipart/mixed\r\n"));
}

/* ---- peers: the tables of the specification ---- */

static const struct autocrypt plain_ = { .mutual = false },
                              mutual_ = { .mutual = true };

static void test_update(void **state)
{
	struct autocrypt_peer p = { 0 };

	(void)state;
	/* without a field: seen, and nothing else */
	assert_false(autocrypt_update(&p, 100, NULL));
	assert_int_equal(p.last_seen, 100);
	assert_int_equal(p.timestamp, 0);
	assert_false(p.has_key);
	/* with one */
	assert_true(autocrypt_update(&p, 200, &mutual_));
	assert_int_equal(p.last_seen, 200);
	assert_int_equal(p.timestamp, 200);
	assert_true(p.has_key && p.mutual);
	/* an older letter changes nothing, with a field or without */
	assert_false(autocrypt_update(&p, 150, &plain_));
	assert_false(autocrypt_update(&p, 150, NULL));
	assert_int_equal(p.last_seen, 200);
	assert_true(p.mutual);
	/* a newer one without: the key stays */
	assert_false(autocrypt_update(&p, 300, NULL));
	assert_int_equal(p.last_seen, 300);
	assert_int_equal(p.timestamp, 200);
	assert_true(p.has_key && p.mutual);
	/* older than the last seen, newer than the key: it is the key's */
	assert_true(autocrypt_update(&p, 250, &plain_));
	assert_int_equal(p.last_seen, 300);
	assert_int_equal(p.timestamp, 250);
	assert_false(p.mutual);
	/* the same date again: taken (it is not older) */
	assert_true(autocrypt_update(&p, 250, &mutual_));
	assert_true(p.mutual);
}

static void test_update_gossip(void **state)
{
	struct autocrypt_peer p = { 0 };

	(void)state;
	assert_true(autocrypt_update_gossip(&p, 100));
	assert_true(p.has_gossip && !p.has_key);
	assert_int_equal(p.gossip_timestamp, 100);
	assert_int_equal(p.last_seen, 0);
	assert_false(autocrypt_update_gossip(&p, 99));
	assert_true(autocrypt_update_gossip(&p, 100));
	assert_true(autocrypt_update_gossip(&p, 101));
	assert_int_equal(p.gossip_timestamp, 101);
}

static void test_date(void **state)
{
	(void)state;
	assert_int_equal(autocrypt_date(50, 100), 50);
	assert_int_equal(autocrypt_date(100, 100), 100);
	assert_int_equal(autocrypt_date(101, 100), 100);
	assert_int_equal(autocrypt_date(0, 100), 100);
	assert_int_equal(autocrypt_date(-5, 100), 100);
}

static void test_advise(void **state)
{
	enum { T = 1000000000 };
	static const struct {
		struct autocrypt_peer p;
		bool key, gossip, mutual, reply;
		enum autocrypt_advice advice;
		bool by_gossip;
	} row[] = {
		/* nothing of use */
		{ { T, 0, 0, false, false, false }, true, true, true, true,
		  AUTOCRYPT_DISABLE, false },
		{ { T, T, T, true, true, true }, false, false, true, true,
		  AUTOCRYPT_DISABLE, false },
		/* its own key */
		{ { T, T, 0, false, true, false }, true, true, false, false,
		  AUTOCRYPT_AVAILABLE, false },
		{ { T, T, 0, false, true, false }, true, true, true, false,
		  AUTOCRYPT_AVAILABLE, false },
		{ { T, T, 0, true, true, false }, true, true, false, false,
		  AUTOCRYPT_AVAILABLE, false },
		{ { T, T, 0, true, true, false }, true, true, true, false,
		  AUTOCRYPT_ENCRYPT, false },
		{ { T, T, 0, false, true, false }, true, true, false, true,
		  AUTOCRYPT_ENCRYPT, false },
		/* too long without a field */
		{ { T + AUTOCRYPT_OLD, T, 0, true, true, false }, true, true,
		  true, false, AUTOCRYPT_ENCRYPT, false },
		{ { T + AUTOCRYPT_OLD + 1, T, 0, true, true, false }, true, true,
		  true, false, AUTOCRYPT_DISCOURAGE, false },
		{ { T + AUTOCRYPT_OLD + 1, T, 0, true, true, false }, true, true,
		  true, true, AUTOCRYPT_ENCRYPT, false },
		/* gossip alone, or where its own is of no use */
		{ { 0, 0, T, false, false, true }, true, true, true, false,
		  AUTOCRYPT_DISCOURAGE, true },
		{ { 0, 0, T, false, false, true }, true, true, true, true,
		  AUTOCRYPT_ENCRYPT, true },
		{ { T, T, T, true, true, true }, false, true, true, false,
		  AUTOCRYPT_DISCOURAGE, true },
		{ { T, T, T, true, true, true }, true, true, true, false,
		  AUTOCRYPT_ENCRYPT, false },
	};
	struct autocrypt_advised a;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		a = autocrypt_advise(&row[i].p, row[i].key, row[i].gossip,
		                     row[i].mutual, row[i].reply);
		if (a.advice != row[i].advice || a.gossip != row[i].by_gossip)
			fail_msg("row %zu", i);
	}
	a = autocrypt_advise(NULL, true, true, true, true);
	assert_int_equal(a.advice, AUTOCRYPT_DISABLE);
}

static void test_advise_all(void **state)
{
	static const enum autocrypt_advice
		X = AUTOCRYPT_DISABLE, D = AUTOCRYPT_DISCOURAGE,
		A = AUTOCRYPT_AVAILABLE, E = AUTOCRYPT_ENCRYPT;
	const struct {
		enum autocrypt_advice each[3], all;
	} row[] = {
		{ { E, E, E }, E }, { { E, E, A }, A }, { { E, D, A }, D },
		{ { E, D, E }, D }, { { E, X, D }, X }, { { X, E, E }, X },
		{ { A, A, A }, A }, { { D, D, D }, D },
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_int_equal(autocrypt_advise_all(row[i].each, 3),
		                 row[i].all);
	assert_int_equal(autocrypt_advise_all(NULL, 0), X);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_not_valid),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_refused),
		cmocka_unit_test(test_of),
		cmocka_unit_test(test_ignores),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_update_gossip),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_advise),
		cmocka_unit_test(test_advise_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
