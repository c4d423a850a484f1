/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of the certificate: read, written, made at the start. */
#include "agent/cert_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"

/* ---- reading ---- */

/* Its key is worth nothing once others could read it. */
static int check_file(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_errno(e, CERT_FILE);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(e, gpg_error(GPG_ERR_EPERM), CERT_FILE ": others "
		               "can read or change it. Make a new one: "
		               "letterlock certificate renew");
	if (st.st_size > CERT_PEM_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               CERT_FILE ": this is no certificate of ours");
	return 0;
}

static int open_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 ? err_errno(e, dir) : fd;
}

int cert_load(const char *dir, char **pem_secret, size_t *len, struct err *e)
{
	int d = open_dir(dir, e), fd = -1, rc = -1;
	char *buf_secret = NULL;
	ssize_t n = 0;

	*pem_secret = NULL;
	*len = 0;
	if (d == -1)
		return -1;
	fd = openat(d, CERT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	close(d);
	if (fd == -1)
		return errno == ENOENT ? 0 : err_errno(e, CERT_FILE);
	if (check_file(fd, e))
		goto out;
	if (!(buf_secret = malloc(CERT_PEM_MAX + 1))
	    || (n = read(fd, buf_secret, CERT_PEM_MAX)) == -1) {
		err_errno(e, CERT_FILE);
		goto out;
	}
	*pem_secret = buf_secret;
	*len = (size_t)n;
	buf_secret = NULL;
	rc = 1;
out:
	close(fd);
	free(buf_secret);
	return rc;
}

/* ---- writing ---- */

static int put(int d, const char *name, const char *pem_secret, size_t len,
               struct err *e)
{
	int fd = openat(d, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd == -1)
		return err_errno(e, CERT_FILE);
	ok = write(fd, pem_secret, len) == (ssize_t)len
	     && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
	if (!ok)
		err_errno(e, CERT_FILE);
	close(fd);
	return ok ? 0 : -1;
}

int cert_store(const char *dir, const char *pem_secret, size_t len, bool over,
               struct err *e)
{
	int d = open_dir(dir, e), rc = -1;
	char name[64];

	if (d == -1)
		return -1;
	snprintf(name, sizeof name, CERT_FILE ".%ld", (long)getpid());
	unlinkat(d, name, 0);
	if (put(d, name, pem_secret, len, e))
		goto out;
	if (over)
		rc = renameat(d, name, d, CERT_FILE);
	else if ((rc = linkat(d, name, d, CERT_FILE, 0)) && errno == EEXIST)
		rc = 1;
	if (rc == -1)
		err_errno(e, CERT_FILE);
	fsync(d);
out:
	unlinkat(d, name, 0);
	close(d);
	return rc;
}

/* ---- the names of the listeners ---- */

/* Nothing for any address, and for what is none. */
static int add(struct cert_names *names, const struct sockaddr_storage *a,
               struct err *e)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	char ip[INET6_ADDRSTRLEN] = "";

	if (a->ss_family == AF_INET6
	    && !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
	if (a->ss_family == AF_INET && v4->sin_addr.s_addr != htonl(INADDR_ANY))
		inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
	return *ip ? cert_names_add(names, ip, e) : 0;
}

int cert_names_of_conf(struct cert_names *names, const struct conf *conf,
                       struct err *e)
{
	for (unsigned i = 0; i < conf->n_submission; i++)
		if (add(names, &conf->submission[i].addr, e))
			return -1;
	for (unsigned i = 0; i < conf->n_pop3; i++)
		if (add(names, &conf->pop3[i].addr, e))
			return -1;
	return 0;
}

/* ---- at the start ---- */

/* Those that are there, as systemd may have passed others than configured. */
static int names_of(struct cert_names *names, const struct listener *l,
                    unsigned n, struct err *e)
{
	for (; n--; l++) {
		struct sockaddr_storage a = { 0 };
		socklen_t len = sizeof a;

		if (getsockname(l->fd, (struct sockaddr *)&a, &len) == 0
		    && add(names, &a, e))
			return -1;
	}
	return 0;
}

static bool needed(const struct listener *l, unsigned n)
{
	for (; n--; l++)
		if (l->tls != LOCAL_OFFERED || l->remote)
			return true;
	return false;
}

static void make(const char *dir, const struct listener *l, unsigned n)
{
	struct cert_names names = { 0 };
	char *pem_secret = NULL;
	size_t len = 0;
	struct err e;
	int rc = -1;

	if (names_of(&names, l, n, &e) == 0
	    && cert_make(&names, &pem_secret, &len, &e) == 0)
		rc = cert_store(dir, pem_secret, len, false, &e);
	if (rc == 0)
		log_note("a certificate was made for TLS with mail programs: "
		         "letterlock certificate tells how they trust it");
	if (rc == -1)
		log_error("TLS with mail programs is not possible: %s", e.text);
	cert_free(pem_secret, len);
}

static void tell(const struct cert_look *look, const struct listener *l,
                 unsigned n)
{
	struct cert_names want = { 0 };
	time_t now = time(NULL);
	struct err e;

	if (cert_valid(look, now, &e)) {
		log_error("TLS with mail programs is not possible: %s", e.text);
		return;
	}
	if (look->until - now < CERT_SOON_DAYS * 86400L)
		log_note("the certificate ends in %ld days. Make a new one: "
		         "letterlock certificate renew",
		         (long)((look->until - now) / 86400));
	if (names_of(&want, l, n, NULL))
		return;
	for (unsigned i = 0; i < want.n; i++)
		if (!cert_names_have(&look->names, want.name[i]))
			log_note("the certificate is not for %s, where mail "
			         "programs connect. Make a new one: letterlock "
			         "certificate renew", want.name[i]);
}

void cert_at_start(const char *dir, const struct listener *l, unsigned n)
{
	struct cert_look look;
	char *pem_secret;
	size_t len;
	struct err e;
	int rc = cert_load(dir, &pem_secret, &len, &e);

	if (rc == 0 && needed(l, n))
		make(dir, l, n);
	else if (rc == 1 && (rc = cert_look(pem_secret, len, &look, &e)) == 0)
		tell(&look, l, n);
	if (rc == -1)
		log_error("TLS with mail programs is not possible: %s", e.text);
	cert_free(pem_secret, len);
}
