/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard's loop (guard.c), its door (guard_door.c), the making of a
 * session's parts (guard_parts.c) and their end (guard_reap.c) share. */
#ifndef AGENT_GUARD_PARTS_H
#define AGENT_GUARD_PARTS_H

#include <sys/types.h>
#include <time.h>

#include "agent/frames.h"
#include "agent/guard.h"
#include "agent/peer.h"
#include "agent/spawn.h"

enum {
	SESSIONS_MAX = 256,
	PLUGINS_MAX = 16,	/* connections of plug-ins */
	PLACES_MAX = SESSIONS_MAX + PLUGINS_MAX,
	LANES_MAX = 33,		/* of one letter: max-bcc and the others */
	PARTS_MAX = 2 * (2 * LANES_MAX + 2),	/* of one session besides front:
				 * while one set is reaped the next starts */
	DEATHS_MAX = 10,	/* then no more spares until a client comes */
	ACCEPT_MAX = 64,	/* at a time, of one listener */
	REFILL_MS = 300,	/* the letter goes first, then the next spares */
	PIPE_OCTETS = 1 << 20,	/* a frame must fit, or its last octets block */
	GRACE_MS = 5000,	/* for the others after front has ended */
	KEEPER_MS = 5000,	/* an asker that waits so long has no keeper */
	STOP_MS = 1500		/* for the keeper to end, and for the killed */
};

struct session {
	bool used;
	uint32_t number;	/* of all sessions, from 1 on */
	unsigned generation;	/* of the configuration it began with */
	int conf_fd;		/* that, or -1: it is the guard's own still */
	enum session_kind kind;
	enum local_tls tls;	/* of the listener the client came by */
	bool remote;
	char peer[PEER_MAX];	/* who the client is: see frames.h */
	struct child front;
	pid_t part[PARTS_MAX];	/* also their process groups; 0 = none */
	int64_t end_at;		/* ms, when what is left is killed; 0 = lives */
};

struct guard {
	const struct conf *conf;
	struct conf *own_conf;	/* the same, if it was read again; or NULL */
	unsigned generation;	/* how often it was */
	int conf_fd, signals;
	char *state_dir;
	struct listener listener[LISTENERS_MAX];
	unsigned n_listeners;
	struct child keeper, spare[ROLES];
	int64_t asked_at;	/* ms, the oldest asker it may not have taken */
	struct session *session;	/* PLACES_MAX of them */
	uint32_t sessions;	/* there were, for their numbers */
	unsigned most;		/* of a mail client's at one time */
	time_t started;
	struct peer_asker asker;
	int64_t refused_at;	/* ms, when a refusal was last logged; 0 = never */
	unsigned refused;	/* since then */
	unsigned deaths;	/* of spares and keepers since a session began */
	int64_t refill_at;	/* ms, when spares are made again; 0 = none lack */
	bool stopping, rereads;
};

int64_t guard_now(void);	/* milliseconds of a clock that only goes on */
void guard_close(int *fds, unsigned n);
void guard_kill(pid_t pid);	/* it and its group; 0 = nobody */
void guard_forget(struct child *c);

/* guard_door.c: a place for this client, whose kind and name are set; NULL: it may
 * have none, and was told why. */
struct session *guard_admit(struct guard *g, int client,
                            const struct listener *l);
/* The one thing the guard ever writes to a client: without waiting for it. */
void guard_turn_away(int client, const struct listener *l, const char *why);

/* guard_reap.c: every process of a session, at once. */
void guard_kill_session(struct session *s);
/* Who has ended is no more, and its place is free when all of a session have. */
void guard_reap(struct guard *g);
/* Kill what outlived its front; ms until the next of them or until spares are
 * due, or -1. */
int guard_overdue(struct guard *g);
/* End all there is.  The keeper may write down what it was told, unless it
 * stands still. */
void guard_stop(struct guard *g);

/* SIGHUP: read the configuration again. */
void guard_reload(struct guard *g);
/* Give the keeper the configuration of now. */
void guard_tell_keeper(struct guard *g);

/* Make the spares that lack, now or in ms. */
void guard_fill(struct guard *g);
void guard_fill_later(struct guard *g, int ms);

/* The parts of a session, each 0 or -1: all of a new one; a further lane (ends:
 * crypt, mime to crypt, upstream and, for POP3, the pipe that mime reads); a
 * further opener, or one without its crypt (ends: mime and the write end of its
 * pipe). */
int guard_wire(struct guard *g, struct session *s, int client, struct err *e);
int guard_lane(struct guard *g, struct session *s, int ends[4], struct err *e);
int guard_opener(struct guard *g, struct session *s, bool crypt, int ends[2],
                 struct err *e);
/* A plug-in's connection, and a crypt for one (ends: crypt). */
int guard_plugin(struct guard *g, struct session *s, int client, struct err *e);
int guard_crypt(struct guard *g, struct session *s, int ends[1], struct err *e);

#endif
