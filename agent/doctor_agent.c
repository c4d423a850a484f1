/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the configuration, and at the letterlockd that runs or might. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/doctor.h"

enum { STATUS_SECONDS = 30, WHERE_MAX = 64 };

void doctor_configuration(struct doctor *d)
{
	char *text;
	size_t len;
	struct err e;

	if (access(d->conf_path, F_OK)) {
		doctor_say(d, DOCTOR_WRONG, "configuration",
		           "There is no configuration at %s. Write one: man 5 "
		           "letterlock.conf", d->conf_path);
		return;
	}
	if (!(text = conf_read(d->conf_path, &len, &e))
	    || conf_parse(&d->conf, d->conf_path, text, len, &e)) {
		doctor_say(d, DOCTOR_WRONG, "configuration", "%s", e.text);
		free(text);
		return;
	}
	free(text);
	d->has_conf = true;
	if (d->conf.n_accounts)
		doctor_say(d, DOCTOR_OK, "configuration",
		           "The configuration has %u account%s (%s)",
		           d->conf.n_accounts, d->conf.n_accounts > 1 ? "s" : "",
		           d->conf_path);
	else
		doctor_say(d, DOCTOR_WRONG, "accounts",
		           "%s has no account. Add a section with your address: "
		           "man 5 letterlock.conf", d->conf_path);
}

/* ---- ports, where no letterlockd runs ---- */

static void where(const struct listen *l, char out[WHERE_MAX])
{
	const struct sockaddr_in *in = (const void *)&l->addr;
	const struct sockaddr_in6 *in6 = (const void *)&l->addr;
	char host[INET6_ADDRSTRLEN] = "?";

	if (l->addr.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(out, WHERE_MAX, "%s:%u", host, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		snprintf(out, WHERE_MAX, "[%s]:%u", host,
		         ntohs(in6->sin6_port));
	}
}

static void look_at_port(struct doctor *d, const struct listen *l)
{
	const int on = 1;
	char name[WHERE_MAX];
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return;
	where(l, name);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&l->addr, l->len) == 0
	    && listen(fd, 1) == 0)
		doctor_say(d, DOCTOR_OK, "port", "%s is free", name);
	else if (errno == EADDRINUSE)
		doctor_say(d, DOCTOR_WRONG, "port", "Another program listens at "
		           "%s (ss -tlnp tells which). Stop it, or choose "
		           "another port in %s", name, d->conf_path);
	else if (errno == EACCES)
		doctor_say(d, DOCTOR_WRONG, "port", "%s may not be opened by you. "
		           "Use the system's socket units, or ports above 1023 "
		           "such as 1587 and 1110", name);
	else
		doctor_say(d, DOCTOR_WRONG, "port", "%s can't be opened: %s",
		           name, strerror(errno));
	close(fd);
}

static void look_at_ports(struct doctor *d)
{
	for (unsigned i = 0; i < d->conf.n_submission; i++)
		look_at_port(d, &d->conf.submission[i]);
	for (unsigned i = 0; i < d->conf.n_pop3; i++)
		look_at_port(d, &d->conf.pop3[i]);
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
	size_t i;

	if (ask_open(&a, &e) == 0)
		d->status = ask_call(&a, "status", json_pack("{s:b}", "keys", 1),
		                     STATUS_SECONDS, &e);
	ask_close(&a);
	if (!d->status) {
		doctor_say(d, DOCTOR_WRONG, "agent", "No letterlockd answers: %s. "
		           "Start it: letterlockd, or systemctl --user start "
		           "letterlock.socket", e.text);
		if (d->has_conf)
			look_at_ports(d);
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
