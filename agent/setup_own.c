/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The step of setup that ends with a key of the user's own. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

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

/* A key of this address with this fingerprint is somewhere: where says who tells. */
static int elsewhere(const struct setup *s, const char *fpr, const char *where)
{
	const struct setup_key named = { .address = s->address,
	                                 .home = s->key.home, .fpr = fpr };
	char is[41];

	if (setup_key_find(&named, is, &(struct err){ 0 }) == 1)
		return setup_fail(EX_DATAERR, "%s\n  %s\nIt is here, though not "
		                  "by the name of %s. Is it yours? Then use it: "
		                  "--key %s (or have a new one made: --new-key)",
		                  where, fpr, s->address, fpr);
	return setup_fail(EX_DATAERR,
		"%s\n  %s\nIts secret part is not on this computer, and a second "
		"key would only confuse those who write to you. Bring it here:\n"
		"  from a backup of Letterlock's: letterlock restore FILE\n"
		"  from another computer: gpg --export-secret-keys %s >FILE there, "
		"gpg --import FILE here\n"
		"and run this command again (or, if it is lost, have a new one "
		"made: --new-key)", where, fpr, fpr);
}

/* 0, or an exit status where there is one that has to be brought here first. */
static int used(const struct setup *s)
{
	struct setup_sent sent;
	char where[100], day[20];
	struct tm t;
	time_t date;

	if (!setup_sent(s, &sent))
		return 0;
	date = (time_t)sent.date;
	if (!gmtime_r(&date, &t)
	    || !strftime(day, sizeof day, "%Y-%m-%d", &t))
		day[0] = '\0';
	snprintf(where, sizeof where, "your letter of %s, in Thunderbird, names a "
	         "key of yours:", day);
	return elsewhere(s, sent.fpr, where);
}

/* The same. */
static int published(const struct setup *s)
{
	char fpr[41];

	if (s->no_wkd || !setup_domain_ok(s->ascii)
	    || (s->has_conf && s->conf.discover != DISCOVER_WKD))
		return 0;
	printf("Looking whether your provider publishes a key of yours ... ");
	fflush(stdout);
	switch (setup_wkd(s, fpr)) {
	case SETUP_PUBLISHED:
		printf("yes\n");
		return elsewhere(s, fpr, "your provider publishes a key for you:");
	case SETUP_PUBLISHED_NONE:
		printf("no\n");
		break;
	case SETUP_PUBLISHED_UNKNOWN:
		printf("that can't be found out now\n");
		break;
	}
	return 0;
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
	if ((rc = used(s)) || (rc = published(s)))
		return rc;
	if (!setup_ask(s, "There is no key for %s on this computer. Make one?",
	               s->address))
		return setup_fail(EX_DATAERR, "without a key nothing can be "
		                  "sealed. Import yours (gpg --import FILE, or "
		                  "letterlock restore) and run this command again");
	return make(s);
}
