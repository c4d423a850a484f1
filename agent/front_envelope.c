/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The envelope as the client gives it: MAIL and RCPT, their addresses and
 * parameters (RFC 5321 section 4.1.1, 1870, 6152, 6531). */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/recipients.h"
#include "agent/smtp.h"
#include "crypto/idn.h"

void smtp_reset(struct smtp *s)
{
	s->has_from = false;
	s->utf8 = false;
	s->size = 0;
	s->to_octets = 0;
	addrs_free(&s->to);
}

/* "FROM:<addr> params": what stands between < and >, without a route, into
 * out; *params behind it.  0 or -1. */
static int take_path(char *arg, const char *word, char out[ADDR_MAX + 1],
                     char **params)
{
	size_t n = strlen(word);
	char *p = arg, *end;
	bool quoted = false;

	if (strncasecmp(p, word, n) != 0)
		return -1;
	for (p += n; *p == ' '; p++)
		;
	if (*p++ != '<')
		return -1;
	for (end = p; *end && (quoted || *end != '>'); end++) {
		if (*end == '\\' && end[1])
			end++;
		else if (*end == '"')
			quoted = !quoted;
	}
	if (*end != '>' || end - p > ADDR_MAX
	    || (end[1] && end[1] != ' '))
		return -1;
	if (*p == '@' && memchr(p, ':', (size_t)(end - p)))
		p = strchr(p, ':') + 1;	/* a source route is ignored */
	memcpy(out, p, (size_t)(end - p));
	out[end - p] = '\0';
	*params = end + 1;
	return 0;
}

/* RFC 6531 section 3.4: only in a transaction that was announced as such. */
static int say_not_announced(struct smtp *s)
{
	return client_say(&s->client, "553 5.6.7 Letterlock did not send this: "
	                  "an address has letters other than a to z, digits "
	                  "and signs before its @, and your mail program did "
	                  "not announce it (SMTPUTF8). Use another address, or "
	                  "a newer mail program");
}

/* One parameter of MAIL: NULL when fine, else a reply. */
static const char *mail_param(struct smtp *s, const char *p)
{
	char *end;

	if (strcasecmp(p, "BODY=7BIT") == 0
	    || strcasecmp(p, "BODY=8BITMIME") == 0)
		return NULL;	/* the letter itself will tell */
	if (strcasecmp(p, "SMTPUTF8") == 0) {
		s->utf8 = true;
		return NULL;
	}
	if (strncasecmp(p, "AUTH=", 5) == 0)
		return NULL;	/* RFC 4954 section 5: it is not passed on */
	if (strncasecmp(p, "SIZE=", 5) == 0 && isdigit((unsigned char)p[5])) {
		errno = 0;
		s->size = strtoull(p + 5, &end, 10);
		if (errno)
			s->size = UINT64_MAX;	/* refused as too large */
		if (*end == '\0')
			return NULL;
	}
	return "555 5.5.4 This parameter of MAIL is not understood";
}

int smtp_mail(struct smtp *s, char *arg)
{
	char from[ADDR_MAX + 1], *params, *word, *save = NULL;
	const char *reply;

	if (!s->authed)
		return client_say(&s->client, "530 5.7.0 Log in first: set "
		                  "your user name and password in your mail "
		                  "program's outgoing server");
	if (s->has_from)
		return client_say(&s->client, "503 5.5.1 A letter has begun");
	smtp_reset(s);
	s->from[0] = '\0';
	if (take_path(arg, "FROM:", from, &params))
		return client_say(&s->client, "501 5.1.7 This is no address");
	if (from[0] && (reply = recipients_addr(from, s->from)))
		return client_say(&s->client, "501 5.1.7 %s", reply);
	for (word = strtok_r(params, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		if ((reply = mail_param(s, word)))
			return client_say(&s->client, "%s", reply);
	if (!s->utf8 && idn_is_wide(s->from))
		return say_not_announced(s);
	if (s->from[0] && !account_owns(s->who.account, s->from))
		return client_say(&s->client, "550 5.7.1 Letterlock did not "
		                  "send this: %s is not an address of this "
		                  "account. Add it to aliases in the "
		                  "configuration if it is yours", s->from);
	if (s->size > s->conf->max_message_size)
		return client_say(&s->client, "552 5.3.4 Letterlock did not "
		                  "send this: it is larger than %llu octets, "
		                  "which max-message-size allows",
		                  (unsigned long long)
		                  s->conf->max_message_size);
	s->has_from = true;
	return client_say(&s->client, "250 2.1.0 Sender taken");
}

static int take_recipient(struct smtp *s, const char *to)
{
	size_t n = recipients_octets(to);

	if (addrs_have(&s->to, to))
		return client_say(&s->client, "250 2.1.5 Recipient taken");
	if (s->to.n >= s->conf->max_recipients)
		return client_say(&s->client, "452 4.5.3 Letterlock takes at "
		                  "most %u recipients for one letter "
		                  "(max-recipients)", s->conf->max_recipients);
	if (s->to_octets + n > RECIPIENTS_OCTETS_MAX)
		return client_say(&s->client, "452 4.5.3 Letterlock takes at "
		                  "most %d octets of recipients for one letter",
		                  RECIPIENTS_OCTETS_MAX);
	if (addrs_add(&s->to, to, NULL))
		return client_say(&s->client, "451 4.3.0 No memory");
	s->to_octets += n;
	return client_say(&s->client, "250 2.1.5 Recipient taken");
}

int smtp_rcpt(struct smtp *s, char *arg)
{
	char path[ADDR_MAX + 1], to[ADDR_MAX + 1], *params;
	const char *why;

	if (!s->has_from)
		return client_say(&s->client, "503 5.5.1 MAIL comes first");
	if (take_path(arg, "TO:", path, &params))
		return client_say(&s->client, "501 5.1.3 This is no address");
	if ((why = recipients_addr(path, to)))
		return client_say(&s->client, "501 5.1.3 %s", why);
	if (params[strspn(params, " ")])
		return client_say(&s->client, "555 5.5.4 This parameter of "
		                  "RCPT is not understood");
	if (!s->utf8 && idn_is_wide(to))
		return say_not_announced(s);
	return take_recipient(s, to);
}
