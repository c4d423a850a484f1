/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the verdict's field: what an attacker writes is never genuine. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/verdict.h"
#include "tests/fuzz/fuzz.h"

static const unsigned char KEY[VERDICT_KEY] = "thirty-two octets of a test key";
static const unsigned char KEY2[VERDICT_KEY] = "another key that is not the key";
static const unsigned char DIGEST[VERDICT_DIGEST] = "the digest of the fields";

/* Text that was not made with the key. */
static void read_foreign(const char *text)
{
	unsigned char body[VERDICT_DIGEST];
	enum verdict_check c;
	struct verdict v;

	SHA256((const unsigned char *)text, strlen(text), body);
	c = verdict_check(text, DIGEST, body, KEY, &v);
	CHECK(c == VERDICT_OTHER_KEY || c == VERDICT_FORGED);
	/* nothing but our words is in it, even so */
	CHECK(strlen(v.signer) <= ADDR_MAX && strlen(v.fpr) <= 40);
	CHECK(c == VERDICT_FORGED || !v.signer[0] || addr_ok(v.signer));
}

/* Some verdict, made of the octets; it may be one that can't be written. */
static void make(struct verdict *v, const uint8_t *p, size_t n)
{
	memset(v, 0, sizeof *v);
	v->encryption = (enum verdict_encryption)(fuzz_octet(&p, &n) % 4);
	v->signature = (enum verdict_signature)(fuzz_octet(&p, &n) % 10);
	v->trust = (enum verdict_trust)(fuzz_octet(&p, &n) % 4);
	v->reason = (enum verdict_reason)(fuzz_octet(&p, &n) % 8);
	v->has_body = fuzz_octet(&p, &n) & 1;
	v->t = (int64_t)fuzz_octet(&p, &n) << fuzz_octet(&p, &n) % 40;
	SHA256(p, n, v->body);
	if (fuzz_octet(&p, &n) & 1)
		memcpy(v->fpr, "0123456789ABCDEF0123456789ABCDEF01234567", 41);
	n = n < ADDR_MAX ? n : ADDR_MAX;
	if (n)
		memcpy(v->signer, p, n);
}

static void check_line(const char *line, const struct verdict *v,
                       uint8_t how)
{
	static const unsigned char other[VERDICT_DIGEST] = "another one";
	size_t n = strlen(line), name = strlen(VERDICT_NAME ":"), at;
	const char *text = line + name;
	struct verdict back;
	char *changed;

	CHECK(n < VERDICT_LINE_MAX && clean_lines(line, n, 998));
	CHECK(is_ascii(line, n) && strchr(line, '\n') == line + n - 1);
	CHECK(verdict_check(text, DIGEST, v->body, KEY, &back)
	      == VERDICT_GENUINE);
	CHECK(back.encryption == v->encryption && back.trust == v->trust
	      && back.signature == v->signature && back.reason == v->reason
	      && back.t == v->t && back.has_body == v->has_body
	      && strcmp(back.signer, v->signer) == 0
	      && strcmp(back.fpr, v->fpr) == 0);
	CHECK(verdict_check(text, DIGEST, other, KEY, &back)
	      == (v->has_body ? VERDICT_CHANGED : VERDICT_GENUINE));
	CHECK(verdict_check(text, other, v->body, KEY, &back)
	      == VERDICT_FORGED);
	CHECK(verdict_check(text, DIGEST, v->body, KEY2, &back)
	      == VERDICT_OTHER_KEY);
	/* one octet changed, its line end apart */
	changed = fuzz_text(text, n);
	at = 1 + how % (strlen(text) - 3);
	changed[at] ^= 1 << how % 7;
	CHECK(verdict_check(changed, DIGEST, v->body, KEY, &back)
	      != VERDICT_GENUINE);
	free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), line[VERDICT_LINE_MAX];
	struct verdict v;

	read_foreign(text);
	free(text);
	make(&v, data, size);
	if (verdict_format(&v, DIGEST, KEY, line, NULL) == 0)
		check_line(line, &v, size ? data[size / 2] : 0);
	return 0;
}
