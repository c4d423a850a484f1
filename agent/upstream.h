/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the upstream files share: the wire to the provider with its lines, and
 * one login over it. */
#ifndef AGENT_UPSTREAM_H
#define AGENT_UPSTREAM_H

#include <libetpan/mailstream.h>

#include "agent/roles.h"
#include "agent/sasl.h"
#include "agent/tls.h"

enum {
	WIRE_BLOCK = 128 << 10,		/* octets read at once */
	WIRE_STREAM = 16 << 10,		/* of libetpan's buffers, which larger
					 * blocks pass by without a copy */
	WIRE_LINE_MAX = 2048,		/* octets of a line that comes */
	WIRE_COMMAND_MAX = SASL_ANSWER_MAX + 64,	/* of one that goes */
	WIRE_DOT_MIN = 600,		/* seconds for the answer to a letter's
					 * end (RFC 5321 section 4.5.3.2.6) */
	REPLY_LINES_MAX = 100,		/* lines of one reply */
	REPLY_TEXT_MAX = 400,		/* octets of its words for the front */
	ARGUMENT_MAX = 480,		/* octets of a command's argument */
	CREDENTIAL_MAX = 8191		/* octets of a password or token */
};

/* ---- the wire: upstream_wire.c ---- */

/* Errors name the host and close nothing: the caller does that. */
struct wire {
	mailstream *stream;	/* NULL: not connected */
	const char *host;	/* for words */
	unsigned connect_timeout, reply_timeout;	/* seconds: see conf.h */
	unsigned silence;	/* seconds in the midst of something */
	unsigned min_rate;	/* octets of a letter in a second */
	size_t off, len;	/* of what came and was not yet taken */
	char in[WIRE_BLOCK];
};

struct line {
	size_t len;
	char text[WIRE_LINE_MAX + 1];	/* without its line end, with a NUL */
};

enum answer { ANSWER_NO, ANSWER_OK, ANSWER_MORE };
struct reply {
	enum answer answer;
	unsigned code;			/* SMTP's, else 0 */
	bool odd;			/* octets of it became '?' */
	char text[WIRE_LINE_MAX + 1];	/* printable ASCII, lines joined */
};

int wire_open(struct wire *w, mailstream_low *low, struct err *e);
void wire_close(struct wire *w);
/* What comes or goes next, a whole reply, may take this many seconds; once its
 * first octet was there the provider may not be silent for long. */
void wire_patience(struct wire *w, unsigned seconds);
/* What goes or comes next is a letter or a list: as long as it likes, but
 * neither silent nor slow.  The next wire_patience() is its end. */
void wire_letter(struct wire *w);
/* TLS from now on.  What came in clear behind the reply to STARTTLS is an
 * attack (RFC 3207 section 6, CVE-2011-0411), and an error. */
int wire_starttls(struct wire *w, struct tls_trust *trust, struct err *e);
/* One command line, CRLF added, sent at once; wiped from our buffers. */
int wire_send(struct wire *w, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The next line, which CRLF or LF ended. */
int wire_line(struct wire *w, struct line *l, struct err *e);
/* Wait until there is something between off and len. */
int wire_fill(struct wire *w, struct err *e);
/* Did the provider say something unasked (or close)?  Does not wait. */
bool wire_spoke(struct wire *w);
int wire_write(struct wire *w, const void *buf, size_t n, struct err *e);
int wire_flush(struct wire *w, struct err *e);

/* Words of the provider into ours: printable ASCII, behind what text holds. */
void reply_add(struct reply *r, const char *words, size_t n);
/* A number of digits only, at most max: the octets it took, 0 if it is none. */
size_t parse_number(const char *s, uint64_t max, uint64_t *v);
/* No control among at most max octets. */
bool arg_ok(const char *s, size_t max);

/* ---- one provider: upstream.c, upstream_login.c ---- */

struct upstream {
	const struct conf *conf;
	struct tls_trust *trust;	/* NULL: no account uses TLS */
	const struct account *account;	/* of the first login, and no other */
	const struct server *server;
	struct wire wire;
	bool boxed;			/* connected once, and never again */
	enum unreachable why;		/* of DONE_UNREACHABLE */
	bool greeted;			/* ready for AUTH */
	bool bound;			/* binding is there */
	struct tls_binding binding;
	/* what the provider offers */
	unsigned mechs;			/* enum sasl_mech */
	bool starttls;
	unsigned flags;			/* enum provider_flag */
	bool has_user;			/* POP3's USER and PASS */
	bool has_size;
	uint64_t size;			/* SMTP's SIZE, 0 = none */
	bool utf8;			/* SMTPUTF8 is on in this transaction */
};

struct credentials {
	enum login_with with;
	char user[ARGUMENT_MAX + 1];
	char password_secret[CREDENTIAL_MAX + 1];
};

/* Either protocol: the greeting and all until AUTH; AUTH.  Outcomes are
 * DONE_OK and DONE_DENIED with the provider's words in the reply, and
 * DONE_UNREACHABLE with ours in e. */
struct protocol {
	int (*greet)(struct upstream *up, struct err *e);
	enum outcome (*auth)(struct upstream *up, const struct credentials *c,
	                     struct reply *r, struct err *e);
};

/* The wire to the provider, and the box: there is no second connection. */
int upstream_connect(struct upstream *up, struct err *e);

typedef int reply_fn(struct upstream *up, struct reply *r, struct err *e);

/* Do U_LOGIN and send its U_DONE.  -1: the front is gone, or mad. */
int upstream_login(struct upstream *up, struct chan *front,
                   const struct frame *f, enum session_kind kind,
                   const struct protocol *p);
/* The strongest mechanism that both have and these credentials allow, or 0. */
unsigned upstream_mech(const struct upstream *up, const struct credentials *c);
/* One SASL exchange, as protocol.auth.  The first answer goes with AUTH where
 * that line has at most line_max octets. */
enum outcome upstream_sasl(struct upstream *up, reply_fn *reply, unsigned mech,
                           size_t line_max, const struct credentials *c,
                           struct reply *r, struct err *e);
/* DONE_UNREACHABLE: there is no such mechanism. */
enum outcome upstream_no_mech(const struct upstream *up,
                              const struct credentials *c, struct err *e);
/* Send U_DONE: 0, or -1 when the front is gone. */
int upstream_done(struct chan *front, enum outcome o, unsigned code,
                  const char *text);
/* The connection is no more: close it and say so by U_DONE. */
int upstream_lost(struct upstream *up, struct chan *front,
                  const struct err *e);
/* Words for a provider that said no before there was a session. */
int upstream_says(struct upstream *up, const struct reply *r, struct err *e);

/* ---- SMTP until AUTH: upstream_smtp_login.c ---- */

extern const struct protocol upstream_smtp_protocol;
/* A reply with all its lines: a reply_fn. */
int upstream_smtp_reply(struct upstream *up, struct reply *r, struct err *e);

/* ---- letters: upstream_letter.c ---- */

/* SMTP: from the pipe to the wire, all but the final dot.  -1: it broke off on
 * either side, or the front or the provider spoke in between, or it can't be
 * sent as it is (GPG_ERR_BAD_DATA: a NUL; GPG_ERR_NOT_SUPPORTED, with a reply's
 * words: 8-bit text where the provider takes none). */
int upstream_send_letter(struct upstream *up, struct upstream_ends *ends,
                         struct err *e);
/* POP3: from the wire to a sink, up to and without the final dot. */
int upstream_fetch_letter(struct upstream *up, struct sink *to, struct err *e);

#endif
