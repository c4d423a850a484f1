/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of the command line, one file each: letterlock COMMAND ...
 * argv[0] is the command's own name; the exit status follows sysexits.h. */
#ifndef AGENT_CMD_H
#define AGENT_CMD_H

#include <stdbool.h>

int cmd_backup(int argc, char **argv);
int cmd_certificate(int argc, char **argv);
int cmd_contacts(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_seal(int argc, char **argv);
int cmd_setup(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_thunderbird(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_undo(int argc, char **argv);
int cmd_unlock(int argc, char **argv);

/* For a command with --help and, where json is not NULL, --json alone, and at most
 * so many words: -1, they begin at argv[optind]; or the exit status, all is said. */
int cmd_options(int argc, char **argv, const char *usage, int words_max,
                bool *json);

/* letterlock thunderbird install: the exit status. */
int cmd_thunderbird_install(void);
/* letterlock backup FILE: the exit status.  force: over one that is there. */
int cmd_backup_make(const char *config, const char *file, bool force);

#endif
