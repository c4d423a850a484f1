/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the user's Thunderbird: whether letters of our accounts go through the
 * agent, and what else would leave in clear. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/doctor.h"
#include "agent/file.h"
#include "agent/thunderbird.h"
#include "agent/thunderbird_prefs.h"

struct look {
	struct doctor *d;
	json_t *prefs;		/* of the profile */
	const char *profile;
};

static json_t *pref(const struct look *l, const char *kind, const char *id,
                    const char *what)
{
	return thunderbird_pref(l->prefs, kind, id, what);
}

static const char *text(const struct look *l, const char *kind, const char *id,
                        const char *what)
{
	return thunderbird_pref_text(l->prefs, kind, id, what);
}

/* ---- servers ---- */

static json_int_t port_of(const struct listen *at)
{
	return ntohs(at->addr.ss_family == AF_INET
	             ? ((const struct sockaddr_in *)&at->addr)->sin_port
	             : ((const struct sockaddr_in6 *)&at->addr)->sin6_port);
}

/* Is this port of the computer Letterlock's?  Any may be where nobody knows: the
 * system listens, until somebody comes. */
static bool is_ours(const struct doctor *d, bool smtp, json_int_t port)
{
	const struct listen *at = smtp ? d->conf.submission : d->conf.pop3;
	unsigned known = smtp ? d->conf.n_submission : d->conf.n_pop3;
	bool ours = known == 0 && !d->status && !json_array_size(d->held);
	const char *where, *colon;
	json_t *one;
	size_t i;

	for (unsigned n = 0; n < known; n++)
		ours = ours || port_of(&at[n]) == port;
	json_array_foreach(d->held, i, one) {
		colon = strrchr(json_string_value(one), ':');
		ours = ours || (colon && strtol(colon + 1, NULL, 10) == port);
	}
	json_array_foreach(json_object_get(d->status, "listening"), i, one) {
		where = json_string_value(json_object_get(one, "protocol"));
		if (!where || strcmp(where, smtp ? "submission" : "pop3") != 0)
			continue;
		where = json_string_value(json_object_get(one, "address"));
		colon = where ? strrchr(where, ':') : NULL;
		ours = ours || (colon && strtol(colon + 1, NULL, 10) == port);
	}
	return ours;
}

/* On this computer, at a port that is not ours: told, true. */
static bool is_another(const struct look *l, bool smtp, const char *id,
                       const char *address)
{
	const char *kind = smtp ? "smtpserver" : "server";
	json_int_t port = json_integer_value(pref(l, kind, id, "port"));

	if (!port || !thunderbird_is_local(text(l, kind, id, "hostname"))
	    || is_ours(l->d, smtp, port))
		return false;
	doctor_say(l->d, DOCTOR_WRONG, smtp ? "sending" : "fetching",
	           "Thunderbird %s %s through another program on this computer, at "
	           "port %d, which is not Letterlock's. Choose Letterlock's port in "
	           "its account settings", smtp ? "sends as" : "fetches for",
	           address, (int)port);
	return true;
}

static void look_at_sending(const struct look *l, const char *id,
                            const char *address)
{
	const char *server = thunderbird_smtp_of(l->prefs, id);
	const char *host = text(l, "smtpserver", server, "hostname");

	if (is_another(l, true, server, address))
		return;
	if (thunderbird_is_local(host))
		doctor_say(l->d, DOCTOR_OK, "sending", "Thunderbird sends as %s "
		           "through Letterlock", address);
	else
		doctor_say(l->d, DOCTOR_WRONG, "sending", "Thunderbird sends as %s "
		           "straight through %s, so nothing is sealed. Choose "
		           "the outgoing server 127.0.0.1 in its account "
		           "settings", address, *host ? host : "another server");
}

static void look_at_fetching(const struct look *l, const char *id,
                             const char *address)
{
	const char *server = thunderbird_server_of(l->prefs, id);
	const char *type = text(l, "server", server, "type");
	const char *host = text(l, "server", server, "hostname");

	if (strcmp(type, "pop3") == 0 && is_another(l, false, server, address))
		return;
	if (strcmp(type, "imap") == 0)
		doctor_say(l->d, DOCTOR_NOTE, "fetching", "Thunderbird fetches for "
		           "%s by IMAP from %s: sealed letters are opened by the "
		           "add-on there", address, host);
	else if (strcmp(type, "pop3") == 0 && !thunderbird_is_local(host))
		doctor_say(l->d, DOCTOR_WRONG, "fetching", "Thunderbird fetches "
		           "for %s straight from %s, so sealed letters stay "
		           "sealed. Choose the server 127.0.0.1 in its account "
		           "settings", address, host);
	else if (strcmp(type, "pop3") == 0)
		doctor_say(l->d, DOCTOR_OK, "fetching", "Thunderbird fetches for "
		           "%s through Letterlock", address);
}

/* ---- what else would leave ---- */

static void look_at_openpgp(const struct look *l, const char *id,
                            const char *address)
{
	bool key = *text(l, "identity", id, "openpgp_key_id") != '\0';

	if (key && (json_integer_value(pref(l, "identity", id,
	                                    "encryptionPolicy")) > 0
	            || json_is_true(pref(l, "identity", id, "sign_mail"))))
		doctor_say(l->d, DOCTOR_WRONG, "openpgp", "Thunderbird's own "
		           "OpenPGP seals or signs for %s, too. Switch it off in "
		           "End-To-End Encryption of its account settings",
		           address);
}

static void look_at_folders(const struct look *l, const char *id,
                            const char *address)
{
	static const char *const folder[][2] = {
		{ "fcc_folder", "sent letters" }, { "draft_folder", "drafts" },
		{ "stationery_folder", "templates" },
		{ "archive_folder", "archives" }
	};

	for (size_t i = 0; i < sizeof folder / sizeof *folder; i++)
		if (strncmp(text(l, "identity", id, folder[i][0]), "imap:", 5)
		    == 0)
			doctor_say(l->d, DOCTOR_WRONG, "folders", "Thunderbird "
			           "keeps the %s of %s at the provider, in "
			           "clear. Choose a folder of Local Folders in "
			           "Copies & Folders of its account settings",
			           folder[i][1], address);
}

/* ---- the add-on ---- */

static void look_at_addon(const struct look *l)
{
	char *path = file_path(l->profile, "/extensions/" THUNDERBIRD_ADDON
	                       ".xpi", NULL);

	if (path && access(path, F_OK) == 0)
		doctor_say(l->d, DOCTOR_OK, "addon", "The add-on is in %s",
		           l->profile);
	else
		doctor_say(l->d, DOCTOR_NOTE, "addon", "The add-on, which shows "
		           "what is sealed, is not in %s: letterlock thunderbird "
		           "install", l->profile);
	free(path);
}

static const char *const manifest_dirs[] = {
	"/.mozilla", "/usr/lib/mozilla", NULL
};

static void look_at_host(struct doctor *d, const char *home)
{
	const char *program = NULL;
	json_t *j = NULL;
	char *path;

	for (int i = 0; manifest_dirs[i] && !j; i++) {
		path = file_path(i ? "" : home, manifest_dirs[i],
		                 "/native-messaging-hosts/" THUNDERBIRD_HOST
		                 ".json", NULL);
		j = path ? json_load_file(path, 0, NULL) : NULL;
		free(path);
	}
	program = json_string_value(json_object_get(j, "path"));
	if (program && access(program, X_OK) == 0)
		doctor_say(d, DOCTOR_OK, "host", "Thunderbird finds the program by "
		           "which the add-on asks Letterlock");
	else
		doctor_say(d, DOCTOR_NOTE, "host", "Thunderbird does not find the "
		           "program by which the add-on asks Letterlock: "
		           "letterlock thunderbird install");
	json_decref(j);
}

/* ---- */

static void look_at_identity(void *arg, const char *id, const char *address)
{
	const struct look *l = arg;

	for (unsigned i = 0; i < l->d->conf.n_accounts; i++)
		if (account_owns(&l->d->conf.account[i], address)) {
			look_at_sending(l, id, address);
			look_at_fetching(l, id, address);
			look_at_openpgp(l, id, address);
			look_at_folders(l, id, address);
			break;
		}
}

static int look_at_profile(void *arg, const char *profile, struct err *e)
{
	struct look l = { .d = arg, .profile = profile,
	                  .prefs = thunderbird_prefs(profile) };

	(void)e;
	if (l.prefs) {
		thunderbird_identities(l.prefs, look_at_identity, &l);
		look_at_addon(&l);
	}
	json_decref(l.prefs);
	return 0;
}

void doctor_thunderbird(struct doctor *d)
{
	const char *home = getenv("HOME");
	struct err e;
	int n = home ? thunderbird_profiles(home, look_at_profile, d, &e) : 0;

	if (n > 0)
		look_at_host(d, home);
}
