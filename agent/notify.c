/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A datagram to $NOTIFY_SOCKET, as sd_notify(3) says. */
#include "agent/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"

static struct sockaddr_un to;
static socklen_t to_len;	/* 0: nobody wants to know */

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n && n < sizeof to.sun_path && (*path == '/' || *path == '@')) {
		to.sun_family = AF_UNIX;
		memcpy(to.sun_path, path, n);
		if (*path == '@')
			to.sun_path[0] = '\0';
		to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify(const char *state)
{
	int fd;

	if (!to_len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	           (const struct sockaddr *)&to, to_len) == -1)
		log_debug("systemd did not hear %s", state);
	close(fd);
}

void notify_reloading(void)
{
	struct timespec t;
	char state[80];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
	         (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	notify(state);
}
