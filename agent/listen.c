/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listening sockets: our own, or those that systemd passes. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/addr.h"
#include "agent/frames.h"
#include "agent/guard.h"
#include "agent/log.h"
#include "agent/plugin_socket.h"

enum { LISTEN_FDS_START = 3, BACKLOG = 64 };

static const char *const kind_name[] = { "submission", "pop3", "plugin" };

/* May others than this machine reach it? */
static bool addr_remote(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (a->ss_family == AF_INET6)
		return !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	if (a->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 != 127;
	return a->ss_family != AF_UNIX;
}

static struct listener *add(struct listener *l, unsigned *n, int fd, int kind,
                            enum local_tls tls)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;

	if (*n == LISTENERS_MAX)
		return NULL;
	l += (*n)++;
	memset(l, 0, sizeof *l);
	l->fd = fd;
	l->tls = tls;
	l->kind = kind;
	if (getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		a.ss_family = AF_UNSPEC;
	if (a.ss_family == AF_UNIX) {
		snprintf(l->name, sizeof l->name, "%.*s",
		         (int)sizeof ((struct sockaddr_un *)0)->sun_path,
		         ((const struct sockaddr_un *)&a)->sun_path);
	} else {
		addr_name(&a, l->name, sizeof l->name);
		l->remote = addr_remote(&a);
	}
	return l;
}

static void say(const struct listener *l)
{
	log_note("listening on %s (%s)", l->name, kind_name[l->kind]);
}

static int bind_one(const struct listen *want, int kind, struct listener *l,
                    unsigned *n, struct err *e)
{
	char name[80];
	int one = 1, fd, err;

	addr_name(&want->addr, name, sizeof name);
	fd = socket(want->addr.ss_family,
	            SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_errno(e, name);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (want->addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)&want->addr, want->len) == 0
	    && listen(fd, BACKLOG) == 0) {
		if ((l = add(l, n, fd, kind, want->tls))) {
			l->want = *want;
			say(l);
			return 0;
		}
		errno = EMFILE;
	}
	err = errno;
	close(fd);
	if (err == EACCES || err == EPERM)
		return err_set(e, gpg_error_from_errno(err),
		               "%s may not be bound by this user. Let systemd "
		               "open it (the socket units), or set %s to a port "
		               "above 1023, %s by custom", name,
		               kind == SESSION_SMTP ? "submission" : "pop3",
		               kind == SESSION_SMTP ? "1587" : "1110");
	if (err == EADDRINUSE)
		return err_set(e, gpg_error_from_errno(err),
		               "%s is in use by another program (or another "
		               "letterlockd)", name);
	errno = err;
	return err_errno(e, name);
}

/* The n-th name of LISTEN_FDNAMES, colon-separated. */
static bool fd_named(unsigned nth, const char *want)
{
	const char *p = getenv("LISTEN_FDNAMES");
	size_t len;

	while (p && nth--)
		p = (p = strchr(p, ':')) ? p + 1 : NULL;
	if (!p)
		return false;
	len = strcspn(p, ":");
	return len == strlen(want) && strncmp(p, want, len) == 0;
}

static int inherited_kind(int fd, unsigned nth)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;

	if (fd_named(nth, "submission"))
		return SESSION_SMTP;
	if (fd_named(nth, "pop3"))
		return SESSION_POP3;
	if (fd_named(nth, "plugin"))
		return SESSION_PLUGIN;
	if (getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		return -1;
	switch (addr_port(&a)) {
	case 587: case 1587: return SESSION_SMTP;
	case 110: case 1110: return SESSION_POP3;
	}
	return -1;
}

/* How many sockets systemd passed to this very process. */
static unsigned inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (!pid || !n || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return (unsigned)strtoul(n, NULL, 10);
}

/* What the configuration says of its own addresses holds for systemd's too: 0,
 * or -1. */
static int check_inherited(const struct conf *conf, struct listener *l,
                           struct err *e)
{
	if (!l->remote)
		return 0;
	if (!conf->allow_remote)
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "the socket unit listens for other machines: "
		               "127.0.0.1 or [::1] is wanted in ListenStream "
		               "(or allow-remote = yes)");
	if (l->tls == LOCAL_OFFERED)
		l->tls = LOCAL_STARTTLS;
	return 0;
}

static int inherit_all(const struct conf *conf, unsigned fds,
                       struct listener *l, unsigned *n, struct err *e)
{
	int fd, kind;

	for (unsigned i = 0; i < fds; i++) {
		/* out of the way of what roles are given */
		fd = fcntl(LISTEN_FDS_START + (int)i, F_DUPFD_CLOEXEC, 10);
		if (fd == -1)
			return err_errno(e, "LISTEN_FDS");
		kind = inherited_kind(fd, i);
		if (kind == -1)
			return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
			               "the socket unit's FileDescriptorName "
			               "must be submission, pop3 or plugin");
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		if (add(l, n, fd, kind, fd_named(i, "tls") ? LOCAL_TLS
		        : LOCAL_OFFERED)) {
			l[*n - 1].inherited = true;
			say(&l[*n - 1]);
		} else
			return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
			               "too many sockets were passed");
		if (check_inherited(conf, &l[*n - 1], e))
			return -1;
	}
	for (unsigned i = 0; i < fds; i++)
		close(LISTEN_FDS_START + (int)i);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

static bool have(const struct listener *l, unsigned n, bool plugin)
{
	for (unsigned i = 0; i < n; i++)
		if ((l[i].kind == SESSION_PLUGIN) == plugin)
			return true;
	return false;
}

/* Where there is no place for it there is no plug-in socket. */
static int bind_plugin(struct listener *l, unsigned *n, struct err *e)
{
	struct sockaddr_un a;
	struct stat st;
	int fd;

	if (plugin_socket_addr(&a, e)) {
		if (gpg_err_code(e->code) != GPG_ERR_NOT_FOUND)
			return -1;
		log_note("%s, so there is no socket for plug-ins and commands",
		         e->text);
		return 0;
	}
	if ((fd = plugin_socket_bind(&a, &st, e)) == -1)
		return -1;
	if (!(l = add(l, n, fd, SESSION_PLUGIN, LOCAL_OFFERED))) {
		close(fd);
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
		               "too many sockets were passed");
	}
	/* it was bound under another name */
	snprintf(l->name, sizeof l->name, "%s", a.sun_path);
	l->st = st;
	say(l);
	return 0;
}

int listen_all(const struct conf *conf, struct listener *l, unsigned *n,
               struct err *e)
{
	unsigned fds = inherited();

	*n = 0;
	if (fds && inherit_all(conf, fds, l, n, e))
		return -1;
	if (!have(l, *n, true) && bind_plugin(l, n, e))
		return -1;
	if (have(l, *n, false))
		return 0;
	for (unsigned i = 0; i < conf->n_submission; i++)
		if (bind_one(&conf->submission[i], SESSION_SMTP, l, n, e))
			return -1;
	for (unsigned i = 0; i < conf->n_pop3; i++)
		if (bind_one(&conf->pop3[i], SESSION_POP3, l, n, e))
			return -1;
	return 0;
}

/* ---- another configuration ---- */

static bool wants_same(const struct listen *a, const struct listen *b)
{
	return a->len == b->len && memcmp(&a->addr, &b->addr, a->len) == 0;
}

static bool among(const struct listener *l, unsigned n, int fd)
{
	for (unsigned i = 0; i < n; i++)
		if (l[i].fd == fd)
			return true;
	return false;
}

/* Is it open already?  Then it moves over to next. */
static bool moved(struct listener *l, unsigned n, const struct listen *want,
                  int kind, struct listener *next, unsigned *m)
{
	for (unsigned i = 0; i < n; i++) {
		if (l[i].kind == SESSION_PLUGIN || l[i].fd == -1
		    || !wants_same(&l[i].want, want))
			continue;
		next[*m] = l[i];
		next[*m].kind = kind;
		next[(*m)++].tls = want->tls;
		l[i].fd = -1;
		return true;
	}
	return false;
}

static int listen_next(struct listener *l, unsigned n,
                       const struct listen *want, unsigned wants, int kind,
                       struct listener *next, unsigned *m, struct err *e)
{
	for (unsigned i = 0; i < wants; i++)
		if (!moved(l, n, &want[i], kind, next, m)
		    && bind_one(&want[i], kind, next, m, e))
			return -1;
	return 0;
}

/* systemd's stay open, if they may. */
static int check_all_inherited(const struct conf *conf, struct listener *l,
                               unsigned n, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (l[i].inherited && check_inherited(conf, &l[i], e))
			return -1;
	return 0;
}

int listen_again(const struct conf *conf, struct listener *l, unsigned *n,
                 struct err *e)
{
	struct listener old[LISTENERS_MAX], next[LISTENERS_MAX];
	unsigned m = 0;
	int rc;

	for (unsigned i = 0; i < *n; i++)
		if (l[i].inherited && l[i].kind != SESSION_PLUGIN)
			return check_all_inherited(conf, l, *n, e);
	memcpy(old, l, *n * sizeof *l);
	for (unsigned i = 0; i < *n; i++)
		if (l[i].kind == SESSION_PLUGIN) {
			next[m++] = l[i];
			old[i].fd = -1;
		}
	rc = listen_next(old, *n, conf->submission, conf->n_submission,
	                 SESSION_SMTP, next, &m, e);
	if (rc == 0)
		rc = listen_next(old, *n, conf->pop3, conf->n_pop3,
		                 SESSION_POP3, next, &m, e);
	if (rc) {
		/* what is not among the old ones was bound just now */
		for (unsigned i = 0; i < m; i++)
			if (!among(l, *n, next[i].fd))
				close(next[i].fd);
		return -1;
	}
	for (unsigned i = 0; i < *n; i++)
		if (old[i].fd != -1) {
			log_note("no longer listening on %s", old[i].name);
			close(old[i].fd);
		}
	memcpy(l, next, m * sizeof *l);
	*n = m;
	return 0;
}

void listen_end(struct listener *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (l[i].kind == SESSION_PLUGIN && !l[i].inherited)
			plugin_socket_remove(l[i].name, &l[i].st);
		close(l[i].fd);
	}
}
