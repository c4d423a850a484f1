/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: the keyring that gpg finds peers' keys in.  It is made from what the keeper
 * has, and made anew when it is not the file that was written last. */
#include "agent/crypt_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper.h"

enum {
	BATCH = 1 << 20,		/* octets of keys for one gpg */
	NOTE_MAX = 200,
	GROWN_MAX = 2 * PEER_KEYS_MAX,	/* put in since it was made anew */
	WAIT_TURNS = 100, WAIT_MS = 100	/* for another crypt to be done */
};

/* What was last written: of which serial, and what the file was like then. */
struct note {
	uint64_t serial, grown;
	uint64_t ino, size, sec, nsec;
};

static int path_in(const struct crypt *c, const char *name, char out[PATH_MAX],
                   struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s/%s", c->ring->dir, name) < PATH_MAX)
		return 0;
	return err_set(e, gpg_error(GPG_ERR_TOO_LARGE), "%s: too long",
	               c->ring->dir);
}

/* ---- before the box ---- */

static int make_dir(struct crypt *c, struct err *e)
{
	char *state = conf_state_dir(e);
	struct stat st;
	int n;

	if (!state)
		return -1;
	n = snprintf(c->ring->dir, PATH_MAX, "%s/peers", state);
	free(state);
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the state folder's name is too long");
	if ((mkdir(c->ring->dir, 0700) && errno != EEXIST)
	    || lstat(c->ring->dir, &st))
		return err_errno(e, c->ring->dir);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()
	    || st.st_mode & 077)
		return err_set(e, gpg_error(GPG_ERR_CONFIGURATION), "%s: a folder "
		               "of your own that nobody else can read is wanted "
		               "(chmod 700)", c->ring->dir);
	return 0;
}

/* Beside us, as it is built, or where it is installed. */
static void find_program(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 20);
	char *slash;

	if (n > 0) {
		out[n] = '\0';
		slash = strrchr(out, '/');
		if (slash) {
			memcpy(slash, "/letterlock-gpg", 16);
			if (access(out, X_OK) == 0)
				return;
		}
	}
	snprintf(out, PATH_MAX, "%s", LETTERLOCK_GPG_PROGRAM);
}

int crypt_ring_prepare(struct crypt *c, struct err *e)
{
	char program[PATH_MAX];

	c->ring = calloc(1, sizeof *c->ring);
	if (!c->ring)
		return err_errno(e, "memory");
	find_program(program);
	if (make_dir(c, e) == 0 && path_in(c, "pubring.kbx", c->ring->file, e) == 0
	    && path_in(c, "trustdb.gpg", c->ring->trust, e) == 0
	    && engine_ring_new(c->engine, program, c->ring->file,
	                       c->ring->trust, e) == 0)
		return 0;
	free(c->ring);
	c->ring = NULL;
	return -1;
}

/* ---- the note ---- */

static void note_file(const struct crypt *c, struct note *n)
{
	struct stat st;

	if (lstat(c->ring->file, &st))
		memset(&st, 0, sizeof st);
	n->ino = st.st_ino;
	n->size = (uint64_t)st.st_size;
	n->sec = (uint64_t)st.st_mtim.tv_sec;
	n->nsec = (uint64_t)st.st_mtim.tv_nsec;
}

/* Is the file the one of the note?  Without one it is not. */
static bool note_read(const struct crypt *c, struct note *n)
{
	char path[PATH_MAX], text[NOTE_MAX];
	struct note now;
	ssize_t len;
	int fd;

	memset(n, 0, sizeof *n);
	if (path_in(c, "note", path, NULL))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return false;
	len = read(fd, text, sizeof text - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (sscanf(text, "1 %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %"
	           SCNu64 " %" SCNu64, &n->serial, &n->grown, &n->ino, &n->size,
	           &n->sec, &n->nsec) != 6)
		return false;
	note_file(c, &now);
	return now.ino && now.ino == n->ino && now.size == n->size
	       && now.sec == n->sec && now.nsec == n->nsec;
}

static int note_write(const struct crypt *c, struct note *n, struct err *e)
{
	char path[PATH_MAX], new[PATH_MAX], text[NOTE_MAX];
	ssize_t wrote = -1;
	int fd, len;

	note_file(c, n);
	len = snprintf(text, sizeof text, "1 %" PRIu64 " %" PRIu64 " %" PRIu64
	               " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n->serial,
	               n->grown, n->ino, n->size, n->sec, n->nsec);
	if (path_in(c, "note", path, e) || path_in(c, "note.new", new, e))
		return -1;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	          0600);
	if (fd != -1)
		wrote = write(fd, text, (size_t)len);
	if (fd == -1 || close(fd) || wrote != len || rename(new, path))
		return err_errno(e, path);
	return 0;
}

void crypt_ring_forget(struct crypt *c)
{
	char path[PATH_MAX];

	if (c->ring && path_in(c, "note", path, NULL) == 0)
		unlink(path);
}

/* ---- keys into it ---- */

static int import(struct crypt *c, const char *file, struct membuf *keys,
                  struct err *e)
{
	mode_t was = umask(077);	/* or nobody believes in it */
	size_t n;
	int rc = keys->len == 0 ? 0
	         : engine_ring_import(c->engine, file, keys->buf, keys->len, &n,
	                              e);

	umask(was);
	keys->len = 0;
	return rc;
}

/* Every key behind a serial; the last one there was is *serial then. */
static int add_keys(struct crypt *c, const char *file, struct note *n,
                    struct err *e)
{
	static struct keeper_keys keys;
	static struct peer_key key;
	struct membuf batch;
	int rc = -1;

	membuf_init(&batch, BATCH + PEER_KEY_MAX);
	do {
		if (keeper_peer_keys(&c->ends->keeper, n->serial, &keys, e))
			goto out;
		for (size_t i = 0; i < keys.n; i++) {
			if (keeper_peer_key(&c->ends->keeper, keys.key[i].fpr,
			                    &key, e)
			    || sink_put(&batch.sink, key.data, key.n, e)
			    || (batch.len > BATCH
			        && import(c, file, &batch, e)))
				goto out;
			n->serial = keys.key[i].serial;
			n->grown++;
		}
	} while (keys.n);
	rc = import(c, file, &batch, e);
	if (rc == 0 && n->serial < keys.last)
		n->serial = keys.last;
out:
	membuf_free(&batch);
	return rc;
}

/* Under another name, so that nobody reads half of it. */
static int make_anew(struct crypt *c, struct note *n, struct err *e)
{
	char new[PATH_MAX], old[PATH_MAX];

	memset(n, 0, sizeof *n);
	if (path_in(c, "new.kbx", new, e) || path_in(c, "new.kbx~", old, e))
		return -1;
	unlink(new);
	unlink(old);
	if (add_keys(c, new, n, e))
		return -1;
	unlink(old);
	return rename(new, c->ring->file) ? err_errno(e, c->ring->file) : 0;
}

/* One crypt at a time: a descriptor, or -1. */
static int lock(struct crypt *c, struct err *e)
{
	const struct timespec nap = { 0, WAIT_MS * 1000000L };
	char path[PATH_MAX];
	int fd = -1;

	if (path_in(c, "lock", path, e))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return err_errno(e, path);
	for (int i = 0; i < WAIT_TURNS; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		nanosleep(&nap, NULL);
	}
	close(fd);
	return err_set(e, gpg_error(GPG_ERR_TIMEOUT), "%s: another part of the "
	               "agent holds it", path);
}

static int update(struct crypt *c, uint64_t last, struct err *e)
{
	struct note n;
	bool good;
	int fd = lock(c, e), rc = 0;

	if (fd == -1)
		return -1;
	good = note_read(c, &n) && n.serial <= last && n.grown < GROWN_MAX;
	if (!good)
		rc = make_anew(c, &n, e);
	else if (n.serial < last)
		rc = add_keys(c, c->ring->file, &n, e);
	if (rc == 0)
		rc = note_write(c, &n, e);
	close(fd);
	return rc;
}

int crypt_ring(struct crypt *c, struct err *e)
{
	static struct keeper_keys keys;
	struct note n;

	if (keeper_peer_keys(&c->ends->keeper, UINT64_MAX, &keys, e))
		return -1;
	if (keys.all == 0)
		return 0;
	if (!c->ring)
		return err_set(e, gpg_error(GPG_ERR_NOT_SUPPORTED), "the keys that "
		               "came with letters can't be used: see the log");
	if (note_read(c, &n) && n.serial == keys.last && n.grown < GROWN_MAX)
		return 1;
	return update(c, keys.last, e) ? -1 : 1;
}
