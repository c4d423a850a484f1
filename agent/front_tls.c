/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS with the client: from the start, or by STARTTLS (RFC 3207) and STLS (RFC
 * 2595), and what may be said before it. */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "agent/cert.h"
#include "agent/log.h"
#include "agent/pop3.h"
#include "agent/smtp.h"
#include "agent/tls_serve.h"

bool client_offers_tls(const struct client *c)
{
	return !c->tls && c->ends && c->ends->pem_secret;
}

bool client_wants_tls(const struct client *c, const char *command)
{
	static const char *const harmless[] = {
		"EHLO", "HELO", "STARTTLS", "NOOP", "RSET", "HELP", "QUIT",
		"CAPA", "STLS"
	};

	if (c->tls || !c->ends
	    || (c->ends->tls == LOCAL_OFFERED && !c->ends->remote))
		return false;
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		if (strcasecmp(command, harmless[i]) == 0)
			return false;
	return true;
}

void client_forget_key(struct client *c)
{
	if (!c->ends)
		return;
	cert_free(c->ends->pem_secret, c->ends->pem_len);
	c->ends->pem_secret = NULL;
}

/* Nothing is said in clear to whom TLS was begun with.  What it still says is not
 * read, so the connection ends here before a reset can. */
static void give_up(struct client *c)
{
	const char *why = c->tls ? tls_serve_why(c->tls) : NULL;

	if (why)
		log_note("TLS with a mail program did not begin: %s", why);
	c->gone = true;
	shutdown(c->fd, SHUT_WR);
}

static int shake(struct client *c)
{
	short want = 0;
	int r;

	do
		r = tls_serve_shake(c->tls, &want);
	while (r == 0 && client_wait(c, want) == 0);
	return r == 1 ? 0 : -1;
}

/* 0: TLS is on; 1: it can't be, with e filled, and go was not said; -1: the
 * client is gone. */
static int begin(struct client *c, const char *go, struct err *e)
{
	struct tls_serve *t;

	if (!c->ends->pem_secret) {
		err_set(e, gpg_error(GPG_ERR_NO_CERT_CHAIN), "there is no "
		        "certificate that can be used. letterlock certificate "
		        "says why, letterlock certificate make makes one");
		return 1;
	}
	t = tls_serve_new(c->fd, c->ends->pem_secret, c->ends->pem_len, e);
	if (!t)
		return 1;
	client_forget_key(c);
	if (go && (client_say(c, "%s", go) || client_flush(c))) {
		tls_serve_free(t);
		return -1;
	}
	c->tls = t;
	if (shake(c) == 0)
		return 0;
	give_up(c);
	return -1;
}

int client_begin(struct client *c, struct front_ends *ends)
{
	struct err e;
	int rc;

	c->ends = ends;
	if (ends->tls != LOCAL_TLS)
		return 0;
	rc = begin(c, NULL, &e);
	if (rc == 1) {
		log_error("a session was refused: %s", e.text);
		give_up(c);
	}
	return rc ? -1 : 0;
}

void client_end(struct client *c)
{
	client_flush(c);
	client_forget_key(c);
	tls_serve_free(c->tls);
	c->tls = NULL;
	c->gone = true;
}

bool client_deaf(struct client *c)
{
	char octet;

	return c->tls ? tls_serve_ended(c->tls)
	       : recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* ---- the commands ---- */

/* What was said in clear behind the command, to be taken for something that was
 * said in TLS (CVE-2011-0411). */
static bool injected(const struct client *c)
{
	if (c->off == c->len)
		return false;
	log_note("a client that began TLS had said more than that in clear");
	return true;
}

int smtp_starttls(struct smtp *s, char *arg)
{
	struct client *c = &s->client;
	struct err e;
	int rc;

	if (*arg)
		return client_say(c, "501 5.5.4 STARTTLS wants no argument");
	if (c->tls)
		return client_say(c, "503 5.5.1 TLS is on");
	if (s->authed)
		return client_say(c, "503 5.5.1 You are logged in; TLS comes "
		                  "before that");
	if (injected(c)) {
		client_say(c, "421 4.7.0 More than STARTTLS came before TLS");
		return -1;
	}
	rc = begin(c, "220 2.0.0 Begin TLS", &e);
	if (rc == 1)
		return client_say(c, "454 4.7.0 Letterlock: %s", e.text);
	/* RFC 3207 section 4.2: what was said before is forgotten */
	smtp_reset(s);
	s->greeted = false;
	explicit_bzero(&s->who, sizeof s->who);
	return rc;
}

int pop3_stls(struct pop3 *s, char *arg)
{
	struct client *c = &s->client;
	struct err e;
	int rc;

	if (*arg)
		return client_say(c, "-ERR STLS wants no argument");
	if (c->tls)
		return client_say(c, "-ERR TLS is on");
	if (injected(c)) {
		client_say(c, "-ERR More than STLS came before TLS");
		return -1;
	}
	rc = begin(c, "+OK Begin TLS", &e);
	if (rc == 1)
		return client_say(c, "-ERR [SYS/PERM] Letterlock: %s", e.text);
	s->has_user = false;
	explicit_bzero(&s->who, sizeof s->who);
	return rc;
}
