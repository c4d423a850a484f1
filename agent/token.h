/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local tokens: what a mail program shows the agent in place of a password
 * where the agent gets the password itself.  The state folder's file "tokens"
 * holds a salted hash of each and nothing that could be shown. */
#ifndef AGENT_TOKEN_H
#define AGENT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/addr.h"

enum {
	TOKEN_TEXT = 44,	/* octets of one with its NUL: 256 bits in base64url */
	TOKEN_SALT = 16,
	TOKEN_HASH = 32,
	TOKENS_MAX = 256	/* accounts that have one */
};

struct token {
	char address[ADDR_MAX + 1];
	int64_t since;		/* unix time */
	unsigned char salt[TOKEN_SALT], hash[TOKEN_HASH];
};

struct tokens {
	struct token *token;	/* malloced */
	size_t n;
};

/* All of them.  No file is none; errors: GPG_ERR_BAD_DATA, a damaged file. */
int tokens_read(const char *dir, struct tokens *t, struct err *e);
void tokens_free(struct tokens *t);

/* Make one for an account, in place of an older one; text_secret is all that
 * there is of it. */
int token_make(const char *dir, const char *address, int64_t now,
               char text_secret[TOKEN_TEXT], struct err *e);
/* *had: there was one. */
int token_remove(const char *dir, const char *address, bool *had,
                 struct err *e);
/* Is this the account's token?  As the file is now; compared in constant time. */
int token_check(const char *dir, const char *address, const char *text_secret,
                bool *right, struct err *e);

#endif
