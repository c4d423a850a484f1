/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of contacts: who was sealed to and with which keys, and what
 * the user said of them and of their keys.  In one file of the state folder. */
#ifndef AGENT_CONTACTS_H
#define AGENT_CONTACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/conf.h"
#include "crypto/engine.h"
#include "crypto/sink.h"

enum {
	CONTACTS_VERSION = 3,		/* of the file; 1 had no peers, 2 no ends */
	CONTACTS_PAGES_MAX = 1 << 16	/* of it, 4096 octets each */
};

struct contacts;

struct contact_key {
	char fpr[41];
	int64_t first, last;		/* sealed to; unix time, 0 = never */
	enum judged judged;
};

/* All that is known of one; nothing known is nothing but zeros. */
struct contact_known {
	char addr[ADDR_MAX + 1];	/* as addr_fold() has it */
	int64_t first, last;		/* sealed to, last to the day; 0 = never */
	bool readable;			/* readable letters were allowed */
	enum policy policy;		/* its own, or POLICY_UNSET */
	char used[41];			/* the key last sealed to, or "" */
	char waits[41];			/* one to be accepted or rejected, or "" */
	unsigned n;
	/* first those that something was said of, the last of it first; then those
	 * used last */
	struct contact_key key[JUDGED_MAX];
};

/* Open (or make) contacts.db in a state folder: NULL with e filled.  One that is
 * damaged, of a newer version or somebody else's is an error (GPG_ERR_BAD_DATA),
 * and is left as it is. */
struct contacts *contacts_open(const char *dir, struct err *e);
void contacts_close(struct contacts *c);
/* A whole copy of the file, whoever writes to it meanwhile: 1, or 0 where there is
 * none; -1 as for contacts_open(). */
int contacts_copy(const char *dir, struct membuf *out, struct err *e);

/* Each takes an address as it is written, and is on the disk when it has returned
 * 0.  -1: GPG_ERR_EIO: it can't be written (no room, no right, another program has
 * the file); GPG_ERR_BAD_DATA: damaged, or no address, no fingerprint;
 * GPG_ERR_TOO_LARGE: too many keys of one contact.  Nothing is changed then. */
int contacts_get(struct contacts *c, const char *addr,
                 struct contact_known *known, struct err *e);
/* The first one behind an address ("": the first of all); its addr is "" when
 * there is none. */
int contacts_next(struct contacts *c, const char *after,
                  struct contact_known *known, struct err *e);
/* Between these, all or nothing: it is on the disk once contacts_end() has
 * returned 0.  contacts_undo() ends it without. */
int contacts_begin(struct contacts *c, struct err *e);
int contacts_end(struct contacts *c, struct err *e);
void contacts_undo(struct contacts *c);
/* A letter goes sealed to this key; fpr "": to one that is not known.  What allowed
 * readable letters ends by that. */
int contacts_sealed(struct contacts *c, const char *addr, const char *fpr,
                    int64_t now, struct err *e);
int contacts_readable(struct contacts *c, const char *addr, bool allowed,
                      struct err *e);
int contacts_policy(struct contacts *c, const char *addr, enum policy policy,
                    struct err *e);
/* What the user says of a key. */
int contacts_judge(struct contacts *c, const char *addr, const char *fpr,
                   enum judged judged, struct err *e);
/* This key waits to be judged; "": none does. */
int contacts_waits(struct contacts *c, const char *addr, const char *fpr,
                   struct err *e);
/* A key ends then (unix time; 0: never), whosever it is. */
int contacts_lasts(struct contacts *c, const char *fpr, int64_t at,
                   struct err *e);
/* Contacts sealed to since then whose key ends behind from, and by to at the latest,
 * those that end first: the first max of them.  Of a key that came with letters, too,
 * the copy counts that lasts longest. */
struct contact_end {
	char addr[ADDR_MAX + 1], fpr[41];
	int64_t at;
};
int contacts_ending(struct contacts *c, int64_t since, int64_t from, int64_t to,
                    struct contact_end *list, size_t max, size_t *n,
                    struct err *e);

#endif
