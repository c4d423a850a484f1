/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role mime: scans and rebuilds messages, has its pipes and nothing else. */
#include "agent/mime.h"

#include <string.h>

#include "agent/box.h"

bool mime_next_id(const char **at, char id[ID_MAX + 1])
{
	const char *p = *at, *end;
	size_t n;

	while ((p = strchr(p, '<')) && (end = strchr(p, '>'))) {
		n = 0;
		for (const char *c = p; c <= end && n < ID_MAX; c++)
			if ((unsigned char)*c > 0x20)
				id[n++] = *c;
		id[n] = '\0';
		p = *at = end + 1;
		if (n > 2 && id[n - 1] == '>')
			return true;
	}
	return false;
}

int mime_run(const struct conf *conf, enum session_kind kind,
             struct mime_ends *ends)
{
	if (box_enter(BOX_MIME, NULL, conf->sandbox_required))
		return 1;
	return kind == SESSION_SMTP ? mime_out(ends) : mime_in(ends);
}
