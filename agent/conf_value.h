/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the configuration: one "key = value" understood, or refused in
 * words that say what would be right. */
#ifndef AGENT_CONF_VALUE_H
#define AGENT_CONF_VALUE_H

#include "agent/conf.h"

/* One entry as it stands in the file. */
struct conf_value {
	const char *path;	/* as it is to be named in messages */
	unsigned line;		/* 1 = first */
	const char *key, *text;	/* text: trimmed, without its comment */
	bool private;		/* the text is not to be repeated in messages */
};

/* Each of these fills *out from v->text, or returns -1 with e filled
 * ("path:line: key = text: WHAT is wanted", GPG_ERR_CONFIGURATION) and *out
 * unchanged.  Strings and lists are malloced, the old ones freed. */
int conf_value_policy(const struct conf_value *v, enum policy *out,
                      struct err *e);
/* The word for a policy, or NULL for POLICY_UNSET. */
const char *conf_value_policy_word(enum policy policy);
int conf_value_sign(const struct conf_value *v, enum sign *out, struct err *e);
int conf_value_bool(const struct conf_value *v, bool *out, struct err *e);
int conf_value_number(const struct conf_value *v, unsigned min, unsigned max,
                      unsigned *out, struct err *e);
/* Octets: 100M, 64K, 2G (powers of 1024) or a plain number. */
int conf_value_size(const struct conf_value *v, uint64_t min, uint64_t max,
                    uint64_t *out, struct err *e);
int conf_value_login(const struct conf_value *v, char **out, struct err *e);
/* An absolute path, or one below "~/". */
int conf_value_path(const struct conf_value *v, char **out, struct err *e);
/* A fingerprint of 40 hex digits; blanks in it and lower case are allowed. */
int conf_value_fpr(const struct conf_value *v, char **out, struct err *e);
/* Addresses and *@domain patterns, comma-separated. */
int conf_value_aliases(const struct conf_value *v, struct addrs *out,
                       struct err *e);
/* host:port and tls | starttls | plaintext (loopback hosts only). */
int conf_value_server(const struct conf_value *v, struct server *out,
                      struct err *e);
/* Addresses with a port (0: any free one) and perhaps tls or starttls,
 * comma-separated. */
int conf_value_listen(const struct conf_value *v,
                      struct listen out[CONF_LISTEN_MAX], unsigned *n,
                      struct err *e);
/* Users by name or number, comma-separated. */
int conf_value_users(const struct conf_value *v, uid_t out[CONF_USERS_MAX],
                     unsigned *n, struct err *e);
/* sha256//BASE64 of public keys (RFC 7469 section 2.4), comma-separated. */
int conf_value_pins(const struct conf_value *v,
                    unsigned char out[CONF_PINS_MAX][32], unsigned *n,
                    struct err *e);
/* client (*out NULL), or command "...". */
int conf_value_credentials(const struct conf_value *v, char **out,
                           struct err *e);
int conf_value_login_with(const struct conf_value *v, enum login_with *out,
                          struct err *e);
int conf_value_discover(const struct conf_value *v, enum discover *out,
                        struct err *e);
int conf_value_sandbox(const struct conf_value *v, bool *required,
                       struct err *e);
/* Would the second fail to bind?  (Port 0 never does.) */
bool conf_listen_same(const struct listen *a, const struct listen *b);

/* Is it "@domain" or "*@domain" with a domain an address could have? */
bool conf_value_is_domain(const char *pattern);
/* "path:line: key = text: words", the text cut and stripped of controls. */
int conf_value_bad(const struct conf_value *v, struct err *e,
                   const char *fmt, ...) __attribute__((format(printf, 3, 4)));


/* For the parsers of values themselves. */
struct conf_word {
	const char *name;	/* NULL ends a list */
	int value;
};
const struct conf_word *conf_value_word(const struct conf_word *list,
                                        const char *text);
/* Decimal digits up to max: where they end, or NULL. */
const char *conf_value_digits(const char *p, uint64_t max, uint64_t *out);
/* A comma-separated list: what read() makes of each piece, items of this size. */
struct conf_list {
	unsigned most;
	size_t size;
	bool (*read)(char *piece, void *item);
	const char *many, *wanted;	/* words: "addresses"; what is right */
};
/* The items into out, *n of them; both unchanged on failure. */
int conf_value_list(const struct conf_value *v, const struct conf_list *list,
                    void *out, unsigned *n, struct err *e);
/* Cut the next piece of a comma-separated list out of *list, trimmed; NULL at
 * the end.  An empty piece is "". */
char *conf_value_piece(char **list);
/* Replace the string *out by a copy of the n octets at text. */
int conf_value_copy(const struct conf_value *v, const char *text, size_t n,
                    char **out, struct err *e);

#endif
