/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The upstream's login: the account, the channel, one exchange. */
#include "agent/upstream.h"

#include <stdio.h>
#include <string.h>

static int unproven(struct upstream *up, struct err *e)
{
	up->why = UNREACHED_NO_PROOF;
	return err_set(e, GPG_ERR_BAD_SIGNATURE, "%s did not prove that it "
	               "knows the password", up->server->host);
}

/* One answer, with the host's name before the words if it can't be given. */
static int sasl_step(struct upstream *up, unsigned mech, struct sasl *s,
                     const char *challenge, char *answer_secret, struct err *e)
{
	struct err why;

	if (sasl_answer(s, challenge, answer_secret, &why) == 0)
		return 0;
	if (mech & SASL_SCRAM && *challenge)
		up->why = UNREACHED_NO_PROOF;
	if (gpg_err_code(why.code) == GPG_ERR_BAD_SIGNATURE)
		return unproven(up, e);
	return err_set(e, why.code, "%s: %s", up->server->host, why.text);
}

unsigned upstream_mech(const struct upstream *up, const struct credentials *c)
{
	unsigned set = c->with == LOGIN_OAUTH ? SASL_BY_TOKEN
	               : c->with == LOGIN_PROVEN ? SASL_SCRAM
	                                         : SASL_BY_PASSWORD;

	if (!up->bound)
		set &= ~(unsigned)SASL_PLUS;
	return sasl_best(up->mechs & set);
}

enum outcome upstream_no_mech(const struct upstream *up,
                              const struct credentials *c, struct err *e)
{
	if (c->with == LOGIN_PROVEN) {
		err_set(e, GPG_ERR_NOT_SUPPORTED, "%s did not prove that it "
		        "knows the password, and now takes it only without "
		        "that proof", up->wire.host);
		return DONE_UNREACHABLE;
	}
	err_set(e, GPG_ERR_NOT_SUPPORTED, "%s offers no way to log in with %s "
	        "that Letterlock knows", up->wire.host,
	        c->with == LOGIN_OAUTH ? "a token (OAuth)" : "a password");
	return DONE_UNREACHABLE;
}

/* AUTH, and answers until there is a reply that is no challenge. */
static int sasl_exchange(struct upstream *up, reply_fn *reply, unsigned mech,
                         size_t line_max, struct sasl *s, struct reply *r,
                         struct err *e)
{
	char answer_secret[SASL_ANSWER_MAX] = "";
	const char *name = sasl_name(mech);
	bool first = sasl_first(mech), held;
	int rc = -1;

	if (first && sasl_step(up, mech, s, "", answer_secret, e))
		goto out;
	held = first && strlen("AUTH  \r\n") + strlen(name) +
	       strlen(answer_secret) > line_max;
	if (wire_send(&up->wire, e, first && !held ? "AUTH %s %s" : "AUTH %s",
	              name, answer_secret))
		goto out;
	for (unsigned n = 0; n < SASL_ROUNDS_MAX; n++) {
		if (reply(up, r, e))
			goto out;
		if (r->answer != ANSWER_MORE)
			break;
		if (!held && sasl_step(up, mech, s, r->text, answer_secret, e))
			goto out;
		held = false;
		if (wire_send(&up->wire, e, "%s", answer_secret))
			goto out;
	}
	rc = 0;
out:
	explicit_bzero(answer_secret, sizeof answer_secret);
	return rc;
}

enum outcome upstream_sasl(struct upstream *up, reply_fn *reply, unsigned mech,
                           size_t line_max, const struct credentials *c,
                           struct reply *r, struct err *e)
{
	const struct sasl_login l = {
		.user = c->user, .password_secret = c->password_secret,
		.host = up->server->host, .port = up->server->port,
		.binding = up->bound ? &up->binding : NULL
	};
	struct sasl *s = sasl_new(mech, &l, e);
	enum outcome o = DONE_UNREACHABLE;
	char status[SASL_STATUS_MAX + 3];
	int n;

	if (!s || sasl_exchange(up, reply, mech, line_max, s, r, e))
		goto out;
	if (*sasl_status(s)) {
		n = snprintf(status, sizeof status, "(%s)", sasl_status(s));
		if (n > 0 && n < (int)sizeof status)
			reply_add(r, status, (size_t)n);
	}
	if (r->answer == ANSWER_NO)
		o = DONE_DENIED;
	else if (r->answer == ANSWER_OK && sasl_done(s))
		o = DONE_OK;
	else if (mech & SASL_SCRAM)
		unproven(up, e);
	else
		err_set(e, GPG_ERR_BAD_DATA, "%s broke off the login",
		        up->server->host);
out:
	sasl_free(s);
	return o;
}

/* A process is for one account: its CAs must not vouch for another's host. */
static int choose_account(struct upstream *up, uint32_t index,
                          enum session_kind kind, struct err *e)
{
	const struct account *a;

	if (index >= up->conf->n_accounts)
		return err_set(e, GPG_ERR_INV_VALUE,
		               "there is no such account");
	a = &up->conf->account[index];
	if (up->account && up->account != a)
		return err_set(e, GPG_ERR_INV_VALUE, "another account's login");
	up->account = a;
	up->server = kind == SESSION_SMTP ? &a->smtp : &a->pop3;
	if (!up->server->host)
		return err_set(e, GPG_ERR_CONFIGURATION,
		               "no server is configured for this account");
	up->wire.host = up->server->host;
	return 0;
}

/* Before any secret is sent: this is the connection that was asked for. */
static int know_channel(struct upstream *up, struct err *e)
{
	mailstream_low *low = mailstream_get_low(up->wire.stream);

	if (!tls_is(low) && up->server->transport != TRANSPORT_PLAINTEXT)
		return err_set(e, GPG_ERR_INTERNAL, "the connection to %s is "
		               "not encrypted", up->server->host);
	up->bound = tls_binding(low, &up->binding);
	return 0;
}

static enum outcome login(struct upstream *up, const struct protocol *p,
                          const struct credentials *c, struct reply *r,
                          struct err *e)
{
	enum outcome o = DONE_UNREACHABLE;

	up->why = UNREACHED_NO_SESSION;
	if (!arg_ok(c->user, ARGUMENT_MAX) ||
	    !arg_ok(c->password_secret, CREDENTIAL_MAX)) {
		static const char no[] = "a control character is in the user "
		                         "name or the password";

		reply_add(r, no, strlen(no));
		return DONE_DENIED;
	}
	if (!up->greeted) {
		if (!up->wire.stream && upstream_connect(up, e))
			return o;
		wire_patience(&up->wire, up->conf->greeting_timeout);
		if (p->greet(up, e) || know_channel(up, e))
			goto out;
		up->greeted = true;
	}
	o = c->with == LOGIN_NONE ? DONE_OK : p->auth(up, c, r, e);
out:
	if (o == DONE_UNREACHABLE) {
		up->greeted = false;
		wire_close(&up->wire);
	}
	return o;
}

int upstream_login(struct upstream *up, struct chan *front,
                   const struct frame *f, enum session_kind kind,
                   const struct protocol *p)
{
	enum outcome o = DONE_FAILED;
	struct credentials c = { 0 };
	struct reply r = { 0 };
	struct err e = { 0 };
	struct unpack u;
	struct pack done;
	uint32_t index;

	unpack_init(&u, f);
	index = unpack_u32(&u);
	c.with = (enum login_with)unpack_u32(&u);
	unpack_str(&u, c.user, sizeof c.user);
	unpack_str(&u, c.password_secret, sizeof c.password_secret);
	if (!unpack_end(&u))
		err_set(&e, GPG_ERR_TOO_LARGE,
		        "the user name or the password is too long");
	else if (choose_account(up, index, kind, &e) == 0)
		o = login(up, p, &c, &r, &e);
	explicit_bzero(&c, sizeof c);
	r.text[REPLY_TEXT_MAX] = '\0';
	pack_init(&done);
	pack_u32(&done, o);
	pack_u32(&done, o == DONE_UNREACHABLE ? (unsigned)up->why : r.code);
	pack_str(&done, o == DONE_OK || o == DONE_DENIED ? r.text : e.text);
	pack_u32(&done, up->flags);
	pack_u64(&done, up->size);
	return pack_send(&done, front, U_DONE, NULL);
}
