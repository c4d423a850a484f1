/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boxes: which walls there are, and entering one: no new privileges, no
 * core, limits, Landlock (box_files.c), seccomp (box_calls.c). */
#include "agent/box_private.h"

#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/log.h"

/* ---- which walls there are ---- */

/* What answers anything but "I don't know that" is there: then it closes, or the
 * role does not run. */
static bool has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0
	       || (errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP);
}

void box_probe(struct walls *w)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	                   LANDLOCK_CREATE_RULESET_VERSION);

	w->landlock = abi > 0 ? (int)abi : 0;
	w->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
	w->seccomp = has_seccomp();
#ifdef SANITIZERS
	memset(w, 0, sizeof *w);
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

/* What stands in the way of a whole box, for a person. */
static const char *lacking(const struct walls *w)
{
#ifdef SANITIZERS
	(void)w;
	return "it was built with sanitizers, which go without walls";
#else
	return !w->no_new_privs ? "this kernel has no no_new_privs"
	       : w->seccomp ? "this kernel has no Landlock"
	       : w->landlock ? "this kernel has no seccomp"
	       : "this kernel has no seccomp and no Landlock";
#endif
}

int box_check(bool required)
{
	struct walls w;

	box_probe(&w);
	if (box_whole(&w)) {
		log_debug("walls: %s", box_words(&w));
		return 0;
	}
	if (required) {
		log_error("sandbox = required, but %s", lacking(&w));
		return -1;
	}
	log_note("%s; the walls between the agent's parts are: %s",
	         lacking(&w), box_words(&w));
	return 0;
}

/* ---- entering ---- */

#ifdef SANITIZERS
/* The sanitizers need more than a box allows. */
void box_hide(void)
{
}

int box_enter(enum box box, struct box_gpg *gpg, bool required)
{
	struct walls w;

	(void)box;
	if (gpg)
		gpg->door = -1;
	box_probe(&w);
	return required ? -1 : 0;
}
#else

/* Never raised: a lower one is somebody's wish. */
static void limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit r;

	if (getrlimit(what, &r))
		return;
	if (r.rlim_max > most)
		r.rlim_max = most;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	setrlimit(what, &r);
}

void box_hide(void)
{
	limit(RLIMIT_CORE, 0);
	prctl(PR_SET_DUMPABLE, 0);
}

/* The descriptors of a letter to many readers, and some.  Of crypt only these:
 * RLIMIT_NPROC counts all of the user's processes, gpg's memory depends on its
 * keys and its version, and the spools are files. */
static void limits(enum box box)
{
	enum { FILES = 256, SPACE = 256 << 20 };
	struct stat log;

	limit(RLIMIT_NOFILE, FILES);
	if (box == BOX_CRYPT)
		return;
	limit(RLIMIT_NPROC, 0);
	/* a log that is a file must still take lines: the one file it has */
	if (fstat(STDERR_FILENO, &log) || !S_ISREG(log.st_mode))
		limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_AS, SPACE);
}

/* Where keys are kept by a keyboxd, gpg has a second socket to connect to. */
static bool has_keyboxd(const char *home)
{
	char path[PATH_MAX], line[256];
	bool has = false;
	FILE *f = NULL;

	if (snprintf(path, sizeof path, "%s/common.conf", home)
	    < (int)sizeof path)
		f = fopen(path, "re");
	while (f && !has && fgets(line, sizeof line, f))
		has = strncmp(line + strspn(line, " \t-"), "use-keyboxd",
		              strlen("use-keyboxd")) == 0;
	if (f)
		fclose(f);
	return has;
}

/* Nobody tells unix sockets apart: crypt may connect to any. */
static int no_door(bool required)
{
	if (required)
		log_error("sandbox = required, but nothing here keeps gpg from "
		          "sockets other than gpg-agent's");
	else
		log_note("nothing here keeps gpg from sockets other than "
		         "gpg-agent's");
	return required ? -1 : 0;
}

int box_enter(enum box box, struct box_gpg *gpg, bool required)
{
	struct walls w;
	int rc, *door = gpg ? &gpg->door : NULL;
	bool sockets;

	box_probe(&w);
	if (door)
		*door = -1;
	sockets = box_files_sockets(w.landlock);
	if (sockets || (gpg && has_keyboxd(gpg->home)))
		door = NULL;
	if (required && !box_whole(&w)) {
		log_error("sandbox = required, but %s", lacking(&w));
		return -1;
	}
	box_hide();
	limits(box);
	if (w.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_error("no_new_privs: %s", strerror(errno));
		return -1;
	}
	if (w.landlock && box_files(w.landlock, gpg)) {
		log_error("Landlock: %s", strerror(errno));
		return -1;
	}
	if (w.seccomp && (rc = box_calls(box, door)) != 0) {
		log_error("seccomp: %s", strerror(-rc));
		return -1;
	}
	/* a kernel without seccomp was told of at the start; a keyboxd is the
	 * user's choice */
	if (gpg && !sockets && gpg->door == -1 && w.seccomp
	    && (door || required))
		return no_door(required);
	return 0;
}
#endif
