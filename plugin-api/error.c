/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What went wrong: as a code, a word and a text. */
#include <stdarg.h>
#include <stdio.h>

#include "plugin-api/private.h"

static const char *const words[] = {
	[LETTERLOCK_OK] = "",
	[LETTERLOCK_USE] = "use",
	[LETTERLOCK_SYSTEM] = "system",
	[LETTERLOCK_IN_USE] = "in-use",
	[LETTERLOCK_NOT_RUNNING] = "not-running",
	[LETTERLOCK_STRANGER] = "stranger",
	[LETTERLOCK_LOST] = "lost",
	[LETTERLOCK_TIMEOUT] = "timeout",
	[LETTERLOCK_BAD_ANSWER] = "bad-answer",
	[LETTERLOCK_TOO_LARGE] = "too-large",
	[LETTERLOCK_REFUSED] = "failed",
};

int error_set(struct letterlock_error *e, enum letterlock_code code,
              const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	snprintf(e->word, sizeof e->word, "%s", words[code]);
	va_start(ap, fmt);
	if (vsnprintf(e->text, sizeof e->text, fmt, ap) < 0)
		e->text[0] = '\0';
	va_end(ap);
	return -1;
}

int error_memory(struct letterlock_error *e)
{
	return error_set(e, LETTERLOCK_SYSTEM, "There is no memory left");
}
