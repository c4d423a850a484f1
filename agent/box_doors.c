/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connecting crypts to gpg-agent and to nothing else: nothing of the caller's
 * memory is read, so that nothing can be changed behind our back. */
#include "agent/box_doors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct door {
	int fd;
	struct sockaddr_un agent;
};

struct doors {
	struct seccomp_notif *asked;	/* as large as the kernel's */
	struct seccomp_notif_resp *answer;
	struct door door[DOORS_MAX];
	unsigned n;
};

struct doors *box_doors_new(void)
{
	struct doors *d = calloc(1, sizeof *d);

	/* without it there will be no doors either */
	if (d && seccomp_notify_alloc(&d->asked, &d->answer))
		d->asked = NULL;
	return d;
}

static void door_close(struct doors *d, unsigned i)
{
	close(d->door[i].fd);
	d->door[i] = d->door[--d->n];
}

void box_doors_free(struct doors *d)
{
	if (!d)
		return;
	while (d->n)
		door_close(d, 0);
	if (d->asked)
		seccomp_notify_free(d->asked, d->answer);
	free(d);
}

void box_doors_take(struct doors *d, struct chan *c, const struct frame *f)
{
	struct door new = { .fd = chan_take_fd(c) };
	struct unpack u;

	new.agent.sun_family = AF_UNIX;
	unpack_init(&u, f);
	unpack_str(&u, new.agent.sun_path, sizeof new.agent.sun_path);
	if (new.fd == -1)
		return;
	if (d->asked && unpack_end(&u) && d->n < DOORS_MAX)
		d->door[d->n++] = new;
	else
		close(new.fd);
}

unsigned box_doors_poll(const struct doors *d, struct pollfd *p)
{
	for (unsigned i = 0; i < d->n; i++)
		p[i] = (struct pollfd){ .fd = d->door[i].fd, .events = POLLIN };
	return d->n;
}

/* gpg-agent that takes no more says EAGAIN, and does not hold us up. */
static int dial(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd == -1 || connect(fd, (const struct sockaddr *)to, sizeof *to)) {
		error = errno;
		if (fd != -1)
			close(fd);
		errno = error;
		return -1;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/* Put the socket, connected, in the place of the one it had. */
static int give(int door, uint64_t id, int fd, int place)
{
	struct seccomp_notif_addfd a = {
		.id = id, .flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)fd, .newfd = (uint32_t)place,
		.newfd_flags = O_CLOEXEC
	};

	return ioctl(door, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0 ? -1 : 0;
}

/* False: it is no door, or nobody is behind it any more. */
static bool serve(struct doors *d, const struct door *door)
{
	int fd;

	memset(d->asked, 0, sizeof *d->asked);
	if (ioctl(door->fd, SECCOMP_IOCTL_NOTIF_RECV, d->asked))
		return errno == ENOENT || errno == EINTR;	/* just killed */
	memset(d->answer, 0, sizeof *d->answer);
	d->answer->id = d->asked->id;
	fd = dial(&door->agent);
	if (fd == -1 || give(door->fd, d->asked->id, fd,
	                     (int)d->asked->data.args[0]))
		d->answer->error = -errno;
	if (fd != -1)
		close(fd);
	return ioctl(door->fd, SECCOMP_IOCTL_NOTIF_SEND, d->answer) == 0
	       || errno == ENOENT;
}

void box_doors_serve(struct doors *d, const struct pollfd *p, unsigned n)
{
	/* from the end, so that a closed one moves none unseen */
	while (n-- > 0)
		if (p[n].revents & POLLIN ? !serve(d, &d->door[n])
		    : p[n].revents != 0)
			door_close(d, n);
}
