/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role crypt: GnuPG, warm before a client comes, and keys looked up once. */
#include "agent/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/log.h"

enum {
	WARM_ACCOUNTS = 4,	/* whose own key is listed before a client comes */
	LOOKUP_KEY_MAX = ADDR_MAX + 60
};

struct crypt *crypt_prepare(const struct conf *conf)
{
	struct crypt *c = calloc(1, sizeof *c);
	enum key_state state;
	struct key key;
	struct err e;

	if (!c)
		return NULL;
	c->conf = conf;
	c->engine = engine_new(conf->gnupghome, conf->gpg_timeout, &e);
	if (!c->engine) {
		log_error("GnuPG: %s", e.text);
		free(c);
		return NULL;
	}
	for (unsigned i = 0; i < conf->n_accounts && i < WARM_ACCOUNTS; i++)
		engine_find_secret(c->engine, conf->account[i].key,
		                   conf->account[i].address, &key, &state, &e);
	return c;
}

/* Not before: a spare may wait for days, and what may be run is one file, which
 * an upgrade of gpg replaces. */
static int enter_box(const struct crypt *c)
{
	struct engine_places p;
	struct box_gpg gpg;
	int rc;

	engine_places(c->engine, &p);
	gpg.home = p.home;
	gpg.program = p.program;
	gpg.socket = p.socket;
	if (box_enter(BOX_CRYPT, &gpg, c->conf->sandbox_required))
		return -1;
	if (gpg.door == -1)
		return 0;
	rc = keeper_door(&c->ends->keeper, gpg.door, p.socket, NULL);
	close(gpg.door);	/* or we could open it ourselves */
	return rc;
}

static void asking(void *arg)
{
	struct crypt *c = arg;

	keeper_tell_key(&c->ends->keeper, c->account, KEY_IS_ASKED);
}

int crypt_run(struct crypt *c, enum session_kind kind, struct crypt_ends *ends)
{
	int rc = 1;

	c->ends = ends;
	c->account = UINT32_MAX;
	engine_on_asking(c->engine, asking, c);
	if (enter_box(c) == 0)
		rc = kind == SESSION_POP3 ? crypt_in(c) : crypt_out(c);
	engine_free(c->engine);
	free(c);
	return rc;
}

/* ---- keys ---- */

static bool recall(struct crypt *c, uint64_t stamp, const char *name,
                   struct found *f)
{
	bool found = false;

	if (keeper_recall(&c->ends->keeper, stamp, name, f, sizeof *f, &found,
	                  NULL) || !found)
		return false;
	/* a key may end while it is remembered */
	return f->state != KEY_USABLE || !f->key.expires
	       || f->key.expires > (int64_t)time(NULL);
}

static void remember(struct crypt *c, uint64_t stamp, const char *name,
                     const struct found *f)
{
	keeper_remember(&c->ends->keeper, stamp, name, f, sizeof *f, NULL);
}

static uint64_t stamp_now(struct crypt *c)
{
	return c->stamp ? c->stamp : engine_stamp(c->engine);
}

int crypt_find(struct crypt *c, const char *addr, struct found *f,
               struct err *e)
{
	uint64_t stamp = stamp_now(c);
	char name[LOOKUP_KEY_MAX], *folded = addr_fold(addr);

	if (!folded)
		return err_errno(e, "memory");
	snprintf(name, sizeof name, "to %.*s", ADDR_MAX, folded);
	free(folded);
	if (recall(c, stamp, name, f))
		return 0;
	memset(f, 0, sizeof *f);
	if (engine_find(c->engine, addr, &f->key, &f->state, e))
		return -1;
	remember(c, stamp, name, f);
	return 0;
}

int crypt_find_own(struct crypt *c, const struct account *a, struct found *f,
                   struct err *e)
{
	uint64_t stamp = stamp_now(c);
	char name[LOOKUP_KEY_MAX];

	snprintf(name, sizeof name, "own %s %.*s", a->key ? a->key : "",
	         ADDR_MAX, a->address);
	if (recall(c, stamp, name, f))
		return 0;
	memset(f, 0, sizeof *f);
	if (engine_find_secret(c->engine, a->key, a->address, &f->key,
	                       &f->state, e))
		return -1;
	remember(c, stamp, name, f);
	return 0;
}
