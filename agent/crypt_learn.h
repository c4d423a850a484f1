/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: keys that came along with a letter, now or long ago. */
#ifndef AGENT_CRYPT_LEARN_H
#define AGENT_CRYPT_LEARN_H

#include "agent/crypt.h"

enum {
	LEARN_RUNS_MAX = 10,	/* of gpg, for one letter */
	LEARN_KEY_MAX = 10 << 10	/* octets */
};

/* X_LEARN: 0, whatever came of it, or -1: it is nonsense.  runs: of gpg so far for
 * this letter. */
int crypt_learn_along(struct crypt *c, unsigned *runs, struct unpack *u);

/* C_LEARN, which is answered: 0, or -1: it is nonsense. */
int crypt_learn_told(struct crypt *c, struct unpack *u);

#endif
