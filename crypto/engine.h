/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GnuPG through GPGME: one operation at a time in one process, stopped when it
 * stalls, believed only by its status lines. */
#ifndef CRYPTO_ENGINE_H
#define CRYPTO_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/addr.h"
#include "crypto/packet.h"
#include "crypto/sink.h"
#include "crypto/verdict.h"

enum { KEY_SUBKEYS_MAX = 16 };

/* What we know of one certificate. */
struct key {
	char fpr[41];			/* primary, 40 upper-case hex digits */
	char grip_sign[41];		/* keygrip of the signing subkey, secret keys only */
	uint64_t enc[KEY_SUBKEYS_MAX];	/* key IDs of its subkeys that can encrypt */
	unsigned n_enc;
	int64_t expires;		/* unix time; 0 = never */
	bool valid;			/* GnuPG says full or ultimate for this address,
					 * or it was accepted */
	bool verified;			/* ... or it was accepted after it was compared */
	bool ring;			/* it stands in our keyring (engine_ring_new()) */
};

enum key_state {
	KEY_USABLE,	/* key is filled */
	KEY_NONE,	/* none known */
	KEY_EXPIRED,	/* only an expired one: key.expires tells when */
	KEY_UNUSABLE,	/* only revoked, disabled, rejected or unable to encrypt */
	KEY_AMBIGUOUS,	/* several that nobody has judged */
	KEY_CHANGED	/* another than was used before, which neither anybody
			 * has judged nor that one certified: key is filled with
			 * it */
};

/* What the user has said of a key that is for an address. */
enum judged {
	JUDGED_NOT,
	JUDGED_ACCEPTED,
	JUDGED_VERIFIED,	/* accepted after it was compared */
	JUDGED_REJECTED
};

enum { JUDGED_MAX = 32 };	/* keys of one address */

struct judgement {
	char used[41];		/* the key last used for this address, or "" */
	unsigned n;		/* of them, what was said last first */
	struct {
		char fpr[41];
		enum judged is;
	} key[JUDGED_MAX];
};
/* Is it a fingerprint as it stands everywhere here: 40 upper-case hex digits? */
bool fpr_ok(const char *fpr);
/* Of this key. */
enum judged judgement_of(const struct judgement *j, const char *fpr);

struct engine;

/* Initialise GPGME once for gnupghome (NULL: GnuPG's default; else GNUPGHOME is
 * set), make the kept context and list our secret keys: three execs, so that
 * later operations need one each.  stall: seconds without any movement of gpg
 * after which it is killed (the time a source or sink takes is not gpg's; what
 * gpg started itself is the caller's to kill by its process group).  Needs
 * /proc, and nobody else may reap our children (no SIGCHLD ignored). */
struct engine *engine_new(const char *gnupghome, unsigned stall, struct err *e);
void engine_free(struct engine *g);

/* Where GnuPG is: its home, the gpg that is run (NULL: none) and gpg-agent's
 * socket.  The strings live as long as g. */
struct engine_places {
	const char *home, *program, *socket;
	const char *ring_program;	/* of engine_ring_new(), or NULL */
};
void engine_places(const struct engine *g, struct engine_places *p);

/* Call fn(arg) whenever gpg-agent begins to ask somebody for a passphrase, for an
 * operation of ours. */
void engine_on_asking(struct engine *g, void (*fn)(void *arg), void *arg);

/* A second keyring besides the user's, for peers' keys: operations with a key of
 * which ring is set see it, and all others once engine_ring_use() says so, but what
 * is done with secret keys does not.  program: letterlock-gpg, which GPGME runs in
 * gpg's place; file, the keyring (see kbx.h), need not be there.  Two execs; -1: it
 * does not work, and all goes on without. */
int engine_ring_new(struct engine *g, const char *program, const char *file,
                    struct err *e);
void engine_ring_use(struct engine *g, bool use);
/* The key with this primary fingerprint for an address, from either keyring, which
 * both must find nothing wrong with it but that it has ended, in one of them.  Never KEY_AMBIGUOUS or KEY_CHANGED. */
int engine_ring_find(struct engine *g, const char *addr, const char *fpr,
                     struct key *key, enum key_state *state, struct err *e);
/* Has the key that was used for this address certified this new one as its own?
 * Not where the user has compared that one (then the new one is, too), nor where it
 * is revoked, expired or rejected. */
bool engine_certified(struct engine *g, const char *addr, const char *fpr,
                      const struct judgement *j);

/* Something that changes when keys, trust or gpg.conf change (times, sizes and
 * inodes of the files in gnupghome): look-ups may be remembered under it. */
uint64_t engine_stamp(const struct engine *g);

/* The recipient's key for an address: compared by ourselves with every user
 * ID, accepted ones first (the last of them), then valid ones; never one that was
 * rejected.  j: what
 * was said of them, or NULL.  Of the user's keyring alone.  One exec of gpg.  -1 only when GnuPG failed. */
int engine_find(struct engine *g, const char *addr, const struct judgement *j,
                struct key *key, enum key_state *state, struct err *e);
/* Our own signing key: by fingerprint, or (fpr NULL or "") the best usable
 * secret key for the address. */
int engine_find_secret(struct engine *g, const char *fpr, const char *addr,
                       struct key *key, enum key_state *state, struct err *e);

enum {
	LISTED_UIDS_MAX = 16,		/* user IDs of a key that are told */
	LISTED_UID_MAX = 300,		/* octets of one of them */
	LISTED_MAX = 100,		/* keys of one listing that are told */
	IMPORT_KEYS_MAX = 64
};

/* A key as it is shown to people. */
struct listed {
	char fpr[41];
	int64_t created, expires;	/* unix time; 0 = never */
	bool secret;			/* we have its secret part */
	bool usable;			/* to encrypt to it (our own: to sign) */
	bool valid;			/* GnuPG says full or ultimate: for the address,
					 * or for any of its user IDs */
	bool revoked, expired;
	unsigned n;
	char uid[LISTED_UIDS_MAX][LISTED_UID_MAX];	/* any octets */
};
typedef int engine_take(void *arg, const struct listed *k, struct err *e);
/* Those with a user ID for this address; those of which we have the secret part; and
 * those with these n fingerprints.  take is called with each of them, at most
 * LISTED_MAX, until it returns -1. */
int engine_show_addr(struct engine *g, const char *addr, engine_take *take,
                     void *arg, struct err *e);
int engine_show_own(struct engine *g, engine_take *take, void *arg,
                    struct err *e);
int engine_show(struct engine *g, char fpr[][41], size_t n, engine_take *take,
                void *arg, struct err *e);

/* Put public keys, as they stand in a text, into the user's keyring: the
 * fingerprints of those that are there now, and how many were not before.  -1:
 * GPG_ERR_FORBIDDEN, a secret key is among them; GPG_ERR_BAD_DATA: no keys, or
 * damaged ones (nothing was imported then); else GnuPG failed. */
int engine_import(struct engine *g, const void *text, size_t len,
                  char fpr[IMPORT_KEYS_MAX][41], size_t *n, size_t *new,
                  struct err *e);
/* A key that came along, in no keyring. */
struct judged_key {
	char fpr[41];
	int64_t expires;	/* unix time; 0 = never */
	bool usable;		/* now, to encrypt to it; else it has ended, */
	bool revoked;		/* or was withdrawn */
};
/* What gpg says of it (one exec): one key for this address, of which what it says of
 * itself is signed by itself.  What is to be kept of it goes into clean, unless that
 * is NULL (see keydata_clean()).  -1: what keydata_read() says; GPG_ERR_NO_USER_ID: it
 * is not for this address; GPG_ERR_UNUSABLE_PUBKEY: not made to encrypt;
 * GPG_ERR_BAD_DATA; else GnuPG failed.  No keyring changes. */
int engine_judge(struct engine *g, const void *key, size_t n, const char *addr,
                 struct judged_key *j, struct sink *clean, struct err *e);

enum { KEY_ARMOR_MAX = 48 << 10 };	/* octets of one public key as text */

/* The public key with this primary fingerprint as armored text, without what
 * others signed of it (minimal), into out, an empty one with room for
 * KEY_ARMOR_MAX, which a failure leaves empty.  GPG_ERR_NO_PUBKEY,
 * GPG_ERR_TOO_LARGE ... */
int engine_export(struct engine *g, const char *fpr, struct membuf *out,
                  struct err *e);

/* 1: the key's secret part can be used without asking (no passphrase, or it is
 * cached), 0: it would ask, -1: no secret key, or the agent doesn't answer. */
int engine_warm(struct engine *g, const char *grip, struct err *e);
/* Ask for the passphrase now by one tiny signature; patience in seconds.
 * GPG_ERR_CANCELED, GPG_ERR_TIMEOUT, GPG_ERR_BAD_PASSPHRASE ... */
int engine_unlock(struct engine *g, const char *fpr, unsigned patience,
                  struct err *e);

/* Let our own key with this primary fingerprint last two years from now, and those of
 * its subkeys that are used, where they end within 180 days: without asking anybody for
 * a passphrase.  1: so it is; 0: it is not to be (it has ended or was revoked, or its
 * whole life is shorter than 200 days), or can't be now (its primary key is not here,
 * or locked); -1: it failed.  *ends: when it ends, unix time; 0 = never. */
int engine_extend(struct engine *g, const char *fpr, int64_t now,
                  int64_t *ends, struct err *e);
/* Is it to be tried, as far as our listing says?  No exec where nothing has changed. */
bool engine_extends(struct engine *g, const char *fpr, int64_t now);

/* Where an operation gets its input: up to n octets, 0 at the end, -1 with e
 * filled when it must fail. */
struct source {
	ssize_t (*get)(struct source *s, void *buf, size_t n, struct err *e);
};

/* Sign and encrypt (RFC 3156 section 6.2) source to the keys, among which the
 * caller puts the signer's own: binary OpenPGP into out, not one octet of which
 * is given before source gave its first, the status lines showed allowed
 * algorithms and the session-key packets are for exactly the wanted keys.  A key
 * given twice counts once.  sign false: encrypt only, signer may be NULL.  Reads
 * source to its end unless that or out failed.  GPG_ERR_FORBIDDEN: gpg.conf wants
 * something else. */
int engine_seal(struct engine *g, const struct key *signer, bool sign,
                const struct key *to, size_t n_to,
                struct source *in, struct sink *out, struct err *e);

enum { OPENED_ALSO_MAX = 3 };

/* A key that signed, and the addresses of its user IDs. */
struct opened_signer {
	char fpr[41];
	struct addrs uids;
};

/* What came of opening. */
struct opened {
	enum verdict_encryption encryption;
	enum verdict_reason reason;	/* when it failed */
	bool locked;			/* failed only for want of a passphrase
					 * or of gpg-agent; reason is then
					 * REASON_NO_SECRET_KEY */
	bool asked;			/* a passphrase was asked for */
	enum verdict_signature signature; /* before the identity is compared */
	enum verdict_trust trust;
	char fpr[41];			/* signing primary key, if it was checked */
	struct addrs uids;		/* addresses of its user IDs: with SIG_GOOD
					 * those GnuPG calls valid, with
					 * SIG_UNTRUSTED all not revoked */
	struct opened_signer also[OPENED_ALSO_MAX];	/* with SIG_GOOD: other
					 * keys whose signatures are as good */
	unsigned n_also;
};

/* Decrypt (and verify) binary OpenPGP from in into out.  What out took must not
 * be shown unless o->encryption is ENC_OK.  ask: seconds for which a passphrase
 * may be asked for, 0 = not at all.
 * max: octets of cleartext at most.  -1 only when we failed (memory, disk, a gpg
 * that can't be started: the letter is none the wiser); all else is in *o.
 * Reads in to its end unless we failed.  Free *o with opened_free(). */
int engine_open(struct engine *g, unsigned ask, uint64_t max, struct source *in,
                struct sink *out, struct opened *o, struct err *e);
void opened_free(struct opened *o);

/* Sign source with a detached binary signature (RFC 3156 section 5): read to its
 * end unless that or micalg failed.  micalg is called once, with "pgp-sha256" and
 * the like, as soon as GnuPG says which digest it is: with a long source before its
 * end, with a short one after; nothing is to go out before.  The signature, binary
 * OpenPGP, into sig, which a failure leaves empty.  GPG_ERR_FORBIDDEN: gpg.conf
 * wants a weak digest, another signer or another kind of signature. */
int engine_sign(struct engine *g, const struct key *signer, struct source *in,
                int (*micalg)(void *arg, const char *name, struct err *e),
                void *arg, struct membuf *sig, struct err *e);

/* Verify a detached signature (binary OpenPGP, nothing but signature packets in it,
 * else SIG_BAD; only such as gpg can't read: SIG_UNKNOWN_KEY) of text.  Fills o as
 * engine_open() does, with ENC_NONE; a gpg that stood still or was killed is
 * SIG_NONE.  -1 only when we failed.  Reads text to its end unless we failed. */
int engine_verify(struct engine *g, const void *sig, size_t n_sig,
                  struct source *text, struct opened *o, struct err *e);

/* What was said of the keys for the From address, before opened_judge(): the trust of
 * one that GnuPG does not know is what was said of it, and one that was rejected
 * counts as untrusted, whatever GnuPG says. */
void opened_accept(struct opened *o, const struct judgement *j);
/* The rule of identity: may this signature be called good for this From?
 * Sets v->signature, signer, fpr, trust.  The one place that says SIG_GOOD. */
void opened_judge(const struct opened *o, const struct addrs *from,
                  struct verdict *v);

#endif
