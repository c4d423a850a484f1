/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock doctor: what can go wrong, each in a line that says what to do. */
#ifndef AGENT_DOCTOR_H
#define AGENT_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/conf.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,		/* it works, but could be better */
	DOCTOR_WRONG
};

struct doctor {
	char *conf_path;
	char *text;		/* of the configuration, or NULL */
	size_t len;
	struct conf conf;
	bool has_conf;		/* it was read, and conf is filled */
	json_t *held;		/* array: where systemd listens for us, as in
				 * "127.0.0.1:1587" */
	json_t *status;		/* of the letterlockd that runs, or NULL */
	json_t *found;		/* array of what was said */
};

/* Say what a look has found: check is its name, for programs. */
void doctor_say(struct doctor *d, enum doctor_state state, const char *check,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The looks, in the order in which one thing needs another. */
void doctor_configuration(struct doctor *d);	/* also fills d->conf */
void doctor_units(struct doctor *d);		/* also fills d->held */
void doctor_agent(struct doctor *d);		/* also fills d->status */
void doctor_ports(struct doctor *d);		/* where no letterlockd runs */
void doctor_certificate(struct doctor *d);
void doctor_provider(struct doctor *d);		/* goes to the network */
void doctor_gnupg(struct doctor *d);
void doctor_system(struct doctor *d);
void doctor_thunderbird(struct doctor *d);

#endif
