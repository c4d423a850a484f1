/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper remembers besides contacts: the MAC key and which letters came
 * sealed in files of the state folder, look-ups and letters sent in part in
 * memory. */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

enum {
	MEMORY_KEY = 32,
	LOOKUPS_MAX = 2048,	/* remembered look-ups; the oldest goes first */
	LOOKUP_VALUE_MAX = 8 << 10,	/* a key that is sent along fits */
	PARTS_MAX = 64,		/* letters sent in part */
	PART_SECONDS = 3600
};

struct memory;

/* Open (or make) the memory in a state folder.  NULL with e filled. */
struct memory *memory_open(const char *dir, struct err *e);
void memory_close(struct memory *m);
const unsigned char *memory_key(const struct memory *m);

/* HMAC-SHA-256 of what and text under the key of this installation. */
void memory_hash(const struct memory *m, const char *what, const char *text,
                 unsigned char out[32]);
/* Four digits for a text on a day (days since 1970). */
unsigned memory_code(const struct memory *m, const char *text, int64_t day);

/* Look-ups: a value belongs to a key only while the stamp is the same. */
const void *memory_recall(const struct memory *m, uint64_t stamp,
                          const char *key, size_t *n);
void memory_remember(struct memory *m, uint64_t stamp, const char *key,
                     const void *value, size_t n);

/* Lists: salted hashes and the day, appended to a file. */
enum memory_list {
	MEMORY_CAME,		/* Message-IDs that came sealed, for a year */
	MEMORY_TOLD,		/* which ends of keys were told, and how long before */
	MEMORY_LISTS
};
bool memory_has(const struct memory *m, enum memory_list l, const char *text);
int memory_add(struct memory *m, enum memory_list l, const char *text,
               struct err *e);

/* Letters sent in part: a packed list of addresses under a digest, now in
 * seconds.  find gives NULL when there is none or it is too old. */
const void *memory_part_find(const struct memory *m,
                             const unsigned char digest[32], int64_t now,
                             size_t *n);
void memory_part_keep(struct memory *m, const unsigned char digest[32],
                      int64_t now, const void *list, size_t n);

#endif
