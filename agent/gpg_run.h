/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpg for a command of the user's, with what GPGME has no function for. */
#ifndef AGENT_GPG_RUN_H
#define AGENT_GPG_RUN_H

#include "crypto/sink.h"

enum { GPG_ARGS_MAX = 32 };

struct gpg_run {
	const char *home;		/* NULL: GnuPG's default */
	const void *in;			/* what it reads, n_in octets */
	size_t n_in;
	const char *pass_secret;	/* its --passphrase-fd, or NULL */
	struct membuf *out;		/* what it writes, or NULL */
	const char *proof;		/* a status line without which it has failed,
					 * or NULL */
};

/* Run "gpg --batch ARGS", the list ending by NULL, and wait for it: 0, or -1 with
 * the last of what it said.  It may ask for passphrases by its pinentry. */
int gpg_run(const struct gpg_run *r, const char *const args[], struct err *e);

#endif
