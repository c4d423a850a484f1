/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names inside a backup, for who writes and who reads them. */
#ifndef AGENT_BACKUP_PRIVATE_H
#define AGENT_BACKUP_PRIVATE_H

#include <stdbool.h>
#include <stdio.h>

#include "agent/backup.h"

#define BACKUP_MARK "letterlock-backup"	/* the first file: its version */
#define BACKUP_VERSION "1"
#define BACKUP_CONF "letterlock.conf"

enum { BACKUP_FILE_MAX = 64 << 20 };

/* Files of the state folder that are taken as they are, up to a NULL. */
extern const char *const backup_state[];

#endif
