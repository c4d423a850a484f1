/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine's own files share: the context, its loop, and the caches. */
#ifndef CRYPTO_ENGINE_PRIVATE_H
#define CRYPTO_ENGINE_PRIVATE_H

#include <gpgme.h>
#include <limits.h>

#include "crypto/engine.h"

enum {
	ENGINE_FDS = 16,		/* GPGME needs five or six at once */
	ENGINE_BLOCK = 64 << 10,	/* octets moved at once */
	ENGINE_KEYS_MAX = 2000,		/* keys in one listing */
	ENGINE_SIGNERS_MAX = 32,	/* signers remembered */
	ENGINE_SIGS_MAX = 16,		/* checked signatures of one letter */
	ENGINE_STATUS_MAX = 1000000	/* status lines of one operation */
};

/* Keys of one listing. */
struct keyring {
	gpgme_key_t *key;
	size_t n;
	bool known;		/* listed at all, under stamp */
	uint64_t stamp;
};

typedef ssize_t engine_get(void *handle, void *buf, size_t n);
typedef ssize_t engine_put(void *handle, const void *buf, size_t n);

struct engine_fd {
	int fd;			/* -1: free */
	bool reads;
	gpgme_io_cb_t fnc;
	void *data;
	engine_get *get;	/* found to carry a letter: see engine_direct() */
	engine_put *put;
	void *handle;
};

struct engine {
	gpgme_ctx_t x;		/* the one of these that is used */
	gpgme_ctx_t plain, ring;	/* ring: NULL, or with a keyring besides */
	char ring_program[PATH_MAX], ring_file[PATH_MAX];
	unsigned stall;
	void (*asking)(void *arg);	/* NULL: nobody wants to know */
	void *asking_arg;
	char home[PATH_MAX];
	char socket[108];	/* gpg-agent's */

	/* the operation under way */
	struct engine_fd fd[ENGINE_FDS];
	struct engine_fd *at;	/* whose GPGME function runs, or NULL */
	char block[ENGINE_BLOCK];	/* from gpg */
	char out[ENGINE_BLOCK];	/* to gpg, what it did not take yet */
	size_t out_off, out_len;
	char kids[4096];	/* our children before it */
	pid_t pid;		/* gpg, while it is a child of ours */
	bool done;
	bool moved;		/* a callback was called: gpg does something */
	gpg_error_t result;
	int exited;		/* gpg's exit code, -1: killed, -2: unknown */
	unsigned lines;		/* status lines seen */
	gpg_error_t (*status)(void *arg, const char *key, const char *args);
	void *status_arg;
	struct keyring *list;	/* where a listing goes */
	bool not_found;

	struct keyring secret;	/* all our secret keys */
	struct keyring signers;	/* who signed lately */
};

/* An operation is: engine_begin(), some gpgme_op_*_start(), engine_run() with
 * what that returned.  stall and total in seconds, total 0: no end.  The result
 * is GPGME's, or GPG_ERR_TIMEOUT. */
void engine_begin(struct engine *g,
                  gpg_error_t (*status)(void *, const char *, const char *),
                  void *arg);
gpg_error_t engine_run(struct engine *g, gpg_error_t started, unsigned stall,
                       unsigned total);

/* Called by a data callback: the descriptor that GPGME serves just now is the one
 * of this callback, which from now on gets its octets straight. */
void engine_direct_in(struct engine *g, engine_get *get, void *handle);
void engine_direct_out(struct engine *g, engine_put *put, void *handle);
void engine_direct_begin(struct engine *g);
/* Serve a descriptor: 1 done, 0 it is GPGME's to serve, -1 a callback failed. */
int engine_direct(struct engine *g, struct engine_fd *f);

/* A context that runs program (NULL: gpg) into *x, which is NULL after a failure
 * for want of memory. */
int engine_ctx(struct engine *g, const char *program, gpgme_ctx_t *x,
               struct err *e);
/* From now on with our keyring (where there is one) or without: what it was. */
bool engine_ring_on(struct engine *g, bool on);

int64_t engine_now(void);	/* milliseconds of a clock that only goes on */

/* What engine_begin() and engine_run() do about the child: note our children,
 * find the new one, let it end within ms (else it is killed: false). */
void engine_child_before(struct engine *g);
void engine_child_find(struct engine *g);
bool engine_child_wait(struct engine *g, int64_t ms);
/* A process that kills our new children every g->stall seconds. */
pid_t engine_child_watch(struct engine *g);
void engine_child_unwatch(pid_t pid);

/* List the keys that match pattern (NULL: all) or, unless it is NULL, the other
 * one into r, one exec. */
int engine_list(struct engine *g, const char *pattern, const char *or,
                bool secret, struct keyring *r, struct err *e);
/* These two, with what others certified of them, which gpg has checked. */
int engine_list_signed(struct engine *g, const char *fpr, const char *or,
                       struct keyring *r, struct err *e);
void keyring_clear(struct keyring *r);

/* Those that may be for an address: none where it is no address. */
int engine_list_addr(struct engine *g, const char *addr, struct keyring *r,
                     struct err *e);

/* Is it fit to sign (where we have it) or to encrypt: KEY_USABLE, KEY_EXPIRED or
 * KEY_UNUSABLE. */
enum key_state engine_key_fit(gpgme_key_t key, bool sign);
void engine_key_fill(struct key *k, gpgme_key_t key, bool sign, int validity);
/* When the subkeys for this use end at last; 0: never, -1: there are none. */
int64_t engine_key_ends(gpgme_key_t key, bool sign);
/* GnuPG's validity of the address on this key, -1 if it isn't there.  (With a
 * key all its user IDs are revoked.) */
int engine_key_validity(gpgme_key_t key, const char *addr);

/* Our secret keys, listed again only after a change of the stamp. */
int engine_secrets(struct engine *g, struct err *e);
/* The secret key with this primary fingerprint, borrowed; NULL: e is filled. */
gpgme_key_t engine_secret(struct engine *g, const char *fpr, struct err *e);
/* The certificate of a signer by its primary fingerprint, borrowed, looked up
 * once under a stamp. */
gpgme_key_t engine_signer(struct engine *g, const char *fpr, struct err *e);

enum agent_answer {
	AGENT_SILENT,	/* not running, or it doesn't answer: e is filled */
	AGENT_NONE,	/* no such secret key */
	AGENT_COLD,
	AGENT_WARM,
	AGENT_CARD	/* on a card: nobody knows without trying */
};
enum agent_answer agent_ask(struct engine *g, const char *grip, struct err *e);

/* GPGME's data objects over ours.  Words of a failure go to e, once. */
struct engine_in {
	struct engine *g;
	struct source *in;
	const char *head;	/* octets already read from it */
	size_t head_len;
	bool begun;		/* in has given something, or its end */
	bool ended, failed;
	struct err *e;
};
extern const struct gpgme_data_cbs *const engine_in_cbs;
/* Read in to its end unless it failed. */
void engine_drain(struct engine_in *in);

/* What BEGIN_SIGNING says, "H8" say, as micalg (RFC 3156 section 5) if it is one
 * digest that is good enough (SHA-256, 384 or 512), else NULL. */
const char *engine_hash_name(const char *args, gpgme_hash_algo_t *algo);
/* The one signature just made, if it is one and by a key of the signer (a primary
 * fingerprint) as it is now. */
struct engine_made {
	char fpr[41];
	gpgme_hash_algo_t hash;
	unsigned class;
};
bool engine_signature(struct engine *g, const char *signer,
                      struct engine_made *made);
#define ENGINE_WEAK_DIGEST "GnuPG would sign with a weak digest: see " \
	"digest-algo in its gpg.conf"
#define ENGINE_WRONG_SIGNER "GnuPG did not sign with the wanted key alone: " \
	"see local-user in its gpg.conf"

/* The keys of the signatures that gpg could check: subkey and primary. */
struct engine_sigs {
	unsigned n;
	struct { char sub[41], primary[41]; } sig[ENGINE_SIGS_MAX];
};
void engine_sigs_heard(struct engine_sigs *s, const char *args);
/* The verdict on the signatures of the operation just done: fills
 * o->signature, trust, fpr and uids.  -1: no memory. */
int engine_sig_judge(struct engine *g, const struct engine_sigs *h,
                     struct opened *o, struct err *e);

#endif
