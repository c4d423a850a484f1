/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a backup holds, and how it is sealed: a tar archive that gpg encrypts to the
 * recovery code, so that it can be opened without us, too. */
#ifndef AGENT_BACKUP_H
#define AGENT_BACKUP_H

#include <stdint.h>

#include "crypto/sink.h"

enum { BACKUP_MAX = 256 << 20, BACKUP_FILES_MAX = 32 };

/* From where, and to where. */
struct backup_places {
	char *conf;		/* the configuration's path */
	char *state;		/* the state folder */
	char *gnupghome;	/* NULL: GnuPG's default */
};
/* As the configuration at path (NULL: the default one) has them; it may be absent
 * where absent_ok.  To be freed. */
int backup_places(struct backup_places *p, const char *path, bool absent_ok,
                  struct err *e);
void backup_places_free(struct backup_places *p);

/* All keys of the user's GnuPG (it asks for their passphrases), configuration,
 * what is known of contacts, the MAC key: an archive.  now: unix time. */
int backup_collect(const struct backup_places *p, int64_t now,
                   struct membuf *archive, struct err *e);
/* Put it where it belongs.  over: in place of what is there, which is else an error
 * (GPG_ERR_EEXIST) that changes nothing.  Where gnupghome is named by the
 * archive's own configuration, that counts. */
int backup_put_back(struct backup_places *p, const struct membuf *archive,
                    bool over, struct err *e);

/* Sealed to the code, and opened again: GPG_ERR_BAD_PASSPHRASE: not with this
 * code, or damaged. */
int backup_seal(const struct membuf *archive, const char *code_secret,
                struct membuf *sealed, struct err *e);
int backup_open(const void *sealed, size_t n, const char *code_secret,
                struct membuf *archive, struct err *e);

#endif
