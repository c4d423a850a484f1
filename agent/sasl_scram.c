/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SCRAM: the password never travels, and the server proves that it knows it. */
#include "agent/sasl_scram.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/tls.h"

enum {
	NONCE_OCTETS = 18,
	NONCE_MAX = 1024,		/* characters, the server's part included */
	SALT_MAX = 1024,		/* octets */
	GS2_MAX = 32,			/* "p=tls-exporter,," */
	DIGITS_MAX = 7,			/* of the number of iterations */
	AUTH_MESSAGE_MAX = 3 * SCRAM_TEXT_MAX
};

struct scram {
	const EVP_MD *md;
	enum { FIRST, PROVE, CHECK, DONE, REFUSED } step;
	char gs2[GS2_MAX];
	unsigned char bound[TLS_BINDING_MAX];
	size_t n_bound;			/* 0: none */
	char nonce[NONCE_MAX];
	char first[SCRAM_TEXT_MAX];	/* client-first-message-bare */
	char *password_secret;
	unsigned char proof_wanted[EVP_MAX_MD_SIZE];
};

/* ---- texts ---- */

/* snprintf() that fits: 0, or -1. */
static int fits(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fits(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

static int base64(const void *data, size_t n, char *out, size_t size)
{
	if ((n + 2) / 3 * 4 >= size)
		return -1;
	EVP_EncodeBlock((unsigned char *)out, data, (int)n);
	return 0;
}

static int too_long(struct err *e)
{
	return err_set(e, GPG_ERR_TOO_LARGE, "the login is too long");
}

static int prepare(const char *text, int flags, char **out, struct err *e)
{
	if (gsasl_saslprep(text, flags, out, NULL) == GSASL_OK)
		return 0;
	return err_set(e, GPG_ERR_BAD_DATA, "the user name or the password has "
	               "characters that this login cannot carry");
}

/* ---- beginning ---- */

static int choose_nonce(struct scram *s, const char *nonce)
{
	char octets[NONCE_OCTETS];

	if (nonce)
		return fits(s->nonce, sizeof s->nonce, "%s", nonce);
	if (gsasl_nonce(octets, sizeof octets) != GSASL_OK)
		return -1;
	return base64(octets, sizeof octets, s->nonce, sizeof s->nonce);
}

/* "n": we cannot bind to the channel; "y": we could, but saw no offer. */
static int choose_binding(struct scram *s, const struct tls_binding *b,
                          bool plus)
{
	if (!plus)
		return fits(s->gs2, sizeof s->gs2, b ? "y,," : "n,,");
	if (!b || b->n > sizeof s->bound)
		return -1;
	memcpy(s->bound, b->data, b->n);
	s->n_bound = b->n;
	return fits(s->gs2, sizeof s->gs2, "p=%s,,", b->type);
}

struct scram *scram_new(const struct sasl_login *l, bool sha256, bool plus,
                        struct err *e)
{
	struct scram *s = calloc(1, sizeof *s);
	char name[SCRAM_TEXT_MAX - NONCE_MAX - 8], *user = NULL;
	int rc = -1;

	err_set(e, GPG_ERR_ENOMEM, "the login could not be set up");
	if (!s || choose_nonce(s, l->nonce) ||
	    choose_binding(s, l->binding, plus))
		goto out;
	s->md = sha256 ? EVP_sha256() : EVP_sha1();
	if (prepare(l->user, GSASL_ALLOW_UNASSIGNED, &user, e) ||
	    prepare(l->password_secret, 0, &s->password_secret, e))
		goto out;
	if (sasl_escape(user, name, sizeof name) ||
	    fits(s->first, sizeof s->first, "n=%s,r=%s", name, s->nonce))
		too_long(e);
	else
		rc = 0;
out:
	gsasl_free(user);
	if (rc) {
		scram_free(s);
		s = NULL;
	}
	return s;
}

/* ---- server-first-message ---- */

struct challenge {
	char text[SCRAM_TEXT_MAX];
	char nonce[NONCE_MAX];
	unsigned char salt[SALT_MAX];
	size_t n_salt;
	int iterations;
};

/* The value of "X=...", up to the next comma, of which *at is moved behind. */
static const char *attribute(const char **at, char name, size_t *n)
{
	const char *value = *at + 2;

	if ((*at)[0] != name || (*at)[1] != '=')
		return NULL;
	*n = strcspn(value, ",");
	*at = value + *n + (value[*n] == ',');
	return value;
}

static bool read_salt(const char *p, size_t n, struct challenge *c)
{
	char *salt = NULL;
	bool ok = gsasl_base64_from(p, n, &salt, &c->n_salt) == GSASL_OK &&
	          c->n_salt && c->n_salt <= sizeof c->salt;

	if (ok)
		memcpy(c->salt, salt, c->n_salt);
	gsasl_free(salt);
	return ok;
}

/* The server chooses how long our processor works. */
static bool read_iterations(const char *p, size_t n, struct challenge *c)
{
	if (n == 0 || n > DIGITS_MAX || strspn(p, "0123456789") != n)
		return false;
	c->iterations = atoi(p);
	return c->iterations >= 1 && c->iterations <= SASL_ITERATIONS_MAX;
}

/* "r=...,s=...,i=4096"; the nonce begins with ours, and what is mandatory
 * ("m=...") is not known to us.  What may follow is passed over. */
static bool read_challenge(const struct scram *s, const char *said, size_t n,
                           struct challenge *c)
{
	const char *at = c->text, *p;
	size_t ours = strlen(s->nonce), len;

	if (n == 0 || n >= sizeof c->text || memchr(said, '\0', n))
		return false;
	memcpy(c->text, said, n);
	c->text[n] = '\0';
	p = attribute(&at, 'r', &len);
	if (!p || len <= ours || len >= sizeof c->nonce ||
	    strncmp(p, s->nonce, ours) != 0)
		return false;
	memcpy(c->nonce, p, len);
	c->nonce[len] = '\0';
	p = attribute(&at, 's', &len);
	if (!p || !read_salt(p, len, c))
		return false;
	p = attribute(&at, 'i', &len);
	return p && read_iterations(p, len, c);
}

/* ---- proofs (RFC 5802 section 3) ---- */

static int hmac(const struct scram *s, const void *key, const void *text,
                size_t n, unsigned char *out)
{
	return HMAC(s->md, key, EVP_MD_get_size(s->md), text, n, out, NULL)
	       ? 0 : -1;
}

/* Ours into proof, and what the server's must be into s. */
static int prove(struct scram *s, const struct challenge *c, const char *text,
                 unsigned char *proof)
{
	unsigned char salted_secret[EVP_MAX_MD_SIZE];
	unsigned char key_secret[EVP_MAX_MD_SIZE], stored[EVP_MAX_MD_SIZE];
	const char *password_secret = s->password_secret;
	const int size = EVP_MD_get_size(s->md);
	const size_t n = strlen(text);
	int rc = -1;

	if (PKCS5_PBKDF2_HMAC(password_secret, (int)strlen(password_secret),
	                      c->salt, (int)c->n_salt, c->iterations, s->md,
	                      size, salted_secret) != 1 ||
	    hmac(s, salted_secret, "Server Key", 10, key_secret) ||
	    hmac(s, key_secret, text, n, s->proof_wanted) ||
	    hmac(s, salted_secret, "Client Key", 10, key_secret) ||
	    EVP_Digest(key_secret, (size_t)size, stored, NULL, s->md, NULL)
	    != 1 || hmac(s, stored, text, n, proof))
		goto out;
	for (int i = 0; i < size; i++)
		proof[i] ^= key_secret[i];
	rc = 0;
out:
	explicit_bzero(salted_secret, sizeof salted_secret);
	explicit_bzero(key_secret, sizeof key_secret);
	return rc;
}

/* client-final-message. */
static int answer_challenge(struct scram *s, const struct challenge *c,
                            char *out, struct err *e)
{
	char plain[AUTH_MESSAGE_MAX], b64[2 * (GS2_MAX + TLS_BINDING_MAX)];
	char proof64[2 * EVP_MAX_MD_SIZE];
	unsigned char input[GS2_MAX + TLS_BINDING_MAX];
	unsigned char proof[EVP_MAX_MD_SIZE];
	size_t n = strlen(s->gs2);
	char final[SCRAM_TEXT_MAX];

	memcpy(input, s->gs2, n);
	memcpy(input + n, s->bound, s->n_bound);
	if (base64(input, n + s->n_bound, b64, sizeof b64) ||
	    fits(final, sizeof final, "c=%s,r=%s", b64, c->nonce) ||
	    fits(plain, sizeof plain, "%s,%s,%s", s->first, c->text, final))
		return too_long(e);
	if (prove(s, c, plain, proof) ||
	    base64(proof, (size_t)EVP_MD_get_size(s->md), proof64,
	           sizeof proof64))
		return err_set(e, GPG_ERR_INTERNAL, "the login's proof could "
		               "not be made");
	if (fits(out, SCRAM_TEXT_MAX, "%s,p=%s", final, proof64))
		return too_long(e);
	return 0;
}

/* ---- server-final-message ---- */

/* "e=invalid-proof": the server's no, which it says once more in its own
 * protocol.  What it has against the channel is no matter of the password. */
static int refused(struct scram *s, const char *why, size_t n, struct err *e)
{
	s->step = REFUSED;
	if (!memmem(why, n, "channel-binding", 15))
		return 0;
	return err_set(e, GPG_ERR_BAD_DATA, "it sees another encrypted "
	               "connection than this one, which somebody may be "
	               "listening to");
}

static int check_proof(struct scram *s, const char *said, size_t n,
                       struct err *e)
{
	const size_t size = (size_t)EVP_MD_get_size(s->md);
	char *proof = NULL;
	size_t len = 0;
	bool ok;

	if (n > 2 && memcmp(said, "e=", 2) == 0)
		return refused(s, said, n, e);
	ok = n > 2 && memcmp(said, "v=", 2) == 0 &&
	     gsasl_base64_from(said + 2, n - 2, &proof, &len) == GSASL_OK &&
	     len == size && CRYPTO_memcmp(proof, s->proof_wanted, size) == 0;
	gsasl_free(proof);
	if (!ok)
		return err_set(e, GPG_ERR_BAD_SIGNATURE, "the server's proof "
		               "is wrong");
	s->step = DONE;
	return 0;
}

/* ---- all of it ---- */

int scram_answer(struct scram *s, const char *said, size_t n, char *out_secret,
                 struct err *e)
{
	struct challenge c;

	out_secret[0] = '\0';
	switch (s->step) {
	case FIRST:
		if (fits(out_secret, SCRAM_TEXT_MAX, "%s%s", s->gs2, s->first))
			return too_long(e);
		s->step = PROVE;
		return 0;
	case PROVE:
		if (!read_challenge(s, said, n, &c))
			return err_set(e, GPG_ERR_BAD_DATA, "the login's "
			               "challenge is out of bounds");
		s->step = CHECK;
		return answer_challenge(s, &c, out_secret, e);
	case CHECK:
		return check_proof(s, said, n, e);
	default:
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login was complete and more was asked");
	}
}

bool scram_done(const struct scram *s)
{
	return s->step == DONE;
}

void scram_free(struct scram *s)
{
	if (!s)
		return;
	if (s->password_secret) {
		explicit_bzero(s->password_secret, strlen(s->password_secret));
		gsasl_free(s->password_secret);
	}
	explicit_bzero(s, sizeof *s);
	free(s);
}
