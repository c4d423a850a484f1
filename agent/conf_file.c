/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the configuration and the state are, by the XDG Base Directory
 * Specification. */
#include "agent/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, CHUNK = 4096 };

/* $variable/tail, or ~/home_part/tail; NULL without HOME or memory. */
static char *xdg_path(const char *variable, const char *home_part,
                      const char *tail)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (base && *base == '/')	/* others are to be ignored */
		n = asprintf(&path, "%s/%s", base, tail);
	else if (home && *home == '/')
		n = asprintf(&path, "%s/%s/%s", home, home_part, tail);
	else
		return NULL;
	return n < 0 ? NULL : path;
}

char *conf_path(const char *given)
{
	if (given)
		return strdup(given);
	return xdg_path("XDG_CONFIG_HOME", ".config",
	                "letterlock/letterlock.conf");
}

/* Make the folder and those above it, as far as they are not there. */
static int make_folders(char *path, struct err *e)
{
	for (char *p = path + 1; ; p++) {
		char was = *p;

		if (was && was != '/')
			continue;
		*p = '\0';
		if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
			return err_errno(e, path);
		*p = was;
		if (!was)
			return 0;
	}
}

char *conf_state_dir(struct err *e)
{
	char *path = xdg_path("XDG_STATE_HOME", ".local/state", "letterlock");
	struct stat st;

	if (!path) {
		err_set(e, GPG_ERR_CONFIGURATION, "HOME is not set, so there is "
		        "no place for the state folder");
		return NULL;
	}
	if (make_folders(path, e) < 0)
		goto fail;
	if (stat(path, &st) < 0) {
		err_errno(e, path);
		goto fail;
	}
	/* It holds the key that verdicts are believed by. */
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 022) {
		err_set(e, GPG_ERR_CONFIGURATION, "%s: a folder of your own that "
		        "nobody else can write to is wanted (chmod 700)", path);
		goto fail;
	}
	return path;
fail:
	free(path);
	return NULL;
}

/* Commands stand in it, and to whom passwords go.  The guard's copy for its roles
 * is sealed against all. */
static int check_writers(int fd, const char *path, struct err *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals != -1 && seals & F_SEAL_WRITE)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_errno(e, path);
	if (!S_ISREG(st.st_mode) || (!(st.st_mode & 022) &&
	    (st.st_uid == geteuid() || st.st_uid == 0)))
		return 0;
	return err_set(e, GPG_ERR_CONFIGURATION, "%s: a file of your own that "
	               "nobody else can write to is wanted (chmod go-w)", path);
}

char *conf_read(const char *path, size_t *len, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL, *more;
	size_t n = 0, size = 0;
	ssize_t got = -1;

	if (fd < 0) {
		err_errno(e, path);
		return NULL;
	}
	if (check_writers(fd, path, e) < 0)
		goto out;
	do {
		if (n > CONF_MAX) {
			err_set(e, GPG_ERR_CONFIGURATION, "%s: too long, at most "
			        "1M is wanted", path);
			got = -1;
			goto out;
		}
		if (size - n < CHUNK) {
			more = realloc(text, size = size * 2 + CHUNK);
			if (!more) {
				got = -1;
				err_errno(e, path);
				goto out;
			}
			text = more;
		}
		got = read(fd, text + n, size - n - 1);
		if (got > 0)
			n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		err_errno(e, path);
		goto out;
	}
	text[n] = '\0';
	*len = n;
out:
	close(fd);
	if (got < 0) {
		free(text);
		text = NULL;
	}
	return text;
}
