/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The add-on and its native-messaging host where Thunderbird looks for them: for
 * one user, or for all of a system. */
#ifndef AGENT_THUNDERBIRD_H
#define AGENT_THUNDERBIRD_H

#include "crypto/err.h"

#define THUNDERBIRD_ADDON "addon@letterlock"	/* the add-on's own name */
#define THUNDERBIRD_HOST "letterlock"		/* its host's */

struct thunderbird {
	const char *addon;	/* letterlock.xpi, an absolute path */
	const char *host;	/* letterlock-nmh, an absolute path */
	const char *root;	/* before all the system's paths: "" */
	const char *home;	/* of the user; NULL: for the system */
};

/* Each is 0, or -1 with e filled.  They say on standard output what they did. */

/* The file by which Thunderbird knows the host (Native messaging of MDN). */
int thunderbird_host_add(const struct thunderbird *t, struct err *e);
int thunderbird_host_remove(const struct thunderbird *t, struct err *e);

/* Call found for each of the user's profiles (an existing folder), until one call
 * is not 0: how many there were, or -1. */
int thunderbird_profiles(const char *home,
                         int (*found)(void *arg, const char *profile,
                                      struct err *e), void *arg,
                         struct err *e);
/* A copy of the add-on in each profile of the user's. */
int thunderbird_profiles_add(const struct thunderbird *t, struct err *e);
int thunderbird_profiles_remove(const struct thunderbird *t, struct err *e);

/* The add-on in the system's policies: Extensions.Install has it installed once in
 * each profile, old or new, and everybody may remove it again.  What else is in
 * the file stays. */
int thunderbird_policy_add(const struct thunderbird *t, struct err *e);
/* Extensions.Uninstall has each profile take it out; where that is there already,
 * it is removed. */
int thunderbird_policy_remove(const struct thunderbird *t, struct err *e);

#endif
