/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: letterlock.conf, read once by the guard and handed to
 * each role as text. */
#ifndef AGENT_CONF_H
#define AGENT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/types.h>

#include "crypto/addr.h"
#include "crypto/err.h"

enum {
	CONF_MAX = 1 << 20,
	CONF_LISTEN_MAX = 8,
	CONF_ACCOUNTS_MAX = 64,
	CONF_USERS_MAX = 32,
	CONF_PINS_MAX = 8,
	CONF_RECIPIENTS_MAX = 1000	/* of one letter */
};

enum policy { POLICY_UNSET, POLICY_NEVER, POLICY_WHEN_POSSIBLE, POLICY_ASK, POLICY_ALWAYS };
enum sign { SIGN_SEALED, SIGN_ALWAYS, SIGN_NEVER };
enum discover { DISCOVER_WKD, DISCOVER_NONE };	/* where keys are looked for */
enum transport { TRANSPORT_TLS, TRANSPORT_STARTTLS, TRANSPORT_PLAINTEXT };
enum login_with {
	LOGIN_PASSWORD,
	LOGIN_OAUTH,
	LOGIN_PROVEN,		/* no setting: a password, and only where the provider
				 * proves that it knows it */
	LOGIN_NONE		/* no setting: come to where it would log in */
};
enum local_tls {		/* towards mail clients */
	LOCAL_OFFERED,		/* STARTTLS may be used, if there is a certificate */
	LOCAL_STARTTLS,		/* it must be, before the login */
	LOCAL_TLS		/* from the start */
};

struct server {			/* host:port and how */
	char *host;		/* NULL: none configured */
	uint16_t port;
	enum transport transport;
};

struct account {
	char *address;		/* the section's name */
	char *user;
	struct server smtp, pop3;
	char *ca_file;		/* NULL: the system's only */
	unsigned char pin[CONF_PINS_MAX][32];	/* SHA-256 of a public key */
	unsigned n_pins;	/* 0: none is asked for; else one must fit */
	bool pin_only;		/* a pin stands instead of the chain */
	char *command;		/* prints the secret; NULL: the client has it */
	enum login_with login;	/* what kind of secret the command prints */
	struct addrs aliases;	/* addresses and *@domain patterns */
	char *key;		/* 40 hex digits, or NULL */
	enum policy encrypt;
	enum sign sign;
	bool autocrypt;		/* its key goes along with what it sends, and keys that
				 * come along are remembered */
	bool renew;		/* its key is made to last longer before it ends */
};

struct contact {		/* [to bob@example.org] or [to @example.net] */
	char *address;
	enum policy encrypt;
};

struct listen {
	struct sockaddr_storage addr;
	socklen_t len;
	enum local_tls tls;
	bool remote;		/* not on loopback */
};

struct conf {
	char *path;		/* as it is to be named in messages */
	struct listen submission[CONF_LISTEN_MAX], pop3[CONF_LISTEN_MAX];
	unsigned n_submission, n_pop3;
	char *gnupghome;	/* NULL: GnuPG's own default; ~ expanded */
	enum discover discover;	/* default wkd */
	uint64_t max_message_size;	/* octets, default 100M */
	unsigned max_sessions;	/* default 16 */
	unsigned max_sessions_per_user;	/* default: as max_sessions */
	unsigned max_recipients;	/* of one letter, default 1000 */
	unsigned max_bcc;	/* default 8 */
	unsigned look_ahead;	/* default 4 */
	bool allow_remote;
	uid_t user[CONF_USERS_MAX];	/* who may connect, besides our own */
	unsigned n_users;
	bool sandbox_required;	/* no start without all walls */
	unsigned client_timeout;	/* seconds a client may be silent, default 300 */
	unsigned connect_timeout;	/* seconds to reach a provider, with TLS, default 20 */
	unsigned greeting_timeout;	/* seconds until it has greeted, default 60 */
	unsigned reply_timeout;	/* seconds for a whole reply, default 300 */
	unsigned provider_timeout;	/* seconds a provider may be silent, default 120 */
	unsigned min_rate;	/* octets in a second, over a minute, default 100; 0: any */
	unsigned gpg_timeout;	/* seconds gpg may stand still, default 30 */
	unsigned unlock_timeout;	/* seconds for a passphrase, default 60 */
	struct account account[CONF_ACCOUNTS_MAX];
	unsigned n_accounts;
	struct contact *contact;
	size_t n_contacts;
};

/* Parse the text of a configuration. path is only for messages. Errors
 * (GPG_ERR_CONFIGURATION) name file, line, key, and what would be right:
 * "letterlock.conf:12: encrypt = sometimes: one of always, ask, when-possible,
 * never is wanted". */
int conf_parse(struct conf *c, const char *path, const char *text, size_t len,
               struct err *e);
void conf_free(struct conf *c);

/* The path in use: the given one, or $XDG_CONFIG_HOME/letterlock/letterlock.conf
 * (else ~/.config/...). malloced. */
char *conf_path(const char *given);
/* The folder for state, $XDG_STATE_HOME/letterlock (else ~/.local/state/...),
 * made 0700 if absent. malloced, NULL with e filled. */
char *conf_state_dir(struct err *e);
/* Read the file whole (at most CONF_MAX), unless others can write to it. malloced
 * text. */
char *conf_read(const char *path, size_t *len, struct err *e);

/* The account whose user (or address) is this, or NULL. */
const struct account *conf_account(const struct conf *c, const char *user);
/* May this account write as this address (its own or an alias)? */
bool account_owns(const struct account *a, const char *addr);
/* The strictest policy of account, contact and domain for this recipient. */
enum policy conf_policy(const struct conf *c, const struct account *a,
                        const char *to);

#endif
