/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boxes: what a role may still do once its set-up is done. */
#ifndef AGENT_BOX_H
#define AGENT_BOX_H

enum box { BOX_FRONT, BOX_MIME, BOX_CRYPT, BOX_UPSTREAM };

/* Enter it for good: 0, or -1 (said in the log). */
int box_enter(enum box box);

#endif
