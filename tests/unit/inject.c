/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays a process compromised: "inject PID" stops it in a system call, makes it
 * do those that come as lines, says what each returned, and lets it go on. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

/* What cannot be played, the caller skips. */
enum { CANNOT = 77 };

#ifndef __x86_64__
int main(void)
{
	puts("this is made for x86-64 only");
	return CANNOT;
}
#else

enum {
	ROOM = 1024,		/* octets on its stack for what is pointed to */
	RED_ZONE = 128,		/* below its stack pointer, still in use */
	ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516
};

static pid_t pid;
static struct user_regs_struct saved;
static unsigned char room[ROOM];

static void cannot(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(CANNOT);
}

/* Wait for a stop.  False: it has ended, and that is said. */
static bool stopped(void)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid)
		cannot("waitpid");
	if (WIFSTOPPED(status))
		return true;
	if (WIFSIGNALED(status))
		printf("killed %d\n", WTERMSIG(status));
	else
		printf("exited %d\n", WEXITSTATUS(status));
	return false;
}

static void *at(void)
{
	return (void *)((saved.rsp - RED_ZONE - ROOM) & ~15ULL);
}

static void copy(bool out, void *ours)
{
	struct iovec here = { ours, ROOM }, there = { at(), ROOM };
	ssize_t n = out ? process_vm_writev(pid, &here, 1, &there, 1, 0)
	                : process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (n != ROOM)
		cannot("its memory");
}

/* Is it stopped behind a "syscall" instruction? */
static bool in_syscall(void)
{
	uint64_t word;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &saved))
		cannot("its registers");
	if ((long long)saved.orig_rax < 0)
		return false;
	errno = 0;
	word = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, saved.rip - 2, NULL);
	return errno == 0 && (word & 0xffff) == 0x050f;
}

static void attach(void)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD))
		cannot("ptrace");
	for (int i = 0; i < 500; i++) {
		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
			cannot("interrupt");
		if (!stopped())
			exit(1);
		if (in_syscall()) {
			copy(false, room);
			return;
		}
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	errno = ETIMEDOUT;
	cannot("it is in no system call");
}

/* Back to where it was; what was interrupted begins again, as the kernel would
 * have done it. */
static void detach(void)
{
	struct user_regs_struct r = saved;

	switch (-(long long)saved.rax) {
	case ERESTARTSYS: case ERESTARTNOINTR: case ERESTARTNOHAND:
		r.rax = saved.orig_rax;
		r.rip -= 2;
		break;
	case ERESTART_RESTARTBLOCK:
		r.rax = 219;	/* restart_syscall */
		r.rip -= 2;
		break;
	}
	r.orig_rax = (unsigned long long)-1;
	copy(true, room);
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

/* One argument: a number, "text or =hex, which are put into its memory. */
static unsigned long long argument(char *word, unsigned char *data, size_t *n)
{
	unsigned long long here = (unsigned long long)at() + *n;
	unsigned octet;

	if (*word == '"') {
		memcpy(data + *n, word + 1, strlen(word));
		*n += strlen(word);
	} else if (*word == '=') {
		for (word++; sscanf(word, "%2x", &octet) == 1; word += 2)
			data[(*n)++] = (unsigned char)octet;
	} else {
		return strtoull(word, NULL, 0);
	}
	*n = (*n + 7) & ~(size_t)7;
	return here;
}

static bool once(char *line)
{
	struct user_regs_struct r = saved;
	unsigned long long a[6] = { 0 };
	unsigned char data[2 * ROOM] = { 0 };
	char *rest, *name = strtok_r(line, " \n", &rest), *word;
	size_t n = 0;
	int nr = name ? seccomp_syscall_resolve_name(name) : -1;

	for (int i = 0; i < 6 && n < ROOM
	     && (word = strtok_r(NULL, " \n", &rest)); i++)
		a[i] = argument(word, data, &n);
	if (nr < 0 || n > ROOM) {
		puts("what?");
		return true;
	}
	copy(true, data);
	r.rip -= 2;
	r.rax = (unsigned long long)nr;
	r.orig_rax = (unsigned long long)-1;
	r.rdi = a[0];
	r.rsi = a[1];
	r.rdx = a[2];
	r.r10 = a[3];
	r.r8 = a[4];
	r.r9 = a[5];
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
	for (int i = 0; i < 2; i++)	/* into it, and out of it */
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || !stopped())
			return false;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &r))
		return false;
	/* rolled back: it dies of it as soon as it goes on, by one step */
	if (r.rax == (unsigned long long)nr
	    && (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || !stopped()))
		return false;
	printf("%lld\n", (long long)r.rax);
	return true;
}

int main(int argc, char **argv)
{
	char line[2 * ROOM];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || (pid = (pid_t)atoi(argv[1])) <= 0)
		return 2;
	attach();
	puts("ready");
	while (fgets(line, sizeof line, stdin))
		if (!once(line))
			return 0;
	detach();
	return 0;
}
#endif
