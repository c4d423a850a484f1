/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines, each written whole. */
#include "agent/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

const char *log_role = "letterlock";
int log_level = 1;

static void __attribute__((format(printf, 1, 0)))
log_line(const char *fmt, va_list ap)
{
	char line[1024];
	int n, m;

	n = snprintf(line, sizeof line - 1, "letterlockd[%d] %s: ",
	             (int)getpid(), log_role);
	m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
	if (m < 0)
		return;
	n = n + m < (int)sizeof line - 2 ? n + m : (int)sizeof line - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;		/* nowhere left to say it */
}

#define LOG_AT(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		if (log_level < (level)) \
			return; \
		va_start(ap, fmt); \
		log_line(fmt, ap); \
		va_end(ap); \
	}

LOG_AT(log_error, 0)
LOG_AT(log_note, 1)
LOG_AT(log_debug, 2)
