/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's memory but for contacts: two small files and two small tables. */
#include "agent/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { HASH = 32, LIST_MAX = 1 << 20 };	/* records in a list */

struct record {			/* as it stands in the file */
	unsigned char hash[HASH];
	int32_t day;		/* since 1970 */
};

struct list {
	int fd;
	struct record *record;
	size_t n;
	size_t saved;		/* of them in the file */
};

struct lookup {
	uint64_t stamp;
	char *key;
	unsigned char *value;
	size_t len;
};

struct part {
	unsigned char digest[32];
	int64_t since;
	void *list;
	size_t len;
};

struct memory {
	int dir;
	unsigned char key_secret[MEMORY_KEY];
	struct list list[MEMORY_LISTS];
	struct lookup *lookup[LOOKUPS_MAX];
	unsigned next_lookup, next_part;
	struct part part[PARTS_MAX];
};

/* ---- the MAC key ---- */

static int key_read(struct memory *m, struct err *e)
{
	int fd = openat(m->dir, "mac.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	char more;

	if (fd == -1)
		return errno == ENOENT ? 0 : err_errno(e, "mac.key");
	n = read(fd, m->key_secret, MEMORY_KEY);
	if (n == MEMORY_KEY && read(fd, &more, 1) != 0)
		n = -1;
	close(fd);
	if (n != MEMORY_KEY)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "mac.key in the state folder is damaged. "
		               "Restore it, or remove it to begin anew");
	return 1;
}

/* Made whole under another name, then linked: two who make it at once get one. */
static int key_make(struct memory *m, struct err *e)
{
	char name[64];
	int fd, rc = -1;

	if (RAND_bytes(m->key_secret, MEMORY_KEY) != 1)
		return err_set(e, gpg_error(GPG_ERR_GENERAL), "no randomness");
	snprintf(name, sizeof name, "mac.key.%ld", (long)getpid());
	unlinkat(m->dir, name, 0);
	fd = openat(m->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_errno(e, "mac.key");
	if (write(fd, m->key_secret, MEMORY_KEY) != MEMORY_KEY || fsync(fd)
	    || (linkat(m->dir, name, m->dir, "mac.key", 0) && errno != EEXIST))
		err_errno(e, "mac.key");
	else
		rc = 0;
	close(fd);
	unlinkat(m->dir, name, 0);
	fsync(m->dir);
	return rc == 0 && key_read(m, e) == 1 ? 0 : -1;
}

/* ---- lists ---- */

static const struct {
	const char *name;
	int days;		/* how long it is kept */
} list_of[MEMORY_LISTS] = {
	[MEMORY_CAME] = { "came", 366 },
	[MEMORY_TOLD] = { "told", 60 },
};

static int32_t today(void)
{
	return (int32_t)(time(NULL) / 86400);
}

/* Drop what is too old; written anew only when there is something. */
static int list_prune(struct memory *m, enum memory_list which, struct err *e)
{
	struct list *l = &m->list[which];
	size_t keep = 0, size;

	for (size_t i = 0; i < l->n; i++)
		if ((int64_t)today() - l->record[i].day <= list_of[which].days)
			l->record[keep++] = l->record[i];
	if (keep == l->n)
		return 0;
	l->n = l->saved = keep;
	size = keep * sizeof *l->record;
	if (ftruncate(l->fd, 0) || (size && write(l->fd, l->record, size)
	                            != (ssize_t)size))
		return err_errno(e, list_of[which].name);
	return 0;
}

static int list_read(struct memory *m, enum memory_list which, struct err *e)
{
	const char *name = list_of[which].name;
	struct list *l = &m->list[which];
	struct stat st;
	size_t size;

	l->fd = openat(m->dir, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
	               0600);
	if (l->fd == -1 || fstat(l->fd, &st) == -1)
		return err_errno(e, name);
	l->n = (size_t)st.st_size / sizeof *l->record;
	if (l->n > LIST_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the list %s is too long", name);
	/* a record that was cut by a crash is cut off */
	size = l->n * sizeof *l->record;
	if ((off_t)size != st.st_size && ftruncate(l->fd, (off_t)size) == -1)
		return err_errno(e, name);
	if (size && !(l->record = malloc(size)))
		return err_errno(e, "memory");
	if (size && pread(l->fd, l->record, size, 0) != (ssize_t)size)
		return err_errno(e, name);
	l->saved = l->n;
	return list_prune(m, which, e);
}

static bool list_has(const struct list *l, const unsigned char h[HASH])
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(l->record[i].hash, h, HASH) == 0)
			return true;
	return false;
}

bool memory_has(const struct memory *m, enum memory_list which,
                const char *text)
{
	unsigned char h[HASH];

	memory_hash(m, list_of[which].name, text, h);
	return list_has(&m->list[which], h);
}

/* Those that could not be written before go with the newest.  Half a record
 * would spoil all behind it, and is taken back. */
static int list_save(struct list *l, enum memory_list which, struct err *e)
{
	size_t size = (l->n - l->saved) * sizeof *l->record;

	if (size == 0)
		return 0;
	errno = ENOSPC;		/* what a short write means */
	if (write(l->fd, l->record + l->saved, size) != (ssize_t)size) {
		err_errno(e, list_of[which].name);
		if (ftruncate(l->fd, (off_t)(l->saved * sizeof *l->record)))
			err_errno(e, list_of[which].name);
		return -1;
	}
	l->saved = l->n;
	return 0;
}

int memory_add(struct memory *m, enum memory_list which, const char *text,
               struct err *e)
{
	struct record new = { .day = today() }, *more;
	struct list *l = &m->list[which];

	memory_hash(m, list_of[which].name, text, new.hash);
	if (list_has(l, new.hash))
		return list_save(l, which, e);	/* if it failed before */
	if (l->n == LIST_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the list %s is full", list_of[which].name);
	more = realloc(l->record, (l->n + 1) * sizeof *more);
	if (!more)
		return err_errno(e, "memory");
	l->record = more;
	l->record[l->n++] = new;
	return list_save(l, which, e);
}

/* ---- open and close ---- */

struct memory *memory_open(const char *dir, struct err *e)
{
	struct memory *m = calloc(1, sizeof *m);
	int had;

	if (!m) {
		err_errno(e, "memory");
		return NULL;
	}
	for (int i = 0; i < MEMORY_LISTS; i++)
		m->list[i].fd = -1;
	m->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir == -1) {
		err_errno(e, dir);
		goto fail;
	}
	had = key_read(m, e);
	if (had == -1 || (had == 0 && key_make(m, e)))
		goto fail;
	for (int i = 0; i < MEMORY_LISTS; i++)
		if (list_read(m, (enum memory_list)i, e))
			goto fail;
	return m;
fail:
	memory_close(m);
	return NULL;
}

void memory_close(struct memory *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < LOOKUPS_MAX; i++) {
		if (m->lookup[i]) {
			free(m->lookup[i]->key);
			free(m->lookup[i]->value);
		}
		free(m->lookup[i]);
	}
	for (unsigned i = 0; i < PARTS_MAX; i++)
		free(m->part[i].list);
	for (int i = 0; i < MEMORY_LISTS; i++) {
		free(m->list[i].record);
		if (m->list[i].fd != -1)
			close(m->list[i].fd);
	}
	if (m->dir != -1)
		close(m->dir);
	OPENSSL_cleanse(m, sizeof *m);
	free(m);
}

const unsigned char *memory_key(const struct memory *m)
{
	return m->key_secret;
}

/* ---- hashes ---- */

void memory_hash(const struct memory *m, const char *what, const char *text,
                 unsigned char out[32])
{
	size_t w = strlen(what) + 1, t = strlen(text);
	unsigned char *both = malloc(w + t);
	unsigned n = 0;

	if (!both)
		abort();
	memcpy(both, what, w);
	memcpy(both + w, text, t);
	if (!HMAC(EVP_sha256(), m->key_secret, MEMORY_KEY, both, w + t, out, &n))
		abort();
	free(both);
}

unsigned memory_code(const struct memory *m, const char *text, int64_t day)
{
	unsigned char h[HASH];
	char what[40];

	snprintf(what, sizeof what, "clear %lld", (long long)day);
	memory_hash(m, what, text, h);
	return (unsigned)(h[0] << 16 | h[1] << 8 | h[2]) % 10000;
}

/* ---- look-ups ---- */

static struct lookup *lookup_find(const struct memory *m, const char *key)
{
	for (unsigned i = 0; i < LOOKUPS_MAX && m->lookup[i]; i++)
		if (strcmp(m->lookup[i]->key, key) == 0)
			return m->lookup[i];
	return NULL;
}

const void *memory_recall(const struct memory *m, uint64_t stamp,
                          const char *key, size_t *n)
{
	const struct lookup *l = lookup_find(m, key);

	if (!l || l->stamp != stamp)
		return NULL;
	*n = l->len;
	return l->value;
}

/* In the place of the oldest. */
static struct lookup *lookup_new(struct memory *m, const char *key)
{
	struct lookup *l = m->lookup[m->next_lookup];
	char *copy = strdup(key);

	if (!copy)
		return NULL;
	if (!l && !(l = calloc(1, sizeof *l))) {
		free(copy);
		return NULL;
	}
	free(l->key);
	l->key = copy;
	m->lookup[m->next_lookup] = l;
	m->next_lookup = (m->next_lookup + 1) % LOOKUPS_MAX;
	return l;
}

void memory_remember(struct memory *m, uint64_t stamp, const char *key,
                     const void *value, size_t n)
{
	struct lookup *l = lookup_find(m, key);
	unsigned char *copy;

	if (n > LOOKUP_VALUE_MAX || !(copy = malloc(n ? n : 1)))
		return;
	if (!l && !(l = lookup_new(m, key))) {
		free(copy);
		return;
	}
	if (n)
		memcpy(copy, value, n);
	free(l->value);
	l->value = copy;
	l->stamp = stamp;
	l->len = n;
}

/* ---- letters sent in part ---- */

const void *memory_part_find(const struct memory *m,
                             const unsigned char digest[32], int64_t now,
                             size_t *n)
{
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		const struct part *p = &m->part[i];

		if (p->list && now - p->since < PART_SECONDS
		    && memcmp(p->digest, digest, 32) == 0) {
			*n = p->len;
			return p->list;
		}
	}
	return NULL;
}

void memory_part_keep(struct memory *m, const unsigned char digest[32],
                      int64_t now, const void *list, size_t n)
{
	struct part *p = NULL;
	void *copy = n ? malloc(n) : NULL;

	for (unsigned i = 0; i < PARTS_MAX && !p; i++)
		if (memcmp(m->part[i].digest, digest, 32) == 0)
			p = &m->part[i];
	if (!p) {
		p = &m->part[m->next_part];
		m->next_part = (m->next_part + 1) % PARTS_MAX;
	}
	free(p->list);
	p->list = copy;
	p->len = copy ? n : 0;
	p->since = now;
	memcpy(p->digest, digest, 32);
	if (copy)
		memcpy(copy, list, n);
}
