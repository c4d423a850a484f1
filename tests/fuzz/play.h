/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A front or an upstream alone in this process: all others are played by what was
 * prepared for them.  For the targets, and for tests that cut at every octet. */
#ifndef TESTS_FUZZ_PLAY_H
#define TESTS_FUZZ_PLAY_H

#include "agent/roles.h"
#include "tests/fuzz/fuzz.h"

/* Put a frame behind those that are there before they are asked for. */
void play_say(struct membuf *m, unsigned type, const struct pack *p);

enum hand {
	HAND_CLIENT, HAND_GUARD, HAND_KEEPER, HAND_MIME, HAND_CRYPT, HAND_UPSTREAM,
	HANDS
};

/* Octets that come in two pieces: the first split of them, and the rest cut as how
 * says. */
struct script {
	const void *p;
	size_t n, split;
	uint8_t how;
	const char *token;	/* an upstream's: the login is by OAuth */
	struct membuf *sent;	/* not NULL: what an upstream said, to be freed */
};

/* One session with a client, who says QUIT at its end.  login chooses how it goes: & 3: the password is
 * right; SMTP: & 4: letters are taken.  What each of the others heard goes into
 * heard, to be freed. */
void play_smtp(const struct script *client, uint8_t login,
               struct membuf heard[HANDS]);
void play_pop3(const struct script *client, uint8_t login,
               struct membuf heard[HANDS]);
/* Must this hand hear the same however the client's octets are cut?  Mime gets
 * letters in other frames, and the keeper hears of a client that went at once. */
bool play_same(enum hand h);

/* One session with a provider, whose turns are parted by the octet 1 and who says
 * the next once it was spoken to: a login and a letter to send, or a login and all
 * that POP3 has.  What front heard, and mime.  tls: STARTTLS is wanted, and fails.
 * True if each turn was read when the next thing was said. */
bool play_upstream_smtp(const struct script *provider, bool tls,
                        struct membuf *heard);
bool play_upstream_pop3(const struct script *provider, bool tls,
                        struct membuf *heard, struct membuf *letters);

/* One connection of a plug-in.  know: the guard (& 1) and the keeper (& 2) answer, or
 * are gone; & 4: there is no crypt to be had; & 8: the guard has PLAY_OPENERS openers
 * and answers nothing else: the first hands over PLAY_LETTER under a verdict, the
 * second, a reader, finds a sealed letter, the third a locked key, the fourth, a
 * reader, a verdict; & 16: each verdict is genuine to the keeper, which answers
 * nothing else; & 64: each is forged; & 32: the keeper's first answer is to
 * watch, and one event of each kind comes.  What the plug-in heard, and the guard
 * with what went into the openers' pipes behind. */
enum { PLAY_OPENERS = 4 };
#define PLAY_VERDICT "v=1; encryption=ok; signature=good; signer=a@b.example; " \
	"fpr=X; trust=seen; t=1700000003; kid=Y; bh=Z; mac=M"
#define PLAY_LETTER "hello\r\n\0\xff"
void play_plugin(const struct script *client, uint8_t know,
                 struct membuf *heard, struct membuf *guard);
/* Take the events out of what a plug-in heard, to be freed. */
void play_events(struct membuf *heard, struct membuf *events);

/* Every frame that front heard from upstream is of its form, its text printable. */
void play_check_heard(const struct membuf *heard);

/* Is this word in it, in any case? */
bool play_has(const uint8_t *data, size_t size, const char *word);

#endif
