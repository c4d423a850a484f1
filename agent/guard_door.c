/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard's door: who may come in, and the one line that all others hear. */
#include "agent/guard_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"

enum { SAY_MS = 1000 };		/* so often at most a refusal is logged */

void guard_turn_away(int client, const struct listener *l, const char *why)
{
	char line[200];
	int n;

	if (l->tls == LOCAL_TLS)
		return;		/* it could not read it */
	if (l->kind == SESSION_PLUGIN)
		n = snprintf(line, sizeof line, "{\"id\":null,\"error\":{"
		             "\"code\":\"busy\",\"text\":\"Letterlock %s\"}}\n",
		             why);
	else
		n = snprintf(line, sizeof line, l->kind == SESSION_SMTP
		             ? "421 4.3.2 Letterlock %s\r\n"
		             : "-ERR [SYS/TEMP] Letterlock %s\r\n", why);
	if (n > 0 && (size_t)n < sizeof line
	    && send(client, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a client left before it was answered");
	/* an end before the reset that comes where it has said something */
	shutdown(client, SHUT_WR);
}

/* A line a second is enough, whoever knocks. */
static void note_refusal(struct guard *g, const struct peer *p)
{
	int64_t now = guard_now();
	char more[40] = "";

	if (g->refused_at && now - g->refused_at < SAY_MS) {
		g->refused++;
		return;
	}
	if (g->refused)
		snprintf(more, sizeof more, " (and %u before it)", g->refused);
	g->refused_at = now;
	g->refused = 0;
	switch (p->kind) {
	case PEER_USER:
		log_note("turned away: a program of another user (uid %u)%s",
		         (unsigned)p->uid, more);
		return;
	case PEER_MACHINE:
		log_note("turned away: another machine%s", more);
		return;
	case PEER_GONE:
		log_note("turned away: a client that had hung up already, so "
		         "nobody can say whose it was%s", more);
		return;
	case PEER_HIDDEN:
		log_note("turned away: a client whose user can't be seen from "
		         "here; it is in another network namespace (a "
		         "container?), or gone%s", more);
		return;
	}
}

static const char *why_not(const struct peer *p)
{
	if (p->kind == PEER_USER)
		return "serves another user of this computer";
	if (p->kind == PEER_MACHINE)
		return "serves this computer only";
	return "can't see which user of this computer this is";
}

/* Of all places a quarter is nobody's but our own user's: others need not log in
 * to hold theirs. */
static unsigned for_others(const struct guard *g)
{
	return g->conf->max_sessions - g->conf->max_sessions / 4;
}

static bool is_other(const char *name)
{
	char own[PEER_MAX];

	snprintf(own, sizeof own, "uid %u", (unsigned)geteuid());
	return strcmp(name, own) != 0;
}

/* A free place, if there is room for one more of them; else why not. */
static const char *find_room(struct guard *g, bool plugin, const char *name,
                             struct session **place)
{
	unsigned all = 0, theirs = 0, others = 0;

	for (unsigned i = 0; i < PLACES_MAX; i++) {
		struct session *s = &g->session[i];

		if (!s->used) {
			*place = s;
		} else if ((s->kind == SESSION_PLUGIN) == plugin) {
			all++;
			theirs += strcmp(s->peer, name) == 0;
			others += is_other(s->peer);
		}
	}
	if (all >= (plugin ? (unsigned)PLUGINS_MAX : g->conf->max_sessions)
	    || (!plugin && is_other(name) && others >= for_others(g))
	    || !*place)
		return "has too many connections open. Close some and try "
		       "again";
	if (!plugin && theirs >= g->conf->max_sessions_per_user)
		return "has too many connections open for this user. Close "
		       "some and try again";
	if (!plugin && all >= g->most)
		g->most = all + 1;
	return NULL;
}

struct session *guard_admit(struct guard *g, int client,
                            const struct listener *l)
{
	struct session *s = NULL;
	const char *why;
	struct peer p;

	peer_find(&g->asker, client, &p);
	if (!peer_may(&p, g->conf, l->remote)) {
		note_refusal(g, &p);
		guard_turn_away(client, l, why_not(&p));
		return NULL;
	}
	why = find_room(g, l->kind == SESSION_PLUGIN, p.name, &s);
	if (why) {
		log_debug("a client was turned away: too many connections");
		guard_turn_away(client, l, why);
		return NULL;
	}
	memset(s, 0, sizeof *s);
	s->used = true;
	s->number = ++g->sessions;
	s->generation = g->generation;
	s->conf_fd = -1;
	s->kind = (enum session_kind)l->kind;
	memcpy(s->peer, p.name, sizeof s->peer);
	return s;
}
