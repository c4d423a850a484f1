/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock setup and undo: an account from its address, in pieces. */
#ifndef AGENT_SETUP_H
#define AGENT_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/conf.h"
#include "agent/frames.h"
#include "crypto/sink.h"

#define SETUP_ISP_DIR "/usr/lib/thunderbird/isp"
/* What is to be done where passwords do not do. */
#define SETUP_TOKENS "A program such as oama or pizauth gets those: set it up for " \
	"this address, then name the command that prints one, as in " \
	"--token-command 'oama access ADDRESS'"

enum {
	SETUP_DOMAIN_MAX = 256,		/* with its NUL */
	SETUP_SERVER_MAX = 300,		/* "host:port tls", with its NUL */
	SETUP_WORDS_MAX = 300,
	SETUP_COMMAND_MAX = 1024,	/* that tells the password */
	SETUP_GUESSES_MAX = 32,		/* places to try for one protocol */
	SETUP_CONF_MAX = CONF_MAX,
	SETUP_WELCOME_WAIT = 60		/* seconds */
};

/* A server as it stands in the configuration, and why it may be this one. */
struct setup_guess {
	char server[SETUP_SERVER_MAX];
	const char *from;		/* who says so: static words */
	char user[ADDR_MAX + 1];	/* the login; "" is the address */
	bool token;			/* it takes tokens alone (OAuth) */
	bool usual;			/* a mere guess */
	bool elsewhere;			/* only unsigned DNS says that this host of
					 * another domain is meant (RFC 6186
					 * section 6): ask before it is told secrets */
};

struct setup_guesses {
	unsigned n;
	struct setup_guess guess[SETUP_GUESSES_MAX];
};
/* More than there is room for are left out, and so is one that was there. */
void setup_guess_add(struct setup_guesses *g, const struct setup_guess *one);

struct setup_key {
	const char *address, *name;	/* name NULL: none in the user ID */
	const char *home;		/* GnuPG's, or NULL */
	const char *fpr;		/* the user's choice, or NULL */
	bool anew;			/* make one in any case */
	bool no_passphrase;
	const char *passphrase_secret;	/* NULL: gpg-agent asks */
};

enum setup_units {		/* who holds the ports */
	UNITS_ANY,			/* whatever can be had */
	UNITS_SYSTEM, UNITS_USER,	/* systemd's, the user's own systemd */
	UNITS_NONE			/* letterlockd itself */
};

struct setup {			/* what the user wants, and what is known so far */
	const char *address, *domain;
	const struct setup_provider *provider;	/* or NULL */
	bool by_mx;			/* as DNS says */
	char ascii[SETUP_DOMAIN_MAX];	/* the domain in A-labels; "": it has none */
	const char *user;		/* NULL: the address, or as is found */
	const char *server[2];		/* by enum session_kind, or NULL */
	const char *listen[2];		/* the same, where mail programs connect */
	char *ca_file;			/* an absolute path, or NULL */
	const char *command;		/* tells the password, or NULL */
	bool oauth;			/* it tells tokens */
	bool yes;			/* ask nothing */
	bool thunderbird, no_thunderbird;	/* tell it where the agent is */
	bool sending_only, no_login, no_isp, no_autoconfig, no_dns, no_guess, no_wkd;
	bool ispdb;			/* ask Mozilla, too */
	bool with_pop3;			/* even where there is IMAP */
	bool no_start, no_welcome, no_backup;
	int welcome_wait;		/* seconds until a letter is there */
	const char *backup;		/* a file to make, or NULL */
	enum setup_units units;		/* the user's wish, then what is so */
	const char *isp_dir;		/* of Thunderbird */
	char *password_secret;
	struct setup_key key;
	bool name_key;			/* write it into the configuration */
	char fpr[41];
	/* the configuration as it was; old is in conf */
	char *conf_path, *text;
	size_t len;
	bool has_conf;
	struct conf conf;
	const struct account *old;	/* NULL: the account is new */
	bool autoconfig_asked;
	struct membuf autoconfig;	/* what it gave, if anything */
	const char *autoconfig_from;
	char token_only[SETUP_SERVER_MAX];	/* a server that takes no password, "" */
	struct setup_guess found[2];	/* by enum session_kind */
	char login[ADDR_MAX + 1];	/* as they want it; "" is the address */
};

/* ---- talk: setup_ask.c ---- */

/* yes or no; --yes is yes. */
bool setup_ask(const struct setup *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line from the terminal, without showing it, or from a descriptor (not -1):
 * malloced, to be wiped; NULL with e filled. */
char *setup_secret(const char *question, int fd, struct err *e);
/* "letterlock setup: ..." on standard error: status. */
int setup_fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the steps: 0, or the exit status (said) ---- */

/* Have the user's command tell the password, if that is to be tried, and see that it
 * can be configured.				setup_command.c */
int setup_command(struct setup *s);

int setup_servers(struct setup *s);		/* setup_servers.c */
int setup_own_key(struct setup *s);		/* setup_own.c */
int setup_write(struct setup *s);		/* setup_write.c */
/* Have Thunderbird's accounts of the address send through the agent, with its
 * add-on; where it has none, write the file by which it finds the agent, never over
 * one that is not ours.				setup_thunderbird.c */
int setup_thunderbird(const struct setup *s);
/* Take that back, or say how: EX_TEMPFAIL where Thunderbird runs. */
int setup_thunderbird_undo(const struct setup *s);
/* What is to be done now: also where nothing was changed. */
void setup_tell(const struct setup *s);		/* setup_tell.c */

/* Read the configuration into s, which may not be there. */
int setup_conf_read(struct setup *s, const char *given);	/* setup_write.c */
void setup_free(struct setup *s);
/* The password. */
void setup_forget(struct setup *s);
/* Write this text in its place, if it is a configuration. */
int setup_conf_store(struct setup *s, const struct membuf *text);
/* A server as it stands in the configuration. */
void setup_server_text(const struct server *s, char out[SETUP_SERVER_MAX]);

/* ---- what is known of providers: setup_provider.c ---- */

enum setup_works { SETUP_WORKS, SETUP_APP_PASSWORD, SETUP_NOT_YET };
struct setup_provider {
	const char *name;
	enum setup_works works;
	const char *smtp, *pop3;	/* NULL: it has none */
	bool local_part;		/* is the login */
	const char *todo;		/* what the user does first, or why not; NULL */
};
/* NULL: it is not among them. */
const struct setup_provider *setup_provider(const char *domain);
/* The same by the host that has the mail of a domain. */
const struct setup_provider *setup_provider_of_mx(const char *host);
/* Find that of s: by its domain, else by who has its mail, unless DNS is not to be
 * asked, or the servers are known anyway. */
void setup_know(struct setup *s);

/* ---- where the servers may be: setup_guess.c ---- */

/* The usual names of a domain. */
void setup_usual(struct setup_guesses *g, const char *domain,
                 enum session_kind kind);
/* A domain that may be looked up and be part of a file's name. */
bool setup_domain_ok(const char *domain);

/* ---- what DNS says: setup_srv.c ---- */

enum { SETUP_SRV_MAX = 16 };	/* records of one answer */
struct setup_srv {
	unsigned priority, weight, port;
	char target[SETUP_DOMAIN_MAX];
};
/* The SRV records of an answer, the best first: how many; -1: it is none. */
int setup_srv_parse(const unsigned char *answer, size_t n,
                    struct setup_srv out[SETUP_SRV_MAX]);
/* The same of the MX records, which have no weight and no port. */
int setup_mx_parse(const unsigned char *answer, size_t n,
                   struct setup_srv out[SETUP_SRV_MAX]);
/* Who has the mail of a domain that is setup_domain_ok(), as DNS says: false where
 * nobody is known to.  Some seconds at most. */
bool setup_mx(const char *domain, char host[SETUP_DOMAIN_MAX]);
/* Is the host the domain, or within it? */
bool setup_within(const char *host, const char *domain);
/* Ask for those of a domain that is setup_domain_ok(): a dozen seconds at most. */
void setup_dns(struct setup_guesses *g, const char *domain,
               enum session_kind kind);

/* ---- what Thunderbird knows: setup_isp.c ---- */

/* The servers of this kind in the text of such a file, with TLS, for an address at
 * this domain (in A-labels): how many; -1: it is not understood, and g is
 * unchanged.  from: who says so, static words. */
int setup_isp_parse(struct setup_guesses *g, const char *p, size_t n,
                    const char *address, const char *domain,
                    enum session_kind kind, const char *from);
/* In the domain's file in this folder, if there is one. */
void setup_isp(struct setup_guesses *g, const char *dir, const char *address,
               const char *domain, enum session_kind kind);

/* ---- what the domain says over HTTPS: setup_autoconfig.c ---- */

enum {
	SETUP_URL_MAX = 1400,
	SETUP_PAGE_MAX = 64 << 10,	/* octets that are taken */
	SETUP_PAGES_MAX = 2		/* at once */
};
enum setup_autoconfig_at {
	SETUP_AT_AUTOCONFIG,		/* autoconfig.DOMAIN, which is told the address */
	SETUP_AT_WELL_KNOWN,		/* DOMAIN itself */
	SETUP_AT_MOZILLA		/* who is told the domain */
};
/* Where to ask, for a domain that is setup_domain_ok(): 0, or -1 where that gets
 * too long. */
int setup_autoconfig_url(enum setup_autoconfig_at at, const char *address,
                         const char *domain, char out[SETUP_URL_MAX]);
/* Ask, once, and say what came of it; a few seconds at most. */
void setup_autoconfig(struct setup_guesses *g, struct setup *s,
                      enum session_kind kind);

struct setup_page {
	char url[SETUP_URL_MAX];
	enum {
		SETUP_PAGE_FOUND,	/* body is what the server sent */
		SETUP_PAGE_NONE,	/* it has none; and so on with why filled */
		SETUP_PAGE_NOWHERE,	/* there is no such host */
		SETUP_PAGE_FAILED	/* no connection, no trust, too large, too slow */
	} is;
	struct membuf body;		/* to be freed in any case */
	char why[SETUP_WORDS_MAX];
};
/* Get them at once, in seconds: by verified HTTPS, redirected within that a few
 * times.  ca_file: an authority besides the system's, or NULL.	setup_https.c */
void setup_https(struct setup_page *pages, unsigned n, const char *ca_file);

/* ---- one login: setup_session.c ---- */

struct setup_login {
	const char *address, *user;	/* user NULL: the address */
	const char *server;		/* as it stands in the configuration */
	const char *ca_file;		/* or NULL */
	const char *password_secret;
	bool oauth;			/* it is a token */
	unsigned seconds;		/* to connect */
	unsigned reply_seconds;		/* for an answer; 0: as is usual */
};
/* Log in and out again, by a role of its own: DONE_OK; DONE_DENIED with the
 * provider's words; DONE_UNREACHABLE: another server may do better; DONE_FAILED:
 * none will. */
enum outcome setup_login(const struct setup_login *l, enum session_kind kind,
                         struct err *e);

/* ---- the text of a configuration: setup_conf.c ---- */

/* Write text to out with this key of this section set: its line is replaced, or
 * added at the section's end, or the section at the text's.  All else stays. */
int setup_conf_set(struct membuf *out, const char *text, size_t n,
                   const char *section, const char *key, const char *value,
                   struct err *e);
/* Write it without this section; comments behind its last entry stay.  0, or 1
 * where there is none; -1. */
int setup_conf_remove(struct membuf *out, const char *text, size_t n,
                      const char *section, struct err *e);

/* ---- the key: setup_key.c ---- */

/* Is there a key that can be used?  1 with its fingerprint, 0 there is none (e says
 * why one that is there does not do, or is empty), -1. */
int setup_key_find(const struct setup_key *k, char fpr[41], struct err *e);
/* Make one (Ed25519 and Curve25519, two years): 0, or -1.  revocation: where its
 * certificate of revocation is, or "". */
int setup_key_make(const struct setup_key *k, char fpr[41], char *revocation,
                   size_t size, struct err *e);
/* Has a Thunderbird of the user's a key of its own for this address? */
bool setup_key_thunderbird(const char *address);

/* ---- the key that the domain publishes: setup_wkd.c ---- */

enum setup_published {
	SETUP_PUBLISHED,		/* fpr is filled */
	SETUP_PUBLISHED_NONE,		/* or one that was withdrawn, or is none */
	SETUP_PUBLISHED_UNKNOWN		/* it could not be looked up */
};
/* Ask for that of the address: ten seconds at most.  No keyring changes. */
enum setup_published setup_wkd(const struct setup *s, char fpr[41]);
/* Is this public key one for the address that was not withdrawn?  Then fpr is
 * filled. */
bool setup_judge(const struct setup *s, const void *key, size_t n, char fpr[41]);

/* ---- the key of earlier letters: setup_sent.c ---- */

struct setup_sent {
	char fpr[41];
	int64_t date;			/* of the letter, unix time */
};
/* Does a letter that the user sent with Thunderbird, as this address, name a key
 * (Autocrypt)?  The newest does; of each folder a few MB are read. */
bool setup_sent(const struct setup *s, struct setup_sent *out);

#endif
