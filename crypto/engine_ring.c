/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keyring of ours besides the user's: GPGME runs letterlock-gpg in gpg's place. */
#include "crypto/engine_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ring.h"

bool engine_ring_on(struct engine *g, bool on)
{
	bool was = g->ring && g->x == g->ring;

	g->x = on && g->ring ? g->ring : g->plain;
	return was;
}

void engine_ring_use(struct engine *g, bool use)
{
	engine_ring_on(g, use);
}

static int set_name(const char *name, const char *path, char *out,
                    struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "%s: too long", path);
	return setenv(name, path, 1) ? err_errno(e, name) : 0;
}

/* As in engine_new(): somebody looks at the clock while gpg is asked its version. */
static int make_ctx(struct engine *g, struct err *e)
{
	pid_t watch;
	int rc;

	engine_child_before(g);
	watch = engine_child_watch(g);
	rc = engine_ctx(g, g->ring_program, &g->ring, e);
	engine_child_unwatch(watch);
	do {
		engine_child_find(g);
		engine_child_wait(g, 0);
	} while (g->exited != -2);
	if (rc && g->ring) {
		gpgme_release(g->ring);
		g->ring = NULL;
	}
	return rc;
}

int engine_ring_new(struct engine *g, const char *program, const char *file,
                    struct err *e)
{
	char gpg[PATH_MAX], unused[PATH_MAX];
	struct engine_places p;

	engine_places(g, &p);
	if (!p.program || !realpath(p.program, gpg))
		return err_errno(e, "gpg");
	if (!realpath(program, g->ring_program))
		return err_errno(e, program);
	if (set_name(RING_GPG, gpg, unused, e)
	    || set_name(RING_FILE, file, g->ring_file, e))
		return -1;
	return make_ctx(g, e);
}

static int has_ring(struct engine *g, struct err *e)
{
	return g->ring ? 0 : err_set(e, gpg_error(GPG_ERR_NOT_SUPPORTED),
	                             "letterlock-gpg does not work");
}

/* gpg takes the first that it can use, of two copies of a key: none may speak against
 * it, but that one has ended is no more than that it is old. */
static enum key_state fit_all(const struct keyring *r, const char *addr,
                              const char *fpr, gpgme_key_t *best)
{
	enum key_state state = KEY_NONE, one;
	int validity;

	*best = NULL;
	for (size_t i = 0; i < r->n && state != KEY_UNUSABLE; i++) {
		gpgme_key_t k = r->key[i];

		if (!k->fpr || strcmp(k->fpr, fpr) || !k->subkeys)
			continue;
		validity = engine_key_validity(k, addr);
		one = validity < 0 || validity == GPGME_VALIDITY_NEVER
		      ? KEY_UNUSABLE : engine_key_fit(k, false);
		if (state == KEY_USABLE && one != KEY_UNUSABLE)
			continue;
		*best = k;
		state = one;
	}
	return state;
}

int engine_ring_find(struct engine *g, const char *addr, const char *fpr,
                     struct key *key, enum key_state *state, struct err *e)
{
	struct keyring r = { NULL };
	gpgme_key_t best;
	bool was;
	int rc;

	memset(key, 0, sizeof *key);
	*state = KEY_NONE;
	if (has_ring(g, e))
		return -1;
	was = engine_ring_on(g, true);
	rc = engine_list(g, fpr, NULL, false, &r, e);
	engine_ring_on(g, was);
	if (rc)
		return -1;
	*state = fit_all(&r, addr, fpr, &best);
	if (*state == KEY_USABLE || *state == KEY_EXPIRED)
		engine_key_fill(key, best, false,
		                engine_key_validity(best, addr));
	key->ring = true;
	keyring_clear(&r);
	return 0;
}
