/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What OAuth says in SASL: two messages that both carry a bearer token. */
#include "agent/sasl_oauth.h"

#include <stdio.h>
#include <string.h>

int oauth_token(const struct sasl_login *l, bool xoauth2, char *out_secret,
                size_t size, size_t *n, struct err *e)
{
	char name[1600] = "";
	int len = -1;

	if (xoauth2)
		len = snprintf(out_secret, size, "user=%s\1auth=Bearer %s\1\1",
		               l->user, l->password_secret);
	else if (sasl_escape(l->user, name, sizeof name) == 0)
		len = snprintf(out_secret, size, "n,a=%s,\1host=%s\1port=%u\1"
		               "auth=Bearer %s\1\1", name, l->host, l->port,
		               l->password_secret);
	if (len < 0 || (size_t)len >= size)
		return err_set(e, GPG_ERR_TOO_LARGE, "the login is too long");
	*n = (size_t)len;
	return 0;
}

/* Past blanks. */
static size_t blanks(const char *p, size_t at, size_t n)
{
	while (at < n && strchr(" \t\r\n", p[at]) && p[at])
		at++;
	return at;
}

void oauth_status(const char *json, size_t n, char out[SASL_STATUS_MAX + 1])
{
	static const char key[] = "\"status\"";
	static const char word[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *p = n ? memmem(json, n, key, sizeof key - 1) : NULL;
	size_t at, len = 0;

	out[0] = '\0';
	if (!p)
		return;
	at = blanks(json, (size_t)(p - json) + sizeof key - 1, n);
	if (at == n || json[at] != ':')
		return;
	at = blanks(json, at + 1, n);
	if (at == n || json[at++] != '"')
		return;
	while (at + len < n && json[at + len] && strchr(word, json[at + len]))
		len++;
	if (at + len == n || json[at + len] != '"' || len > SASL_STATUS_MAX)
		return;
	memcpy(out, json + at, len);
	out[len] = '\0';
}
