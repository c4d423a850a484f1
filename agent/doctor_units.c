/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at systemd's units: are they there, do they start, did they fail?  Nothing
 * is said where there is no systemd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/doctor.h"

enum { WORD_MAX = 80, LINE_SIZE = 1024, LINES_MAX = 500, COMMAND_MAX = 400 };

struct unit {
	char id[WORD_MAX], load[WORD_MAX], active[WORD_MAX], file[WORD_MAX],
	     result[WORD_MAX];
};

struct units {
	struct doctor *d;
	const char *ctl;		/* how the user speaks to this systemd */
	bool known, listens, runs;	/* of any */
};

/* ---- one unit ---- */

static bool is_socket(const struct unit *u)
{
	const char *dot = strrchr(u->id, '.');

	return dot && strcmp(dot, ".socket") == 0;
}

static void judge(struct units *all, const struct unit *u)
{
	struct doctor *d = all->d;
	bool active = strcmp(u->active, "active") == 0;

	if (!u->id[0] || strcmp(u->load, "not-found") == 0)
		return;
	all->known = true;
	if (strcmp(u->load, "loaded") != 0) {
		doctor_say(d, DOCTOR_WRONG, "units", "systemd does not take %s "
		           "(%s): %s status %s says why", u->id, u->load,
		           all->ctl, u->id);
		return;
	}
	if (strcmp(u->active, "failed") == 0)
		doctor_say(d, DOCTOR_WRONG, "units", "%s has failed (%s). %s "
		           "status %s says why; then %s restart %s", u->id,
		           u->result, all->ctl, u->id, all->ctl, u->id);
	all->runs = all->runs || active;
	if (!is_socket(u) || !active)
		return;
	all->listens = true;
	if (strcmp(u->file, "disabled") == 0)
		doctor_say(d, DOCTOR_NOTE, "units", "systemd listens for "
		           "Letterlock, but not after the next start: %s enable "
		           "%s", all->ctl, u->id);
	else
		doctor_say(d, DOCTOR_OK, "units", "systemd listens for Letterlock "
		           "(%s)", u->id);
}

/* ---- what systemctl writes ---- */

/* "127.0.0.1:1587 (Stream)" of a socket that is open. */
static void take_listen(struct units *all, const struct unit *u, char *value)
{
	value[strcspn(value, " ")] = '\0';
	if (is_socket(u) && strcmp(u->active, "active") == 0)
		json_array_append_new(all->d->held, json_string(value));
}

static void take(const char *value, char out[WORD_MAX])
{
	snprintf(out, WORD_MAX, "%.*s", WORD_MAX - 1, value);
}

/* A block for each unit, an empty line between; Listen may come first. */
static void read_units(struct units *all, FILE *f)
{
	char line[LINE_SIZE], listen[8][LINE_SIZE], *value;
	struct unit u = { 0 };
	unsigned n = 0;
	bool more = true;

	for (int i = 0; more && i < LINES_MAX; i++) {
		more = fgets(line, sizeof line, f) != NULL;
		if (more)
			line[strcspn(line, "\n")] = '\0';
		value = more ? strchr(line, '=') : NULL;
		if (!value) {
			judge(all, &u);
			while (n)
				take_listen(all, &u, listen[--n]);
			memset(&u, 0, sizeof u);
			continue;
		}
		*value++ = '\0';
		if (strcmp(line, "Id") == 0)
			take(value, u.id);
		else if (strcmp(line, "LoadState") == 0)
			take(value, u.load);
		else if (strcmp(line, "ActiveState") == 0)
			take(value, u.active);
		else if (strcmp(line, "UnitFileState") == 0)
			take(value, u.file);
		else if (strcmp(line, "Result") == 0)
			take(value, u.result);
		else if (strcmp(line, "Listen") == 0 && n < 8)
			memcpy(listen[n++], value, strlen(value) + 1);
	}
}

/* True: this systemd has answered. */
static bool ask(struct units *all, const char *scope, const char *units)
{
	char command[COMMAND_MAX];
	FILE *f;

	if (snprintf(command, sizeof command, "timeout -k 1 3 systemctl %s "
	             "--no-pager show -p Id,LoadState,ActiveState,UnitFileState,"
	             "Result,Listen %s 2>/dev/null", scope, units)
	    >= (int)sizeof command || !(f = popen(command, "r")))
		return false;
	read_units(all, f);
	return pclose(f) == 0;
}

void doctor_units(struct doctor *d)
{
	struct units user = { .d = d, .ctl = "systemctl --user" };
	struct units system = { .d = d, .ctl = "sudo systemctl" };
	char names[2 * WORD_MAX];
	bool answered;

	snprintf(names, sizeof names, "letterlock@%u.socket letterlock@%u.service",
	         (unsigned)geteuid(), (unsigned)geteuid());
	answered = ask(&user, "--user", "letterlock.socket letterlock.service");
	answered = ask(&system, "", names) || answered;
	if (user.listens && system.listens)
		doctor_say(d, DOCTOR_NOTE, "units", "systemd listens for Letterlock "
		           "twice. One is enough: systemctl --user disable --now "
		           "letterlock.socket letterlock.service");
	if (!answered || user.runs || system.runs)
		return;
	if (user.known || system.known)
		doctor_say(d, DOCTOR_NOTE, "units", "systemd does not start "
		           "Letterlock by itself: systemctl --user enable --now "
		           "letterlock.socket letterlock.service");
	else
		doctor_say(d, DOCTOR_NOTE, "units", "systemd does not know "
		           "Letterlock: make install puts its units there. Until "
		           "then start letterlockd yourself");
}
