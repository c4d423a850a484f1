/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail client: one conversation for each letter, step by step. */
#include "agent/demo_client.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "crypto/sink.h"

enum { FETCH_MAX = 16 << 20 };		/* octets of one letter fetched */

struct client {
	int fd;				/* what is said goes out unbuffered */
	FILE *in;
	char *line;			/* the last one heard, no line end */
	size_t len, size;
};

static int client_open(struct client *c, uint16_t port, struct err *e)
{
	struct timeval t = { .tv_sec = DEMO_PATIENCE };
	struct sockaddr_in a = { .sin_family = AF_INET };

	memset(c, 0, sizeof *c);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(port);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0 ||
	    connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "the mail client's connection");
	c->in = fdopen(c->fd, "r");
	return c->in ? 0 : err_errno(e, "the mail client's connection");
}

static void client_close(struct client *c)
{
	if (c->in)
		fclose(c->in);
	else if (c->fd >= 0)
		close(c->fd);
	free(c->line);
}

static int client_write(struct client *c, const char *p, size_t n,
                        struct err *e)
{
	while (n > 0) {
		ssize_t put = send(c->fd, p, n, MSG_NOSIGNAL);

		if (put <= 0)
			return err_errno(e, "the mail client's connection");
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int client_say(struct client *c, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int client_say(struct client *c, struct err *e, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line - 2)
		return err_set(e, GPG_ERR_TOO_LARGE, "A command is too long");
	memcpy(line + n, "\r\n", 2);
	return client_write(c, line, (size_t)n + 2, e);
}

static int client_hear(struct client *c, struct err *e)
{
	ssize_t n = getline(&c->line, &c->size, c->in);

	if (n < 0 && ferror(c->in))
		return err_errno(e, "waiting for an answer");
	if (n < 0)
		return err_set(e, GPG_ERR_EOF, "The connection was closed");
	while (n > 0 && strchr("\r\n", c->line[n - 1]))
		n--;
	c->line[n] = '\0';
	c->len = (size_t)n;
	return 0;
}

/* A letter and its end, dots stuffed (RFC 5321 section 4.5.2). */
static int client_letter(struct client *c, const char *letter, struct err *e)
{
	const char *nl;

	for (; (nl = strchr(letter, '\n')); letter = nl + 1)
		if ((*letter == '.' && client_write(c, ".", 1, e) < 0) ||
		    client_write(c, letter, (size_t)(nl + 1 - letter), e) < 0)
			return -1;
	return client_write(c, ".\r\n", 3, e);
}

/* One SMTP answer: its code, all its lines in reply; -1 when there was none. */
static int smtp_answer(struct client *c, char reply[DEMO_REPLY_MAX],
                       struct err *e)
{
	size_t used = 0;
	int n;

	do {
		if (client_hear(c, e) < 0)
			return -1;
		if (c->len < 3 || !strchr("2345", c->line[0]))
			return err_set(e, GPG_ERR_BAD_DATA,
			               "That is no SMTP answer");
		n = snprintf(reply + used, DEMO_REPLY_MAX - used, "%s%s",
		             used ? " " : "",
		             c->line + (used ? 3 + (c->len > 3) : 0));
		if (n < 0 || (size_t)n >= DEMO_REPLY_MAX - used)
			return err_set(e, GPG_ERR_TOO_LARGE,
			               "The answer is too long");
		used += (size_t)n;
	} while (c->len > 3 && c->line[3] == '-');
	return atoi(reply);
}

/* Hear an answer: 0 if its code begins as wanted does, else the code itself,
 * or -1. */
static int smtp_step(struct client *c, char reply[DEMO_REPLY_MAX], int wanted,
                     struct err *e)
{
	int code = smtp_answer(c, reply, e);

	return code / 100 == wanted ? 0 : code;
}

static int smtp_auth(struct client *c, const struct demo_login *in,
                     struct err *e)
{
	unsigned char base64[400];
	char text[256];
	int n = snprintf(text, sizeof text, "%c%s%c%s", 0, in->user, 0,
	                 in->password);

	if (n < 0 || (size_t)n >= sizeof text)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The password is too long");
	EVP_EncodeBlock(base64, (unsigned char *)text, n);
	return client_say(c, e, "AUTH PLAIN %s", (char *)base64);
}

/* Up to the end of the letter: 0 when the answer to it is next, the code of a
 * refusal before, or -1. */
static int smtp_send(struct client *c, const struct demo_login *in,
                     const char *from, const char *const *to,
                     const char *letter, char *reply, struct err *e)
{
	int rc;

	if ((rc = smtp_step(c, reply, 2, e)) != 0 ||
	    (rc = client_say(c, e, "EHLO [127.0.0.1]")) != 0 ||
	    (rc = smtp_step(c, reply, 2, e)) != 0 ||
	    (rc = smtp_auth(c, in, e)) != 0 ||
	    (rc = smtp_step(c, reply, 2, e)) != 0 ||
	    (rc = client_say(c, e, "MAIL FROM:<%s>", from)) != 0 ||
	    (rc = smtp_step(c, reply, 2, e)) != 0)
		return rc;
	for (; *to; to++)
		if ((rc = client_say(c, e, "RCPT TO:<%s>", *to)) != 0 ||
		    (rc = smtp_step(c, reply, 2, e)) != 0)
			return rc;
	if ((rc = client_say(c, e, "DATA")) != 0 ||
	    (rc = smtp_step(c, reply, 3, e)) != 0)
		return rc;
	return client_letter(c, letter, e);
}

int demo_submit(const struct demo_login *in, const char *from,
                const char *const *to, const char *letter,
                char reply[DEMO_REPLY_MAX], struct err *e)
{
	struct client c;
	int rc;

	reply[0] = '\0';
	rc = client_open(&c, in->port, e);
	if (rc == 0)
		rc = smtp_send(&c, in, from, to, letter, reply, e);
	if (rc == 0)
		rc = smtp_answer(&c, reply, e);
	if (rc > 0)
		client_say(&c, NULL, "QUIT");
	client_close(&c);
	return rc;
}

static int pop3_step(struct client *c, struct err *e)
{
	if (client_hear(c, e) < 0)
		return -1;
	if (strncmp(c->line, "+OK", 3))
		return err_set(e, GPG_ERR_GENERAL, "%s", c->line);
	return 0;
}

static int pop3_retr(struct client *c, struct membuf *m, struct err *e)
{
	size_t dot;

	while (client_hear(c, e) == 0) {
		dot = c->line[0] == '.';
		if (dot && c->len == 1)
			return sink_put(&m->sink, "", 1, e);
		if (sink_put(&m->sink, c->line + dot, c->len - dot, e) < 0 ||
		    sink_put(&m->sink, "\r\n", 2, e) < 0)
			return -1;
	}
	return -1;
}

static int pop3_fetch(struct client *c, const struct demo_login *in,
                      struct membuf *m, struct err *e)
{
	unsigned n;

	if (pop3_step(c, e) < 0 ||
	    client_say(c, e, "USER %s", in->user) < 0 || pop3_step(c, e) < 0 ||
	    client_say(c, e, "PASS %s", in->password) < 0 ||
	    pop3_step(c, e) < 0 ||
	    client_say(c, e, "STAT") < 0 || pop3_step(c, e) < 0)
		return -1;
	if (sscanf(c->line, "+OK %u", &n) != 1 || n == 0)
		return err_set(e, GPG_ERR_NO_DATA, "The mailbox is empty");
	if (client_say(c, e, "RETR %u", n) < 0 || pop3_step(c, e) < 0 ||
	    pop3_retr(c, m, e) < 0)
		return -1;
	if (client_say(c, e, "QUIT") < 0 || pop3_step(c, e) < 0)
		return -1;
	return 0;
}

char *demo_fetch(const struct demo_login *in, struct err *e)
{
	struct client c;
	struct membuf m;
	char *letter = NULL;

	membuf_init(&m, FETCH_MAX);
	if (client_open(&c, in->port, e) == 0 &&
	    pop3_fetch(&c, in, &m, e) == 0 && !(letter = strdup(m.buf)))
		err_errno(e, "the letter");
	client_close(&c);
	membuf_free(&m);
	return letter;
}
