/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What setup asks the user, and what it says when it can't go on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/setup.h"

enum { SECRET_MAX = 8191 };

bool setup_ask(const struct setup *s, const char *fmt, ...)
{
	char answer[16];
	va_list ap;

	if (s->yes)
		return true;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" [y/n] ");
	fflush(stdout);
	if (!fgets(answer, sizeof answer, stdin)) {
		putchar('\n');
		return false;
	}
	return answer[0] == 'y' || answer[0] == 'Y';
}

int setup_fail(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("letterlock setup: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

/* Ctrl-C while the terminal is silent: it must not stay so. */
static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Until fd can be read: 0, or -1 after a SIGINT, which is let in here alone, so that
 * none is lost between a look at stopped and the wait. */
static int wait_typed(int fd, const sigset_t *open_mask)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!open_mask)
		return 0;
	while (!stopped && ppoll(&p, 1, NULL, open_mask) == -1
	       && errno == EINTR)
		;
	return stopped ? -1 : 0;
}

/* Octet by octet, so that what is behind the line is left to others.  open_mask:
 * the signals that may end it, NULL where none is blocked. */
static char *read_line(int fd, const sigset_t *open_mask, struct err *e)
{
	char *line = malloc(SECRET_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;

	if (!line) {
		err_errno(e, "the password");
		return NULL;
	}
	while (n < SECRET_MAX) {
		got = wait_typed(fd, open_mask) ? -1 : read(fd, line + n, 1);
		if (got == -1 && errno == EINTR && !stopped)
			continue;
		if (got != 1 || line[n] == '\n')
			break;
		n++;
	}
	if (got == -1)
		err_errno(e, "the password");
	else if (n == SECRET_MAX || !n || memchr(line, '\0', n))
		err_set(e, GPG_ERR_NO_PASSPHRASE, "the password is %s",
		        n ? "too long" : "empty");
	else {
		line[n - (line[n - 1] == '\r')] = '\0';
		return line;
	}
	explicit_bzero(line, SECRET_MAX + 1);
	free(line);
	return NULL;
}

char *setup_secret(const char *question, int fd, struct err *e)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	struct sigaction before;
	struct termios was, quiet;
	sigset_t interrupt, open_mask;
	char *line;
	int tty;

	if (fd != -1) {
		if (fd > STDERR_FILENO)		/* for no program that we run */
			fcntl(fd, F_SETFD, FD_CLOEXEC);
		return read_line(fd, NULL, e);
	}
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty == -1 || tcgetattr(tty, &was)) {
		err_set(e, GPG_ERR_NO_PASSPHRASE, "there is no terminal to ask "
		        "for the password: give it by --password-fd");
		if (tty != -1)
			close(tty);
		return NULL;
	}
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &open_mask);
	sigaction(SIGINT, &on_stop, &before);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s", question);
	line = read_line(tty, &open_mask, e);
	tcsetattr(tty, TCSAFLUSH, &was);
	sigaction(SIGINT, &before, NULL);
	sigprocmask(SIG_SETMASK, &open_mask, NULL);
	if (stopped) {
		dprintf(tty, "\n");
		close(tty);
		if (line)
			explicit_bzero(line, strlen(line));
		free(line);
		raise(SIGINT);
		return NULL;
	}
	close(tty);
	return line;
}
