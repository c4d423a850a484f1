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

/* The names of the mechanisms, with blanks between them. */
extern const char login_mechs[];

/* AUTH (RFC 4954, 5034): arg is what stands behind that word and is cut up,
 * prompt how this protocol asks for more ("334 ", "+ "). */
enum login_talk login_take(struct client *c, const char *prompt, char *arg,
                           struct login *who);

#endif
