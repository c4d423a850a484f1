/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GPGME's context, and the loop that runs one gpg and never waits for ever. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The loop. */

static gpgme_error_t fd_add(void *data, int fd, int dir, gpgme_io_cb_t fnc,
                            void *fnc_data, void **tag)
{
	struct engine *g = data;

	for (unsigned i = 0; i < ENGINE_FDS; i++)
		if (g->fd[i].fd < 0) {
			g->fd[i] = (struct engine_fd){ .fd = fd, .reads = dir,
				.fnc = fnc, .data = fnc_data };
			*tag = &g->fd[i];
			return 0;
		}
	return gpg_error(GPG_ERR_TOO_MANY);
}

static void fd_remove(void *tag)
{
	((struct engine_fd *)tag)->fd = -1;
}

static void key_add(struct engine *g, gpgme_key_t key)
{
	struct keyring *r = g->list;
	gpgme_key_t *more;

	g->moved = true;
	more = r && r->n < ENGINE_KEYS_MAX ?
		reallocarray(r->key, r->n + 1, sizeof *more) : NULL;
	if (!more) {
		gpgme_key_unref(key);
		g->result = gpg_error(GPG_ERR_TOO_LARGE);
		return;
	}
	r->key = more;
	r->key[r->n++] = key;
}

static void event(void *data, gpgme_event_io_t type, void *type_data)
{
	struct gpgme_io_event_done_data *d = type_data;
	struct engine *g = data;

	if (type == GPGME_EVENT_NEXT_KEY) {
		key_add(g, type_data);
	} else if (type == GPGME_EVENT_DONE) {
		g->done = true;
		if (!g->result)
			g->result = d->err ? d->err : d->op_err;
	}
}

static gpgme_error_t status(void *arg, const char *key, const char *args)
{
	struct engine *g = arg;

	if (!*key)
		return 0;
	g->moved = true;
	if (++g->lines > ENGINE_STATUS_MAX)
		return gpg_error(GPG_ERR_TOO_LARGE);
	if (!strcmp(key, "ERROR") && !strncmp(args, "keylist.getkey ", 15))
		g->not_found = true;
	if (!strcmp(key, "PINENTRY_LAUNCHED") && g->asking)
		g->asking(g->asking_arg);
	return g->status ? g->status(g->status_arg, key, args) : 0;
}

int engine_ctx(struct engine *g, const char *program, gpgme_ctx_t *x,
               struct err *e)
{
	struct gpgme_io_cbs io = { fd_add, g, fd_remove, event, g };
	gpg_error_t err;

	*x = NULL;
	err = gpgme_new(x);
	if (!err && program)
		err = gpgme_ctx_set_engine_info(*x, GPGME_PROTOCOL_OpenPGP,
		                                program, NULL);
	if (err)
		return err_set(e, err, "Cannot start GnuPG: %s",
		               gpg_strerror(err));
	gpgme_set_io_cbs(*x, &io);
	gpgme_set_status_cb(*x, status, g);
	gpgme_set_armor(*x, 0);
	gpgme_set_offline(*x, 1);
	gpgme_set_pinentry_mode(*x, GPGME_PINENTRY_MODE_ERROR);
	if (gpgme_set_ctx_flag(*x, "full-status", "1") ||
	    gpgme_set_ctx_flag(*x, "auto-key-locate", "local") ||
	    gpgme_set_ctx_flag(*x, "auto-key-retrieve", "0"))
		return err_set(e, GPG_ERR_NOT_SUPPORTED,
		               "This GPGME is too old");
	return 0;
}

void engine_on_asking(struct engine *g, void (*fn)(void *arg), void *arg)
{
	g->asking = fn;
	g->asking_arg = arg;
}

void engine_begin(struct engine *g,
                  gpg_error_t (*on_status)(void *, const char *, const char *),
                  void *arg)
{
	for (unsigned i = 0; i < ENGINE_FDS; i++)
		g->fd[i].fd = -1;
	g->done = g->moved = g->not_found = false;
	g->result = 0;
	g->lines = 0;
	g->status = on_status;
	g->status_arg = arg;
	engine_direct_begin(g);
	engine_child_before(g);
}

static int serve(struct engine *g, struct engine_fd *f)
{
	int r = engine_direct(g, f);

	if (r < 0) {
		errno = EIO;
		return -1;
	}
	if (r == 0) {
		g->at = f;
		f->fnc(f->data, f->fd);
		g->at = NULL;
	}
	return 0;
}

/* Wait until something moves, at most ms, and let GPGME look at it. */
static int turn(struct engine *g, int ms)
{
	struct pollfd p[ENGINE_FDS];
	struct engine_fd was[ENGINE_FDS];
	int r;

	memcpy(was, g->fd, sizeof was);
	for (unsigned i = 0; i < ENGINE_FDS; i++)
		p[i] = (struct pollfd){ .fd = was[i].fd,
			.events = was[i].reads ? POLLIN : POLLOUT };
	do
		r = poll(p, ENGINE_FDS, ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -1;
	for (unsigned i = 0; i < ENGINE_FDS && !g->done; i++)
		if (p[i].revents && g->fd[i].fd == was[i].fd &&
		    g->fd[i].data == was[i].data && serve(g, &g->fd[i]))
			return -1;
	return 0;
}

/* Only what reaches a callback of ours is movement (a gpg may babble), and the
 * clock starts when the callback returns: it may take its time. */
static gpg_error_t loop(struct engine *g, unsigned stall, unsigned total)
{
	int64_t end = total ? engine_now() + total * (int64_t)1000 : INT64_MAX;
	int64_t quiet = engine_now(), now, ms;

	while (!g->done) {
		now = engine_now();
		if (g->moved)
			quiet = now;
		g->moved = false;
		ms = quiet + stall * (int64_t)1000;
		ms = (ms < end ? ms : end) - now;
		if (ms <= 0)
			return gpg_error(GPG_ERR_TIMEOUT);
		if (turn(g, (int)ms))
			return gpg_error_from_syserror();
	}
	return 0;
}

/* What was cancelled is not used again. */
static void engine_renew(struct engine *g)
{
	gpgme_ctx_t *x = g->x == g->ring ? &g->ring : &g->plain;

	gpgme_release(g->x);
	if (engine_ctx(g, x == &g->ring ? g->ring_program : NULL, x, NULL)
	    && !*x)
		abort();	/* out of memory */
	g->x = *x;
}

gpg_error_t engine_run(struct engine *g, gpg_error_t started, unsigned stall,
                       unsigned total)
{
	gpg_error_t err;

	engine_child_find(g);
	err = started ? started : loop(g, stall, total);
	if (err) {
		gpgme_cancel(g->x);
		g->result = err;
	}
	/* A failed gpg gets a moment to say goodbye to its locks. */
	if (!engine_child_wait(g, err ? 0 : g->result ? 500 : stall * (int64_t)1000) &&
	    !g->result)
		g->result = gpg_error(GPG_ERR_TIMEOUT);
	if (err) {
		engine_renew(g);
	}
	engine_direct_begin(g);
	explicit_bzero(g->out, sizeof g->out);
	return g->result;
}

/* Birth. */

static bool path_find(const char *name, char out[PATH_MAX])
{
	const char *p = getenv("PATH"), *end;
	int n;

	for (p = p ? p : "/usr/bin:/bin"; ; p = end + 1) {
		end = strchrnul(p, ':');
		n = snprintf(out, PATH_MAX, "%.*s/%s", (int)(end - p), p, name);
		if (n < PATH_MAX && out[0] == '/' && !access(out, X_OK))
			return true;
		if (!*end)
			return false;
	}
}

static void socket_set(struct engine *g, const char *path, size_t len)
{
	if (len && len < sizeof g->socket) {
		memcpy(g->socket, path, len);
		g->socket[len] = '\0';
	}
}

/* Only gpgconf knows where gpg-agent listens: it may be in /run. */
static void socket_find(struct engine *g)
{
	const char *argv[] = { "gpgconf", "--list-dirs", "agent-socket", NULL };
	char path[PATH_MAX + 16], *text;
	gpgme_data_t out = NULL;
	gpg_error_t err;
	size_t n;

	if (snprintf(path, sizeof path, "%s/S.gpg-agent", g->home) > 0)
		socket_set(g, path, strlen(path));
	if (!path_find("gpgconf", path) || gpgme_data_new(&out))
		return;
	gpgme_set_protocol(g->x, GPGME_PROTOCOL_SPAWN);
	engine_begin(g, NULL, NULL);
	err = gpgme_op_spawn_start(g->x, path, argv, NULL, out, NULL, 0);
	err = engine_run(g, err, g->stall, g->stall);
	gpgme_set_protocol(g->x, GPGME_PROTOCOL_OPENPGP);
	text = gpgme_data_release_and_get_mem(out, &n);
	if (text && !err)
		socket_set(g, text, strnlen(text, n) - (n && text[n - 1] == '\n'));
	gpgme_free(text);
}

static int home_set(struct engine *g, const char *home, struct err *e)
{
	const char *user = getenv("HOME");
	int n;

	if (home && setenv("GNUPGHOME", home, 1))
		return err_errno(e, "GNUPGHOME");
	if (!home)
		home = getenv("GNUPGHOME");
	n = home && *home ?
		snprintf(g->home, sizeof g->home, "%s", home) :
		snprintf(g->home, sizeof g->home, "%s/.gnupg", user ? user : "");
	if (n < 0 || (size_t)n >= sizeof g->home)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The path of GnuPG's home is too long");
	return 0;
}

struct engine *engine_new(const char *gnupghome, unsigned stall, struct err *e)
{
	struct engine *g = calloc(1, sizeof *g);
	pid_t watch = -1;
	int r = -1;

	if (!g) {
		err_errno(e, "GnuPG");
		return NULL;
	}
	g->stall = stall ? stall : 1;
	if (home_set(g, gnupghome, e))
		goto out;
	/* Looking for gpgconf and gpgsm would cost four execs of five. */
	gpgme_set_global_flag("disable-gpgconf", "1");
	gpgme_check_version(NULL);
	engine_child_before(g);
	watch = engine_child_watch(g);
	r = engine_ctx(g, NULL, &g->plain, e);
	g->x = g->plain;
	engine_child_unwatch(watch);
	do {
		engine_child_find(g);
		engine_child_wait(g, 0);
	} while (g->exited != -2);
	if (r)
		goto out;
	socket_find(g);
	engine_secrets(g, NULL);	/* while nobody waits; may fail */
out:
	if (r) {
		engine_free(g);
		return NULL;
	}
	return g;
}

void engine_free(struct engine *g)
{
	if (!g)
		return;
	keyring_clear(&g->secret);
	keyring_clear(&g->signers);
	gpgme_release(g->plain);
	gpgme_release(g->ring);
	free(g);
}

void engine_places(const struct engine *g, struct engine_places *p)
{
	gpgme_engine_info_t i = gpgme_ctx_get_engine_info(g->plain);

	while (i && i->protocol != GPGME_PROTOCOL_OpenPGP)
		i = i->next;
	p->home = g->home;
	p->program = i ? i->file_name : NULL;
	p->socket = g->socket;
	p->ring_program = g->ring ? g->ring_program : NULL;
}

/* FNV-1a. */
static uint64_t stamp_mix(uint64_t h, uint64_t v)
{
	for (unsigned i = 0; i < 64; i += 8)
		h = (h ^ (v >> i & 255)) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t engine_stamp(const struct engine *g)
{
	static const char *const name[] = {
		"pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db",
		"trustdb.gpg", "tofu.db", "gpg.conf", "gpg.conf-2",
		"common.conf", "private-keys-v1.d"
	};
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	char path[PATH_MAX + 32];
	struct stat st;

	for (size_t i = 0; i <= sizeof name / sizeof *name; i++) {
		if (i < sizeof name / sizeof *name)
			snprintf(path, sizeof path, "%s/%s", g->home, name[i]);
		else
			snprintf(path, sizeof path, "%s", g->ring_file);
		if (stat(path, &st))
			memset(&st, 0, sizeof st);
		h = stamp_mix(h, (uint64_t)st.st_ino);
		h = stamp_mix(h, (uint64_t)st.st_size);
		h = stamp_mix(h, (uint64_t)st.st_mtim.tv_sec);
		h = stamp_mix(h, (uint64_t)st.st_mtim.tv_nsec);
	}
	return h;
}

/* Input. */

/* Whole blocks: a gpg that gets a line at a time takes three times as long. */
static ssize_t in_read(void *handle, void *buf, size_t n)
{
	struct engine_in *i = handle;
	size_t got = 0;
	ssize_t r;

	i->g->moved = true;
	engine_direct_in(i->g, in_read, i);
	if (i->head_len) {
		got = i->head_len < n ? i->head_len : n;
		memcpy(buf, i->head, got);
		i->head += got;
		i->head_len -= got;
	}
	while (got < n && !i->ended && !i->failed) {
		r = i->in->get(i->in, (char *)buf + got, n - got, i->e);
		if (r > 0)
			got += (size_t)r;
		else if (!r)
			i->ended = true;
		else
			i->failed = true;
	}
	if (i->failed) {
		errno = EIO;
		return -1;
	}
	i->begun = true;
	return (ssize_t)got;
}

static const struct gpgme_data_cbs in_cbs = { .read = in_read };
const struct gpgme_data_cbs *const engine_in_cbs = &in_cbs;

void engine_drain(struct engine_in *i)
{
	char buf[4096];

	i->head_len = 0;
	while (!i->ended && !i->failed)
		in_read(i, buf, sizeof buf);
}
