/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gpg-agent knows of a key, asked directly: GPGME's Assuan engine would
 * wait for ever for the greeting of a stopped one. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { AGENT_PATIENCE = 5 };	/* seconds for an answer */

/* Is the last line of text, which must be complete, the end of an answer? */
static bool answer_complete(const char *text, size_t n)
{
	const char *p;

	if (!n || text[n - 1] != '\n')
		return false;
	for (p = text + n - 1; p > text && p[-1] != '\n'; p--)
		continue;
	return !strncmp(p, "OK", 2) || !strncmp(p, "ERR ", 4);
}

static int answer_read(int fd, char *buf, size_t size, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	size_t n = 0;
	ssize_t r;

	while (n + 1 < size && (left = end - engine_now()) > 0) {
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -1;
		r = read(fd, buf + n, size - 1 - n);
		if (!r || (r < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		n += r > 0 ? (size_t)r : 0;
		buf[n] = '\0';
		if (answer_complete(buf, n))
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static void wake(int signo)
{
	(void)signo;
}

/* connect() answers at once, but where somebody else does it for a process in a
 * box, who may stand still. */
static int dial(int fd, const struct sockaddr_un *sa, unsigned patience)
{
	const struct sigaction on = { .sa_handler = wake };
	struct sigaction was;
	int rc, error;

	sigaction(SIGALRM, &on, &was);
	alarm(patience);
	rc = connect(fd, (const struct sockaddr *)sa, sizeof *sa);
	error = rc && errno == EINTR ? ETIMEDOUT : errno;
	alarm(0);
	sigaction(SIGALRM, &was, NULL);
	if (rc == 0)	/* it may be another socket now, which does block */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	errno = error;
	return rc;
}

static int agent_talk(struct engine *g, const char *grip, char *buf,
                      size_t size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	unsigned patience = g->stall < AGENT_PATIENCE ? g->stall :
		AGENT_PATIENCE;
	int64_t end = engine_now() + patience * (int64_t)1000;
	char line[64];
	int r = -1, fd, n;

	n = snprintf(line, sizeof line, "KEYINFO %s\n", grip);
	memcpy(sa.sun_path, g->socket, sizeof sa.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (!dial(fd, &sa, patience) &&
	    !answer_read(fd, buf, size, end) &&
	    send(fd, line, (size_t)n, MSG_NOSIGNAL) == n)
		r = answer_read(fd, buf, size, end);
	n = errno;
	close(fd);
	errno = n;
	return r;
}

/* S KEYINFO grip type serial id cached protection ... */
enum agent_answer agent_ask(struct engine *g, const char *grip, struct err *e)
{
	char buf[1024], type, cached, protection;
	const char *p;

	if (!grip || strspn(grip, "0123456789ABCDEF") != 40 || grip[40]) {
		err_set(e, GPG_ERR_INV_VALUE, "This is not a keygrip");
		return AGENT_NONE;
	}
	if (agent_talk(g, grip, buf, sizeof buf)) {
		err_set(e, errno == ETIMEDOUT || errno == EAGAIN ?
		        GPG_ERR_TIMEOUT : GPG_ERR_NO_AGENT,
		        "gpg-agent does not answer");
		return AGENT_SILENT;
	}
	p = strstr(buf, "S KEYINFO ");
	if (!p || sscanf(p, "S KEYINFO %*40s %c %*s %*s %c %c", &type, &cached,
	                 &protection) != 3) {
		err_set(e, GPG_ERR_NO_SECKEY, "The secret key is not here");
		return AGENT_NONE;
	}
	if (type == 'T')
		return AGENT_CARD;
	return cached == '1' || protection == 'C' ? AGENT_WARM : AGENT_COLD;
}

int engine_warm(struct engine *g, const char *grip, struct err *e)
{
	switch (agent_ask(g, grip, e)) {
	case AGENT_WARM:
		return 1;
	case AGENT_COLD:
	case AGENT_CARD:
		return 0;
	default:
		return -1;
	}
}

int engine_unlock(struct engine *g, const char *fpr, unsigned patience,
                  struct err *e)
{
	gpgme_key_t key = engine_secret(g, fpr, e);
	gpgme_data_t in = NULL, out = NULL;
	gpg_error_t err;

	if (!key)
		return -1;
	err = gpgme_data_new_from_mem(&in, "Letterlock", 10, 0);
	if (!err)
		err = gpgme_data_new(&out);
	gpgme_signers_clear(g->x);
	if (!err)
		err = gpgme_signers_add(g->x, key);
	if (err)
		goto out;
	gpgme_set_pinentry_mode(g->x, GPGME_PINENTRY_MODE_DEFAULT);
	engine_begin(g, NULL, NULL);
	err = gpgme_op_sign_start(g->x, in, out, GPGME_SIG_MODE_DETACH);
	err = engine_run(g, err, patience, patience);
	gpgme_set_pinentry_mode(g->x, GPGME_PINENTRY_MODE_ERROR);
	if (!err && g->exited)
		err = gpg_error(GPG_ERR_INV_ENGINE);
	if (gpg_err_code(err) == GPG_ERR_FULLY_CANCELED)
		err = gpg_error(GPG_ERR_CANCELED);
out:
	gpgme_data_release(in);
	gpgme_data_release(out);
	return err ? err_set(e, gpg_err_code(err), "The key stays locked: %s",
	                     gpg_strerror(err)) : 0;
}
