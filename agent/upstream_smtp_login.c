/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A submission server's replies, and all until AUTH has ended (RFC 5321, 3207,
 * 4954). */
#include "agent/upstream.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { AUTH_LINE_MAX = 512 };		/* RFC 5321 section 4.5.3.1.4 */

/* ---- replies ---- */

/* "250-", "250 " or "250": 250, else 0. */
static unsigned reply_code(const struct line *l)
{
	const char *t = l->text;

	if (l->len < 3 || t[0] < '2' || t[0] > '5' ||
	    !isdigit((unsigned char)t[1]) || !isdigit((unsigned char)t[2]) ||
	    (l->len > 3 && t[3] != ' ' && t[3] != '-'))
		return 0;
	return (unsigned)(t[0] - '0') * 100 + (unsigned)(t[1] - '0') * 10 +
	       (unsigned)(t[2] - '0');
}

/* The octets of an enhanced code and its blank (RFC 3463), or 0. */
static size_t enhanced(const char *t)
{
	size_t n = strspn(t, "0123456789.");

	return n >= 5 && t[1] == '.' && t[n] == ' ' ? n + 1 : 0;
}

/* A provider that repeats its enhanced code in each line says it once. */
static void add_words(struct reply *r, const char *words, size_t n)
{
	size_t code = enhanced(words);

	if (code && code < n && strncmp(r->text, words, code) == 0) {
		words += code;
		n -= code;
	}
	reply_add(r, words, n);
}

typedef void line_fn(struct upstream *up, const char *words);

/* A reply with all its lines; those behind the first to each, if wanted. */
static int smtp_lines(struct upstream *up, struct reply *r, line_fn *each,
                      struct err *e)
{
	const char *host = up->wire.host;
	struct line l;
	unsigned code;
	size_t skip;

	memset(r, 0, sizeof *r);
	for (int n = 0; n < REPLY_LINES_MAX; n++) {
		if (wire_line(&up->wire, &l, e))
			return -1;
		code = reply_code(&l);
		if (!code || (n && code != r->code))
			return err_set(e, GPG_ERR_BAD_DATA,
			               "%s sent no SMTP reply", host);
		r->code = code;
		skip = l.len > 3 ? 4 : 3;
		add_words(r, l.text + skip, l.len - skip);
		if (each && n)
			each(up, l.text + skip);
		if (l.text[3] == '-')
			continue;
		r->answer = code < 300 ? ANSWER_OK :
		            code < 400 ? ANSWER_MORE : ANSWER_NO;
		return 0;
	}
	return err_set(e, GPG_ERR_TOO_LARGE, "%s sent a reply of more than %d "
	               "lines", host, REPLY_LINES_MAX);
}

int upstream_smtp_reply(struct upstream *up, struct reply *r, struct err *e)
{
	return smtp_lines(up, r, NULL, e);
}

/* ---- until AUTH ---- */

static bool is(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

/* One line of the answer to EHLO, "AUTH=LOGIN" of old included. */
static void ehlo_line(struct upstream *up, const char *words)
{
	const char *const blank = " \t=";
	size_t n = strcspn(words, blank);
	const char *arg = words + n + strspn(words + n, blank);

	if (is(words, n, "8BITMIME"))
		up->flags |= HAS_8BIT;
	else if (is(words, n, "SMTPUTF8"))
		up->flags |= HAS_UTF8;
	else if (is(words, n, "STARTTLS"))
		up->starttls = true;
	else if (is(words, n, "SIZE")) {
		up->has_size = true;
		if (!parse_number(arg, INT64_MAX, &up->size))
			up->size = 0;
	} else if (is(words, n, "AUTH"))
		for (; *arg; arg += n, arg += strspn(arg, blank)) {
			n = strcspn(arg, blank);
			up->mechs |= sasl_named(arg, n);
		}
}

static int ehlo(struct upstream *up, struct err *e)
{
	struct reply r;

	up->mechs = up->flags = 0;
	up->starttls = up->has_size = false;
	up->size = 0;
	if (wire_send(&up->wire, e, "EHLO [127.0.0.1]") ||
	    smtp_lines(up, &r, ehlo_line, e))
		return -1;
	if (!(up->flags & HAS_8BIT))	/* RFC 6531 section 3.1: never alone */
		up->flags &= ~(unsigned)HAS_UTF8;
	return r.code == 250 ? 0 : upstream_says(up, &r, e);
}

static int starttls(struct upstream *up, struct err *e)
{
	struct reply r;

	if (!up->starttls)
		return err_set(e, GPG_ERR_NOT_SUPPORTED, "%s does not offer to "
		               "encrypt the connection (STARTTLS)",
		               up->wire.host);
	if (wire_send(&up->wire, e, "STARTTLS") ||
	    upstream_smtp_reply(up, &r, e))
		return -1;
	if (r.code != 220)
		return upstream_says(up, &r, e);
	return wire_starttls(&up->wire, up->trust, e);
}

static int smtp_greet(struct upstream *up, struct err *e)
{
	struct reply r;

	if (upstream_smtp_reply(up, &r, e))
		return -1;
	if (r.code != 220)
		return upstream_says(up, &r, e);
	if (ehlo(up, e))
		return -1;
	if (up->server->transport != TRANSPORT_STARTTLS)
		return 0;
	return starttls(up, e) || ehlo(up, e) ? -1 : 0;
}

static enum outcome smtp_auth(struct upstream *up,
                              const struct credentials *c, struct reply *r,
                              struct err *e)
{
	unsigned mech = upstream_mech(up, c);
	enum outcome o = DONE_DENIED;

	if (!mech)
		return upstream_no_mech(up, c, e);
	for (; mech && o == DONE_DENIED; mech = upstream_mech(up, c)) {
		o = upstream_sasl(up, upstream_smtp_reply, mech,
		                  AUTH_LINE_MAX, c, r, e);
		if (r->code != 504)	/* mechanism offered, but not meant */
			break;
		up->mechs &= ~mech;
		if (mech & SASL_SCRAM) {	/* then no less will do */
			up->mechs &= SASL_SCRAM;
			up->why = UNREACHED_NO_PROOF;
		}
	}
	if (o == DONE_DENIED && (r->code < 500 || r->code == 504)) {
		upstream_says(up, r, e);	/* 454, 421, 504: it is not */
		o = DONE_UNREACHABLE;		/* the password's fault */
	}
	return o;
}

const struct protocol upstream_smtp_protocol = {
	.greet = smtp_greet, .auth = smtp_auth
};
