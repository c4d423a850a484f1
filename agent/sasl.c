/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which mechanisms we have, and one exchange, bounded. */
#include "agent/sasl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gsasl.h>

#include "agent/sasl_oauth.h"
#include "agent/sasl_scram.h"

static const struct {
	unsigned mech;
	const char *name;
	bool first;
} mechs[] = {			/* strongest first */
	{ SASL_SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS", true },
	{ SASL_SCRAM_SHA_1_PLUS, "SCRAM-SHA-1-PLUS", true },
	{ SASL_SCRAM_SHA_256, "SCRAM-SHA-256", true },
	{ SASL_SCRAM_SHA_1, "SCRAM-SHA-1", true },
	{ SASL_OAUTHBEARER, "OAUTHBEARER", true },
	{ SASL_XOAUTH2, "XOAUTH2", true },
	{ SASL_PLAIN, "PLAIN", true },
	{ SASL_LOGIN, "LOGIN", false },
};

enum { N_MECHS = sizeof mechs / sizeof *mechs };

struct sasl {
	unsigned mech;
	struct sasl_login login;
	struct scram *scram;		/* SCRAM */
	Gsasl *ctx;			/* PLAIN, LOGIN */
	Gsasl_session *session;
	bool done;
	bool refused;			/* by an OAuth server, in JSON */
	char status[SASL_STATUS_MAX + 1];
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

int sasl_escape(const char *user, char *out, size_t size)
{
	size_t n = 0;

	for (; *user; user++) {
		const char *text = *user == ',' ? "=2C" : "=3D";
		bool odd = *user == ',' || *user == '=';

		if (n + 4 > size)
			return -1;
		memcpy(out + n, odd ? text : user, odd ? 3 : 1);
		n += odd ? 3 : 1;
	}
	if (n >= size)
		return -1;
	out[n] = '\0';
	return 0;
}

static int start_gsasl(struct sasl *s, struct err *e)
{
	int r = gsasl_init(&s->ctx);

	if (r == GSASL_OK)
		r = gsasl_client_start(s->ctx, sasl_name(s->mech), &s->session);
	if (r == GSASL_OK)
		r = gsasl_property_set(s->session, GSASL_AUTHID, s->login.user);
	if (r == GSASL_OK)
		r = gsasl_property_set(s->session, GSASL_PASSWORD,
		                       s->login.password_secret);
	if (r == GSASL_OK)
		return 0;
	return err_set(e, GPG_ERR_ENOMEM, "SASL: %s", gsasl_strerror(r));
}

struct sasl *sasl_new(unsigned mech, const struct sasl_login *l, struct err *e)
{
	struct sasl *s = calloc(1, sizeof *s);
	bool sha256 = mech == SASL_SCRAM_SHA_256 ||
	              mech == SASL_SCRAM_SHA_256_PLUS;
	int rc = 0;

	if (!s) {
		err_set(e, GPG_ERR_ENOMEM, "Out of memory");
		return NULL;
	}
	s->mech = mech;
	s->login = *l;
	if (mech & SASL_SCRAM)
		rc = (s->scram = scram_new(l, sha256, mech & SASL_PLUS, e))
		     ? 0 : -1;
	else if (mech & (SASL_PLAIN | SASL_LOGIN))
		rc = start_gsasl(s, e);
	if (rc) {
		sasl_free(s);
		s = NULL;
	}
	return s;
}

/* ---- one step of each kind; the answer is not yet in base64 ---- */

static int step_scram(struct sasl *s, const char *said, size_t n, char *out,
                      size_t *len, struct err *e)
{
	_Static_assert((int)SCRAM_TEXT_MAX <= (int)SASL_ANSWER_MAX,
	               "it must fit");
	int rc = scram_answer(s->scram, said, n, out, e);

	*len = strlen(out);
	s->done = scram_done(s->scram);
	return rc;
}

static int step_oauth(struct sasl *s, const char *said, size_t n, char *out,
                      size_t *len, struct err *e)
{
	if (!s->done) {
		s->done = true;
		return oauth_token(&s->login, s->mech == SASL_XOAUTH2, out,
		                   SASL_ANSWER_MAX, len, e);
	}
	if (s->refused)
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login was complete and more was asked");
	s->refused = true;
	oauth_status(said, n, s->status);
	/* RFC 7628 section 3.2.3; Google's wants an empty line */
	*len = s->mech == SASL_OAUTHBEARER;
	out[0] = '\1';
	return 0;
}

static int step_gsasl(struct sasl *s, const char *said, size_t n, char *out,
                      size_t *len, struct err *e)
{
	char *text_secret = NULL;
	int r;

	if (s->done)
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login was complete and more was asked");
	r = gsasl_step(s->session, said ? said : "", n, &text_secret, len);
	if (r != GSASL_OK && r != GSASL_NEEDS_MORE)
		return err_set(e, GPG_ERR_BAD_DATA, "%s: %s",
		               sasl_name(s->mech), gsasl_strerror(r));
	s->done = r == GSASL_OK;
	r = *len <= SASL_ANSWER_MAX ? 0 : -1;
	if (r == 0 && *len)
		memcpy(out, text_secret, *len);
	if (text_secret)
		explicit_bzero(text_secret, *len);
	gsasl_free(text_secret);
	return r ? err_set(e, GPG_ERR_TOO_LARGE, "the login is too long") : 0;
}

int sasl_answer(struct sasl *s, const char *challenge, char *out_secret,
                struct err *e)
{
	char plain_secret[SASL_ANSWER_MAX], *said = NULL, *b64_secret = NULL;
	size_t n = 0, len = 0, b64_len = 0;
	int rc = -1;

	out_secret[0] = '\0';
	if (*challenge && gsasl_base64_from(challenge, strlen(challenge), &said,
	                                    &n) != GSASL_OK)
		return err_set(e, GPG_ERR_BAD_DATA,
		               "the login's challenge cannot be read");
	if (s->mech & SASL_SCRAM)
		rc = step_scram(s, said, n, plain_secret, &len, e);
	else if (s->mech & SASL_BY_TOKEN)
		rc = step_oauth(s, said, n, plain_secret, &len, e);
	else
		rc = step_gsasl(s, said, n, plain_secret, &len, e);
	if (rc)
		goto out;
	rc = err_set(e, GPG_ERR_TOO_LARGE, "the login is too long");
	if ((len + 2) / 3 * 4 >= SASL_ANSWER_MAX ||
	    gsasl_base64_to(plain_secret, len, &b64_secret, &b64_len)
	    != GSASL_OK)
		goto out;
	memcpy(out_secret, b64_secret, b64_len);
	out_secret[b64_len] = '\0';
	rc = 0;
out:
	explicit_bzero(plain_secret, sizeof plain_secret);
	if (b64_secret)
		explicit_bzero(b64_secret, b64_len);
	gsasl_free(b64_secret);
	gsasl_free(said);
	return rc;
}

bool sasl_done(const struct sasl *s)
{
	return s->done && !s->refused;
}

const char *sasl_status(const struct sasl *s)
{
	return s->status;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	scram_free(s->scram);
	if (s->session)
		gsasl_finish(s->session);
	if (s->ctx)
		gsasl_done(s->ctx);
	free(s);
}
