/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of the guard's processes: reaped when they end, killed when they
 * outlive their front or the guard itself. */
#include "agent/guard_parts.h"

#include <signal.h>
#include <sys/wait.h>

#include "agent/log.h"

void guard_kill_session(struct session *s)
{
	guard_kill(s->front.pid);
	for (int i = 0; i < PARTS_MAX; i++)
		guard_kill(s->part[i]);
}

static bool child_is(struct child *c, pid_t pid)
{
	if (c->pid != pid)
		return false;
	guard_forget(c);
	return true;
}

static bool session_reaps(struct session *s, pid_t pid)
{
	if (child_is(&s->front, pid)) {
		s->end_at = guard_now() + GRACE_MS;
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

static void session_free(struct session *s)
{
	guard_close(&s->conf_fd, 1);
	s->used = false;
}

static void reap_one(struct guard *g, pid_t pid)
{
	if (child_is(&g->keeper, pid)) {
		g->deaths++;
		guard_fill_later(g, 0);
		if (!g->stopping)
			log_error("the keeper ended; a new one starts");
		return;
	}
	for (int r = 0; r < ROLES; r++)
		if (child_is(&g->spare[r], pid)) {
			g->deaths++;
			guard_fill_later(g, 0);
			if (!g->stopping)
				log_error("a spare %s ended", role_name[r]);
			return;
		}
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		struct session *s = &g->session[i];

		if (!s->used || !session_reaps(s, pid))
			continue;
		if (s->end_at && g->refill_at)
			guard_fill_later(g, 0);	/* its letters are done */
		if (session_empty(s))
			session_free(s);
		return;
	}
}

void guard_reap(struct guard *g)
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

int guard_overdue(struct guard *g)
{
	int64_t now = guard_now(), next = -1;

	if (g->refill_at)
		next = g->refill_at > now ? g->refill_at - now : 0;
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		struct session *s = &g->session[i];

		if (!s->used || !s->end_at)
			continue;
		if (session_empty(s)) {
			session_free(s);
		} else if (s->end_at <= now) {
			guard_kill_session(s);
			s->end_at = now + 1000;
		}
		if (s->used && (next == -1 || s->end_at - now < next))
			next = s->end_at - now;
	}
	return (int)next;
}

/* Has every process of ours been reaped? */
static bool guard_alone(const struct guard *g)
{
	if (g->keeper.pid)
		return false;
	for (int r = 0; r < ROLES; r++)
		if (g->spare[r].pid)
			return false;
	for (unsigned i = 0; i < PLACES_MAX; i++)
		if (g->session[i].used && !session_empty(&g->session[i]))
			return false;
	return true;
}

static void reap_all(struct guard *g)
{
	int64_t until = guard_now() + STOP_MS;

	guard_reap(g);
	while (!guard_alone(g) && guard_now() < until) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		guard_reap(g);
	}
}

void guard_stop(struct guard *g)
{
	for (unsigned i = 0; i < PLACES_MAX; i++)
		if (g->session[i].used)
			guard_kill_session(&g->session[i]);
	for (int r = 0; r < ROLES; r++)
		guard_kill(g->spare[r].pid);
	chan_close(&g->keeper.leash);
	reap_all(g);
	if (guard_alone(g))
		return;
	guard_kill(g->keeper.pid);
	reap_all(g);
}
