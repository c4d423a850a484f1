/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files: read whole, written whole or not at all. */
#include "agent/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_path(const char *first, ...)
{
	size_t n = 1;
	va_list ap;
	char *path;

	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		n += strlen(s);
	va_end(ap);
	if (!(path = malloc(n)))
		return NULL;
	n = 0;
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *)) {
		memcpy(path + n, s, strlen(s));
		n += strlen(s);
	}
	va_end(ap);
	path[n] = '\0';
	return path;
}

void file_program(const char *variable, const char *name, char *out,
                  size_t size)
{
	const char *named = getenv(variable);
	ssize_t n = readlink("/proc/self/exe", out, size);
	char *slash;

	if (n > 0 && (size_t)n < size) {
		out[n] = '\0';
		slash = strrchr(out, '/') + 1;
		n = snprintf(slash, size - (size_t)(slash - out), "%s", name);
	}
	if (named)
		n = snprintf(out, size, "%s", named);
	else if (n < 0 || access(out, X_OK) < 0)
		n = snprintf(out, size, "%s", name);
	if (n < 0 || (size_t)n >= size)
		out[0] = '\0';
}

/* ---- reading ---- */

static char *read_all(int fd, const char *path, size_t max, size_t *n,
                      struct err *e)
{
	char *buf = malloc(max + 1);
	ssize_t r;

	*n = 0;
	if (!buf) {
		err_errno(e, "memory");
		return NULL;
	}
	/* one octet more than it may have tells that it is too long */
	while (*n <= max && (r = read(fd, buf + *n, max + 1 - *n)) != 0) {
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1) {
			err_errno(e, path);
			goto failed;
		}
		*n += (size_t)r;
	}
	if (*n > max) {
		err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		        "%s is larger than %zu octets", path, max);
		goto failed;
	}
	buf[*n] = '\0';
	return buf;
failed:
	free(buf);
	return NULL;
}

char *file_read(const char *path, size_t max, size_t *n, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf;

	if (fd == -1) {
		err_errno(e, path);
		return NULL;
	}
	buf = read_all(fd, path, max, n, e);
	close(fd);
	return buf;
}

/* ---- writing ---- */

int file_folders(const char *path, struct err *e)
{
	char *p = strdup(path);
	int rc = 0;

	if (!p)
		return err_errno(e, "memory");
	for (char *slash = p; rc == 0 && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (mkdir(p, 0777) == -1 && errno != EEXIST)
			rc = err_errno(e, p);
		*slash = '/';
	}
	free(p);
	return rc;
}

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t r;

	while (n) {
		r = write(fd, p, n);
		if (r == -1 && errno != EINTR)
			return -1;
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return 0;
}

int file_write(const char *path, const void *p, size_t n, mode_t mode,
               struct err *e)
{
	char *new_path = file_path(path, ".XXXXXX", NULL);
	int fd, rc = -1;

	if (!new_path)
		return err_errno(e, "memory");
	if (file_folders(path, e))
		goto out;
	fd = mkostemp(new_path, O_CLOEXEC);
	if (fd == -1) {
		err_errno(e, path);
		goto out;
	}
	rc = fchmod(fd, mode) || write_all(fd, p, n) || fsync(fd) ? -1 : 0;
	if (rc)
		err_errno(e, path);
	close(fd);
	if (rc == 0 && rename(new_path, path))
		rc = err_errno(e, path);
	if (rc)
		unlink(new_path);
out:
	free(new_path);
	return rc;
}

int file_remove(const char *path, struct err *e)
{
	if (unlink(path) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_errno(e, path);
}

void file_remove_folder(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d)))
		unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}
