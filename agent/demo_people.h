/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's people: each has a folder with a keyring, a configuration and,
 * if wanted, a running letterlockd. */
#ifndef AGENT_DEMO_PEOPLE_H
#define AGENT_DEMO_PEOPLE_H

#include <stdint.h>
#include <sys/types.h>

#include "crypto/err.h"
#include "crypto/sink.h"

enum { DEMO_PATH_MAX = 128 };

struct demo_person {
	const char *name, *address, *password;
	char home[DEMO_PATH_MAX];	/* "" until the folder is made */
	char fpr[41];			/* of the own key */
	pid_t agent;			/* 0: not running */
	uint16_t submission, pop3;	/* the agent's ports */
};

/* Make for each, side by side, a folder in folder and a key without
 * passphrase. */
int demo_people_make(struct demo_person *p, size_t n, const char *folder,
                     struct err *e);
/* Give to's public key to p, who signs it, so that GnuPG calls it valid. */
int demo_person_meet(struct demo_person *p, const struct demo_person *to,
                     struct err *e);
/* Decrypt with p's keyring and plain gpg: the cleartext into out (NUL behind
 * it), or -1 where gpg can't. */
int demo_person_decrypt(struct demo_person *p, const char *letter,
                        struct membuf *out, struct err *e);

/* Write letterlock.conf, start a letterlockd, learn its ports. */
int demo_person_start(struct demo_person *p, const char *letterlockd,
                      uint16_t smtp, uint16_t pop3, struct err *e);
/* End the letterlockd and what GnuPG left running, as far as they were begun;
 * once that is done, doing it again does nothing. */
void demo_person_end(struct demo_person *p);

#endif
