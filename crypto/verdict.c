/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict written as a header field under a MAC, and checked again. */
#include "crypto/verdict.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ascii.h"

enum { B64_LEN = 43, KID_LEN = 8, TIME_DIGITS_MAX = 12 };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const ENCRYPTION[] = {
	[ENC_NONE] = "none", [ENC_OK] = "ok", [ENC_FAILED] = "failed"
};
static const char *const SIGNATURE[] = {
	[SIG_NONE] = "none", [SIG_GOOD] = "good", [SIG_BAD] = "bad",
	[SIG_UNKNOWN_KEY] = "unknown-key", [SIG_UNTRUSTED] = "untrusted",
	[SIG_EXPIRED] = "expired", [SIG_REVOKED] = "revoked",
	[SIG_WEAK] = "weak", [SIG_MISMATCH] = "mismatch"
};
static const char *const TRUST[] = {
	[TRUST_NONE] = "", [TRUST_VERIFIED] = "verified", [TRUST_SEEN] = "seen"
};
static const char *const REASON[] = {
	[REASON_NONE] = "", [REASON_NO_SECRET_KEY] = "no-secret-key",
	[REASON_INTEGRITY] = "integrity", [REASON_MALFORMED] = "malformed",
	[REASON_UNSUPPORTED] = "unsupported",
	[REASON_TOO_LARGE] = "too-large", [REASON_TIMEOUT] = "timeout"
};

bool verdict_claims(const struct verdict *v)
{
	return v->encryption == ENC_OK || v->signature != SIG_NONE;
}

static void base64url(const unsigned char in[VERDICT_DIGEST],
                      char out[B64_LEN + 1])
{
	unsigned char b64[45];

	EVP_EncodeBlock(b64, in, VERDICT_DIGEST);
	for (int i = 0; i < B64_LEN; i++)
		out[i] = b64[i] == '+' ? '-' : b64[i] == '/' ? '_' :
		         (char)b64[i];
	out[B64_LEN] = '\0';
}

static bool base64url_read(const char *in, unsigned char out[VERDICT_DIGEST])
{
	unsigned char b64[44], raw[33];

	for (int i = 0; i < B64_LEN; i++) {
		if (in[i] == '+' || in[i] == '/' || ascii_hidden(in[i]))
			return false;
		b64[i] = in[i] == '-' ? '+' : in[i] == '_' ? '/' :
		         (unsigned char)in[i];
	}
	b64[B64_LEN] = '=';
	if (EVP_DecodeBlock(raw, b64, sizeof b64) != sizeof raw)
		return false;
	memcpy(out, raw, VERDICT_DIGEST);
	return true;
}

static bool key_id(const unsigned char key_secret[VERDICT_KEY],
                   char kid[KID_LEN + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(key_secret, VERDICT_KEY, hash, NULL, EVP_sha256(),
	               NULL) != 1)
		return false;
	return snprintf(kid, KID_LEN + 1, "%02X%02X%02X%02X", hash[0], hash[1],
	                hash[2], hash[3]) == KID_LEN;
}

static bool mac_of(const char *text, size_t len,
                   const unsigned char digest[VERDICT_DIGEST],
                   const unsigned char key_secret[VERDICT_KEY],
                   char mac[B64_LEN + 1])
{
	unsigned char all[VERDICT_LINE_MAX + VERDICT_DIGEST];
	unsigned char raw[EVP_MAX_MD_SIZE];

	if (len > VERDICT_LINE_MAX)
		return false;
	memcpy(all, text, len);
	memcpy(all + len, digest, VERDICT_DIGEST);
	if (!HMAC(EVP_sha256(), key_secret, VERDICT_KEY, all,
	          len + VERDICT_DIGEST, raw, NULL))
		return false;
	base64url(raw, mac);
	return true;
}

static bool fpr_ok(const char *fpr)
{
	return strlen(fpr) == 40 && strspn(fpr, "0123456789ABCDEF") == 40;
}

static bool signer_ok(const char *addr)
{
	for (const char *p = addr; *p; p++)
		if (*p == ';' || (unsigned char)*p > 126)
			return false;
	return addr_ok(addr);
}

static bool verdict_ok(const struct verdict *v)
{
	return (unsigned)v->encryption < COUNT(ENCRYPTION) &&
	       (unsigned)v->signature < COUNT(SIGNATURE) &&
	       (unsigned)v->trust < COUNT(TRUST) &&
	       (unsigned)v->reason < COUNT(REASON) &&
	       (!v->signer[0] || signer_ok(v->signer)) &&
	       (!v->fpr[0] || fpr_ok(v->fpr)) &&
	       v->t >= 0 && v->t < INT64_C(1000000000000) &&
	       (v->has_body || !verdict_claims(v));
}

/* The text up to "mac="; its length, or -1 when it is too long. */
static int verdict_text(const struct verdict *v, const char *kid,
                        char text[VERDICT_LINE_MAX])
{
	bool trust = v->trust != TRUST_NONE, reason = v->reason != REASON_NONE;
	char bh[B64_LEN + 1] = "";
	int n;

	if (v->has_body)
		base64url(v->body, bh);
	n = snprintf(text, VERDICT_LINE_MAX,
	             "v=1; encryption=%s; signature=%s; "
	             "%s%s%s%s%s%s%s%s%s%s%s%st=%" PRId64 "; kid=%s; %s%s%s",
	             ENCRYPTION[v->encryption], SIGNATURE[v->signature],
	             v->signer[0] ? "signer=" : "", v->signer,
	             v->signer[0] ? "; " : "",
	             v->fpr[0] ? "fpr=" : "", v->fpr, v->fpr[0] ? "; " : "",
	             trust ? "trust=" : "", TRUST[v->trust], trust ? "; " : "",
	             reason ? "reason=" : "", REASON[v->reason],
	             reason ? "; " : "", v->t, kid,
	             v->has_body ? "bh=" : "", bh, v->has_body ? "; " : "");
	return n < 0 || n >= VERDICT_LINE_MAX ? -1 : n;
}

int verdict_format(const struct verdict *v,
                   const unsigned char digest[VERDICT_DIGEST],
                   const unsigned char key_secret[VERDICT_KEY],
                   char line[VERDICT_LINE_MAX], struct err *e)
{
	char text[VERDICT_LINE_MAX], kid[KID_LEN + 1], mac[B64_LEN + 1];
	int n;

	if (!verdict_ok(v))
		return err_set(e, GPG_ERR_INV_VALUE,
		               "A verdict holds what it must not");
	if (!key_id(key_secret, kid))
		goto failed;
	n = verdict_text(v, kid, text);
	if (n < 0 || !mac_of(text, (size_t)n, digest, key_secret, mac))
		goto failed;
	n = snprintf(line, VERDICT_LINE_MAX, VERDICT_NAME ": %smac=%s\r\n",
	             text, mac);
	if (n > 0 && n < VERDICT_LINE_MAX)
		return 0;
failed:
	return err_set(e, GPG_ERR_INTERNAL, "A verdict cannot be written");
}

static bool take(const char **p, const char *what)
{
	size_t n = strlen(what);

	if (strncmp(*p, what, n) != 0)
		return false;
	*p += n;
	return true;
}

/* "NAME=" and up to the "; " behind it, into out of size octets. */
static bool take_value(const char **p, const char *name, char *out,
                       size_t size)
{
	const char *s = *p;
	size_t n;

	if (!take(&s, name))
		return false;
	n = strcspn(s, ";");
	if (n == 0 || n >= size || s[n] != ';' || s[n + 1] != ' ')
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	*p = s + n + 2;
	return true;
}

static int take_word(const char **p, const char *name,
                     const char *const words[], size_t n)
{
	char word[20];

	if (take_value(p, name, word, sizeof word))
		for (size_t i = 0; i < n; i++)
			if (strcmp(words[i], word) == 0)
				return (int)i;
	return -1;
}

/* What is missing or wrong is found by writing it again and comparing. */
static void verdict_read(const char *p, struct verdict *v, char *kid)
{
	char value[B64_LEN + 1];
	int word;

	if (!take(&p, "v=1; "))
		return;
	word = take_word(&p, "encryption=", ENCRYPTION, COUNT(ENCRYPTION));
	v->encryption = word < 0 ? ENC_NONE : (enum verdict_encryption)word;
	word = take_word(&p, "signature=", SIGNATURE, COUNT(SIGNATURE));
	v->signature = word < 0 ? SIG_NONE : (enum verdict_signature)word;
	take_value(&p, "signer=", v->signer, sizeof v->signer);
	take_value(&p, "fpr=", v->fpr, sizeof v->fpr);
	word = take_word(&p, "trust=", TRUST, COUNT(TRUST));
	v->trust = word < 0 ? TRUST_NONE : (enum verdict_trust)word;
	word = take_word(&p, "reason=", REASON, COUNT(REASON));
	v->reason = word < 0 ? REASON_NONE : (enum verdict_reason)word;
	if (take_value(&p, "t=", value, TIME_DIGITS_MAX + 1))
		for (const char *d = value; ascii_digit(*d); d++)
			v->t = 10 * v->t + (*d - '0');
	if (!take_value(&p, "kid=", kid, KID_LEN + 1))
		return;
	if (take_value(&p, "bh=", value, sizeof value) &&
	    strlen(value) == B64_LEN)
		v->has_body = base64url_read(value, v->body);
}

enum verdict_check verdict_check(const char *text,
                                 const unsigned char digest[VERDICT_DIGEST],
                                 const unsigned char body[VERDICT_DIGEST],
                                 const unsigned char key_secret[VERDICT_KEY],
                                 struct verdict *v)
{
	char again[VERDICT_LINE_MAX], kid[KID_LEN + 1] = "";
	char ours[KID_LEN + 1], mac[B64_LEN + 1];
	const char *end;
	int n;

	memset(v, 0, sizeof *v);
	if (*text == ' ')
		text++;
	verdict_read(text, v, kid);
	if (!verdict_ok(v))
		return VERDICT_FORGED;
	n = verdict_text(v, kid, again);
	if (n < 0 || strncmp(text, again, (size_t)n) != 0 ||
	    strncmp(text + n, "mac=", 4) != 0)
		return VERDICT_FORGED;
	text += n + 4;
	end = text + strnlen(text, B64_LEN);
	if (end - text != B64_LEN ||
	    (*end && strcmp(end, "\r\n") != 0 && strcmp(end, "\n") != 0))
		return VERDICT_FORGED;
	if (strlen(kid) != KID_LEN ||
	    strspn(kid, "0123456789ABCDEF") != KID_LEN ||
	    !key_id(key_secret, ours))
		return VERDICT_FORGED;
	if (strcmp(kid, ours) != 0)
		return VERDICT_OTHER_KEY;
	if (!mac_of(again, (size_t)n, digest, key_secret, mac) ||
	    CRYPTO_memcmp(mac, text, B64_LEN) != 0)
		return VERDICT_FORGED;
	if (v->has_body && CRYPTO_memcmp(v->body, body, VERDICT_DIGEST) != 0)
		return VERDICT_CHANGED;
	return VERDICT_GENUINE;
}
