/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the walls of a box (box.c) are made of. */
#ifndef AGENT_BOX_PRIVATE_H
#define AGENT_BOX_PRIVATE_H

#include "agent/box.h"

/* Shut off the file system, TCP and others' processes by what this version of
 * Landlock knows; gpg (or NULL): what stays open.  0, or -1 with errno. */
int box_files(int abi, const struct box_gpg *gpg);

/* Does it tell unix sockets apart by their path? */
bool box_files_sockets(int abi);

/* Shut off system calls: 0, or a negative errno.  door (or NULL): connect() is
 * held up, for who has this descriptor, if the kernel can; else -1. */
int box_calls(enum box box, int *door);

#endif
