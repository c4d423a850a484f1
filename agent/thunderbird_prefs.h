/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a profile of Thunderbird says of its accounts: prefs.js. */
#ifndef AGENT_THUNDERBIRD_PREFS_H
#define AGENT_THUNDERBIRD_PREFS_H

#include <jansson.h>
#include <stdbool.h>

#include "crypto/err.h"

enum { THUNDERBIRD_NAME_SIZE = 200 };

/* All of them, name and value: an object to be freed by json_decref(), or NULL where
 * there is no such file. */
json_t *thunderbird_prefs(const char *profile);
/* Write it with these changed: name and value, null to remove one.  Not while
 * thunderbird_runs().  0, or -1 with the file as it was. */
int thunderbird_prefs_change(const char *profile, json_t *changes,
                             struct err *e);
/* Is a Thunderbird at work in this profile? */
bool thunderbird_runs(const char *profile);
/* "mail.KIND.ID.WHAT", or NULL; as text, "" where it is none. */
json_t *thunderbird_pref(const json_t *prefs, const char *kind, const char *id,
                         const char *what);
const char *thunderbird_pref_text(const json_t *prefs, const char *kind,
                                  const char *id, const char *what);
/* The incoming server of the account that has this identity, or "". */
const char *thunderbird_server_of(json_t *prefs, const char *identity);
/* The outgoing server of this identity, or "". */
const char *thunderbird_smtp_of(const json_t *prefs, const char *identity);
/* Is this host this computer? */
bool thunderbird_is_local(const char *host);
/* Call found for each identity that has an address. */
void thunderbird_identities(json_t *prefs,
                            void (*found)(void *arg, const char *identity,
                                          const char *address), void *arg);

#endif
