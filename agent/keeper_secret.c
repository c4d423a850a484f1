/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that print a secret: one run answers all who wait for it. */
#include "agent/keeper_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/frames.h"
#include "agent/log.h"

enum { READ_MAX = 16 };		/* blocks from one command in one turn */

struct secret {			/* of one account */
	pid_t pid;		/* also its group; 0 = nothing runs */
	int out;		/* what it prints, -1 = no more */
	int64_t until;		/* its deadline, or the end of what is kept */
	bool known;		/* line_secret is the secret */
	char why[120];		/* else: what became of the command */
	size_t printed;		/* octets in all */
	size_t n;		/* of them here: what is before the first LF, or
				 * more than can be a secret */
	bool line;		/* the LF came */
	char line_secret[SECRET_OCTETS + 2];
};

struct secrets {
	const struct conf *conf;
	struct secret of[CONF_ACCOUNTS_MAX];
};

struct secrets *secrets_new(const struct conf *conf)
{
	struct secrets *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->conf = conf;
	for (unsigned i = 0; i < CONF_ACCOUNTS_MAX; i++)
		s->of[i].out = -1;
	return s;
}

static void forget(struct secret *k)
{
	explicit_bzero(k->line_secret, sizeof k->line_secret);
	k->known = false;
	k->until = 0;
	k->why[0] = '\0';
	k->n = k->printed = 0;
	k->line = false;
}

static void close_out(struct secret *k)
{
	if (k->out != -1)
		close(k->out);
	k->out = -1;
}

/* ---- running ---- */

/* In the child.  What it says on stderr may hold anything, and is not kept. */
static _Noreturn void run(const char *command, int out)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (null != -1 && dup2(null, 0) == 0 && dup2(out, 1) == 1
	    && dup2(null, 2) == 2) {
		closefrom(3);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	}
	_exit(127);
}

static int start(struct secrets *s, uint32_t account, int64_t ms)
{
	struct secret *k = &s->of[account];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	k->pid = fork();
	if (k->pid == 0)
		run(s->conf->account[account].command, fd[1]);
	close(fd[1]);
	if (k->pid == -1) {
		k->pid = 0;
		close(fd[0]);
		return -1;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	k->out = fd[0];
	k->until = ms + SECRET_RUN_MS;
	return 0;
}

bool secrets_want(struct secrets *s, uint32_t account, int64_t ms)
{
	struct secret *k = &s->of[account];

	if (k->pid)
		return false;
	if (k->until > ms)
		return true;
	forget(k);
	if (start(s, account, ms) == 0)
		return false;
	snprintf(k->why, sizeof k->why, "its command could not be started: %s",
	         strerror(errno));
	return true;
}

bool secrets_run(const struct secrets *s, uint32_t account)
{
	return s->of[account].pid != 0;
}

void secrets_tell(const struct secrets *s, uint32_t account, struct pack *p)
{
	const struct secret *k = &s->of[account];

	pack_u32(p, k->known ? SECRET_OK : SECRET_FAILED);
	pack_str(p, k->known ? k->line_secret : k->why);
}

void secrets_drop(struct secrets *s, uint32_t account)
{
	if (!s->of[account].pid)
		forget(&s->of[account]);
}

/* ---- what it prints ---- */

static void take(struct secret *k, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t room = sizeof k->line_secret - 1 - k->n;

	k->printed += n;
	if (k->line)
		return;
	k->line = lf != NULL;
	if (lf)
		n = (size_t)(lf - p);
	if (n > room)
		n = room;
	memcpy(k->line_secret + k->n, p, n);
	k->n += n;
}

/* Some of it: who prints without end must not keep the others waiting. */
static void read_some(struct secret *k)
{
	char buf_secret[4096];
	ssize_t n = 0;

	for (int i = 0; i < READ_MAX && k->out != -1; i++) {
		n = read(k->out, buf_secret, sizeof buf_secret);
		if (n > 0 && k->printed <= SECRET_OUTPUT_MAX)
			take(k, buf_secret, (size_t)n);
		else if (n == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		else
			close_out(k);
	}
	explicit_bzero(buf_secret, sizeof buf_secret);
}

/* Is the first line something that can be sent? */
static bool usable(struct secret *k)
{
	if (k->n && k->line_secret[k->n - 1] == '\r')
		k->n--;
	k->line_secret[k->n] = '\0';
	for (size_t i = 0; i < k->n; i++)
		if ((unsigned char)k->line_secret[i] < 0x20
		    || k->line_secret[i] == 0x7f)
			return false;
	return k->n && k->n <= SECRET_OCTETS;
}

static void judge(struct secret *k, int status, bool late)
{
	const char *why = NULL;

	if (late)
		why = "its command did not end within a minute";
	else if (k->printed > SECRET_OUTPUT_MAX)
		why = "its command printed far too much";
	if (why)
		snprintf(k->why, sizeof k->why, "%s", why);
	else if (WIFSIGNALED(status))
		snprintf(k->why, sizeof k->why, "its command was ended by "
		         "signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(k->why, sizeof k->why, "its command ended with "
		         "status %d", WEXITSTATUS(status));
	else if (!k->n)
		snprintf(k->why, sizeof k->why, "its command printed nothing");
	else if (!usable(k))
		snprintf(k->why, sizeof k->why, "its command printed what is "
		         "no password: too long, or with controls in it");
	else
		k->known = true;
}

/* ---- its end ---- */

/* With all that it left in its group, while its number can't be another's. */
static int bury(struct secret *k)
{
	int status = 0;

	kill(-k->pid, SIGKILL);
	kill(k->pid, SIGKILL);
	while (waitpid(k->pid, &status, 0) == -1 && errno == EINTR)
		;
	k->pid = 0;
	return status;
}

static bool has_ended(const struct secret *k)
{
	siginfo_t si = { .si_pid = 0 };

	return waitid(P_PID, (id_t)k->pid, &si, WEXITED | WNOHANG | WNOWAIT)
	       || si.si_pid == k->pid;
}

/* True when it has ended. */
static bool work(struct secret *k, int64_t ms)
{
	bool late = ms >= k->until, ended = has_ended(k);
	int status;

	read_some(k);
	if (!ended && !late && k->printed <= SECRET_OUTPUT_MAX)
		return false;
	status = bury(k);
	close_out(k);
	judge(k, status, late && !ended);
	k->until = ms + (k->known ? SECRET_KEEP_MS : SECRET_FAIL_MS);
	if (!k->known) {
		explicit_bzero(k->line_secret, sizeof k->line_secret);
		log_note("no password for an account: %s", k->why);
	}
	return true;
}

bool secrets_work(struct secrets *s, int64_t ms)
{
	bool any = false;

	for (unsigned i = 0; i < s->conf->n_accounts; i++) {
		struct secret *k = &s->of[i];

		if (k->pid)
			any |= work(k, ms);
		else if (k->until && k->until <= ms)
			forget(k);
	}
	return any;
}

void secrets_end(struct secrets *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->conf->n_accounts; i++) {
		if (s->of[i].pid)
			bury(&s->of[i]);
		close_out(&s->of[i]);
	}
	explicit_bzero(s, sizeof *s);
	free(s);
}

/* ---- waiting ---- */

unsigned secrets_poll(const struct secrets *s, struct pollfd *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf->n_accounts; i++)
		if (s->of[i].out != -1)
			p[n++] = (struct pollfd){ .fd = s->of[i].out,
			                          .events = POLLIN };
	return n;
}

int secrets_due(const struct secrets *s, int64_t ms)
{
	int64_t next = -1;

	for (unsigned i = 0; i < s->conf->n_accounts; i++) {
		const struct secret *k = &s->of[i];
		int64_t left = k->until > ms ? k->until - ms : 0;

		if ((k->pid || k->until) && (next == -1 || left < next))
			next = left;
	}
	return (int)next;
}
