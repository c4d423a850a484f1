/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes the guard starts: spares, the keeper, and the lanes and openers
 * of a session with the sockets and pipes between them. */
#include "agent/guard_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"

int64_t guard_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void guard_kill(pid_t pid)
{
	if (pid) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
}

void guard_forget(struct child *c)
{
	chan_close(&c->leash);
	memset(c, 0, sizeof *c);
	chan_init(&c->leash, -1);
}

/* ---- the keeper ---- */

/* Has what it was told been lying on its leash for too long? */
static bool keeper_stuck(struct guard *g)
{
	int waiting = 0;

	if (ioctl(g->keeper.leash.fd, SIOCOUTQ, &waiting) == -1 || !waiting)
		g->asked_at = guard_now();
	return guard_now() - g->asked_at > KEEPER_MS;
}

/* reap() finds no place of it any more. */
static void keeper_drop(struct guard *g)
{
	log_error("the keeper takes nothing; a new one starts");
	guard_kill(g->keeper.pid);
	guard_forget(&g->keeper);
}

void guard_tell_keeper(struct guard *g)
{
	uint32_t n = g->generation;

	if (!g->keeper.pid)
		return;
	if (keeper_stuck(g)
	    || chan_send_fds(&g->keeper.leash, G_CONF, &n, sizeof n,
	                     &g->conf_fd, 1, NULL))
		keeper_drop(g);
}

/* It counts the configurations as we do. */
static int keeper_start(struct guard *g, struct err *e)
{
	if (spawn_role(&g->keeper, ROLE_KEEPER, g->conf_fd, e))
		return -1;
	g->asked_at = guard_now();
	if (g->generation)
		guard_tell_keeper(g);
	return 0;
}

/* ---- children: spares and takers ---- */

void guard_fill(struct guard *g)
{
	struct err e;

	g->refill_at = 0;
	if (g->stopping || g->deaths > DEATHS_MAX)
		return;
	if (!g->keeper.pid && keeper_start(g, &e))
		log_error("keeper: %s", e.text);
	for (int r = ROLE_FRONT; r < ROLE_PLUGIN; r++)
		if (!g->spare[r].pid
		    && spawn_role(&g->spare[r], (enum role)r, g->conf_fd, &e))
			log_error("%s: %s", role_name[r], e.text);
}

/* Soon, but not while what took them needs the processor. */
void guard_fill_later(struct guard *g, int ms)
{
	int64_t at = guard_now() + ms;

	if (!g->refill_at || at < g->refill_at)
		g->refill_at = at;
}

/* A spare, or a new one: with the session's own configuration. */
static int child_take(struct guard *g, const struct session *s, enum role r,
                      struct child *c, struct err *e)
{
	if (s->generation != g->generation)
		return spawn_role(c, r, s->conf_fd, e);
	if (g->spare[r].pid) {
		*c = g->spare[r];
		memset(&g->spare[r], 0, sizeof g->spare[r]);
		return 0;
	}
	return spawn_role(c, r, g->conf_fd, e);
}

/* Give a role its place: the session's kind and its descriptors. */
static int child_start(struct child *c, enum session_kind kind,
                       const int *fds, unsigned n, struct err *e)
{
	uint32_t k = kind;

	return chan_send_fds(&c->leash, G_START, &k, sizeof k, fds, n, e);
}

/* A role for a session, in its place and off the leash. */
static int part_start(struct guard *g, struct session *s, enum role r,
                      enum session_kind kind, const int *fds, unsigned n,
                      struct err *e)
{
	struct child c;
	int i = 0, rc;

	while (i < PARTS_MAX && s->part[i])
		i++;
	if (i == PARTS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_MANY),
		               "too many parts");
	if (child_take(g, s, r, &c, e))
		return -1;
	s->part[i] = c.pid;
	rc = child_start(&c, kind, fds, n, e);
	chan_close(&c.leash);
	return rc;
}

/* ---- the keeper's askers ---- */

static int keeper_asker(struct guard *g, const struct session *s,
                        enum role role, int fd, struct err *e)
{
	const uint32_t who[4] = {
		role, s->generation, s->number, s->kind
	};

	if (g->keeper.pid && keeper_stuck(g))
		keeper_drop(g);
	for (int tries = 2; tries; tries--) {
		if (!g->keeper.pid) {
			if (keeper_start(g, e))
				return -1;
			g->asked_at = guard_now();
		}
		if (chan_send_fds(&g->keeper.leash, G_ASKER, who, sizeof who,
		                  &fd, 1, e) == 0)
			return 0;
		keeper_drop(g);
	}
	return -1;
}

/* ---- a session ---- */

void guard_close(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The two ends of every socket a lane or opener needs, and of its pipe; mime's
 * to front is for openers. */
enum { CF, FC, CM, MC, CK, KC, UF, FU, MF, FM, PR, PW, S0, S1, LANE_FDS };

static int lane_fds(const struct guard *g, enum session_kind kind, int *fd,
                    struct err *e)
{
	for (int i = 0; i < LANE_FDS; i++)
		fd[i] = -1;
	if (spawn_pair(fd + CF, e) || spawn_pair(fd + CM, e)
	    || spawn_asker(fd + CK, e) || spawn_pair(fd + UF, e)
	    || spawn_pair(fd + MF, e))
		return -1;
	if (pipe2(fd + PR, O_CLOEXEC) == -1)
		return err_errno(e, "pipe");
	fcntl(fd[PW], F_SETPIPE_SZ, PIPE_OCTETS);
	if (kind == SESSION_POP3) {
		fd[S0] = spawn_spool_fd(g->state_dir);
		fd[S1] = spawn_spool_fd(g->state_dir);
	}
	return 0;
}

static int crypt_start(struct guard *g, struct session *s,
                       enum session_kind kind, int *fd, struct err *e)
{
	int to_crypt[6] = { fd[CF], fd[CM], fd[CK] };
	unsigned n = 3;

	if (keeper_asker(g, s, ROLE_CRYPT, fd[KC], e))
		return -1;
	if (kind == SESSION_SMTP)
		to_crypt[n++] = fd[PW];
	for (int i = S0; i <= S1; i++)
		if (fd[i] >= 0)
			to_crypt[n++] = fd[i];
	return part_start(g, s, ROLE_CRYPT, kind, to_crypt, n, e);
}

static void give(int *from, int *to)
{
	*to = *from;
	*from = -1;
}

/* Start a lane; ends[] gets the far ends: crypt, mime to crypt, upstream and
 * (POP3) the pipe that mime reads. */
int guard_lane(struct guard *g, struct session *s, int ends[4],
                      struct err *e)
{
	bool smtp = s->kind == SESSION_SMTP;
	int fd[LANE_FDS], to_up[2], rc = -1;

	if (lane_fds(g, s->kind, fd, e) || crypt_start(g, s, s->kind, fd, e))
		goto out;
	to_up[0] = fd[UF];
	to_up[1] = smtp ? fd[PR] : fd[PW];
	if (part_start(g, s, ROLE_UPSTREAM, s->kind, to_up, 2, e))
		goto out;
	give(&fd[FC], &ends[0]);
	give(&fd[MC], &ends[1]);
	give(&fd[FU], &ends[2]);
	if (!smtp)
		give(&fd[PR], &ends[3]);
	rc = 0;
out:
	guard_close(fd, LANE_FDS);
	return rc;
}

/* Start an opener; ends[] gets mime and the write end of the pipe it reads.  Also a
 * plug-in's works as in a POP3 session. */
int guard_opener(struct guard *g, struct session *s, bool crypt, int ends[2],
                 struct err *e)
{
	int fd[LANE_FDS], to_mime[3], rc = -1;

	if (lane_fds(g, SESSION_POP3, fd, e)
	    || (crypt && crypt_start(g, s, SESSION_POP3, fd, e)))
		goto out;
	to_mime[0] = fd[MF];
	to_mime[1] = fd[MC];
	to_mime[2] = fd[PR];
	if (part_start(g, s, ROLE_MIME, SESSION_POP3, to_mime, 3, e))
		goto out;
	give(&fd[FM], &ends[0]);
	give(&fd[PW], &ends[1]);
	rc = 0;
out:
	guard_close(fd, LANE_FDS);
	return rc;
}

/* The same for front, with what the listener knows of the client. */
static int front_start(struct session *s, const int *fds, unsigned n,
                       struct err *e)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, s->kind);
	pack_u32(&p, s->tls);
	pack_u32(&p, s->remote);
	pack_str(&p, s->peer);
	return chan_send_fds(&s->front.leash, G_START, p.buf, p.len, fds, n, e);
}

/* mime first, so that its queue holds everything before front speaks to it. */
int guard_wire(struct guard *g, struct session *s, int client,
                        struct err *e)
{
	int ends[4] = { -1, -1, -1, -1 }, fm[2] = { -1, -1 };
	int fk[2] = { -1, -1 }, rc = -1;

	if (guard_lane(g, s, ends, e)
	    || spawn_pair(fm, e) || spawn_asker(fk, e)
	    || child_take(g, s, ROLE_FRONT, &s->front, e)
	    || keeper_asker(g, s, ROLE_FRONT, fk[1], e))
		goto out;
	int to_mime[3] = { fm[1], ends[1], ends[3] };
	int to_front[5] = { client, fk[0], fm[0], ends[0], ends[2] };
	if (part_start(g, s, ROLE_MIME, s->kind, to_mime, ends[3] < 0 ? 2 : 3,
	               e)
	    || front_start(s, to_front, 5, e))
		goto out;
	rc = 0;
out:
	guard_close(ends, 4);
	guard_close(fm, 2);
	guard_close(fk, 2);
	return rc;
}

int guard_crypt(struct guard *g, struct session *s, int ends[1], struct err *e)
{
	int fd[LANE_FDS], rc = -1;

	if (lane_fds(g, s->kind, fd, e) == 0
	    && crypt_start(g, s, s->kind, fd, e) == 0) {
		give(&fd[FC], &ends[0]);
		rc = 0;
	}
	guard_close(fd, LANE_FDS);
	return rc;
}

int guard_plugin(struct guard *g, struct session *s, int client, struct err *e)
{
	int asker[2] = { -1, -1 }, rc = -1;

	if (spawn_asker(asker, e) == 0
	    && child_take(g, s, ROLE_PLUGIN, &s->front, e) == 0
	    && keeper_asker(g, s, ROLE_PLUGIN, asker[1], e) == 0)
		rc = child_start(&s->front, s->kind,
		                 (int[]){ client, asker[0] }, 2, e);
	guard_close(asker, 2);
	return rc;
}
