/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A POP3 server's replies, and all until AUTH has ended (RFC 1939, 2449, 2595,
 * 5034). */
#include "agent/upstream_pop3.h"

#include <string.h>
#include <strings.h>

enum {
	AUTH_LINE_MAX = 255,		/* RFC 5034 section 4 */
	CAPA_LINES_MAX = REPLY_LINES_MAX
};

int upstream_pop3_nonsense(struct upstream *up, const char *what, struct err *e)
{
	return err_set(e, GPG_ERR_BAD_DATA, "%s sent %s that cannot be read",
	               up->wire.host, what);
}

/* ---- replies ---- */

int upstream_pop3_reply(struct upstream *up, struct reply *r, struct err *e)
{
	static const struct {
		const char *word;
		enum answer answer;
	} first[] = { { "+OK", ANSWER_OK }, { "-ERR", ANSWER_NO },
	              { "+", ANSWER_MORE } };
	struct line l;
	size_t n;

	memset(r, 0, sizeof *r);
	if (wire_line(&up->wire, &l, e))
		return -1;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		n = strlen(first[i].word);
		if (strncasecmp(l.text, first[i].word, n) != 0 ||
		    (l.len > n && l.text[n] != ' '))
			continue;
		r->answer = first[i].answer;
		n += l.len > n;
		reply_add(r, l.text + n, l.len - n);
		return 0;
	}
	return upstream_pop3_nonsense(up, "an answer", e);
}

/* ---- until AUTH ---- */

static void capability(struct upstream *up, const char *words)
{
	size_t n = strcspn(words, " ");

	if (n == 4 && strncasecmp(words, "USER", 4) == 0)
		up->has_user = true;
	if (n != 4 || strncasecmp(words, "SASL", 4) != 0)
		return;
	for (words += n; *words; words += n) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		up->mechs |= sasl_named(words, n);
	}
}

/* A provider without CAPA has USER and PASS. */
static int capa(struct upstream *up, struct err *e)
{
	struct reply r;
	struct line l;

	up->mechs = 0;
	up->has_user = false;
	if (POP3_ASK(up, &r, e, "CAPA"))
		return -1;
	if (r.answer == ANSWER_MORE)
		return upstream_pop3_nonsense(up, "an answer", e);
	if (r.answer == ANSWER_NO)
		return 0;
	for (int i = 0; i < CAPA_LINES_MAX; i++) {
		if (wire_line(&up->wire, &l, e))
			return -1;
		if (strcmp(l.text, ".") == 0)
			return 0;
		capability(up, l.text);
	}
	return upstream_pop3_nonsense(up, "a list of capabilities", e);
}

static int pop3_greet(struct upstream *up, struct err *e)
{
	struct reply r;

	if (upstream_pop3_reply(up, &r, e))
		return -1;
	if (r.answer != ANSWER_OK)
		return upstream_says(up, &r, e);
	if (up->server->transport == TRANSPORT_STARTTLS) {
		if (POP3_ASK(up, &r, e, "STLS"))
			return -1;
		if (r.answer != ANSWER_OK)
			return err_set(e, GPG_ERR_NOT_SUPPORTED, "%s does not "
			               "encrypt the connection (STLS): %s",
			               up->wire.host, r.text);
		if (wire_starttls(&up->wire, up->trust, e))
			return -1;
	}
	return capa(up, e);
}

/* Is this no to a login about something else than the password (RFC 2449
 * section 8, RFC 3206)? */
static bool not_the_password(const struct reply *r)
{
	static const char *const codes[] = {
		"[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "[SYS/PERM]"
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncasecmp(r->text, codes[i], strlen(codes[i])) == 0)
			return true;
	return false;
}

static enum outcome user_pass(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	if (POP3_ASK(up, r, e, "USER %s", c->user))
		return DONE_UNREACHABLE;
	if (r->answer == ANSWER_OK &&
	    POP3_ASK(up, r, e, "PASS %s", c->password_secret))
		return DONE_UNREACHABLE;
	if (r->answer == ANSWER_MORE) {
		upstream_pop3_nonsense(up, "an answer", e);
		return DONE_UNREACHABLE;
	}
	return r->answer == ANSWER_OK ? DONE_OK : DONE_DENIED;
}

static enum outcome pop3_auth(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	unsigned mech = upstream_mech(up, c);
	enum outcome o;

	if (c->with != LOGIN_PASSWORD && !mech)
		return upstream_no_mech(up, c, e);
	if (mech == SASL_LOGIN && up->has_user)
		mech = 0;	/* USER and PASS are the same, and older */
	o = mech ? upstream_sasl(up, upstream_pop3_reply, mech, AUTH_LINE_MAX,
	                         c, r, e)
	         : user_pass(up, c, r, e);
	if (o == DONE_DENIED && not_the_password(r)) {
		upstream_says(up, r, e);
		o = DONE_UNREACHABLE;
	}
	return o;
}

const struct protocol upstream_pop3_protocol = {
	.greet = pop3_greet, .auth = pop3_auth
};
