/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plug-in socket's file, which the guard makes and commands look for. */
#ifndef AGENT_PLUGIN_SOCKET_H
#define AGENT_PLUGIN_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "crypto/err.h"

/* $LETTERLOCK_SOCKET, else $XDG_RUNTIME_DIR/letterlock/agent.sock: 0, or -1:
 * there is no place for it (GPG_ERR_NOT_FOUND) or it is no path for a socket. */
int plugin_socket_addr(struct sockaddr_un *a, struct err *e);
/* Listen there: its folder is made and is ours alone (0700), the socket has 0600,
 * and takes the place of one that nobody listens at.  The descriptor, with what
 * plugin_socket_remove() knows it by; -1: GPG_ERR_EADDRINUSE where another
 * letterlockd listens. */
int plugin_socket_bind(const struct sockaddr_un *a, struct stat *st,
                       struct err *e);
/* Remove it, if it is still the one that was bound. */
void plugin_socket_remove(const char *path, const struct stat *st);
/* Does this connection come from a process of our own user? */
bool plugin_socket_trusts(int fd);

#endif
