/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both fronts share: the client's connection, and lanes. */
#ifndef AGENT_FRONT_H
#define AGENT_FRONT_H

#include "agent/roles.h"

enum {
	CLIENT_BUFFER = 64 << 10,
	CLIENT_LINE_MAX = 12288,	/* a command line (AUTH with a token) */
	SECRET_MAX = 8192,		/* a password or token */
	LINE_SKIP_MAX = 4 << 20,	/* of a line too long, then it is no client */
	BEFORE_LOGIN_MS = 120000,	/* a client is waited for until it has logged
					 * in: enough to type a password */
	BEFORE_LOGIN_COMMANDS = 50
};

struct client {
	struct sink sink;	/* as a sink: octets to the client, buffered */
	int fd;
	unsigned timeout;	/* seconds it may be silent, or not read */
	int64_t patience;	/* ms it is waited for in all, -1 = for ever */
	bool silent;		/* it was, for too long */
	bool gone;		/* nothing may be said to it any more */
	struct tls_serve *tls;	/* NULL: it speaks in clear */
	struct front_ends *ends;	/* how it came, after client_begin() */
	char in[CLIENT_BUFFER], out[CLIENT_BUFFER];
	size_t off, len, out_len;
};

void client_init(struct client *c, int fd, unsigned timeout);
/* Before its first line: TLS, on a listener that begins with it.  0, or -1: the
 * session is over. */
int client_begin(struct client *c, struct front_ends *ends);
/* Say what is left, and goodbye where it speaks TLS. */
void client_end(struct client *c);
/* It has logged in: from now on only its silences are counted, and a session in
 * clear stays so. */
void client_known(struct client *c);
/* The next line without its line end (CRLF, or LF alone) into line[size]:
 * its length, -1 when the client is gone, silent too long or speaks TLS, -2 when
 * the line was too long or held a NUL (it was skipped). What was said is flushed
 * first. */
int client_line(struct client *c, char *line, size_t size);
/* Octets as they come: a pointer to what is there, *n of them; -1: gone. */
int client_some(struct client *c, const char **p, size_t *n);
/* Say that the first n of them were used. */
void client_used(struct client *c, size_t n);
/* printf plus CRLF, buffered; controls in the text become '?'. */
int client_say(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int client_flush(struct client *c);
/* Has it ended its side, so that it may not hear the answer? */
bool client_deaf(struct client *c);
/* poll() for these events as long as it may be waited for: 0, or -1. */
int client_wait(struct client *c, short events);

/* front_tls.c: may it be offered TLS; may this command not be taken in clear. */
bool client_offers_tls(const struct client *c);
bool client_wants_tls(const struct client *c, const char *command);
/* It stays in clear, or TLS is on: wipe the certificate's key. */
void client_forget_key(struct client *c);

/* A browser that was led here: its request must not become a session, and is not
 * answered. */
bool client_is_browser(const char *line);

/* A lane: crypt and upstream of one copy of a letter. */
struct lane {
	struct chan crypt, upstream;
	bool logged_in;
	int64_t answered;	/* when, by front_clock() */
	enum outcome outcome;	/* of the last command to upstream */
	unsigned code;		/* its SMTP reply, 0 = none */
	char text[500];		/* its words */
	unsigned has;		/* enum provider_flag, after login */
	uint64_t size_max;	/* the provider's SIZE, 0 = none */
};

struct login {
	const struct account *account;
	uint32_t index;		/* of the account in the configuration */
	enum login_with with;	/* what password_secret is */
	char user[ADDR_MAX + 1];
	char password_secret[SECRET_MAX];	/* for the provider */
	char token_secret[SECRET_MAX];	/* account->command: the client's word */
	bool prove;		/* a password is LOGIN_PROVEN's */
	char unproven[200];	/* the words of UNREACHED_NO_PROOF, "" = it wasn't */
};

int64_t front_clock(void);	/* milliseconds that only grow */
void lane_close(struct lane *l);
bool lane_alive(const struct lane *l);
/* Send a command's frame and take its U_DONE. -1 when upstream is gone
 * (outcome DONE_LOST, words set). */
int lane_ask(struct lane *l, unsigned type, struct pack *p);
int lane_done(struct lane *l);
int lane_tell(struct lane *l, unsigned type, const void *data, size_t n);
/* Log in: the outcome is in the lane. */
int lane_login(struct lane *l, const struct login *who);
/* Start to log in, without waiting: lane_done_login() takes the answer. */
int lane_login_start(struct lane *l, const struct login *who);
int lane_login_end(struct lane *l);

#endif
