/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role mime: scans and rebuilds messages, has its pipes and nothing else. */
#include "agent/mime.h"

#include "agent/box.h"

int mime_run(const struct conf *conf, enum session_kind kind,
             struct mime_ends *ends)
{
	(void)conf;
	if (box_enter(BOX_MIME))
		return 1;
	return kind == SESSION_SMTP ? mime_out(ends) : mime_in(ends);
}
