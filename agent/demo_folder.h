/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's throw-away folder: made, searched, removed. */
#ifndef AGENT_DEMO_FOLDER_H
#define AGENT_DEMO_FOLDER_H

#include <stdbool.h>

#include "crypto/err.h"

/* Short: the sockets in it may have paths of 107 octets at most. */
#define DEMO_FOLDER "/tmp/letterlock-demo-XXXXXX"

/* Make it, 0700; folder is "" after a failure. */
int demo_folder_make(char folder[sizeof DEMO_FOLDER], struct err *e);
/* Does a file in it hold one of these words (NULL behind the last)?  Also true
 * where that can't be found out. */
bool demo_folder_holds(const char *folder, const char *const *words);
/* Remove it with all that is in it. */
int demo_folder_remove(const char *folder);

#endif
