/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wall before the kernel: seccomp.  What is forbidden answers EACCES, and
 * what nobody here can ever mean ends the process. */
#include "agent/box_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTH(a) (sizeof (a) / sizeof (a)[0])

/* What front, mime and upstream do once they run: talk over what they have.
 * newfstatat() would be how some C libraries do fstat(), and tells of any path. */
static const int talk[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(close), SCMP_SYS(shutdown),
	SCMP_SYS(fstat),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(sched_yield),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(sysinfo), SCMP_SYS(exit),
	SCMP_SYS(exit_group)
};

/* These by name: what libseccomp has not heard of yet is passed over. */
static const char *const unthinkable[] = {
	"ptrace", "process_vm_readv", "process_vm_writev", "kexec_load",
	"kexec_file_load", "bpf", "init_module", "finit_module",
	"delete_module", "mount", "umount", "umount2", "pivot_root",
	"open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "userfaultfd", "perf_event_open", "keyctl", "add_key",
	"request_key", "reboot", "swapon", "swapoff", "iopl", "ioperm"
};
static const char *const other_people[] = {
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
	"setfsuid", "setfsgid", "setgroups", "capset", "chroot", "setns",
	"unshare"
};

/* gpg, its library and its versions want too much for a list of what they may:
 * here stands what they may not, and Landlock has let through.  Whatever leads
 * to somebody else: other files' rights and times, other processes, shared
 * memory, a server.  By setsid() a gpg-agent could begin here, which would keep
 * this box for the user's whole log-in; a memfd can be run.  link() stays: gpg's
 * locks are links, and Landlock keeps them in their folder. */
static const char *const denied[] = {
	"truncate", "truncate64", "chmod", "fchmod", "fchmodat", "fchmodat2",
	"chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
	"fsetxattr", "setxattrat", "removexattr", "lremovexattr",
	"fremovexattr", "removexattrat", "symlink", "symlinkat", "mknod",
	"mknodat", "utime", "utimes", "utimensat", "futimesat",
	"file_setattr", "name_to_handle_at", "open_by_handle_at",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"setsid", "setpgid", "execveat", "memfd_create", "memfd_secret",
	"tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
	"pidfd_getfd", "pidfd_send_signal", "kcmp", "process_madvise",
	"process_mrelease", "move_pages", "migrate_pages", "shmget", "shmat",
	"msgget", "msgsnd", "msgrcv", "semget", "semop", "semtimedop",
	"mq_open", "bind", "listen", "accept", "accept4", "quotactl",
	"quotactl_fd", "fanotify_init", "acct", "syslog", "settimeofday",
	"clock_settime", "clock_adjtime", "adjtimex", "sethostname",
	"setdomainname", "personality", "modify_ldt", "vhangup",
	"lookup_dcookie", "seccomp"
};

static int act(scmp_filter_ctx f, uint32_t action, const char *const *name,
               size_t n)
{
	int rc, nr;

	for (size_t i = 0; i < n; i++) {
		nr = seccomp_syscall_resolve_name(name[i]);
		if (nr == __NR_SCMP_ERROR)
			continue;
		rc = seccomp_rule_add(f, action, nr, 0);
		if (rc)
			return rc;
	}
	return 0;
}

/* No code is made or loaded any more. */
static int allow_memory(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
	                                         0);
	int rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	                                &data);

	return rc ? rc : seccomp_rule_add_array(f, SCMP_ACT_ALLOW,
	                                        SCMP_SYS(mprotect), 1, &data);
}

/* Of fcntl() what concerns the descriptor: a file with an owner (F_SETOWN) sends
 * that one any signal (F_SETSIG), as kill() would. */
static int allow_fcntl(scmp_filter_ctx f)
{
	static const int commands[] = {
		F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL
	};
	int rc = 0;

	for (size_t i = 0; i < LENGTH(commands) && rc == 0; i++) {
		const struct scmp_arg_cmp is = SCMP_A1_32(SCMP_CMP_EQ,
			(uint32_t)commands[i]);

		rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl),
		                            1, &is);
	}
	return rc;
}

static int allow_talk(scmp_filter_ctx f)
{
	int rc = allow_memory(f);

	if (rc == 0)
		rc = allow_fcntl(f);

	for (size_t i = 0; i < LENGTH(talk) && rc == 0; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, talk[i], 0);
	return rc ? rc : act(f, SCMP_ACT_KILL_PROCESS, other_people,
	                     LENGTH(other_people));
}

/* clone3() hides its flags in memory: without it the library takes clone(). */
static int deny_namespaces(scmp_filter_ctx f)
{
	static const uint64_t flags[] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID,
		CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP
	};
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
	                          0);

	for (size_t i = 0; i < LENGTH(flags) && rc == 0; i++) {
		const struct scmp_arg_cmp has = SCMP_A0(SCMP_CMP_MASKED_EQ,
		                                        flags[i], flags[i]);

		rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EACCES),
		                            SCMP_SYS(clone), 1, &has);
	}
	return rc;
}

/* No socket but a unix one that needs connect(), no signal to a group or to all,
 * nothing typed into a terminal, no door of its own making. */
static int deny_arguments(scmp_filter_ctx f)
{
	enum { TYPE = 15 };	/* without SOCK_CLOEXEC and the like */
	const struct { int nr; struct scmp_arg_cmp cmp; } no[] = {
		{ SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_NE, AF_UNIX) },
		{ SCMP_SYS(kill), SCMP_A0(SCMP_CMP_MASKED_EQ, 0x80000000,
		                          0x80000000) },
		{ SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, TIOCSTI) },
		{ SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, TIOCLINUX) },
		{ SCMP_SYS(socket), SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE,
		                            SOCK_DGRAM) },
		{ SCMP_SYS(socket), SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE,
		                            SOCK_RAW) },
		{ SCMP_SYS(socket), SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE,
		                            SOCK_SEQPACKET) },
		{ SCMP_SYS(prctl), SCMP_A0_32(SCMP_CMP_EQ, PR_SET_SECCOMP) },
		/* a file's owner is sent signals, see allow_fcntl() */
		{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_SETOWN) },
		{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_SETOWN_EX) },
		{ SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, FIOSETOWN) },
		{ SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, SIOCSPGRP) }
	};
	int rc = 0;

	for (size_t i = 0; i < LENGTH(no) && rc == 0; i++)
		rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EACCES), no[i].nr,
		                            1, &no[i].cmp);
	return rc;
}

static int deny_crypt(scmp_filter_ctx f)
{
	const uint32_t no = SCMP_ACT_ERRNO(EACCES);
	int rc;

	if ((rc = act(f, no, other_people, LENGTH(other_people))) != 0
	    || (rc = act(f, no, denied, LENGTH(denied))) != 0
	    || (rc = deny_namespaces(f)) != 0)
		return rc;
	return deny_arguments(f);
}

static int fill(scmp_filter_ctx f, enum box box, bool door)
{
	int rc;

	if ((rc = seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1)) != 0
	    || (rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
	                              SCMP_ACT_KILL_PROCESS)) != 0
	    || (rc = act(f, SCMP_ACT_KILL_PROCESS, unthinkable,
	                 LENGTH(unthinkable))) != 0
	    || (rc = box == BOX_CRYPT ? deny_crypt(f) : allow_talk(f)) != 0
	    || !door)
		return rc;
	return seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(connect), 0);
}

/* The library's own copy of the door goes: who holds it may open it. */
static int take_door(scmp_filter_ctx f)
{
	int fd = seccomp_notify_fd(f);

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int load(enum box box, int *door)
{
	scmp_filter_ctx f = seccomp_init(box == BOX_CRYPT ? SCMP_ACT_ALLOW
	                                 : SCMP_ACT_ERRNO(EACCES));
	int rc = -ENOMEM, own = -1;

	if (f && (rc = fill(f, box, door != NULL)) == 0)
		rc = seccomp_load(f);
	if (rc == 0 && door) {
		own = seccomp_notify_fd(f);
		*door = take_door(f);
	}
	if (f)
		seccomp_release(f);
	if (own >= 0)
		close(own);
	return rc;
}

int box_calls(enum box box, int *door)
{
	/* an older kernel, or somebody around us listens already */
	if (door && load(box, door) == 0)
		return 0;
	return load(box, NULL);
}
