/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recovery code, which opens a backup: 135 random bits that a person can copy
 * from paper. */
#ifndef AGENT_RECOVERY_H
#define AGENT_RECOVERY_H

#include <stdbool.h>

#include "crypto/err.h"

enum { RECOVERY_SIZE = 35 };	/* octets, with its NUL: 7 groups of 4 */

/* A new one, "7KQF-...": digits and capitals but I, L, O and U, the last of them a
 * check on the others. */
int recovery_make(char code_secret[RECOVERY_SIZE], struct err *e);
/* What was typed, in its one form: small letters, blanks and missing dashes, O for
 * 0, I and L for 1 are understood.  False: it is none, or mistyped. */
bool recovery_read(const char *typed_secret, char code_secret[RECOVERY_SIZE]);

#endif
