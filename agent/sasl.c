/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libgsasl, bounded: which mechanisms we have, and one exchange. */
#include "agent/sasl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gsasl.h>

static const struct {
	unsigned mech;
	const char *name;
	bool first;
} mechs[] = {			/* strongest first */
	{ SASL_SCRAM_SHA_256, "SCRAM-SHA-256", true },
	{ SASL_PLAIN, "PLAIN", true },
	{ SASL_LOGIN, "LOGIN", false },
};

enum { N_MECHS = sizeof mechs / sizeof *mechs };

struct sasl {
	Gsasl *ctx;
	Gsasl_session *session;
	unsigned mech;
	bool done;
};

unsigned sasl_named(const char *name, size_t n)
{
	for (size_t i = 0; i < N_MECHS; i++)
		if (strlen(mechs[i].name) == n &&
		    strncasecmp(mechs[i].name, name, n) == 0)
			return mechs[i].mech;
	return 0;
}

unsigned sasl_best(unsigned set)
{
	for (size_t i = 0; i < N_MECHS; i++)
		if (set & mechs[i].mech)
			return mechs[i].mech;
	return 0;
}

const char *sasl_name(unsigned mech)
{
	for (size_t i = 0; i < N_MECHS; i++)
		if (mech == mechs[i].mech)
			return mechs[i].name;
	return "";
}

bool sasl_first(unsigned mech)
{
	for (size_t i = 0; i < N_MECHS; i++)
		if (mech == mechs[i].mech)
			return mechs[i].first;
	return false;
}

struct sasl *sasl_new(unsigned mech, const char *user,
                      const char *password_secret, struct err *e)
{
	struct sasl *s = calloc(1, sizeof *s);
	int r = GSASL_MALLOC_ERROR;

	if (!s || (r = gsasl_init(&s->ctx)) != GSASL_OK)
		goto fail;
	s->mech = mech;
	r = gsasl_client_start(s->ctx, sasl_name(mech), &s->session);
	if (r != GSASL_OK)
		goto fail;
	r = gsasl_property_set(s->session, GSASL_AUTHID, user);
	if (r == GSASL_OK)
		r = gsasl_property_set(s->session, GSASL_PASSWORD,
		                       password_secret);
	if (r == GSASL_OK)
		return s;
fail:
	err_set(e, GPG_ERR_ENOMEM, "SASL: %s", gsasl_strerror(r));
	sasl_free(s);
	return NULL;
}

/* SCRAM's server chooses how long our processor works ("r=...,s=...,i=4096",
 * RFC 5802 section 5.1): is that within reason? */
static bool iterations_ok(const char *challenge)
{
	char *text = NULL, *i, digits[9] = "";
	size_t len, n;
	bool ok = true;

	if (gsasl_base64_from(challenge, strlen(challenge), &text, &len))
		return false;
	i = memmem(text, len, ",i=", 3);	/* there is no NUL behind it */
	if (i) {
		i += 3;
		n = len - (size_t)(i - text);
		memcpy(digits, i, n < 8 ? n : 8);
		n = strspn(digits, "0123456789");
		ok = n <= 7 && strtoul(digits, NULL, 10) <= SASL_ITERATIONS_MAX;
	}
	gsasl_free(text);
	return ok;
}

int sasl_answer(struct sasl *s, const char *challenge, char *out_secret,
                struct err *e)
{
	char *text_secret = NULL;
	int r, n;

	if (s->done)
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login was complete and more was asked");
	if (s->mech == SASL_SCRAM_SHA_256 && !iterations_ok(challenge))
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login's challenge is out of bounds");
	r = gsasl_step64(s->session, challenge, &text_secret);
	if (r != GSASL_OK && r != GSASL_NEEDS_MORE) {
		bool proof = r == GSASL_AUTHENTICATION_ERROR;

		return err_set(e, proof ? GPG_ERR_BAD_SIGNATURE
		                        : GPG_ERR_BAD_DATA,
		               "%s: %s", sasl_name(s->mech), gsasl_strerror(r));
	}
	s->done = r == GSASL_OK;
	n = snprintf(out_secret, SASL_ANSWER_MAX, "%s", text_secret);
	explicit_bzero(text_secret, strlen(text_secret));
	gsasl_free(text_secret);
	if (n < 0 || n >= SASL_ANSWER_MAX)
		return err_set(e, GPG_ERR_TOO_LARGE, "the login is too long");
	return 0;
}

bool sasl_done(const struct sasl *s)
{
	return s->done;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	if (s->session)
		gsasl_finish(s->session);
	if (s->ctx)
		gsasl_done(s->ctx);
	free(s);
}
