/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The step of setup that ends with a key of the user's own. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/setup.h"

enum { PATH_SIZE = 4096 };

static int make(struct setup *s)
{
	char revocation[PATH_SIZE];
	struct err e;

	printf("A key is made (Ed25519, good for two years)%s ...\n",
	       s->key.passphrase_secret || s->key.no_passphrase ? ""
	       : "; choose a passphrase for it in the window that opens");
	fflush(stdout);
	if (setup_key_make(&s->key, s->fpr, revocation, sizeof revocation, &e))
		return setup_fail(EX_UNAVAILABLE, "no key was made: %s", e.text);
	printf("Your key is %s\n", s->fpr);
	if (*revocation)
		printf("Should it ever be stolen, this declares it invalid; keep a "
		       "copy elsewhere:\n  %s\n", revocation);
	return 0;
}

static int in_thunderbird(const struct setup *s)
{
	return setup_fail(EX_DATAERR,
		"your Thunderbird has a key for %s already, and a second one "
		"would only confuse those who write to you. Take it over:\n"
		"  1. In Thunderbird: Account Settings, End-To-End Encryption, "
		"OpenPGP Key Manager\n"
		"  2. Choose the key, then File, Backup Secret Key(s) To File\n"
		"  3. gpg --import FILE\n"
		"and run this command again (or have a new one made: --new-key)",
		s->address);
}

int setup_own_key(struct setup *s)
{
	struct err e;
	int rc;

	if (s->key.anew) {
		s->name_key = true;	/* there may be another */
		return make(s);
	}
	rc = setup_key_find(&s->key, s->fpr, &e);
	if (rc == -1)
		return setup_fail(EX_UNAVAILABLE, "GnuPG does not work: %s",
		                  e.text);
	if (rc == 1) {
		printf("Your key is %s, which is there already\n", s->fpr);
		return 0;
	}
	if (*e.text)
		return setup_fail(EX_DATAERR, "%s", e.text);
	if (setup_key_thunderbird(s->address))
		return in_thunderbird(s);
	if (!setup_ask(s, "There is no key for %s on this computer. Make one?",
	               s->address))
		return setup_fail(EX_DATAERR, "without a key nothing can be "
		                  "sealed. Import yours (gpg --import FILE, or "
		                  "letterlock restore) and run this command again");
	return make(s);
}
