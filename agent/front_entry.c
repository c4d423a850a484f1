/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the client's credentials to the provider's: who has to wait, which account
 * it is, and where the password comes from. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/front_login.h"
#include "agent/keeper.h"
#include "agent/keeper_secret.h"
#include "agent/log.h"

/* ---- waiting ---- */

/* It said that it will say no more, and all it said was read.  Who has commands
 * waiting here still wants to hear the answers. */
static bool has_left(struct client *c)
{
	return c->off == c->len && client_deaf(c);
}

/* Up to ms for fd (-1: for nothing): 1 it can be read, 0 the time has passed, -1
 * the client has gone. */
static int pause_for(struct client *c, int fd, int64_t ms)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = c->fd, .events = POLLRDHUP }
	};
	int64_t until = front_clock() + ms, left;

	if (client_flush(c))
		return -1;
	while ((left = until - front_clock()) > 0) {
		if (poll(p, 2, (int)left) == -1) {
			if (errno != EINTR)
				return -1;
			continue;
		}
		if (p[0].revents)
			return 1;
		if (!p[1].revents)
			continue;
		if (p[1].revents & (POLLERR | POLLHUP) || has_left(c))
			return -1;
		p[1].fd = -1;
	}
	return 0;
}

/* ---- before the provider ---- */

static int __attribute__((format(printf, 3, 4)))
no(struct lane *l, enum outcome o, const char *fmt, ...)
{
	va_list ap;

	l->outcome = o;
	l->code = 0;
	va_start(ap, fmt);
	if (vsnprintf(l->text, sizeof l->text, fmt, ap) < 0)
		l->text[0] = '\0';
	va_end(ap);
	return -1;
}

static int gone(struct lane *l)
{
	return no(l, DONE_LOST, "the mail program has gone");
}

int login_begin(const struct entry *n, struct lane *l)
{
	struct login *who = n->who;
	const struct account *a;
	uint32_t ms = 0;

	/* a keeper that is no more delays nobody: nothing else works either */
	if (keeper_wait(&n->ends->keeper, n->ends->peer, &ms, NULL) == 0
	    && ms && pause_for(n->client, -1, ms) == -1)
		return gone(l);
	a = conf_account(n->conf, who->user);
	who->account = a;
	who->index = a ? (uint32_t)(a - n->conf->account) : UINT32_MAX;
	explicit_bzero(who->token_secret, sizeof who->token_secret);
	if (!a || !(n->kind == SESSION_SMTP ? &a->smtp : &a->pop3)->host)
		return no(l, DONE_REFUSED, "Letterlock knows no account with "
		          "this user name");
	if (n->ends->remote && !a->command)
		return no(l, DONE_REFUSED, "Letterlock lets nobody in from "
		          "another computer without a token. See: letterlock "
		          "help token");
	who->prove = false;
	keeper_unproven(&n->ends->keeper, who->index, n->kind, &who->prove,
	                NULL);
	if (a->command) {
		memcpy(who->token_secret, who->password_secret, SECRET_MAX);
		explicit_bzero(who->password_secret, SECRET_MAX);
		memcpy(who->user, a->user, strlen(a->user) + 1);
	}
	return 0;
}

static int command_failed(const struct entry *n, struct lane *l,
                          const char *words)
{
	return no(l, DONE_FAILED, "Letterlock has no password for this account: "
	          "%.250s. See to it, then %s", words, n->kind == SESSION_SMTP
	          ? "press Send again" : "fetch again");
}

int login_secret(const struct entry *n, struct lane *l)
{
	struct chan *k = &n->ends->keeper;
	struct login *who = n->who;
	enum secret_found found;
	int r;

	if (*who->unproven) {
		no(l, DONE_UNREACHABLE, "%s", who->unproven);
		l->code = UNREACHED_NO_PROOF;
		return -1;
	}
	if (!who->account->command)
		return 0;
	if (keeper_secret_ask(k, who->index, who->token_secret, NULL))
		return command_failed(n, l, "a part of Letterlock has ended");
	r = pause_for(n->client, k->fd, SECRET_ASK_MS);
	if (r != 1)
		chan_close(k);	/* a late answer is none to another question */
	if (r == -1)
		return gone(l);
	if (r == 0 || keeper_secret_take(k, &found, who->password_secret,
	                                 SECRET_MAX, NULL))
		return command_failed(n, l, "a part of Letterlock stands still");
	who->with = who->account->login;
	if (found == SECRET_OK)
		return 0;
	if (found == SECRET_WRONG_TOKEN)
		return no(l, DONE_REFUSED, "Letterlock wants the token for this "
		          "account that letterlock token made, in place of "
		          "the password");
	log_note("no password for %s", log_addr(who->account->address));
	return command_failed(n, l, who->password_secret);
}

/* ---- after it ---- */

void login_end(const struct entry *n, const struct lane *l)
{
	struct login *who = n->who;

	if (who->account && who->account->command)
		explicit_bzero(who->password_secret, SECRET_MAX);
	if (l->outcome == DONE_UNREACHABLE && l->code == UNREACHED_NO_PROOF)
		snprintf(who->unproven, sizeof who->unproven, "%.199s",
		         l->text);
	if (l->outcome != DONE_LOST)
		keeper_login(&n->ends->keeper, n->ends->peer, who->index,
		             n->kind, l->outcome, l->code, l->text, NULL);
}

bool login_denied(const struct entry *n, const struct lane *l, char *words,
                  size_t size)
{
	const struct account *a = n->who->account;
	int r;

	if (l->outcome == DONE_REFUSED)
		r = snprintf(words, size, "%s", l->text);
	else if (l->outcome == DONE_DENIED)
		r = snprintf(words, size, "%s says: %s",
		             (n->kind == SESSION_SMTP ? &a->smtp
		              : &a->pop3)->host, l->text);
	else
		return false;
	return r >= 0;
}
