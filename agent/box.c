/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boxes: no new privileges, no core, no files by Landlock, and the system
 * calls a role needs by seccomp; what is forbidden answers EACCES. */
#include "agent/box.h"

#include "config.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/log.h"

/* ---- which walls there are ---- */

void box_probe(struct walls *w)
{
	memset(w, 0, sizeof *w);
#ifndef SANITIZERS
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	                   LANDLOCK_CREATE_RULESET_VERSION);

	w->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
	w->seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
	                     &action) == 0;
	w->landlock = abi > 0 ? (int)abi : 0;
#endif
}

bool box_whole(const struct walls *w)
{
	return w->no_new_privs && w->seccomp && w->landlock;
}

const char *box_words(const struct walls *w)
{
	static char words[64];
	char landlock[24] = "";

	if (w->landlock)
		snprintf(landlock, sizeof landlock, ", Landlock %d",
		         w->landlock);
	snprintf(words, sizeof words, "%s%s%s",
	         w->no_new_privs ? ", no new privileges" : "",
	         w->seccomp ? ", seccomp" : "", landlock);
	return words[0] ? words + 2 : "none";
}

#ifdef SANITIZERS
/* The sanitizers need more than a box allows. */
int box_enter(enum box box)
{
	(void)box;
	return 0;
}
#else

/* What front, mime and upstream do once they run: talk over what they have. */
static const int talk[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(close), SCMP_SYS(shutdown),
	SCMP_SYS(fcntl), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(futex),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(sysinfo), SCMP_SYS(exit), SCMP_SYS(exit_group)
};

static int allow_talk(scmp_filter_ctx f)
{
	for (size_t i = 0; i < sizeof talk / sizeof talk[0]; i++)
		if (seccomp_rule_add(f, SCMP_ACT_ALLOW, talk[i], 0))
			return -1;
	return 0;
}

/* crypt starts gpg and speaks to its agent: no sockets but unix ones, by no
 * way.  Without setsid() no daemon can begin here: a gpg-agent that gpg starts
 * would keep this box for the user's whole log-in. */
static const int denied[] = {
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register), SCMP_SYS(setsid)
};

static int deny_network(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp other = SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0);
	const uint32_t no = SCMP_ACT_ERRNO(EACCES);

	for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
		if (seccomp_rule_add(f, no, denied[i], 0))
			return -1;
	return seccomp_rule_add_array(f, no, SCMP_SYS(socket), 1, &other);
}

/* 0 also where the kernel knows no seccomp. */
static int enter_seccomp(enum box box)
{
	bool crypt = box == BOX_CRYPT;
	scmp_filter_ctx f = seccomp_init(crypt ? SCMP_ACT_ALLOW
	                                 : SCMP_ACT_ERRNO(EACCES));
	int rc = -ENOMEM;

	if (f && seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1) == 0
	    && (crypt ? deny_network(f) : allow_talk(f)) == 0)
		rc = seccomp_load(f);
	if (f)
		seccomp_release(f);
	if (rc == -EINVAL || rc == -ENOSYS) {
		log_note("this kernel has no seccomp");
		rc = 0;
	}
	if (rc)
		log_error("seccomp: %s", strerror(-rc));
	return rc ? -1 : 0;
}

/* All of the file system, in what Landlock's first version knows of it. */
static int enter_landlock(void)
{
	struct landlock_ruleset_attr a = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1
	};
	int fd, rc;

	fd = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof a, 0);
	if (fd < 0)
		return -1;
	rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return rc;
}

int box_enter(enum box box)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_error("no_new_privs: %s", strerror(errno));
		return -1;
	}
	prctl(PR_SET_DUMPABLE, 0);
	if (box != BOX_CRYPT) {
		setrlimit(RLIMIT_FSIZE, &none);
		if (enter_landlock())
			log_note("this kernel has no Landlock");
	}
	return enter_seccomp(box);
}
#endif
