/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors: a libgpg-error code and its words, filled in one line. */
#include "crypto/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, gpg_error_t code, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!e)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n < 0)
		e->text[0] = '\0';
	else if ((size_t)n >= sizeof e->text)	/* let it be seen */
		memcpy(e->text + sizeof e->text - 4, "...", 4);
	return -1;
}

int err_errno(struct err *e, const char *what)
{
	int no = errno;

	return err_set(e, gpg_error_from_errno(no), "%s: %s", what,
	               strerror(no));
}
