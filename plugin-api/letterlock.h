/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock: what other programs ask a running Letterlock.
 *
 * A handle is a connection to the plug-in socket.  Any thread may use it; it
 * does one thing at a time, and others wait for their turn, which counts as a
 * part of their own time.  Who wants to do more at once opens more handles
 * (there are places for 16 connections altogether).
 *
 * ms is the time that a function may take, in milliseconds: 0 does what can
 * be done at once, LETTERLOCK_FOREVER waits as long as it takes.
 *
 * Functions return 0, or -1 with *e filled; e may be NULL.  LETTERLOCK_LOST,
 * _TIMEOUT and _BAD_ANSWER close the connection (Letterlock then stops what it
 * did for it, a question for a passphrase, too), but for an answer that is of
 * our protocol and only lacks something.  Then letterlock_fd() is -1, and each
 * call says LETTERLOCK_LOST until letterlock_reconnect().  After other errors
 * the connection is as it was.
 *
 * Text is UTF-8 that ends with a NUL.  What it means, and what is in the
 * JSON, is written in PROTOCOL.md.  Text that is handed out as char ** is
 * malloced and to be freed by free(3); what structures hold is freed with
 * them. */
#ifndef LETTERLOCK_H
#define LETTERLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
	LETTERLOCK_FOREVER = -1,
	LETTERLOCK_WORD_MAX = 32,	/* octets of a word, with its NUL */
	LETTERLOCK_TEXT_MAX = 512,	/* octets of a text, with its NUL */
	LETTERLOCK_LETTER_MAX = 100 << 20	/* octets of a letter */
};

enum letterlock_code {
	LETTERLOCK_OK,
	LETTERLOCK_USE,		/* "use": called in a wrong way */
	LETTERLOCK_SYSTEM,	/* "system": no memory, no descriptor ... */
	LETTERLOCK_IN_USE,	/* "in-use": by another thread, all the time */
	LETTERLOCK_NOT_RUNNING,	/* "not-running": nobody listens there */
	LETTERLOCK_STRANGER,	/* "stranger": another user does */
	LETTERLOCK_LOST,	/* "lost": Letterlock has hung up */
	LETTERLOCK_TIMEOUT,	/* "timeout": not done in time */
	LETTERLOCK_BAD_ANSWER,	/* "bad-answer": that is not our protocol */
	LETTERLOCK_TOO_LARGE,	/* "too-large": more than can be asked */
	LETTERLOCK_REFUSED	/* Letterlock's own error; word is its code */
};

struct letterlock_error {
	enum letterlock_code code;
	char word[LETTERLOCK_WORD_MAX];	/* for programs */
	char text[LETTERLOCK_TEXT_MAX];	/* for people, without a full stop */
};

struct letterlock;

/* ---- the connection ---- */

/* Connect to the socket at path (NULL: $LETTERLOCK_SOCKET, else
 * $XDG_RUNTIME_DIR/letterlock/agent.sock), see that it is this user's, and say
 * hello.  *l is to be closed by letterlock_close(); NULL after -1. */
int letterlock_connect(struct letterlock **l, const char *path, int ms,
                       struct letterlock_error *e);
/* The same again with the handle that there is, whatever its state.  Events
 * that came before stay. */
int letterlock_reconnect(struct letterlock *l, int ms,
                         struct letterlock_error *e);
/* No other thread may use it then.  NULL is fine. */
void letterlock_close(struct letterlock *l);

/* What Letterlock said to hello, as JSON: version, agent, capabilities ... */
int letterlock_hello(struct letterlock *l, char **ok,
                     struct letterlock_error *e);
/* Is this call among its capabilities? */
bool letterlock_can(struct letterlock *l, const char *call);

/* ---- any call ---- */

/* call by its name; members: a JSON object with what the request has besides
 * id and call, or NULL for nothing.  *ok: the object "ok" of the answer as
 * JSON; ok may be NULL.  LETTERLOCK_REFUSED: the answer was an error.  The
 * letter of open and verdict may have any size up to LETTERLOCK_LETTER_MAX:
 * where "data" is too long for a line, and there is no "more", this makes put
 * and get of it, and *ok has the whole "data". */
int letterlock_call(struct letterlock *l, const char *call,
                    const char *members, char **ok, int ms,
                    struct letterlock_error *e);

/* ---- calls with types ----
 *
 * Words (const char *) are those of PROTOCOL.md, NULL where Letterlock told
 * none; times are seconds since 1970, 0 for none.  Structures are the
 * library's: a later one may have more members at their ends.  Their _free
 * takes NULL, too. */

struct letterlock_server {
	int64_t reached;	/* when, the last time */
	int64_t failed;		/* when it could not be, the last time */
	const char *failure;	/* and why */
};
struct letterlock_account_status {
	const char *address;
	const char *key;	/* unlocked, locked, none, unknown; or NULL:
				 * that was not asked */
	struct letterlock_server submission, pop3;
};
struct letterlock_status {
	int64_t started;
	int64_t sessions;	/* of mail programs, now */
	int64_t sessions_most;	/* the most there were at one time */
	size_t n_accounts;
	const struct letterlock_account_status *const *account;
};
/* What runs.  keys: is each account's key unlocked, too?  It costs a little. */
int letterlock_status(struct letterlock *l, bool keys,
                      struct letterlock_status **status, int ms,
                      struct letterlock_error *e);
void letterlock_status_free(struct letterlock_status *s);

struct letterlock_account {
	const char *address, *login;
	size_t n_aliases;
	const char *const *alias;	/* its other addresses, or *@domain */
	const char *encrypt, *sign;	/* what its policy says */
	bool submission, pop3;		/* has it a server for this? */
};
struct letterlock_accounts {
	size_t n;
	const struct letterlock_account *const *account;
};
/* Those of the configuration, in its order. */
int letterlock_accounts(struct letterlock *l, struct letterlock_accounts **a,
                        int ms, struct letterlock_error *e);
void letterlock_accounts_free(struct letterlock_accounts *a);

enum letterlock_choice {
	LETTERLOCK_BY_POLICY, LETTERLOCK_YES, LETTERLOCK_NO
};
struct letterlock_recipient {
	const char *address;
	const char *state;	/* sealed, no-key, expired, unusable, ... */
	const char *encrypt;	/* the policy that speaks of this one */
	const char *words;	/* why, and what can be done: one sentence */
	bool sealed_before, readable_allowed;
	/* the key, where there is one (fpr is not NULL) */
	const char *fpr, *from, *trust;
	int64_t since, expires;
};
struct letterlock_recipients {
	const char *outcome;	/* sealed, readable, refused */
	const char *words;	/* refused: what a mail program would be told */
	const char *key;	/* our own: usable, none, expired, unusable */
	bool is_signed;
	bool may_be_readable;	/* refused: it could go readable */
	size_t n;
	const struct letterlock_recipient *const *recipient;
};
/* What would become of a letter from account (its address, its login, or one of
 * its other addresses) to these, a list that ends with NULL? */
int letterlock_recipients(struct letterlock *l, const char *account,
                          const char *const *to,
                          enum letterlock_choice encrypt,
                          enum letterlock_choice sign,
                          struct letterlock_recipients **r, int ms,
                          struct letterlock_error *e);
void letterlock_recipients_free(struct letterlock_recipients *r);

struct letterlock_verdict {
	const char *state;	/* genuine, changed, other, forged, none; NULL
				 * from open, since it is fresh */
	bool sealed;		/* it is, and was not opened yet */
	/* what it says; all NULL where state is neither genuine nor changed */
	const char *encryption, *signature, *signer, *fpr, *trust, *reason;
	int64_t time;
};
/* What is the verdict in this letter worth?  n octets, at most
 * LETTERLOCK_LETTER_MAX. */
int letterlock_verdict(struct letterlock *l, const void *letter, size_t n,
                       struct letterlock_verdict **v, int ms,
                       struct letterlock_error *e);
void letterlock_verdict_free(struct letterlock_verdict *v);

/* Open a letter that did not come through Letterlock.  ask: the user may be
 * asked for a passphrase, which takes its time; else a locked key is
 * LETTERLOCK_REFUSED with the word "locked".  *opened: *n_opened octets, to be
 * freed by free(3); and how it was found. */
int letterlock_open(struct letterlock *l, const void *letter, size_t n,
                    bool ask, void **opened, size_t *n_opened,
                    struct letterlock_verdict **v, int ms,
                    struct letterlock_error *e);

/* Have the user asked for the passphrase of an account's key; done once he has
 * answered, which may take minutes.  Words of LETTERLOCK_REFUSED: no-account,
 * no-key, cancelled, wrong; timeout, where he took too long. */
int letterlock_unlock(struct letterlock *l, const char *account, int ms,
                      struct letterlock_error *e);

/* ---- events ---- */

/* From now on, until the connection ends, events come, too. */
int letterlock_watch(struct letterlock *l, int ms, struct letterlock_error *e);
/* The next event, as JSON: 1 with *event, 0 when none came in time, or -1.
 * While this waits, other calls of the handle wait too. */
int letterlock_next_event(struct letterlock *l, char **event, int ms,
                          struct letterlock_error *e);
/* The descriptor to poll for POLLIN, or -1 without a connection.  Once it can
 * be read, and after each call, take what letterlock_next_event(..., 0, ...)
 * has until that is 0: events may have come along with an answer.  It is the
 * handle's, not to be read or closed; letterlock_reconnect() changes it. */
int letterlock_fd(struct letterlock *l);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
