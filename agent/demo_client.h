/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail client: submits a letter by SMTP and fetches letters by
 * POP3, as the mail client of a person would. */
#ifndef AGENT_DEMO_CLIENT_H
#define AGENT_DEMO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

enum {
	DEMO_PATIENCE = 20,		/* seconds for one answer */
	DEMO_REPLY_MAX = 1024
};

struct demo_login {
	uint16_t port;			/* on 127.0.0.1 */
	const char *user, *password;
};

/* One letter (CRLF line ends) to the NULL-ended recipients: the SMTP code that
 * ended it, 250 if it was taken, with its whole text in reply (the lines of one
 * answer joined by a blank); -1 when the conversation broke off. */
int demo_submit(const struct demo_login *in, const char *from,
                const char *const *to, const char *letter,
                char reply[DEMO_REPLY_MAX], struct err *e);

/* The newest letter of the mailbox, dots unstuffed, malloced, NUL behind it;
 * it is left on the server.  NULL when there is none or the server said no. */
char *demo_fetch(const struct demo_login *in, struct err *e);

#endif
