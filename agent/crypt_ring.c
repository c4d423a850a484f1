/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt: the keyring that gpg finds peers' keys in.  It is written from what the
 * keeper has, and all of it anew when it is not the file that was written last. */
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

#include "agent/file.h"
#include "agent/keeper.h"
#include "agent/log.h"
#include "crypto/kbx.h"

enum {
	RING_MAX = 8 * PEER_OCTETS_MAX,	/* kbx_key() makes up to 7 of one */
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
	    && engine_ring_new(c->engine, program, c->ring->file, e) == 0)
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
	if (sscanf(text, "2 %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %"
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
	len = snprintf(text, sizeof text, "2 %" PRIu64 " %" PRIu64 " %" PRIu64
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

/* Nothing of ours is in our way; and it counts only once it has its name. */
static int write_ring(struct crypt *c, const struct membuf *ring, struct err *e)
{
	char new[PATH_MAX];
	ssize_t n = 0;
	size_t done = 0;
	int fd;

	if (path_in(c, "new.kbx", new, e))
		return -1;
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	          0600);
	if (fd == -1)
		return err_errno(e, new);
	for (; done < ring->len && n >= 0; done += (size_t)n)
		n = write(fd, ring->buf + done, ring->len - done);
	if (close(fd) || n < 0 || rename(new, c->ring->file))
		return err_errno(e, new);
	return 0;
}

/* What can't be put into a keyring is no key that gpg has judged. */
static int add_key(struct crypt *c, const char *fpr, struct sink *out,
                   struct err *e)
{
	static struct peer_key key;

	if (keeper_peer_key(&c->ends->keeper, fpr, &key, e))
		return -1;
	if (key.n == 0 || kbx_key(out, key.data, key.n, time(NULL), e) == 0)
		return 0;
	if (gpg_err_code(e->code) != GPG_ERR_INV_PACKET
	    && gpg_err_code(e->code) != GPG_ERR_UNSUPPORTED_ALGORITHM)
		return -1;
	log_error("a key that came with a letter is none: %s", e->text);
	return 0;
}

/* Every key behind a serial; the last one there was is n->serial then. */
static int add_keys(struct crypt *c, struct note *n, struct sink *out,
                    struct err *e)
{
	static struct keeper_keys keys;

	do {
		if (keeper_peer_keys(&c->ends->keeper, n->serial, &keys, e))
			return -1;
		for (size_t i = 0; i < keys.n; i++) {
			if (add_key(c, keys.key[i].fpr, out, e))
				return -1;
			n->serial = keys.key[i].serial;
			n->grown++;
		}
	} while (keys.n);
	if (n->serial < keys.last)
		n->serial = keys.last;
	return 0;
}

static bool has(const struct membuf *ring, const unsigned char *fpr)
{
	const unsigned char *of;
	size_t n;

	for (size_t at = 0; at < ring->len; at += n) {
		n = kbx_first(ring->buf + at, ring->len - at, &of);
		if (n == 0)
			break;
		if (of && memcmp(of, fpr, 20) == 0)
			return true;
	}
	return false;
}

/* What there was, but for keys that come anew: 1, or 0 where it can't be read. */
static int keep(struct crypt *c, const struct note *n,
                const struct membuf *new, struct sink *out, struct err *e)
{
	const unsigned char *fpr;
	size_t len, blob, at = 0;
	char *old = file_read(c->ring->file, n->size, &len, NULL);
	int rc = old != NULL;

	for (; rc == 1 && at < len; at += blob) {
		blob = kbx_first(old + at, len - at, &fpr);
		if (blob == 0)
			rc = 0;
		else if ((!fpr || !has(new, fpr))
		         && sink_put(out, old + at, blob, e))
			rc = -1;
	}
	free(old);
	return rc;
}

static int make_anew(struct crypt *c, struct note *n, struct membuf *ring,
                     struct err *e)
{
	memset(n, 0, sizeof *n);
	return kbx_begin(&ring->sink, time(NULL), e)
	       || add_keys(c, n, &ring->sink, e)
	       || write_ring(c, ring, e) ? -1 : 0;
}

static int add_new(struct crypt *c, struct note *n, struct membuf *ring,
                   struct err *e)
{
	struct membuf new;
	int rc = -1;

	membuf_init(&new, RING_MAX);
	if (add_keys(c, n, &new.sink, e) == 0)
		rc = keep(c, n, &new, &ring->sink, e);
	if (rc == 1)
		rc = sink_put(&ring->sink, new.buf, new.len, e)
		     || write_ring(c, ring, e) ? -1 : 0;
	else if (rc == 0) {
		membuf_free(ring);
		rc = make_anew(c, n, ring, e);
	}
	membuf_free(&new);
	return rc;
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
	struct membuf ring;
	struct err why = { .code = 0 };
	struct note n;
	bool good;
	int fd = lock(c, e), rc = 0;

	if (fd == -1)
		return -1;
	membuf_init(&ring, RING_MAX);
	good = note_read(c, &n) && n.serial <= last && n.grown < GROWN_MAX;
	if (!good)
		rc = make_anew(c, &n, &ring, e);
	else if (n.serial < last)
		rc = add_new(c, &n, &ring, &why);
	if (rc && good && gpg_err_code(why.code) == GPG_ERR_TOO_LARGE) {
		/* with keys that the keeper has no more */
		membuf_free(&ring);
		rc = make_anew(c, &n, &ring, &why);
	}
	if (rc && good && e)
		*e = why;
	if (rc == 0)
		rc = note_write(c, &n, e);
	membuf_free(&ring);
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
	if (update(c, keys.last, e))
		return -1;
	/* what was remembered of the keyring before is not of this one */
	if (c->stamp)
		c->stamp = engine_stamp(c->engine);
	return 1;
}
