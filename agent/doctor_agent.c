/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the configuration, and at the letterlockd that runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/doctor.h"

enum { STATUS_SECONDS = 30 };

void doctor_configuration(struct doctor *d)
{
	struct err e;

	if (access(d->conf_path, F_OK)) {
		doctor_say(d, DOCTOR_WRONG, "configuration",
		           "There is no configuration at %s. letterlock setup "
		           "with your address writes one", d->conf_path);
		return;
	}
	if (!(d->text = conf_read(d->conf_path, &d->len, &e))
	    || conf_parse(&d->conf, d->conf_path, d->text, d->len, &e)) {
		doctor_say(d, DOCTOR_WRONG, "configuration", "%s", e.text);
		return;
	}
	d->has_conf = true;
	if (d->conf.n_accounts)
		doctor_say(d, DOCTOR_OK, "configuration",
		           "The configuration has %u account%s (%s)",
		           d->conf.n_accounts, d->conf.n_accounts > 1 ? "s" : "",
		           d->conf_path);
	else
		doctor_say(d, DOCTOR_WRONG, "accounts",
		           "%s has no account. letterlock setup with your "
		           "address adds one", d->conf_path);
}

/* ---- what the one that runs says ---- */

static void look_at_walls(struct doctor *d)
{
	json_t *walls = json_object_get(d->status, "walls");

	if (json_is_true(json_object_get(walls, "whole")))
		doctor_say(d, DOCTOR_OK, "walls", "All walls stand around its "
		           "parts");
	else
		doctor_say(d, DOCTOR_NOTE, "walls", "This kernel lacks some of the "
		           "walls around its parts; there are: %s. A newer "
		           "kernel has more", json_string_value(
			json_object_get(walls, "words")));
}

static void look_at_provider(struct doctor *d, json_t *account,
                             const char *kind, const char *what)
{
	json_t *j = json_object_get(account, kind);
	json_int_t well = json_integer_value(json_object_get(j, "reached"));
	json_int_t failed = json_integer_value(json_object_get(j, "failed"));
	const char *address = json_string_value(
		json_object_get(account, "address"));

	if (failed > well)
		doctor_say(d, DOCTOR_WRONG, "provider", "%s: the last try to %s "
		           "failed: %s", address, what, json_string_value(
			json_object_get(j, "failure")));
	else if (well)
		doctor_say(d, DOCTOR_OK, "provider", "%s: the last try to %s went "
		           "well", address, what);
}

static void look_at_key(struct doctor *d, json_t *account)
{
	const char *key = json_string_value(json_object_get(account, "key"));
	const char *address = json_string_value(
		json_object_get(account, "address"));

	if (key && strcmp(key, "locked") == 0)
		doctor_say(d, DOCTOR_NOTE, "locked", "The key of %s is locked: "
		           "letterlock unlock", address);
}

void doctor_agent(struct doctor *d)
{
	struct ask a;
	struct err e;
	json_t *account;
	bool none = false;
	size_t i;

	if (ask_open(&a, &e))
		none = gpg_err_code(e.code) == GPG_ERR_NO_AGENT;
	else
		d->status = ask_call(&a, "status", json_pack("{s:b}", "keys", 1),
		                     STATUS_SECONDS, &e);
	ask_close(&a);
	if (!d->status && json_array_size(d->held)) {
		doctor_say(d, DOCTOR_OK, "agent", "letterlockd does not run now: "
		           "systemd starts it when your mail program comes");
		return;
	}
	if (!d->status) {
		doctor_say(d, DOCTOR_WRONG, "agent", "No letterlockd answers%s%s. "
		           "Start it: letterlockd, or systemctl --user enable "
		           "--now letterlock.socket letterlock.service",
		           none ? "" : ": ", none ? "" : e.text);
		doctor_ports(d);
		return;
	}
	doctor_say(d, DOCTOR_OK, "agent", "letterlockd runs");
	look_at_walls(d);
	json_array_foreach(json_object_get(d->status, "accounts"), i, account) {
		look_at_provider(d, account, "submission", "send");
		look_at_provider(d, account, "pop3", "fetch");
		look_at_key(d, account);
	}
}
