/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the state folder, the clock and the disk. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "agent/contacts.h"
#include "agent/doctor.h"
#include "agent/file.h"
#include "agent/memory.h"
#include "agent/peers.h"

enum {
	ROOM_MB = 50,
	CLOCK_SLACK = 3600,	/* seconds */
	UUID_MAX = 200,
	LAYERS_MAX = 8		/* of devices upon each other */
};

/* ---- the state folder ---- */

static bool is_there(const char *dir, const char *name)
{
	char *path = file_path(dir, "/", name, NULL);
	bool is = path && access(path, F_OK) == 0;

	free(path);
	return is;
}

/* Only what is there is opened: it would be made, and what is made stands in the
 * way of letterlock restore. */
static void look_at_memory(struct doctor *d, const char *dir)
{
	bool any = is_there(dir, "mac.key"), met = is_there(dir, "contacts.db");
	struct contacts *contacts = NULL;
	struct memory *m = NULL;
	uint64_t last;
	unsigned keys = 0;
	struct err e;

	if ((any && !(m = memory_open(dir, &e)))
	    || (met && (!(contacts = contacts_open(dir, &e))
	                || peers_count(contacts, &last, &keys, &e))))
		doctor_say(d, DOCTOR_WRONG, "memory", "%s", e.text);
	else if (met)
		doctor_say(d, DOCTOR_OK, "memory", "What is known of contacts can "
		           "be read, with %u key%s of theirs", keys,
		           keys == 1 ? "" : "s");
	else
		doctor_say(d, DOCTOR_OK, "memory", "Nothing is known of contacts "
		           "yet");
	contacts_close(contacts);
	memory_close(m);
}

static void look_at_state(struct doctor *d, const char *dir)
{
	struct statvfs v;
	struct stat st;

	if (stat(dir, &st) == 0 && (st.st_uid != geteuid() || st.st_mode & 077))
		doctor_say(d, DOCTOR_WRONG, "state", "Others may look into %s: "
		           "chmod 700 %s", dir, dir);
	if (statvfs(dir, &v) == 0
	    && (uint64_t)v.f_bavail * v.f_frsize >> 20 < ROOM_MB)
		doctor_say(d, DOCTOR_WRONG, "room", "The disk with %s is nearly "
		           "full. Make room", dir);
	look_at_memory(d, dir);
}

/* ---- the clock ---- */

/* Something of ours that is younger than now? */
static bool from_later(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0
	       && st.st_mtime > time(NULL) + CLOCK_SLACK;
}

static void look_at_clock(struct doctor *d, const char *dir)
{
	char *key = file_path(dir, "/mac.key", NULL);

	if (from_later(key) || from_later(d->conf_path))
		doctor_say(d, DOCTOR_WRONG, "clock", "The clock is wrong: there "
		           "are files from the future. Certificates and keys "
		           "can't be judged so; set it: timedatectl set-ntp "
		           "true");
	else
		doctor_say(d, DOCTOR_OK, "clock", "The clock goes on");
	free(key);
}

/* ---- the disk ---- */

/* Is this block device, or one below it, encrypted (dm-crypt says so in its uuid)? */
static bool encrypted(const char *sys, int layers)
{
	char *path = file_path(sys, "/dm/uuid", NULL), *uuid;
	char *below = file_path(sys, "/slaves", NULL);
	struct dirent *f;
	struct err e;
	bool is = false;
	size_t n;
	DIR *dir;

	uuid = path ? file_read(path, UUID_MAX, &n, &e) : NULL;
	is = uuid && strncmp(uuid, "CRYPT-", 6) == 0;
	free(uuid);
	free(path);
	dir = below && !is && layers ? opendir(below) : NULL;
	while (dir && !is && (f = readdir(dir)))
		if (f->d_name[0] != '.') {
			path = file_path(below, "/", f->d_name, NULL);
			is = path && encrypted(path, layers - 1);
			free(path);
		}
	if (dir)
		closedir(dir);
	free(below);
	return is;
}

static void look_at_disk(struct doctor *d, const char *dir)
{
	char sys[60];
	struct stat st;

	/* file systems without a device of their own tell nothing */
	if (stat(dir, &st) || major(st.st_dev) == 0)
		return;
	snprintf(sys, sizeof sys, "/sys/dev/block/%u:%u", major(st.st_dev),
	         minor(st.st_dev));
	if (access(sys, F_OK))
		return;
	if (encrypted(sys, LAYERS_MAX))
		doctor_say(d, DOCTOR_OK, "disk", "The disk is encrypted");
	else
		doctor_say(d, DOCTOR_NOTE, "disk", "The disk is not encrypted: who "
		           "takes the computer can read the letters that your "
		           "mail program stores, and your keys as far as they "
		           "have no passphrase");
}

void doctor_system(struct doctor *d)
{
	struct err e;
	char *dir = conf_state_dir(&e);

	if (!dir) {
		doctor_say(d, DOCTOR_WRONG, "state", "%s", e.text);
		return;
	}
	look_at_state(d, dir);
	look_at_clock(d, dir);
	look_at_disk(d, dir);
	free(dir);
}
