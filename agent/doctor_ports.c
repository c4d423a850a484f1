/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at where mail programs connect: whether the ports can be had, and the
 * certificate that they are shown. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/addr.h"
#include "agent/cert_file.h"
#include "agent/doctor.h"
#include "agent/file.h"

enum { WHERE_MAX = 64, WHO_MAX = 200, COMM_MAX = 64, DAY = 86400 };

struct holder {			/* of a port */
	unsigned long uid, inode;
};

/* ---- whose a port is ---- */

/* Who listens at this port, by one of the kernel's tables. */
static bool find_listener(const char *path, unsigned port, struct holder *h)
{
	FILE *f = fopen(path, "re");
	char line[512];
	unsigned at, state;
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f))
		found = sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x "
		               "%*x:%*x %*x:%*x %*x %lu %*u %lu", &at, &state,
		               &h->uid, &h->inode) == 4
		        && at == port && state == 0x0a;	/* LISTEN */
	if (f)
		fclose(f);
	return found;
}

static bool has_open(const char *pid, const char *socket)
{
	char *dir = file_path("/proc/", pid, "/fd", NULL), *path, to[80];
	DIR *fds = dir ? opendir(dir) : NULL;
	struct dirent *f;
	bool has = false;
	ssize_t n;

	while (fds && !has && (f = readdir(fds))) {
		path = file_path(dir, "/", f->d_name, NULL);
		n = path ? readlink(path, to, sizeof to - 1) : -1;
		to[n > 0 ? n : 0] = '\0';
		has = strcmp(to, socket) == 0;
		free(path);
	}
	if (fds)
		closedir(fds);
	free(dir);
	return has;
}

/* "dovecot (process 123)": of our own processes only, others hide it. */
static bool find_program(const struct holder *h, char who[WHO_MAX])
{
	char socket[60], *path, *name;
	DIR *proc = opendir("/proc");
	struct dirent *p;
	bool found = false;
	struct err e;
	size_t n;

	snprintf(socket, sizeof socket, "socket:[%lu]", h->inode);
	while (proc && !found && (p = readdir(proc))) {
		if (strspn(p->d_name, "0123456789") != strlen(p->d_name)
		    || !has_open(p->d_name, socket))
			continue;
		path = file_path("/proc/", p->d_name, "/comm", NULL);
		name = path ? file_read(path, COMM_MAX, &n, &e) : NULL;
		if (name)
			name[strcspn(name, "\n")] = '\0';
		snprintf(who, WHO_MAX, "%s (process %s)", name ? name : "?",
		         p->d_name);
		found = true;
		free(name);
		free(path);
	}
	if (proc)
		closedir(proc);
	return found;
}

static void find_holder(const struct listen *l, char who[WHO_MAX])
{
	struct holder h = { 0 };
	struct passwd *pw;

	if (!find_listener("/proc/net/tcp", addr_port(&l->addr), &h)
	    && !find_listener("/proc/net/tcp6", addr_port(&l->addr), &h))
		snprintf(who, WHO_MAX, "another program");
	else if (!find_program(&h, who)) {
		pw = getpwuid((uid_t)h.uid);
		snprintf(who, WHO_MAX, "a program of %s",
		         pw ? pw->pw_name : "somebody else");
	}
}

/* ---- can it be had? ---- */

static void look_at_port(struct doctor *d, const struct listen *l)
{
	const int on = 1;
	char name[WHERE_MAX], who[WHO_MAX];
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return;
	addr_name(&l->addr, name, sizeof name);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&l->addr, l->len) == 0
	    && listen(fd, 1) == 0)
		doctor_say(d, DOCTOR_OK, "port", "%s is free", name);
	else if (errno == EADDRINUSE) {
		find_holder(l, who);
		doctor_say(d, DOCTOR_WRONG, "port", "Another program listens at "
		           "%s: %s. Stop it, or choose another port in %s", name,
		           who, d->conf_path);
	} else if (errno == EACCES)
		doctor_say(d, DOCTOR_WRONG, "port", "%s may not be opened by you. "
		           "Use the system's socket units, or ports above 1023 "
		           "such as 1587 and 1110", name);
	else
		doctor_say(d, DOCTOR_WRONG, "port", "%s can't be opened: %s",
		           name, strerror(errno));
	close(fd);
}

void doctor_ports(struct doctor *d)
{
	for (unsigned i = 0; i < d->conf.n_submission; i++)
		look_at_port(d, &d->conf.submission[i]);
	for (unsigned i = 0; i < d->conf.n_pop3; i++)
		look_at_port(d, &d->conf.pop3[i]);
}

/* ---- the certificate ---- */

static void tell_certificate(struct doctor *d, const struct cert_look *look)
{
	struct cert_names want = { 0 };
	time_t now = time(NULL);
	struct err e;

	if (cert_valid(look, now, &e)) {
		doctor_say(d, DOCTOR_WRONG, "certificate", "%s", e.text);
		return;
	}
	if (cert_names_of_conf(&want, &d->conf, &e))
		want.n = 0;
	for (unsigned i = 0; i < want.n; i++)
		if (!cert_names_have(&look->names, want.name[i])) {
			doctor_say(d, DOCTOR_NOTE, "certificate", "The "
			           "certificate for mail programs is not for %s, "
			           "where they connect: letterlock certificate "
			           "renew", want.name[i]);
			return;
		}
	if (look->until - now < (time_t)CERT_SOON_DAYS * DAY)
		doctor_say(d, DOCTOR_NOTE, "certificate", "The certificate for mail "
		           "programs ends in %ld days: letterlock certificate "
		           "renew", (long)((look->until - now) / DAY));
	else
		doctor_say(d, DOCTOR_OK, "certificate", "The certificate for mail "
		           "programs is good for %ld days more",
		           (long)((look->until - now) / DAY));
}

/* One that is missing is made when it is wanted. */
void doctor_certificate(struct doctor *d)
{
	struct cert_look look;
	struct err e;
	char *dir = conf_state_dir(&e), *pem_secret = NULL;
	size_t len = 0;
	int rc = dir ? cert_load(dir, &pem_secret, &len, &e) : 0;

	if (rc == -1 || (rc == 1 && cert_look(pem_secret, len, &look, &e)))
		doctor_say(d, DOCTOR_WRONG, "certificate", "The certificate for mail "
		           "programs can't be used: %s. letterlock certificate "
		           "renew makes another", e.text);
	else if (rc == 1)
		tell_certificate(d, &look);
	cert_free(pem_secret, len);
	free(dir);
}
