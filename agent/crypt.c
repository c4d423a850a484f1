/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role crypt: GnuPG, warm before a client comes, and keys looked up once. */
#include "agent/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/crypt_peers.h"
#include "agent/crypt_ring.h"
#include "agent/keeper.h"
#include "agent/keeper_tell.h"
#include "agent/log.h"
#include "crypto/autocrypt.h"

enum {
	INSIDE_MAX = 256 << 10,	/* octets of others' keys in one letter */
	WARM_ACCOUNTS = 4,	/* whose own key is listed before a client comes */
	LOOKUP_KEY_MAX = ADDR_MAX + 60,
	JUDGEMENT_TEXT = (JUDGED_MAX + 1) * 50
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
	membuf_init(&c->fields, AUTOCRYPT_FIELD_MAX);
	membuf_init(&c->inside, INSIDE_MAX);
	c->engine = engine_new(conf->gnupghome, conf->gpg_timeout, &e);
	if (!c->engine) {
		log_error("GnuPG: %s", e.text);
		free(c);
		return NULL;
	}
	if (crypt_ring_prepare(c, &e))
		log_error("keys that come with letters can't be used: %s",
		          e.text);
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
	gpg.ring_program = p.ring_program;
	gpg.ring = c->ring ? c->ring->dir : NULL;
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
	membuf_free(&c->fields);
	membuf_free(&c->inside);
	free(c->ring);
	free(c);
	return rc;
}

/* ---- keys ---- */

bool crypt_recall(struct crypt *c, uint64_t stamp, const char *name,
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

void crypt_remember(struct crypt *c, uint64_t stamp, const char *name,
                    const struct found *f)
{
	keeper_remember(&c->ends->keeper, stamp, name, f, sizeof *f, NULL);
}

uint64_t crypt_stamp(struct crypt *c)
{
	return c->stamp ? c->stamp : engine_stamp(c->engine);
}

/* What a look-up for an address is remembered by: which key is found depends on
 * what was said of each. */
static int look_up_name(char *name, size_t size, const char *addr,
                        const struct judgement *j, struct err *e)
{
	char *folded = addr_fold(addr);
	size_t len;

	if (!folded)
		return err_errno(e, "memory");
	snprintf(name, size, "to %.*s %s", ADDR_MAX, folded, j->used);
	free(folded);
	for (unsigned i = 0; i < j->n; i++) {
		len = strlen(name);
		snprintf(name + len, size - len, " %s %d", j->key[i].fpr,
		         j->key[i].is);
	}
	return 0;
}

/* The keeper knows which key waits to be accepted, and shows it. */
static int tell_waits(struct crypt *c, const char *addr, const char *waits,
                      const struct found *f, struct err *e)
{
	const char *now = f->state == KEY_CHANGED ? f->key.fpr : "";

	if (strcmp(now, waits) == 0)
		return 0;
	return keeper_waits(&c->ends->keeper, addr, now, e);
}

int crypt_find_in_keyring(struct crypt *c, const char *addr,
                          const struct judgement *j, struct found *f,
                          struct err *e)
{
	uint64_t stamp = crypt_stamp(c);
	char name[LOOKUP_KEY_MAX + JUDGEMENT_TEXT];

	if (look_up_name(name, sizeof name, addr, j, e))
		return -1;
	if (crypt_recall(c, stamp, name, f))
		return 0;
	memset(f, 0, sizeof *f);
	if (engine_find(c->engine, addr, j, &f->key, &f->state, e))
		return -1;
	crypt_tell_lasts(c, f);
	crypt_remember(c, stamp, name, f);
	return 0;
}

int crypt_find(struct crypt *c, const char *addr, struct found *f,
               struct err *e)
{
	struct judgement j;
	char waits[41];

	memset(f, 0, sizeof *f);
	f->state = KEY_NONE;
	if (!addr_ok(addr))
		return 0;
	if (keeper_judged(&c->ends->keeper, addr, &j, waits, e)
	    || crypt_find_in_keyring(c, addr, &j, f, e)
	    || crypt_find_peer(c, addr, &j, f, e))
		return -1;
	return tell_waits(c, addr, waits, f, e);
}

void crypt_tell_lasts(struct crypt *c, const struct found *f)
{
	if (f->state == KEY_USABLE || f->state == KEY_EXPIRED)
		keeper_tell_lasts(&c->ends->keeper, f->key.fpr, f->key.expires);
}

static int find_own(struct crypt *c, const struct account *a, struct found *f,
                    struct err *e)
{
	uint64_t stamp = crypt_stamp(c);
	char name[LOOKUP_KEY_MAX];

	snprintf(name, sizeof name, "own %s %.*s", a->key ? a->key : "",
	         ADDR_MAX, a->address);
	if (crypt_recall(c, stamp, name, f))
		return 0;
	memset(f, 0, sizeof *f);
	if (engine_find_secret(c->engine, a->key, a->address, &f->key,
	                       &f->state, e))
		return -1;
	crypt_remember(c, stamp, name, f);
	return 0;
}

int64_t crypt_ends(const struct found *own)
{
	return own->state == KEY_USABLE || own->state == KEY_EXPIRED
	       ? own->key.expires : 0;
}

int crypt_find_own(struct crypt *c, const struct account *a, struct found *f,
                   struct err *e)
{
	if (find_own(c, a, f, e))
		return -1;
	keeper_tell_ends(&c->ends->keeper, (uint32_t)(a - c->conf->account),
	                 crypt_ends(f));
	return 0;
}
