/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the walls of a box (box.c) are made of. */
#ifndef AGENT_BOX_PRIVATE_H
#define AGENT_BOX_PRIVATE_H

#include "agent/box.h"

/* Shut off the file system, TCP and others' processes by what this version of
 * Landlock knows; gpg (or NULL): what stays open.  0, or -1 with errno. */
int box_files(int abi, const struct box_gpg *gpg);

/* Shut off system calls: 0, or a negative errno. */
int box_calls(enum box box);

#endif
