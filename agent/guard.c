/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: accepts, starts the roles of a session, reaps them.  It holds
 * sockets and never reads an octet of mail from one. */
#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "agent/frames.h"
#include "agent/log.h"
#include "agent/spawn.h"

enum {
	SESSIONS_MAX = 256,
	LANES_MAX = 33,		/* of one letter: max-bcc and the others */
	PARTS_MAX = 2 * (2 * LANES_MAX + 2),	/* of one session besides front:
				 * while one set is reaped the next starts */
	DEATHS_MAX = 10,	/* then no more spares until a client comes */
	REFILL_MS = 300,	/* the letter goes first, then the next spares */
	PIPE_OCTETS = 1 << 20,	/* a frame must fit, or its last octets block */
	GRACE_MS = 5000,	/* for the others after front has ended */
	KEEPER_MS = 5000,	/* an asker that waits so long has no keeper */
	STOP_MS = 1500		/* for the keeper to end, and for the killed */
};

struct session {
	bool used;
	enum session_kind kind;
	struct child front;
	pid_t part[PARTS_MAX];	/* also their process groups; 0 = none */
	int64_t end_at;		/* ms, when what is left is killed; 0 = lives */
};

struct guard {
	const struct conf *conf;
	int conf_fd, signals;
	char *state_dir;
	struct listener listener[LISTENERS_MAX];
	unsigned n_listeners;
	struct child keeper, spare[ROLES];
	int64_t asked_at;	/* ms, the oldest asker it may not have taken */
	struct session *session;
	unsigned deaths;	/* of spares and keepers since a session began */
	int64_t refill_at;	/* ms, when spares are made again; 0 = none lack */
	bool stopping;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pid_kill(pid_t pid)
{
	if (pid) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
}

static void child_forget(struct child *c)
{
	chan_close(&c->leash);
	memset(c, 0, sizeof *c);
	chan_init(&c->leash, -1);
}

/* ---- children: spares and takers ---- */

static void spare_fill(struct guard *g)
{
	struct err e;

	g->refill_at = 0;
	if (g->stopping || g->deaths > DEATHS_MAX)
		return;
	if (!g->keeper.pid
	    && spawn_role(&g->keeper, ROLE_KEEPER, g->conf_fd, &e))
		log_error("keeper: %s", e.text);
	for (int r = ROLE_FRONT; r < ROLES; r++)
		if (!g->spare[r].pid
		    && spawn_role(&g->spare[r], (enum role)r, g->conf_fd, &e))
			log_error("%s: %s", role_name[r], e.text);
}

/* Soon, but not while what took them needs the processor. */
static void spare_later(struct guard *g, int ms)
{
	int64_t at = now_ms() + ms;

	if (!g->refill_at || at < g->refill_at)
		g->refill_at = at;
}

static int child_take(struct guard *g, enum role r, struct child *c,
                      struct err *e)
{
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
                      const int *fds, unsigned n, struct err *e)
{
	struct child c;
	int i = 0, rc;

	while (i < PARTS_MAX && s->part[i])
		i++;
	if (i == PARTS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_MANY),
		               "too many parts");
	if (child_take(g, r, &c, e))
		return -1;
	s->part[i] = c.pid;
	rc = child_start(&c, s->kind, fds, n, e);
	chan_close(&c.leash);
	return rc;
}

/* ---- the keeper's askers ---- */

/* Has an asker been lying on its leash for too long? */
static bool keeper_stuck(struct guard *g)
{
	int waiting = 0;

	if (ioctl(g->keeper.leash.fd, SIOCOUTQ, &waiting) == -1 || !waiting)
		g->asked_at = now_ms();
	return now_ms() - g->asked_at > KEEPER_MS;
}

/* reap() finds no place of it any more. */
static void keeper_drop(struct guard *g)
{
	log_error("the keeper takes nothing; a new one starts");
	pid_kill(g->keeper.pid);
	child_forget(&g->keeper);
}

static int keeper_asker(struct guard *g, int fd, struct err *e)
{
	if (g->keeper.pid && keeper_stuck(g))
		keeper_drop(g);
	for (int tries = 2; tries; tries--) {
		if (!g->keeper.pid) {
			if (spawn_role(&g->keeper, ROLE_KEEPER, g->conf_fd, e))
				return -1;
			g->asked_at = now_ms();
		}
		if (chan_send_fds(&g->keeper.leash, G_ASKER, NULL, 0, &fd, 1,
		                  e) == 0)
			return 0;
		keeper_drop(g);
	}
	return -1;
}

/* ---- a session ---- */

static void close_all(int *fds, unsigned n)
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

static int crypt_start(struct guard *g, struct session *s, int *fd,
                       struct err *e)
{
	int to_crypt[6] = { fd[CF], fd[CM], fd[CK] };
	unsigned n = 3;

	if (keeper_asker(g, fd[KC], e))
		return -1;
	if (s->kind == SESSION_SMTP)
		to_crypt[n++] = fd[PW];
	for (int i = S0; i <= S1; i++)
		if (fd[i] >= 0)
			to_crypt[n++] = fd[i];
	return part_start(g, s, ROLE_CRYPT, to_crypt, n, e);
}

static void give(int *from, int *to)
{
	*to = *from;
	*from = -1;
}

/* Start a lane; ends[] gets the far ends: crypt, mime to crypt, upstream and
 * (POP3) the pipe that mime reads. */
static int lane_start(struct guard *g, struct session *s, int ends[4],
                      struct err *e)
{
	bool smtp = s->kind == SESSION_SMTP;
	int fd[LANE_FDS], to_up[2], rc = -1;

	if (lane_fds(g, s->kind, fd, e) || crypt_start(g, s, fd, e))
		goto out;
	to_up[0] = fd[UF];
	to_up[1] = smtp ? fd[PR] : fd[PW];
	if (part_start(g, s, ROLE_UPSTREAM, to_up, 2, e))
		goto out;
	give(&fd[FC], &ends[0]);
	give(&fd[MC], &ends[1]);
	give(&fd[FU], &ends[2]);
	if (!smtp)
		give(&fd[PR], &ends[3]);
	rc = 0;
out:
	close_all(fd, LANE_FDS);
	return rc;
}

/* Start an opener; ends[] gets mime and the write end of the pipe it reads. */
static int opener_start(struct guard *g, struct session *s, int ends[2],
                        struct err *e)
{
	int fd[LANE_FDS], to_mime[3], rc = -1;

	if (lane_fds(g, s->kind, fd, e) || crypt_start(g, s, fd, e))
		goto out;
	to_mime[0] = fd[MF];
	to_mime[1] = fd[MC];
	to_mime[2] = fd[PR];
	if (part_start(g, s, ROLE_MIME, to_mime, 3, e))
		goto out;
	give(&fd[FM], &ends[0]);
	give(&fd[PW], &ends[1]);
	rc = 0;
out:
	close_all(fd, LANE_FDS);
	return rc;
}

/* mime first, so that its queue holds everything before front speaks to it. */
static int session_wire(struct guard *g, struct session *s, int client,
                        struct err *e)
{
	int ends[4] = { -1, -1, -1, -1 }, fm[2] = { -1, -1 };
	int fk[2] = { -1, -1 }, rc = -1;

	if (lane_start(g, s, ends, e)
	    || spawn_pair(fm, e) || spawn_asker(fk, e)
	    || child_take(g, ROLE_FRONT, &s->front, e)
	    || keeper_asker(g, fk[1], e))
		goto out;
	int to_mime[3] = { fm[1], ends[1], ends[3] };
	int to_front[5] = { client, fk[0], fm[0], ends[0], ends[2] };
	if (part_start(g, s, ROLE_MIME, to_mime, ends[3] < 0 ? 2 : 3, e)
	    || child_start(&s->front, s->kind, to_front, 5, e))
		goto out;
	rc = 0;
out:
	close_all(ends, 4);
	close_all(fm, 2);
	close_all(fk, 2);
	return rc;
}

static void session_kill(struct session *s)
{
	pid_kill(s->front.pid);
	for (int i = 0; i < PARTS_MAX; i++)
		pid_kill(s->part[i]);
}

/* The one thing the guard ever writes to a client. */
static void turn_away(int client, enum session_kind kind, const char *why)
{
	char line[200];
	int n;

	n = snprintf(line, sizeof line, kind == SESSION_SMTP
	             ? "421 4.3.2 Letterlock %s\r\n"
	             : "-ERR [SYS/TEMP] Letterlock %s\r\n", why);
	if (n > 0 && (size_t)n < sizeof line
	    && send(client, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a client left before it was answered");
}

static void session_start(struct guard *g, int client, enum session_kind kind)
{
	struct session *s = NULL;
	struct err e;

	for (unsigned i = 0; i < g->conf->max_sessions && !s; i++)
		if (!g->session[i].used)
			s = &g->session[i];
	if (!s) {
		turn_away(client, kind, "has too many connections open. "
		          "Close some and try again");
		return;
	}
	memset(s, 0, sizeof *s);
	s->used = true;
	s->kind = kind;
	g->deaths = 0;
	if (session_wire(g, s, client, &e) == -1) {
		log_error("a session could not start: %s", e.text);
		turn_away(client, kind, "could not start a session. "
		          "Try again in a moment");
		session_kill(s);
		s->end_at = now_ms();
	}
}

static void accept_all(struct guard *g, const struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		session_start(g, fd, (enum session_kind)l->kind);
		close(fd);
		spare_later(g, REFILL_MS);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_error("accept: %s", strerror(errno));
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

/* Front asks for another lane or opener: it gets one, or an answer without. */
static void session_more(struct guard *g, struct session *s, unsigned type)
{
	int ends[4] = { -1, -1, -1, -1 };
	unsigned n = type == G_LANE ? 3 : 2;
	struct err e;
	int rc;

	rc = type == G_LANE ? lane_start(g, s, ends, &e)
	                    : opener_start(g, s, ends, &e);
	if (rc) {
		log_error("no further part: %s", e.text);
		n = 0;
	}
	if (chan_send_fds(&s->front.leash, type, NULL, 0, ends, n, NULL))
		chan_close(&s->front.leash);
	close_all(ends, 4);
	spare_later(g, REFILL_MS);
}

/* What it asks by is the head of a frame (chan.c), type and length, and nothing
 * more.  It comes in one piece: half of one is not waited for. */
static void session_asks(struct guard *g, struct session *s)
{
	uint32_t head[2];

	if (recv(s->front.leash.fd, head, sizeof head, MSG_DONTWAIT)
	    == sizeof head && head[1] == 0
	    && (head[0] == G_LANE
	        || (head[0] == G_OPENER && s->kind == SESSION_POP3)))
		session_more(g, s, head[0]);
	else
		chan_close(&s->front.leash);
}

/* ---- reaping ---- */

static bool child_is(struct child *c, pid_t pid)
{
	if (c->pid != pid)
		return false;
	child_forget(c);
	return true;
}

static bool session_reaps(struct session *s, pid_t pid)
{
	if (child_is(&s->front, pid)) {
		s->end_at = now_ms() + GRACE_MS;
		return true;
	}
	for (int i = 0; i < PARTS_MAX; i++)
		if (s->part[i] == pid) {
			s->part[i] = 0;
			return true;
		}
	return false;
}

static bool session_empty(const struct session *s)
{
	if (s->front.pid)
		return false;
	for (int i = 0; i < PARTS_MAX; i++)
		if (s->part[i])
			return false;
	return true;
}

static void reap_one(struct guard *g, pid_t pid)
{
	if (child_is(&g->keeper, pid)) {
		g->deaths++;
		spare_later(g, 0);
		if (!g->stopping)
			log_error("the keeper ended; a new one starts");
		return;
	}
	for (int r = 0; r < ROLES; r++)
		if (child_is(&g->spare[r], pid)) {
			g->deaths++;
			spare_later(g, 0);
			if (!g->stopping)
				log_error("a spare %s ended", role_name[r]);
			return;
		}
	for (unsigned i = 0; i < g->conf->max_sessions; i++) {
		struct session *s = &g->session[i];

		if (!s->used || !session_reaps(s, pid))
			continue;
		if (s->end_at && g->refill_at)
			spare_later(g, 0);	/* its letters are done */
		if (session_empty(s))
			s->used = false;
		return;
	}
}

static void reap(struct guard *g)
{
	siginfo_t si;
	int status;

	for (;;) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT)
		    || si.si_pid == 0)
			return;
		/* while its number can't be another's: what it left behind */
		kill(-si.si_pid, SIGKILL);
		if (waitpid(si.si_pid, &status, 0) != si.si_pid)
			return;
		if (WIFSIGNALED(status) && !g->stopping)
			log_debug("process %d ended by signal %d",
			          (int)si.si_pid, WTERMSIG(status));
		reap_one(g, si.si_pid);
	}
}

/* Kill what outlived its front; ms until the next of them or until spares are
 * due, or -1. */
static int overdue(struct guard *g)
{
	int64_t now = now_ms(), next = -1;

	if (g->refill_at)
		next = g->refill_at > now ? g->refill_at - now : 0;
	for (unsigned i = 0; i < g->conf->max_sessions; i++) {
		struct session *s = &g->session[i];

		if (!s->used || !s->end_at)
			continue;
		if (session_empty(s)) {
			s->used = false;
		} else if (s->end_at <= now) {
			session_kill(s);
			s->end_at = now + 1000;
		}
		if (s->used && (next == -1 || s->end_at - now < next))
			next = s->end_at - now;
	}
	return (int)next;
}

/* ---- the loop ---- */

static void on_signal(struct guard *g)
{
	struct signalfd_siginfo si;

	while (read(g->signals, &si, sizeof si) == sizeof si)
		if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			g->stopping = true;
	reap(g);
}

static void guard_loop(struct guard *g)
{
	struct pollfd p[1 + LISTENERS_MAX + SESSIONS_MAX];
	struct session *of[SESSIONS_MAX];
	unsigned n, first;

	while (!g->stopping) {
		n = 0;
		p[n++] = (struct pollfd){ .fd = g->signals, .events = POLLIN };
		for (unsigned i = 0; i < g->n_listeners; i++)
			p[n++] = (struct pollfd){ .fd = g->listener[i].fd,
			                          .events = POLLIN };
		first = n;
		for (unsigned i = 0; i < g->conf->max_sessions; i++) {
			struct session *s = &g->session[i];

			if (!s->used || !s->front.pid
			    || !chan_open(&s->front.leash))
				continue;
			of[n - first] = s;
			p[n++] = (struct pollfd){ .fd = s->front.leash.fd,
			                          .events = POLLIN };
		}
		if (poll(p, n, overdue(g)) == -1 && errno != EINTR)
			break;
		for (unsigned i = first; i < n; i++)
			if (p[i].revents)
				session_asks(g, of[i - first]);
		if (p[0].revents)
			on_signal(g);
		if (g->refill_at && g->refill_at <= now_ms())
			spare_fill(g);
		for (unsigned i = 0; i < g->n_listeners; i++)
			if (p[1 + i].revents)
				accept_all(g, &g->listener[i]);
	}
}

/* Has every process of ours been reaped? */
static bool guard_alone(const struct guard *g)
{
	if (g->keeper.pid)
		return false;
	for (int r = 0; r < ROLES; r++)
		if (g->spare[r].pid)
			return false;
	for (unsigned i = 0; i < g->conf->max_sessions; i++)
		if (g->session[i].used && !session_empty(&g->session[i]))
			return false;
	return true;
}

static void reap_all(struct guard *g)
{
	int64_t until = now_ms() + STOP_MS;

	for (reap(g); !guard_alone(g) && now_ms() < until; reap(g))
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* The keeper may write down what it was told, unless it stands still. */
static void guard_stop(struct guard *g)
{
	for (unsigned i = 0; i < g->conf->max_sessions; i++)
		if (g->session[i].used)
			session_kill(&g->session[i]);
	for (int r = 0; r < ROLES; r++)
		pid_kill(g->spare[r].pid);
	chan_close(&g->keeper.leash);
	reap_all(g);
	if (guard_alone(g))
		return;
	pid_kill(g->keeper.pid);
	reap_all(g);
}

static int guard_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int guard_run(const struct conf *conf, const char *text, size_t len)
{
	struct guard g = { .conf = conf, .conf_fd = -1, .signals = -1 };
	struct err e;
	int rc = EX_OSERR;

	log_role = "guard";
	if (!(g.state_dir = conf_state_dir(&e))
	    || (g.conf_fd = spawn_conf_fd(text, len, &e)) == -1
	    || !(g.session = calloc(conf->max_sessions, sizeof *g.session))) {
		log_error("%s", e.text);
		goto out;
	}
	g.signals = guard_signals();
	if (listen_all(conf, g.listener, &g.n_listeners, &e) == -1) {
		log_error("%s", e.text);
		rc = EX_UNAVAILABLE;
		goto out;
	}
	if (g.n_listeners == 0)
		log_note("no listener is configured");
	spare_fill(&g);
	guard_loop(&g);
	guard_stop(&g);
	log_note("ended");
	rc = 0;
out:
	if (g.conf_fd != -1)
		close(g.conf_fd);
	free(g.session);
	free(g.state_dir);
	return rc;
}
