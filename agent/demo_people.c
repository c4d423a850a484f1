/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's people: folders, keyrings and agents of their own. */
#include "agent/demo_people.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/demo_run.h"

enum {
	OUTPUT_MAX = 4 << 20,		/* octets a program may print */
	START_PATIENCE = 10000		/* ms for a letterlockd to listen */
};

static int path_make(char out[DEMO_PATH_MAX], const struct demo_person *p,
                     const char *name, struct err *e)
{
	int n = snprintf(out, DEMO_PATH_MAX, "%s/%s", p->home, name);

	if (n < 0 || n >= DEMO_PATH_MAX)
		return err_set(e, GPG_ERR_ENAMETOOLONG, "The path is too long");
	return 0;
}

/* Run gpg as this person on in (or -1) and wait: what it printed into out. */
static int person_gpg(const struct demo_person *p, const char *const *argv,
                      int in, struct membuf *out, struct err *e)
{
	int fd = memfd_create("gpg", MFD_CLOEXEC), rc = -1;
	pid_t pid;

	if (fd < 0)
		return err_errno(e, "memory");
	pid = demo_spawn(p->home, "gpg.log", argv, in, fd, e);
	if (pid > 0)
		rc = demo_wait(pid, argv[0], e);
	if (rc == 0 && out)
		rc = demo_slurp(fd, out, e);
	close(fd);
	return rc;
}

static int person_folder(struct demo_person *p, const char *folder,
                         struct err *e)
{
	static const char *const sub[] = {
		"gnupg", "config", "config/letterlock", "state", "run",
	};
	char path[DEMO_PATH_MAX];
	int n = snprintf(p->home, sizeof p->home, "%s/%s", folder, p->name);

	if (n < 0 || (size_t)n >= sizeof p->home)
		return err_set(e, GPG_ERR_ENAMETOOLONG, "The path is too long");
	p->home[strlen(folder) + 1] =
		(char)tolower((unsigned char)p->name[0]);
	if (mkdir(p->home, 0700) < 0)
		return err_errno(e, p->home);
	for (size_t i = 0; i < sizeof sub / sizeof *sub; i++)
		if (path_make(path, p, sub[i], e) < 0 || mkdir(path, 0700) < 0)
			return err_errno(e, "a folder for the demo");
	return 0;
}

static pid_t person_keygen(const struct demo_person *p, int out,
                           struct err *e)
{
	char uid[128];
	const char *const argv[] = {
		"gpg", "--batch", "--status-fd=1", "--passphrase=",
		"--pinentry-mode=loopback", "--quick-generate-key", uid,
		"future-default", "default", "1d", NULL
	};
	int n = snprintf(uid, sizeof uid, "%s <%s>", p->name, p->address);

	if (n < 0 || (size_t)n >= sizeof uid)
		return err_set(e, GPG_ERR_TOO_LARGE, "The name is too long");
	return demo_spawn(p->home, "gpg.log", argv, -1, out, e);
}

/* The fingerprint from gpg's status lines. */
static int keygen_end(struct demo_person *p, pid_t pid, int fd, struct err *e)
{
	struct membuf m;
	const char *s;
	int rc;

	membuf_init(&m, OUTPUT_MAX);
	rc = demo_wait(pid, "gpg", e);
	if (rc == 0)
		rc = demo_slurp(fd, &m, e);
	if (rc == 0) {
		s = strstr(m.buf, "KEY_CREATED B ");
		if (!s || sscanf(s + 14, "%40[0-9A-F]", p->fpr) != 1)
			rc = err_set(e, GPG_ERR_GENERAL, "gpg made no key");
	}
	membuf_free(&m);
	return rc;
}

int demo_people_make(struct demo_person *p, size_t n, const char *folder,
                     struct err *e)
{
	enum { MANY = 8 };
	pid_t pid[MANY] = { 0 };
	int fd[MANY], rc = n <= MANY ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < n; i++) {
		fd[i] = memfd_create("gpg", MFD_CLOEXEC);
		rc = person_folder(&p[i], folder, e);
		if (rc == 0)
			pid[i] = person_keygen(&p[i], fd[i], e);
	}
	while (i-- > 0) {
		if (pid[i] <= 0 || keygen_end(&p[i], pid[i], fd[i], e) < 0)
			rc = -1;
		close(fd[i]);
	}
	return rc;
}

int demo_person_meet(struct demo_person *p, const struct demo_person *to,
                     struct err *e)
{
	const char *const give[] = {
		"gpg", "--batch", "--export", to->fpr, NULL
	};
	const char *const take[] = { "gpg", "--batch", "--import", NULL };
	const char *const sign[] = {
		"gpg", "--batch", "--yes", "--quick-lsign-key", to->fpr, NULL
	};
	struct membuf key;
	int fd = -1, rc = -1;

	membuf_init(&key, OUTPUT_MAX);
	if (person_gpg(to, give, -1, &key, e) < 0)
		goto out;
	fd = demo_memfd(key.buf, key.len - 1, e);
	if (fd < 0 || person_gpg(p, take, fd, NULL, e) < 0 ||
	    person_gpg(p, sign, -1, NULL, e) < 0)
		goto out;
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	membuf_free(&key);
	return rc;
}

int demo_person_decrypt(struct demo_person *p, const char *letter,
                        struct membuf *out, struct err *e)
{
	const char *const argv[] = { "gpg", "--batch", "--decrypt", NULL };
	int fd = demo_memfd(letter, strlen(letter), e), rc = -1;

	if (fd >= 0)
		rc = person_gpg(p, argv, fd, out, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int person_conf(const struct demo_person *p, uint16_t smtp,
                       uint16_t pop3, struct err *e)
{
	char path[DEMO_PATH_MAX];
	FILE *f;

	if (path_make(path, p, "config/letterlock/letterlock.conf", e) < 0)
		return -1;
	f = fopen(path, "wxe");
	if (!f)
		return err_errno(e, path);
	fprintf(f, "[agent]\n"
	           "submission = 127.0.0.1:0\n"
	           "pop3 = 127.0.0.1:0\n"
	           "gnupghome = %s/gnupg\n"
	           "discover = none\n\n"
	           "[%s]\n"
	           "smtp = 127.0.0.1:%u plaintext\n"
	           "pop3 = 127.0.0.1:%u plaintext\n",
	        p->home, p->address, smtp, pop3);
	return fclose(f) == 0 ? 0 : err_errno(e, path);
}

static bool port_said(const char *log, const char *what, uint16_t *port)
{
	char end[32];
	unsigned v;
	int n = snprintf(end, sizeof end, " (%s)", what);

	if (n < 0 || (size_t)n >= sizeof end)
		return false;
	for (; (log = strstr(log, "listening on 127.0.0.1:")); log++)
		if (sscanf(log, "listening on 127.0.0.1:%5u%n", &v, &n) == 1 &&
		    !strncmp(log + n, end, strlen(end)))
			*port = (uint16_t)v;
	return *port != 0;
}

/* Both ports, from what the agent writes to its log; else why not. */
static int person_ports(struct demo_person *p, int fd, struct err *e)
{
	struct membuf log;
	bool both = false;

	membuf_init(&log, OUTPUT_MAX);
	for (int ms = 0; !both && !demo_stopped && ms < START_PATIENCE;
	     ms += 10) {
		bool gone = waitpid(p->agent, NULL, WNOHANG) != 0;

		membuf_free(&log);
		if (demo_slurp(fd, &log, e) < 0)
			break;
		both = port_said(log.buf, "submission", &p->submission) &&
		       port_said(log.buf, "pop3", &p->pop3);
		if (gone) {
			p->agent = 0;
			both = false;
			break;
		}
		demo_sleep(10);
	}
	if (!both)
		err_set(e, GPG_ERR_GENERAL, "letterlockd did not start: %.300s",
		        log.buf && *log.buf ? log.buf : "it ended at once");
	membuf_free(&log);
	return both ? 0 : -1;
}

int demo_person_start(struct demo_person *p, const char *letterlockd,
                      uint16_t smtp, uint16_t pop3, struct err *e)
{
	const char *const argv[] = { letterlockd, NULL };
	char path[DEMO_PATH_MAX];
	int fd, rc;

	if (person_conf(p, smtp, pop3, e) < 0 ||
	    path_make(path, p, "letterlockd.log", e) < 0)
		return -1;
	p->agent = demo_spawn(p->home, "letterlockd.log", argv, -1, -1, e);
	if (p->agent < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? err_errno(e, path) : person_ports(p, fd, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

void demo_person_end(struct demo_person *p)
{
	const char *const end[] = { "gpgconf", "--kill", "all", NULL };
	const char *const away[] = { "gpgconf", "--remove-socketdir", NULL };

	if (p->agent > 0)
		demo_end(p->agent);
	p->agent = 0;
	if (!*p->home)
		return;
	if (person_gpg(p, end, -1, NULL, NULL) == 0 &&
	    person_gpg(p, away, -1, NULL, NULL) == 0)
		p->home[0] = '\0';
}
