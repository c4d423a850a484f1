/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role plugin: one connection to the plug-in socket, which is spoken as
 * plugin-api/PROTOCOL.md says. */
#ifndef AGENT_PLUGIN_H
#define AGENT_PLUGIN_H

#include "agent/box.h"
#include "agent/json.h"
#include "agent/roles.h"

enum {
	PLUGIN_VERSION = 1,	/* of the protocol */
	PLUGIN_PIECE = 4096,	/* octets that are read at once */
	PLUGIN_SEND_SECONDS = 30,	/* for a plug-in to take an answer */
	PLUGIN_FRAME_SECONDS = 10,	/* from a frame's begin to its end */
	PLUGIN_MORE_MS = 2000,	/* see plugin_patience() */
	PLUGIN_KEEP_MS = 3000	/* a crypt is kept for the next question */
};

/* One letter that is to be opened or checked, and the opener that has it. */
struct plugin_letter {
	enum { LETTER_NONE, LETTER_COMES, LETTER_GOES } state;
	bool verdict_only;
	struct chan mime;
	int pipe;		/* where it goes, which does not block */
	uint64_t octets;	/* of it that came */
};

/* The mime that looks at letters' header blocks, from the first one on. */
struct plugin_senders {
	struct chan mime;	/* open: it is there */
	int pipe;
	bool comes;		/* a letter has begun */
	uint64_t octets;	/* of it that came */
};

struct plugin {
	const struct conf *conf;
	struct plugin_ends *ends;
	struct walls walls;	/* as they were found before this one was entered */
	bool greeted;		/* by hello */
	struct chan crypt;	/* see plugin_kept_crypt() */
	struct plugin_letter letter;
	struct plugin_senders senders;
	struct chan events;	/* open: it watches */
	size_t len;
	char in[JSON_LINE_MAX + PLUGIN_PIECE];	/* what is no whole line yet */
};

/* Calls and answers until the plug-in or the guard hangs up: 0. */
int plugin_serve(const struct conf *conf, struct plugin_ends *ends);

/* Wait for poll()'s events of fd, ms at most (-1: for ever), and write events
 * meanwhile: 0; 1: the time is over; -1: the guard wants the end, or the plug-in has
 * gone, or it is the plug-in that is waited for and the keeper has gone. */
int plugin_wait_on(struct plugin *p, int fd, short events, int ms);
/* The same until c has a frame: 0, or -1, also where the time is over. */
int plugin_wait(struct plugin *p, struct chan *c);
int plugin_wait_for(struct plugin *p, struct chan *c, int ms);
/* From now on c may not take long over a frame that it has begun: nobody looks
 * meanwhile whether the plug-in is there. */
void plugin_hurry(const struct chan *c);
/* Wait until fd can be written, in the same way. */
int plugin_wait_room(struct plugin *p, int fd);
/* A crypt of one's own for a while, to be closed: 0, or -1. */
int plugin_crypt(struct plugin *p, struct chan *crypt);
/* The one that look-ups share, so that a plug-in which asks while somebody types
 * is answered at once: NULL where there is none.  Who is not answered by it closes
 * it.  It ends when the plug-in has been silent for PLUGIN_KEEP_MS. */
struct chan *plugin_kept_crypt(struct plugin *p);
/* For how many milliseconds its answer is waited for: gpg's own time, which crypt
 * sees to, and a little more. */
int plugin_patience(const struct plugin *p);

/* An opener (G_OPENER) or a reader (G_READER) and the pipe to it, which does not
 * block; and a frame into that: 0 or -1. */
int plugin_reader(struct plugin *p, unsigned type, struct chan *mime, int *pipe);
int plugin_pipe_put(struct plugin *p, int fd, unsigned type, const void *data,
                    size_t n);

/* plugin_export.c: a public key as text, malloced, by its fingerprint (40 upper-case
 * hex digits), or the account's own: 0, or -1 with f filled: "no-key" ... */
struct fault;
int plugin_export(struct plugin *p, const char *fpr, char **armor,
                  struct fault *f);
int plugin_export_own(struct plugin *p, const struct account *a, char **armor,
                      struct fault *f);

/* Why a call failed: code is one of those in PROTOCOL.md. */
struct fault {
	const char *code;
	char text[ERR_TEXT_MAX];
};
/* Fill it; returns NULL. */
json_t *fault_set(struct fault *f, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The answer to a request, an object or null: a new reference, which is not NULL.
 * Errors are answers, too. */
json_t *plugin_call(struct plugin *p, const char *line, size_t n);
/* That there was an error which belongs to no request, or to this one. */
json_t *plugin_error(const json_t *id, const struct fault *f);

/* The account that the request's member "account" means: an account's address, its
 * login, or another of its own addresses.  NULL with f filled. */
const struct account *plugin_account(const struct plugin *p, json_t *request,
                                     struct fault *f);

/* The address that a letter of this account is from, if "account" is one of its
 * own: else the account's. */
const char *plugin_from(const struct account *a, json_t *request);

/* Write one line, and give the object back (NULL: there was no memory): 0, or -1. */
int plugin_say(struct plugin *p, json_t *line);
/* A K_EVENT as the object that a plug-in gets; NULL: it is none. */
json_t *plugin_event(const struct frame *f);
/* The text of a verdict, "v=1; encryption=ok; ...", as an object. */
json_t *plugin_verdict_text(const char *text);

/* plugin_keys.c: the keys there are for an address or ("") an account, by its number:
 * {"keys":[...]} as PROTOCOL.md has it.  NULL with f filled. */
struct contact_known;
struct peer_known;
/* How far a key of an address is trusted, since when, and when it came. */
void plugin_tell_trust(json_t *key, const struct contact_known *c,
                       const struct peer_known *peer);
json_t *plugin_keys_of(struct plugin *p, const char *addr, uint32_t account,
                       struct fault *f);

/* plugin_ends.c: what became of the last try to let an account's own key last longer;
 * and contacts whose keys end soon, as the keeper and a crypt know them. */
void plugin_renewal(struct plugin *p, unsigned n, json_t *account);
void plugin_ending(struct plugin *p, struct chan *crypt, json_t *ok);

/* The calls: what is "ok" in the answer, or NULL with f filled. */
json_t *plugin_contacts(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_keys(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_accounts(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_invite(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_recipients(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_status(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_unlock(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_senders(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_learn(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_open(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_verdict(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_put(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_get(struct plugin *p, json_t *request, struct fault *f);

/* There is no letter yet; what there is of one is forgotten, and its opener ends. */
void plugin_letter_begin(struct plugin *p);
void plugin_letter_forget(struct plugin *p);
/* The same for the one that looks at header blocks. */
void plugin_senders_begin(struct plugin *p);
void plugin_senders_forget(struct plugin *p);
json_t *plugin_watch(struct plugin *p, json_t *request, struct fault *f);

#endif
