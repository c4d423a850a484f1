/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/verdict.c and crypto/digest.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/verdict.h"
#include "tests/unit/slow.h"

enum { SECONDS_MAX = 10, BIG = 25 << 20 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S(s) s, sizeof(s) - 1
#define FPR "0123456789ABCDEF0123456789ABCDEF01234567"

static const unsigned char KEY[VERDICT_KEY] = "thirty-two octets of a test key";
static const unsigned char KEY2[VERDICT_KEY] = "another key that is not the key";

static void sha256(const char *p, size_t n, unsigned char out[32])
{
	assert_int_equal(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL), 1);
}

/* The body's digest, given in two pieces. */
static void digest_cut(const char *p, size_t n, size_t cut,
                       unsigned char out[32])
{
	struct body_digest *b = body_digest_new();
	struct err e;
	char *a = malloc(cut + 1), *z = malloc(n - cut + 1);

	assert_true(b && a && z);
	memcpy(a, p, cut);
	memcpy(z, p + cut, n - cut);
	a = realloc(a, cut ? cut : 1);
	assert_int_equal(sink_put(body_digest_sink(b), a, cut, &e), 0);
	assert_int_equal(sink_put(body_digest_sink(b), z, n - cut, &e), 0);
	assert_int_equal(body_digest_end(b, out, &e), 0);
	body_digest_free(b);
	free(a);
	free(z);
}

static void digest_octets(const char *p, size_t n, unsigned char out[32])
{
	struct body_digest *b = body_digest_new();
	struct err e;

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sink_put(body_digest_sink(b), p + i, 1, &e),
		                 0);
	assert_int_equal(body_digest_end(b, out, &e), 0);
	body_digest_free(b);
}

static const struct {
	const char *body;
	size_t len;
	const char *canon;
	size_t canon_len;
} bodies[] = {
	{ S(""), S("") },
	{ S("\r\n"), S("") },
	{ S("\n \r\n\t\n"), S("") },
	{ S(" \t"), S("") },
	{ S(" C \r\nD \t E\r\n\r\n\r\n"), S(" C\r\nD E\r\n") },	/* RFC 6376 */
	{ S("a"), S("a\r\n") },
	{ S("a\n"), S("a\r\n") },
	{ S("a \t\r\n\tb\t c  \nd"), S("a\r\n b c\r\nd\r\n") },
	{ S("\r\n\n  \na\n\n \nb\n\n"), S("\r\n\r\n\r\na\r\n\r\n\r\nb\r\n") },
	{ S("a\r"), S("a\r\r\n") },
	{ S("a\rb\r\n"), S("a\rb\r\n") },
	{ S("a\r\r\nb"), S("a\r\r\nb\r\n") },
	{ S("a \r\r\nb"), S("a \r\r\nb\r\n") },
	{ S("\r"), S("\r\r\n") },
	{ S("\r \n"), S("\r\r\n") },
	{ S("\r\r\r\n\n\n"), S("\r\r\r\n") },
	{ S("a\0 \0\n"), S("a\0 \0\r\n") },
	{ S("\v\f\x85\xa0 \xff"), S("\v\f\x85\xa0 \xff\r\n") },
};

static void test_body(void **state)
{
	unsigned char want[32], got[32];

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		sha256(bodies[i].canon, bodies[i].canon_len, want);
		for (size_t cut = 0; cut <= bodies[i].len; cut++) {
			digest_cut(bodies[i].body, bodies[i].len, cut, got);
			if (memcmp(want, got, 32) != 0)
				fail_msg("body %zu cut at %zu", i, cut);
		}
		digest_octets(bodies[i].body, bodies[i].len, got);
		assert_memory_equal(want, got, 32);
	}
}

/* RFC 6376 section 3.4.4, one octet at a time and without any haste. */
static size_t slow_canon(const char *p, size_t n, char *out)
{
	size_t line = 0, o = 0, keep = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] != '\n') {
			bool wsp = p[i] == ' ' || p[i] == '\t';

			if (wsp && o > line && out[o - 1] == ' ')
				continue;
			out[o++] = wsp ? ' ' : p[i];
			continue;
		}
		if (i < n && i && p[i - 1] == '\r' && o > line)
			o--;
		while (o > line && out[o - 1] == ' ')
			o--;
		if (o > line)
			keep = o + 2;
		if (i == n && o == line)
			break;
		memcpy(out + o, "\r\n", 2);
		line = o += 2;
	}
	return keep;
}

static void test_body_random(void **state)
{
	static const char alphabet[] = "ab \t\r\n\r\n";
	char body[64], canon[3 * sizeof body];
	unsigned char want[32], got[32];
	unsigned r = 1;
	size_t n;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		r = r * 1103515245 + 12345;
		n = r >> 16 & 63;
		for (size_t k = 0; k < n; k++) {
			r = r * 1103515245 + 12345;
			body[k] = alphabet[r >> 16 & 7];
		}
		sha256(canon, slow_canon(body, n, canon), want);
		digest_cut(body, n, n ? (r >> 8) % n : 0, got);
		assert_memory_equal(want, got, 32);
	}
}

/* Across the buffer's edges, and in no more than linear time. */
static void test_body_big(void **state)
{
	const char *pattern[] = { "a", " ", "\r", "\n", " \n", "\r\n", "a b\r\n",
	                          "\r\r\n" };
	char *p = malloc(BIG), *canon = malloc((size_t)3 * BIG);
	unsigned char want[32], got[32];
	struct body_digest *b;
	struct err e;
	clock_t start, spent = 0;
	size_t len, step;

	(void)state;
	assert_true(p && canon);
	for (size_t i = 0; i < COUNT(pattern); i++) {
		len = strlen(pattern[i]);
		for (size_t n = 0; n < BIG; n++)
			p[n] = pattern[i][n % len];
		p[BIG - 1] = 'z';
		sha256(canon, slow_canon(p, BIG, canon), want);
		start = clock();
		b = body_digest_new();
		assert_non_null(b);
		for (size_t n = 0; n < BIG; n += step) {
			step = n % 7 ? 16383 : 40001;
			if (step > BIG - n)
				step = BIG - n;
			assert_int_equal(sink_put(body_digest_sink(b), p + n,
			                          step, &e), 0);
		}
		assert_int_equal(body_digest_end(b, got, &e), 0);
		body_digest_free(b);
		spent += clock() - start;
		assert_memory_equal(want, got, 32);
	}
	free(p);
	free(canon);
	assert_true(spent < SECONDS_MAX * slower() * CLOCKS_PER_SEC);
}

static void fields_digest(const char *text, unsigned char out[32])
{
	struct header h;
	struct err e;
	char *copy = strdup(text);

	assert_int_equal(header_cut(&h, copy, strlen(text), &e), 0);
	assert_int_equal(verdict_digest(&h, out, &e), 0);
	header_free(&h);
	free(copy);
}

static const char LETTER[] =
	"From: A <a@b>\r\nTo: c@d\r\nDate: now\r\nSubject: s\r\n"
	"Message-ID: <m>\r\nContent-Type: text/plain\r\n";

static void test_fields(void **state)
{
	static const char canon[] =
		"from:A <a@b>\r\nto:c@d\r\nCc\r\nReply-To\r\ndate:now\r\n"
		"subject:s t\r\nsubject:\r\nmessage-id:<m>\r\n"
		"content-type:text/plain; a=b\r\ncontent-x:y\r\n";
	unsigned char want[32], got[32];

	(void)state;
	sha256(S(canon), want);
	fields_digest("X: y\nContent-TYPE: text/plain;\n\ta=b\nSubject :\t s \t"
	              " t \r\nFROM:A\r\n  <a@b>  \r\nDate: now\nTo: c@d\n"
	              "Message-Id:<m>\nSubject:\nContent-X: y\nY: z\n", got);
	assert_memory_equal(want, got, 32);
	sha256(S("From\r\nTo\r\nCc\r\nReply-To\r\nDate\r\nSubject\r\n"
	         "Message-ID\r\nContent-\r\n"), want);
	fields_digest("", got);
	assert_memory_equal(want, got, 32);
}

static void test_fields_differ(void **state)
{
	static const char *const others[] = {
		"", "From: A <a@b>\r\n", "From:\r\n", "To:\r\n", "Cc:\r\n",
		"Reply-To:\r\n", "Date:\r\n", "Subject:\r\n", "Message-ID:\r\n",
		"Content-Type:\r\n", "Content-:\r\n", "Subject: x\r\n",
		"Subject: x\r\nSubject:\r\n", "Subject: xSubject:\r\n",
		"Subject: x\ry\r\n", "Subject: x y\r\n", "Subject: X\r\n",
		"Subject: \xff\r\n",
	};
	unsigned char digest[COUNT(others)][32], a[32], b[32];

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		fields_digest(others[i], digest[i]);
		for (size_t k = 0; k < i; k++)
			if (memcmp(digest[i], digest[k], 32) == 0)
				fail_msg("%zu and %zu have one digest", i, k);
	}
	fields_digest("X-Spam: no\r\nReceived: x\r\nContent-length: 5\r\n"
	              "Subject: x\r\n", a);
	fields_digest("Subject:  x\r\n", b);
	assert_memory_equal(a, b, 32);
}

static struct verdict full(void)
{
	struct verdict v = {
		.encryption = ENC_OK, .signature = SIG_GOOD,
		.trust = TRUST_VERIFIED, .signer = "alice@example.org",
		.fpr = FPR, .has_body = true, .t = 1790000000
	};

	sha256(S("body\r\n"), v.body);
	return v;
}

static void test_format(void **state)
{
	struct verdict v = full(), none = { .t = 1 };
	char line[VERDICT_LINE_MAX], want[VERDICT_LINE_MAX];
	unsigned char digest[32], mac[32], all[VERDICT_LINE_MAX], hash[32];
	unsigned char b64[64];
	struct err e;
	int n;

	(void)state;
	fields_digest(LETTER, digest);
	assert_int_equal(verdict_format(&v, digest, KEY, line, &e), 0);
	sha256((const char *)KEY, sizeof KEY, hash);
	n = snprintf(want, sizeof want, "v=1; encryption=ok; signature=good; "
	             "signer=alice@example.org; fpr=" FPR "; trust=verified; "
	             "t=1790000000; kid=%02X%02X%02X%02X; bh=", hash[0],
	             hash[1], hash[2], hash[3]);
	EVP_EncodeBlock(b64, v.body, 32);
	for (int i = 0; i < 43; i++)
		want[n++] = b64[i] == '+' ? '-' : b64[i] == '/' ? '_' :
		            (char)b64[i];
	n += snprintf(want + n, sizeof want - (size_t)n, "; ");
	memcpy(all, want, (size_t)n);
	memcpy(all + n, digest, 32);
	assert_non_null(HMAC(EVP_sha256(), KEY, 32, all, (size_t)n + 32, mac,
	                     NULL));
	EVP_EncodeBlock(b64, mac, 32);
	n += snprintf(want + n, sizeof want - (size_t)n, "mac=");
	for (int i = 0; i < 43; i++)
		want[n++] = b64[i] == '+' ? '-' : b64[i] == '/' ? '_' :
		            (char)b64[i];
	memcpy(want + n, "\r\n", 3);
	assert_memory_equal(line, "Letterlock-Status: ", 19);
	assert_string_equal(line + 19, want);

	assert_int_equal(verdict_format(&none, digest, KEY, line, &e), 0);
	assert_ptr_equal(strstr(line, "Letterlock-Status: v=1; encryption=none; "
	                        "signature=none; t=1; kid="), line);
	assert_null(strstr(line, "bh="));
}

static void refuse(const struct verdict *v)
{
	unsigned char digest[32] = { 0 };
	char line[VERDICT_LINE_MAX];
	struct err e;

	assert_int_equal(verdict_format(v, digest, KEY, line, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_INV_VALUE);
}

static void test_format_refuses(void **state)
{
	static const char *const signers[] = {
		"alice", "a@b;c", "a;b@c", "a@b c", "a@b\r\n", "\xc3\xa4@b",
		"<a@b>", "\"a;b\"@c", "a@\x7f",
	};
	static const char *const fprs[] = {
		"0", FPR + 1, "0123456789abcdef0123456789ABCDEF01234567",
		"0123456789ABCDEF0123456789ABCDEF0123456;",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < COUNT(signers); i++) {
		v = full();
		memcpy(v.signer, signers[i], strlen(signers[i]) + 1);
		refuse(&v);
	}
	for (size_t i = 0; i < COUNT(fprs); i++) {
		v = full();
		memcpy(v.fpr, fprs[i], strlen(fprs[i]) + 1);
		refuse(&v);
	}
	v = full();
	v.has_body = false;
	refuse(&v);
	v = full();
	v.t = -1;
	refuse(&v);
	v = full();
	v.signature = SIG_MISMATCH + 1;
	refuse(&v);
	v = full();
	v.reason = REASON_TIMEOUT + 1;
	refuse(&v);
}

/* Format, check, compare: every word once. */
static void test_round(void **state)
{
	struct verdict v, got;
	unsigned char digest[32];
	char line[VERDICT_LINE_MAX];
	struct err e;

	(void)state;
	fields_digest(LETTER, digest);
	for (int i = 0; i < 3 * 9 * 3 * 7 * 2; i++) {
		v = full();
		v.encryption = (enum verdict_encryption)(i % 3);
		v.signature = (enum verdict_signature)(i / 3 % 9);
		v.trust = (enum verdict_trust)(i / 27 % 3);
		v.reason = (enum verdict_reason)(i / 81 % 7);
		v.has_body = verdict_claims(&v);
		if (!v.has_body)
			memset(v.body, 0, sizeof v.body);
		if (i / 567) {
			memset(v.signer, 0, sizeof v.signer);
			memset(v.fpr, 0, sizeof v.fpr);
		}
		assert_int_equal(verdict_format(&v, digest, KEY, line, &e), 0);
		assert_int_equal(verdict_check(line + 19, digest, v.body, KEY,
		                               &got), VERDICT_GENUINE);
		assert_int_equal(got.encryption, v.encryption);
		assert_int_equal(got.signature, v.signature);
		assert_int_equal(got.trust, v.trust);
		assert_int_equal(got.reason, v.reason);
		assert_int_equal(got.has_body, v.has_body);
		assert_int_equal(got.t, v.t);
		assert_string_equal(got.signer, v.signer);
		assert_string_equal(got.fpr, v.fpr);
		assert_memory_equal(got.body, v.body, 32);
	}
	memset(v.signer, 'a', ADDR_MAX);	/* the longest line there is */
	v.signer[1] = '@';
	memcpy(v.fpr, FPR, sizeof FPR);
	assert_int_equal(verdict_format(&v, digest, KEY, line, &e), 0);
	assert_int_equal(verdict_check(line + 19, digest, v.body, KEY, &got),
	                 VERDICT_GENUINE);
}

static void test_check(void **state)
{
	struct verdict v = full(), none = { .t = 1 }, got;
	unsigned char digest[32], other[32];
	char line[VERDICT_LINE_MAX];
	struct err e;

	(void)state;
	fields_digest(LETTER, digest);
	fields_digest("From: x\r\n", other);
	assert_int_equal(verdict_format(&v, digest, KEY, line, &e), 0);
	assert_int_equal(verdict_check(line + 18, digest, v.body, KEY, &got),
	                 VERDICT_GENUINE);
	assert_int_equal(verdict_check(line + 18, digest, digest, KEY, &got),
	                 VERDICT_CHANGED);
	assert_int_equal(verdict_check(line + 18, digest, v.body, KEY2, &got),
	                 VERDICT_OTHER_KEY);
	assert_int_equal(verdict_check(line + 18, other, v.body, KEY, &got),
	                 VERDICT_FORGED);
	assert_int_equal(verdict_check(line + 18, other, digest, KEY, &got),
	                 VERDICT_FORGED);
	assert_int_equal(got.signature, SIG_GOOD);
	assert_int_equal(verdict_check("", digest, v.body, KEY, &got),
	                 VERDICT_FORGED);
	/* as a client may store the line end */
	line[strlen(line) - 2] = '\n';
	line[strlen(line) - 1] = '\0';
	assert_int_equal(verdict_check(line + 19, digest, v.body, KEY, &got),
	                 VERDICT_GENUINE);
	line[strlen(line) - 1] = '\0';
	assert_int_equal(verdict_check(line + 19, digest, v.body, KEY, &got),
	                 VERDICT_GENUINE);
	/* no claim, any body */
	assert_int_equal(verdict_format(&none, digest, KEY, line, &e), 0);
	assert_int_equal(verdict_check(line + 19, digest, digest, KEY, &got),
	                 VERDICT_GENUINE);
}

static void check_not_genuine(const char *text, const unsigned char *digest,
                              const unsigned char *body)
{
	enum verdict_check c;
	struct verdict got;
	char *copy = strdup(text);

	c = verdict_check(copy, digest, body, KEY, &got);
	if (c != VERDICT_FORGED && c != VERDICT_OTHER_KEY)
		fail_msg("%d for %s", (int)c, text);
	free(copy);
}

/* Every octet changed to every other, left out, doubled; cut anywhere. */
static void test_every_octet(void **state)
{
	struct verdict v = full();
	char line[VERDICT_LINE_MAX], other[VERDICT_LINE_MAX + 1];
	unsigned char digest[32];
	struct err e;
	size_t n;

	(void)state;
	fields_digest(LETTER, digest);
	assert_int_equal(verdict_format(&v, digest, KEY, line, &e), 0);
	memmove(line, line + 18, strlen(line + 18) + 1);
	n = strlen(line);
	for (size_t i = 0; i < n; i++) {
		memcpy(other, line, n + 1);
		for (int c = 0; c < 256; c++) {
			/* A line end may be stored as LF or left out. */
			if ((char)c == line[i] || (i == n - 2 && c == 0))
				continue;
			other[i] = (char)c;
			check_not_genuine(other, digest, v.body);
		}
		memcpy(other, line, i);
		memcpy(other + i, line + i + 1, n - i);
		if (i > 0 && i != n - 2)
			check_not_genuine(other, digest, v.body);
		memcpy(other + i + 1, line + i, n - i + 1);
		other[i] = line[i];
		check_not_genuine(other, digest, v.body);
		memcpy(other, line, n);
		other[i] = '\0';
		if (i != n - 2)
			check_not_genuine(other, digest, v.body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_body_random),
		cmocka_unit_test(test_body_big),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_fields_differ),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_every_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
