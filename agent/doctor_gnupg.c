/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at GnuPG: its programs, its home, our keys. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/doctor.h"
#include "agent/file.h"
#include "agent/keeper_agent.h"
#include "crypto/engine.h"

enum {
	SOON = 30 * 86400,
	HASHED_IN_MS = 650000,		/* octets, about */
	SLOW_COUNT = 50 * HASHED_IN_MS,
	KEY_FILE_MAX = 1 << 20,
	PATH_SIZE = 4096,
	LINE_SIZE = 2048,
	AGENT_SECONDS = 5
};

/* ---- programs ---- */

/* The first line that a command writes. */
static bool line_of(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");
	bool ok = f && fgets(out, (int)size, f);

	if (f)
		ok = pclose(f) == 0 && ok;
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

static bool look_at_gpg(struct doctor *d)
{
	char line[200];
	const char *version;

	if (!line_of("gpg --version 2>/dev/null", line, sizeof line)) {
		doctor_say(d, DOCTOR_WRONG, "gnupg", "gpg can't be started. "
		           "Install GnuPG (Debian: gnupg)");
		return false;
	}
	version = strrchr(line, ' ');
	if (!version || strverscmp(version + 1, "2.2") < 0) {
		doctor_say(d, DOCTOR_WRONG, "gnupg", "GnuPG 2.2 or later is "
		           "wanted, this is %s", line);
		return false;
	}
	doctor_say(d, DOCTOR_OK, "gnupg", "GnuPG is%s", version);
	return true;
}

/* ---- gpg-agent ---- */

static FILE *agent_open(const char *path)
{
	const struct timeval patience = { .tv_sec = AGENT_SECONDS };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *f = NULL;

	if (fd != -1 && path && strlen(path) < sizeof at.sun_path) {
		strncpy(at.sun_path, path, sizeof at.sun_path - 1);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		           sizeof patience);
		if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
			f = fdopen(fd, "r");
	}
	if (fd != -1 && !f)
		close(fd);
	return f;
}

/* It need not run yet. */
static void agent_start(const struct doctor *d)
{
	struct gpg_agent *g = gpg_agent_new(&d->conf);

	gpg_agent_look(g, true);
	free(g);
}

/* True: it answers.  *screen: it was started by somebody who has one. */
static bool look_at_gpg_agent(struct doctor *d, const char *path, bool *screen)
{
	char line[LINE_SIZE] = "";
	FILE *f;
	bool ok;

	agent_start(d);
	f = agent_open(path);
	ok = f && fgets(line, sizeof line, f) && strncmp(line, "OK", 2) == 0
	     && dprintf(fileno(f), "GETINFO std_startup_env\n") > 0;
	*screen = false;
	while (ok && fgets(line, sizeof line, f) && strncmp(line, "D ", 2) == 0)
		*screen = *screen || strncmp(line + 2, "DISPLAY=", 8) == 0
		          || strncmp(line + 2, "WAYLAND_DISPLAY=", 16) == 0;
	if (f)
		fclose(f);
	if (!ok)
		doctor_say(d, DOCTOR_WRONG, "gpg-agent", "gpg-agent, which keeps "
		           "your keys, does not answer at %s. gpgconf --kill "
		           "gpg-agent, then gpg-agent --daemon, says why",
		           path ? path : "its socket");
	else
		doctor_say(d, DOCTOR_OK, "gpg-agent", "gpg-agent answers");
	return ok;
}

/* ---- pinentry ---- */

/* gpg-agent.conf's pinentry-program, or the usual one. */
static void pinentry_path(const char *home, char out[PATH_SIZE])
{
	char *path = file_path(home, "/gpg-agent.conf", NULL), *text = NULL;
	char *line, *save;
	struct err e;
	size_t n;

	snprintf(out, PATH_SIZE, "/usr/bin/pinentry");
	if (path)
		text = file_read(path, KEY_FILE_MAX, &n, &e);
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (strncmp(line, "pinentry-program", 16) != 0)
			continue;
		line += 16;
		line += strspn(line, " \t");
		snprintf(out, PATH_SIZE, "%s", line);
	}
	free(text);
	free(path);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_one_of(const char *path, const char *const part[])
{
	for (; *part; part++)
		if (strstr(path, *part))
			return true;
	return false;
}

static void look_at_pinentry(struct doctor *d, const char *home, bool screen)
{
	static const char *const terminal[] = { "curses", "tty", NULL };
	static const char *const window[] = { "gnome", "gtk", "qt", "fltk", "x11",
	                                      NULL };
	char path[PATH_SIZE], real[PATH_SIZE] = "";

	pinentry_path(home, path);
	if (access(path, X_OK)) {
		doctor_say(d, DOCTOR_WRONG, "pinentry", "%s, which asks for "
		           "passphrases, is missing. Install it (Debian: "
		           "pinentry-gnome3 or pinentry-qt)", path);
		return;
	}
	if (realpath(path, real) && is_one_of(last_part(real), terminal))
		doctor_say(d, DOCTOR_NOTE, "pinentry", "Passphrases are asked for "
		           "by %s, which needs a terminal: letterlockd has none. "
		           "Install one with a window (Debian: pinentry-gnome3)",
		           real);
	else if (!screen && is_one_of(last_part(real), window))
		doctor_say(d, DOCTOR_NOTE, "pinentry", "gpg-agent knows of no "
		           "screen where %s could ask for a passphrase. In a "
		           "terminal of your desktop: gpg-connect-agent "
		           "updatestartuptty /bye", real);
	else
		doctor_say(d, DOCTOR_OK, "pinentry", "Passphrases are asked for by "
		           "%s", path);
}

/* ---- its home ---- */

static bool look_at_home(struct doctor *d, const char *home)
{
	struct stat st;

	if (stat(home, &st)) {
		doctor_say(d, DOCTOR_WRONG, "home", "GnuPG's folder %s is not "
		           "there. letterlock setup makes it, with a key", home);
		return false;
	}
	if (st.st_uid != geteuid())
		doctor_say(d, DOCTOR_WRONG, "home", "%s belongs to somebody else: "
		           "chown it to you", home);
	else if (st.st_mode & 077)
		doctor_say(d, DOCTOR_WRONG, "home", "Others may look into %s: "
		           "chmod 700 %s", home, home);
	else
		doctor_say(d, DOCTOR_OK, "home", "%s is yours alone", home);
	return true;
}

/* ---- keys ---- */

/* The end of the salt, which is #hex#, "octets" with \ before some, or 8:octets. */
static const char *salt_end(const char *p, const char *end)
{
	char quote;

	while (p < end && isspace((unsigned char)*p))
		p++;
	if (end - p > 10 && p[0] == '8' && p[1] == ':')
		return p + 2 + 8;
	if (p == end || (*p != '#' && *p != '"'))
		return NULL;
	for (quote = *p++; p < end && *p != quote; p++)
		if (quote == '"' && *p == '\\')
			p++;
	return p < end ? p + 1 : NULL;
}

/* How often a passphrase is hashed for this key (S2K, in the file of gpg-agent, as
 * S-expression in either writing): octets, 0: it has none, or nobody knows. The text
 * ends in a NUL. */
static unsigned long s2k_count(const char *text, size_t n)
{
	const char *p = memmem(text, n, "openpgp-s2k3", 12);
	const char *end = text + n;

	if (!p || !(p = memmem(p, (size_t)(end - p), "sha1", 4))
	    || !(p = salt_end(p + 4, end)))
		return 0;
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (*p == '"')			/* "65536" */
		return strtoul(p + 1, NULL, 10);
	while (p < end && isdigit((unsigned char)*p))
		p++;			/* 5:65536 */
	return *p == ':' ? strtoul(p + 1, NULL, 10) : 0;
}

static void look_at_passphrase(struct doctor *d, const char *home,
                               const char *grip, const char *address)
{
	char *path = file_path(home, "/private-keys-v1.d/", grip, ".key", NULL);
	char *text = NULL;
	struct err e;
	unsigned long count = 0;
	size_t n;

	if (path && (text = file_read(path, KEY_FILE_MAX, &n, &e)))
		count = s2k_count(text, n);
	if (count > SLOW_COUNT)
		doctor_say(d, DOCTOR_NOTE, "slow-passphrase", "Each letter of %s "
		           "takes GnuPG about %lu ms longer, since the "
		           "passphrase is made slow to guess. With a long "
		           "passphrase that is not needed: put \"s2k-count "
		           "65536\" into %s/gpg-agent.conf, then gpgconf --kill "
		           "gpg-agent, then gpg --change-passphrase %s",
		           address, count / HASHED_IN_MS, home, address);
	if (text)
		explicit_bzero(text, n);
	free(text);
	free(path);
}

static void say_end(struct doctor *d, const struct account *a, int64_t end,
                    bool over)
{
	char day[40] = "?";
	time_t t = (time_t)end;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(day, sizeof day, "%e %B %Y", &tm);
	doctor_say(d, over ? DOCTOR_WRONG : DOCTOR_NOTE, "key",
	           "The key of %s %s on %s. Make it last longer: letterlock "
	           "keys extend", a->address,
	           over ? "ended" : "ends", day + (day[0] == ' '));
}

static void look_at_key(struct doctor *d, struct engine *g,
                        const struct account *a, const char *home)
{
	enum key_state state;
	struct key key;
	struct err e;

	if (engine_find_secret(g, a->key, a->address, &key, &state, &e)) {
		doctor_say(d, DOCTOR_WRONG, "key", "%s: %s", a->address, e.text);
		return;
	}
	if (state == KEY_EXPIRED) {
		say_end(d, a, key.expires, true);
		return;
	}
	if (state != KEY_USABLE) {
		doctor_say(d, DOCTOR_WRONG, "key", "There is no usable secret key "
		           "for %s%s. letterlock setup %s finds or makes one", a->address,
		           a->key ? " (key = in the configuration names one)" : "",
		           a->address);
		return;
	}
	if (key.expires && key.expires < time(NULL) + SOON)
		say_end(d, a, key.expires, false);
	else
		doctor_say(d, DOCTOR_OK, "key", "%s has the key %s", a->address,
		           key.fpr);
	look_at_passphrase(d, home, key.grip_sign, a->address);
}

void doctor_gnupg(struct doctor *d)
{
	struct engine_places places;
	struct engine *g;
	struct err e;
	bool screen;

	if (!look_at_gpg(d))
		return;
	if (d->conf.gnupghome && !look_at_home(d, d->conf.gnupghome))
		return;
	g = engine_new(d->conf.gnupghome, d->has_conf ? d->conf.gpg_timeout : 30,
	               &e);
	if (!g) {
		doctor_say(d, DOCTOR_WRONG, "gnupg", "GnuPG does not work: %s",
		           e.text);
		return;
	}
	engine_places(g, &places);
	if (!d->conf.gnupghome)
		look_at_home(d, places.home);
	screen = false;
	if (look_at_gpg_agent(d, places.socket, &screen))
		look_at_pinentry(d, places.home, screen);
	for (unsigned i = 0; i < d->conf.n_accounts; i++)
		look_at_key(d, g, &d->conf.account[i], places.home);
	engine_free(g);
}
