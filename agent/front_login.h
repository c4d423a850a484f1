/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the logins of both protocols share: the AUTH exchange with the client. */
#ifndef AGENT_FRONT_LOGIN_H
#define AGENT_FRONT_LOGIN_H

#include "agent/front.h"

enum login_talk {
	LOGIN_TAKEN,		/* the credentials are in who */
	LOGIN_ENDED,		/* the client gave up, or its line was none */
	LOGIN_MALFORMED,	/* not what the mechanism takes */
	LOGIN_UNKNOWN,		/* no such mechanism */
	LOGIN_GONE		/* the client is */
};

enum { LOGIN_FAILURES_MAX = 10 };	/* in one session, which then ends */

/* The names of the mechanisms that some account can use, with blanks between
 * them. */
const char *login_mechs(const struct conf *conf, bool remote);

/* AUTH (RFC 4954, 5034): arg is what stands behind that word and is cut up,
 * prompt how this protocol asks for more ("334 ", "+ "). */
enum login_talk login_take(struct client *c, const char *prompt, char *arg,
                           struct login *who);

/* A session's login, whoever it is. */
struct entry {
	const struct conf *conf;
	struct front_ends *ends;
	struct client *client;
	enum session_kind kind;
	struct login *who;
};

/* who->user and the rest came from the client: wait if it has to, and find the
 * account.  0, or -1: DONE_REFUSED and words of ours in the lane, or DONE_LOST:
 * the client has gone. */
int login_begin(const struct entry *n, struct lane *l);
/* Before each login at the provider: the password, from the keeper if it is not
 * the client's.  0, or -1: DONE_REFUSED (a wrong token), DONE_FAILED (its command
 * failed), DONE_UNREACHABLE (UNREACHED_NO_PROOF, by an earlier login of this session)
 * or DONE_LOST with words in the lane. */
int login_secret(const struct entry *n, struct lane *l);
/* After each of these, and after -1 of one of them: tell the keeper what came of
 * it, and forget what can be asked for again. */
void login_end(const struct entry *n, const struct lane *l);
/* Was it a no?  In words for the client, who has to give other credentials. */
bool login_denied(const struct entry *n, const struct lane *l, char *words,
                  size_t size);

#endif
