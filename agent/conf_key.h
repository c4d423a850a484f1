/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of the configuration: which there are in a section, how each is
 * set. */
#ifndef AGENT_CONF_KEY_H
#define AGENT_CONF_KEY_H

#include "agent/conf_value.h"

enum { CONF_KEYS_MAX = 24 };	/* keys one kind of section may have */

enum conf_section {
	SECTION_NONE, SECTION_AGENT, SECTION_ACCOUNT, SECTION_CONTACT
};

struct conf_key {
	const char *name;	/* NULL ends a list */
	/* Account and contact keys belong to the last one in c. */
	int (*set)(struct conf *c, const struct conf_value *v, struct err *e);
	bool private;		/* the value is not for messages */
};

/* The keys of a section; NULL for SECTION_NONE. */
const struct conf_key *conf_keys(enum conf_section section);
/* Their names with commas between them, for a message. */
const char *conf_key_names(enum conf_section section);
/* What holds where the file says nothing.  c is zeroed before; free it also
 * after a failure. */
int conf_defaults(struct conf *c, const char *path, struct err *e);

#endif
