/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the prefs.js of a profile of Thunderbird. */
#include "agent/thunderbird_prefs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/file.h"
#include "crypto/sink.h"

enum { PREFS_MAX = 16 << 20 };

/* user_pref("name", value); is a line, and the value JSON: both, or NULL. */
static json_t *pair_of(const char *line, size_t n)
{
	static const char begin[] = "user_pref(";
	const char *from = line + sizeof begin - 1;
	const char *to = memrchr(line, ')', n);
	char *pair_text;
	json_t *pair;

	if (n < sizeof begin || memcmp(line, begin, sizeof begin - 1) != 0
	    || !to || to < from
	    || asprintf(&pair_text, "[%.*s]", (int)(to - from), from) == -1)
		return NULL;
	pair = json_loads(pair_text, 0, NULL);
	free(pair_text);
	if (json_array_size(pair) == 2
	    && json_is_string(json_array_get(pair, 0)))
		return pair;
	json_decref(pair);
	return NULL;
}

static const char *name_of(const json_t *pair)
{
	return json_string_value(json_array_get(pair, 0));
}

static json_t *prefs_parse(const char *text)
{
	json_t *all = json_object(), *pair;
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if ((pair = pair_of(text, n)))
			json_object_set(all, name_of(pair),
			                json_array_get(pair, 1));
		json_decref(pair);
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

/* ---- changed ---- */

static int put_changed(const char *text, json_t *changes, struct membuf *out,
                       struct err *e)
{
	const char *name;
	json_t *pair, *value;
	char *json;
	size_t n;
	int rc = 0;

	for (; rc == 0 && *text; text += n) {
		n = strcspn(text, "\n");
		pair = pair_of(text, n);
		n += text[n] == '\n';
		if (!pair || !json_object_get(changes, name_of(pair)))
			rc = sink_put(&out->sink, text, n, e);
		json_decref(pair);
	}
	if (rc == 0 && out->len && out->buf[out->len - 1] != '\n')
		rc = sink_put(&out->sink, "\n", 1, e);
	json_object_foreach(changes, name, value) {
		if (rc || json_is_null(value))
			continue;
		if (!(json = json_dumps(value, JSON_ENCODE_ANY)))
			return err_errno(e, "memory");
		rc = membuf_printf(out, e, "user_pref(\"%s\", %s);\n", name,
		                   json);
		free(json);
	}
	return rc;
}

int thunderbird_prefs_change(const char *profile, json_t *changes,
                             struct err *e)
{
	char *path = file_path(profile, "/prefs.js", NULL), *text = NULL;
	struct membuf out;
	size_t n;
	int rc = -1;

	membuf_init(&out, PREFS_MAX);
	if (!path)
		err_errno(e, "memory");
	else if (!(text = file_read(path, PREFS_MAX, &n, e)))
		;
	else if (strlen(text) != n)
		err_set(e, GPG_ERR_BAD_DATA, "%s is no list of preferences",
		        path);
	else if (put_changed(text, changes, &out, e) == 0)
		rc = file_write(path, out.buf, out.len, 0600, e);
	membuf_free(&out);
	free(text);
	free(path);
	return rc;
}

/* It holds a lock at .parentlock, and a link "lock" to ADDRESS:+PID where locks do
 * not work. */
bool thunderbird_runs(const char *profile)
{
	char *path = file_path(profile, "/.parentlock", NULL), to[200];
	char *link = file_path(profile, "/lock", NULL), *pid;
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	bool runs = false;
	ssize_t n;

	if (fd != -1) {
		runs = fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
		close(fd);
	}
	n = link ? readlink(link, to, sizeof to - 1) : -1;
	to[n > 0 ? n : 0] = '\0';
	if ((pid = strrchr(to, '+')) && atoi(pid + 1) > 1
	    && (kill(atoi(pid + 1), 0) == 0 || errno == EPERM))
		runs = true;
	free(link);
	free(path);
	return runs;
}

/* ---- looked at ---- */

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
