/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock: what other programs ask a running Letterlock.
 *
 * A handle is a connection to the plug-in socket.  Any thread may use it; it does
 * one thing at a time, and others wait for their turn, which counts as a part of
 * their own time.  Who wants to do more at once opens more handles (there are
 * places for 16 connections altogether).
 *
 * ms is the time that a function may take, in milliseconds: 0 does what can be
 * done at once, LETTERLOCK_FOREVER waits as long as it takes.
 *
 * Functions return 0, or -1 with *e filled; e may be NULL.  After -1 with
 * LETTERLOCK_NOT_RUNNING, _STRANGER, _LOST, _TIMEOUT or _BAD_ANSWER the connection
 * is closed (Letterlock then stops what it did for it, a question for a passphrase
 * too) and each call says LETTERLOCK_LOST until letterlock_reconnect().  After
 * other errors it is as it was.
 *
 * Text is UTF-8 that ends with a NUL.  What it means, and what is in the JSON, is
 * written in PROTOCOL.md.  Text that is handed out as char ** is malloced and to be
 * freed by free(3); what structures hold is freed with them. */
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
	LETTERLOCK_NOT_RUNNING,	/* "not-running": nobody listens at the socket */
	LETTERLOCK_STRANGER,	/* "stranger": another user does */
	LETTERLOCK_LOST,	/* "lost": Letterlock has hung up */
	LETTERLOCK_TIMEOUT,	/* "timeout": not done in time */
	LETTERLOCK_BAD_ANSWER,	/* "bad-answer": that is not our protocol */
	LETTERLOCK_TOO_LARGE,	/* "too-large": more than can be asked or told */
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
/* The same again with the handle that there is, whatever its state.  Events that
 * came before stay. */
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

/* call by its name; members: a JSON object with what the request has besides id
 * and call, or NULL for nothing.  *ok: the object "ok" of the answer as JSON; ok
 * may be NULL.  LETTERLOCK_REFUSED: the answer was an error. */
int letterlock_call(struct letterlock *l, const char *call,
                    const char *members, char **ok, int ms,
                    struct letterlock_error *e);

/* Have the user asked for the passphrase of an account's key; answered once he
 * has, which may take minutes. */
int letterlock_unlock(struct letterlock *l, const char *account, int ms,
                      struct letterlock_error *e);

/* ---- events ---- */

/* From now on, until the connection ends, events come, too. */
int letterlock_watch(struct letterlock *l, int ms, struct letterlock_error *e);
/* The next event, as JSON: 1 with *event, 0 when none came in time, or -1.  While
 * this waits, other calls of the handle wait too. */
int letterlock_next_event(struct letterlock *l, char **event, int ms,
                          struct letterlock_error *e);
/* The descriptor to poll for POLLIN, or -1 without a connection.  Once it can be
 * read, and after each call, take what letterlock_next_event(..., 0, ...) has until
 * that is 0: events may have come along with an answer.  It is the handle's, not
 * to be read or closed; letterlock_reconnect() changes it. */
int letterlock_fd(struct letterlock *l);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
