/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the prefs.js of a profile of Thunderbird. */
#include "agent/thunderbird_prefs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/file.h"

enum { PREFS_MAX = 16 << 20 };

/* user_pref("name", value); is a line, and the value JSON. */
static void take_pref(json_t *all, const char *line, size_t n)
{
	static const char begin[] = "user_pref(";
	const char *from = line + sizeof begin - 1;
	const char *to = memrchr(line, ')', n);
	char *pair_text;
	json_t *pair;

	if (n < sizeof begin || memcmp(line, begin, sizeof begin - 1) != 0
	    || !to || to < from
	    || asprintf(&pair_text, "[%.*s]", (int)(to - from), from) == -1)
		return;
	pair = json_loads(pair_text, 0, NULL);
	free(pair_text);
	if (json_array_size(pair) == 2
	    && json_is_string(json_array_get(pair, 0)))
		json_object_set(all, json_string_value(json_array_get(pair, 0)),
		                json_array_get(pair, 1));
	json_decref(pair);
}

static json_t *prefs_parse(const char *text)
{
	json_t *all = json_object();
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		take_pref(all, text, n);
	}
	return all;
}

json_t *thunderbird_prefs(const char *profile)
{
	char *path = file_path(profile, "/prefs.js", NULL), *text = NULL;
	json_t *prefs = NULL;
	struct err e;
	size_t n;

	if (path && (text = file_read(path, PREFS_MAX, &n, &e)))
		prefs = prefs_parse(text);
	free(text);
	free(path);
	return prefs;
}

json_t *thunderbird_pref(const json_t *prefs, const char *kind, const char *id,
                         const char *what)
{
	char name[THUNDERBIRD_NAME_SIZE];

	if (snprintf(name, sizeof name, "mail.%s.%s.%s", kind, id, what)
	    >= (int)sizeof name)
		return NULL;
	return json_object_get(prefs, name);
}

const char *thunderbird_pref_text(const json_t *prefs, const char *kind,
                                  const char *id, const char *what)
{
	const char *s = json_string_value(thunderbird_pref(prefs, kind, id,
	                                                   what));

	return s ? s : "";
}

const char *thunderbird_server_of(json_t *prefs, const char *id)
{
	const char *list, *at, *name;
	size_t n = strlen(id);
	json_t *value;
	char account[THUNDERBIRD_NAME_SIZE];

	json_object_foreach(prefs, name, value) {
		if (sscanf(name, "mail.account.%190[^.].identities", account)
		    != 1 || !strstr(name, ".identities"))
			continue;
		list = json_string_value(value);
		for (at = list; at && (at = strstr(at, id)); at += n)
			if ((at == list || at[-1] == ',')
			    && (at[n] == '\0' || at[n] == ','))
				return thunderbird_pref_text(prefs, "account",
				                             account,
				                             "server");
	}
	return "";
}

const char *thunderbird_smtp_of(const json_t *prefs, const char *id)
{
	const char *server = thunderbird_pref_text(prefs, "identity", id,
	                                           "smtpServer");

	if (!*server)
		server = json_string_value(json_object_get(
			prefs, "mail.smtp.defaultserver"));
	return server ? server : "";
}

bool thunderbird_is_local(const char *host)
{
	struct in_addr a;

	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0
	       || strcmp(host, "[::1]") == 0
	       || (inet_pton(AF_INET, host, &a) == 1
	           && ntohl(a.s_addr) >> 24 == 127);
}

void thunderbird_identities(json_t *prefs,
                            void (*found)(void *arg, const char *identity,
                                          const char *address), void *arg)
{
	char id[THUNDERBIRD_NAME_SIZE], *rest;
	const char *name, *address;
	json_t *value;

	json_object_foreach(prefs, name, value) {
		if (sscanf(name, "mail.identity.%190[^.]", id) != 1
		    || !(rest = strrchr(name, '.'))
		    || strcmp(rest, ".useremail") != 0)
			continue;
		if ((address = json_string_value(value)))
			found(arg, id, address);
	}
}
