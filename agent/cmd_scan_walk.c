/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock scan: files and folders of letters, as mail programs keep them. */
#include "agent/cmd_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/file.h"

enum {
	CHUNK = 256 << 10,
	LETTER_MAX = 64 << 20,	/* octets of a letter in a file of its own */
	TELL_MS = 200
};

enum kind { KIND_ANY, KIND_LETTER, KIND_NAMED };

/* ---- what is told ---- */

static void note(struct scan *s, const char *path, const char *why)
{
	json_t *two = json_array();

	s->unread_n++;
	json_array_append_new(two, json_words(path));
	json_array_append_new(two, json_words(why));
	if (json_array_size(s->unread) < SCAN_TOLD_MAX)
		json_array_append(s->unread, two);
	json_decref(two);
}

static void progress(struct scan *s)
{
	struct timespec t;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	if (!s->tty || now < s->told_at + TELL_MS)
		return;
	s->told_at = now;
	fprintf(stderr, "\r%lu letters, %lu with a key ", s->letters, s->keys);
	fflush(stderr);
}

/* ---- a file ---- */

static int letter(void *arg, const struct mbox_letter *l, struct err *e)
{
	struct scan *s = arg;

	if (scan_stopped)
		return err_set(e, gpg_error(GPG_ERR_CANCELED), "stopped");
	progress(s);
	return scan_letter(s, l, e);
}

/* 0; 1: it can't be read, as errno says; -1: nothing more is to be read. */
static int read_letters(struct scan *s, int fd, struct mbox *m, struct err *e)
{
	static char buf[CHUNK];
	uint64_t octets = 0;
	ssize_t n;

	while (!scan_stopped && (n = read(fd, buf, sizeof buf)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return 1;
		if (mbox_put(m, buf, (size_t)n, e))
			return -1;
		progress(s);
		octets += (uint64_t)n;
		if (m->one && octets > LETTER_MAX)
			break;
	}
	return scan_stopped ? err_set(e, gpg_error(GPG_ERR_CANCELED), "stopped")
	                    : mbox_end(m, e);
}

/* Where its letter, or its first one, is said to be deleted: Maildir's T. */
static bool is_trashed(const char *path)
{
	const char *info = strrchr(path, ':');

	return info && strncmp(info, ":2,", 3) == 0 && strchr(info + 3, 'T');
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), w = strlen(with);

	return n >= w && strcasecmp(name + n - w, with) == 0;
}

static int walk_file(struct scan *s, int fd, const char *path, enum kind kind,
                     struct err *e)
{
	char head[5] = "";
	ssize_t n = pread(fd, head, sizeof head, 0);
	struct mbox m;
	bool one;
	int r;

	if (n == -1) {
		note(s, path, strerror(errno));
		return 0;
	}
	one = kind == KIND_LETTER || ends(path, ".eml");
	if (!one && (n < 5 || memcmp(head, "From ", 5))) {
		if (kind != KIND_NAMED || n == 0)
			return 0;	/* no mail */
		one = true;
	}
	if (kind == KIND_LETTER && is_trashed(path)) {
		s->why[SCAN_DELETED]++;
		return 0;
	}
	s->files++;
	mbox_init(&m, one, letter, s);
	r = read_letters(s, fd, &m, e);
	if (r == 1)
		note(s, path, strerror(errno));
	mbox_free(&m);
	return r == -1 ? -1 : 0;
}

/* ---- folders ---- */

/* What nobody wants to learn from, unless it was named. */
static bool is_junk(const char *name)
{
	static const char *const junk[] = {
		"junk", "spam", "trash", "bulk mail", "deleted items",
		"deleted messages", "junk e-mail", "junk email"
	};
	const char *last = strrchr(name, '.');
	size_t n = strlen(name);

	if (ends(name, ".sbd"))
		n -= 4;
	else if (last)
		name = last + 1, n = strlen(name);	/* Maildir++ */
	for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
		if (strlen(junk[i]) == n && strncasecmp(name, junk[i], n) == 0)
			return true;
	return false;
}

static bool has_dir(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
	       && S_ISDIR(st.st_mode);
}

static int walk_dir(struct scan *s, int fd, const char *path, enum kind kind,
                    unsigned depth, struct err *e);

/* What is no file and no folder is not even opened: that may do something. */
static int walk_entry(struct scan *s, int dir, const char *name,
                      const char *path, enum kind kind, unsigned depth,
                      struct err *e)
{
	const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd = -1, rc = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISLNK(st.st_mode))
			s->why[SCAN_LINKS]++;
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			return 0;
		fd = openat(dir, name, how);
	}
	if (fd == -1 || fstat(fd, &st) == -1) {
		note(s, path, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		rc = walk_dir(s, fd, path, kind, depth, e);
		return rc;
	} else if (S_ISREG(st.st_mode)) {
		rc = walk_file(s, fd, path, kind, e);
	}
	if (fd != -1)
		close(fd);
	return rc;
}

static int walk_name(struct scan *s, int dir, const char *name,
                     const char *path, enum kind kind, bool maildir,
                     unsigned depth, struct err *e)
{
	char *sub;
	int rc;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0
	    || (maildir && strcmp(name, "tmp") == 0))
		return 0;
	if (kind != KIND_LETTER && is_junk(name)) {
		s->why[SCAN_JUNK]++;
		return 0;
	}
	if (maildir && (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0))
		kind = KIND_LETTER;
	if (!(sub = file_path(path, "/", name, NULL)))
		return err_errno(e, "memory");
	rc = walk_entry(s, dir, name, sub, kind, depth + 1, e);
	free(sub);
	return rc;
}

/* fd is closed. */
static int walk_dir(struct scan *s, int fd, const char *path, enum kind kind,
                    unsigned depth, struct err *e)
{
	bool maildir = has_dir(fd, "cur") && has_dir(fd, "new");
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	if (depth > SCAN_DEPTH_MAX) {
		s->why[SCAN_DEEP]++;
		close(fd);
		return 0;
	}
	if (!(dir = fdopendir(fd))) {
		note(s, path, strerror(errno));
		close(fd);
		return 0;
	}
	while (rc == 0 && !scan_stopped && (d = readdir(dir)))
		rc = walk_name(s, fd, d->d_name, path, kind, maildir, depth, e);
	closedir(dir);
	return rc;
}

/* The folder of a Maildir was named itself. */
static enum kind kind_of(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return n >= 4 && (strncmp(path + n - 4, "/cur", 4) == 0
	                  || strncmp(path + n - 4, "/new", 4) == 0)
	       ? KIND_LETTER : KIND_ANY;
}

int scan_walk(struct scan *s, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), rc;
	struct stat st;

	if (fd == -1 && errno == ENOENT)
		return err_errno(e, path);
	if (fd == -1 || fstat(fd, &st) == -1) {
		note(s, path, strerror(errno));
		rc = 0;
	} else if (S_ISDIR(st.st_mode)) {
		return walk_dir(s, fd, path, kind_of(path), 0, e);
	} else if (S_ISREG(st.st_mode)) {
		rc = walk_file(s, fd, path, KIND_NAMED, e);
	} else {
		note(s, path, "it is neither a file nor a folder");
		rc = 0;
	}
	if (fd != -1)
		close(fd);
	return rc;
}
