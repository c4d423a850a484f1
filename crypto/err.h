/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One error: a libgpg-error code and the words that go with it. */
#ifndef CRYPTO_ERR_H
#define CRYPTO_ERR_H

#include <gpg-error.h>

enum { ERR_TEXT_MAX = 400 };

struct err {
	gpg_error_t code;
	char text[ERR_TEXT_MAX];
};

/* Fill e (which may be NULL) and return -1, so that a function can end with
 * "return err_set(e, GPG_ERR_..., ...)".  The text is one or two plain
 * sentences without a final full stop and never holds a secret, an address
 * or anything else of a letter unless it goes to the client only. */
int err_set(struct err *e, gpg_error_t code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same from errno: "what: strerror". */
int err_errno(struct err *e, const char *what);

#endif
