/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: accepts, and starts the roles of a session.  It holds sockets and
 * never reads an octet of mail from one. */
#include "agent/guard_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/cert_file.h"
#include "agent/log.h"
#include "agent/notify.h"
#include "agent/plugin_socket.h"

static void session_start(struct guard *g, int client,
                          const struct listener *l)
{
	struct session *s = guard_admit(g, client, l);
	struct err e;

	if (!s)
		return;
	s->tls = l->tls;
	s->remote = l->remote;
	g->deaths = 0;
	if ((s->kind == SESSION_PLUGIN ? guard_plugin(g, s, client, &e)
	                               : guard_wire(g, s, client, &e)) == -1) {
		log_error("a session could not start: %s", e.text);
		guard_turn_away(client, l, "could not start a session. "
		                "Try again in a moment");
		guard_kill_session(s);
		s->end_at = guard_now();
	}
	guard_fill_later(g, REFILL_MS);
}

/* Not for ever, whoever knocks: others wait to be reaped. */
static void accept_some(struct guard *g, const struct listener *l)
{
	int fd;

	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1 && (errno == EAGAIN || errno == EINTR
		                 || errno == ECONNABORTED))
			return;
		if (fd == -1) {
			log_error("accept: %s", strerror(errno));
			nanosleep(&(struct timespec){ .tv_nsec = 50000000 },
			          NULL);
			return;
		}
		if (l->kind == SESSION_PLUGIN && !plugin_socket_trusts(fd))
			log_note("a plug-in of another user was turned away");
		else
			session_start(g, fd, l);
		close(fd);
	}
}

/* It asks for another lane, opener, crypt or reader: it gets one, or an answer
 * without. */
static void session_more(struct guard *g, struct session *s, unsigned type)
{
	int ends[4] = { -1, -1, -1, -1 };
	unsigned n = type == G_LANE ? 3 : type == G_CRYPT ? 1 : 2;
	struct err e;
	int rc;

	rc = type == G_LANE ? guard_lane(g, s, ends, &e)
	     : type == G_CRYPT ? guard_crypt(g, s, ends, &e)
	                       : guard_opener(g, s, type == G_OPENER, ends, &e);
	if (rc) {
		log_error("no further part: %s", e.text);
		n = 0;
	}
	if (chan_send_fds(&s->front.leash, type, NULL, 0, ends, n, NULL))
		chan_close(&s->front.leash);
	guard_close(ends, 4);
	guard_fill_later(g, REFILL_MS);
}

/* A plug-in asks what runs. */
static void session_status(struct guard *g, struct session *s)
{
	static struct pack p;
	uint32_t n = 0;

	for (unsigned i = 0; i < PLACES_MAX; i++)
		n += g->session[i].used && g->session[i].kind != SESSION_PLUGIN;
	pack_init(&p);
	pack_u64(&p, (uint64_t)g->started);
	pack_u32(&p, n);
	pack_u32(&p, g->most);
	pack_u32(&p, g->n_listeners);
	for (unsigned i = 0; i < g->n_listeners; i++) {
		pack_str(&p, g->listener[i].name);
		pack_u32(&p, (uint32_t)g->listener[i].kind);
		pack_u32(&p, g->listener[i].tls);
	}
	if (pack_send(&p, &s->front.leash, G_STATUS, NULL))
		chan_close(&s->front.leash);
}

static bool may_ask(enum session_kind kind, unsigned type)
{
	switch (type) {
	case G_LANE: return kind != SESSION_PLUGIN;
	case G_OPENER: return kind != SESSION_SMTP;
	case G_CRYPT: case G_READER: case G_STATUS:
		return kind == SESSION_PLUGIN;
	}
	return false;
}

/* What it asks by is the head of a frame (chan.c), type and length, and nothing
 * more.  It comes in one piece: half of one is not waited for. */
static void session_asks(struct guard *g, struct session *s)
{
	uint32_t head[2];

	if (recv(s->front.leash.fd, head, sizeof head, MSG_DONTWAIT)
	    != sizeof head || head[1] != 0 || !may_ask(s->kind, head[0]))
		chan_close(&s->front.leash);
	else if (head[0] == G_STATUS)
		session_status(g, s);
	else
		session_more(g, s, head[0]);
}

/* ---- the loop ---- */

static void on_signal(struct guard *g)
{
	struct signalfd_siginfo si;

	while (read(g->signals, &si, sizeof si) == sizeof si)
		if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			g->stopping = true;
		else if (si.ssi_signo == SIGHUP)
			g->rereads = true;
	guard_reap(g);
}

static void guard_loop(struct guard *g)
{
	struct pollfd p[1 + LISTENERS_MAX + PLACES_MAX];
	struct session *of[PLACES_MAX];
	unsigned n, first;

	while (!g->stopping) {
		n = 0;
		p[n++] = (struct pollfd){ .fd = g->signals, .events = POLLIN };
		for (unsigned i = 0; i < g->n_listeners; i++)
			p[n++] = (struct pollfd){ .fd = g->listener[i].fd,
			                          .events = POLLIN };
		first = n;
		for (unsigned i = 0; i < PLACES_MAX; i++) {
			struct session *s = &g->session[i];

			if (!s->used || !s->front.pid
			    || !chan_open(&s->front.leash))
				continue;
			of[n - first] = s;
			p[n++] = (struct pollfd){ .fd = s->front.leash.fd,
			                          .events = POLLIN };
		}
		if (poll(p, n, guard_overdue(g)) == -1 && errno != EINTR)
			break;
		for (unsigned i = first; i < n; i++)
			if (p[i].revents)
				session_asks(g, of[i - first]);
		if (p[0].revents)
			on_signal(g);
		if (g->rereads) {
			g->rereads = false;
			guard_reload(g);
			continue;	/* with the listeners there are now */
		}
		if (g->refill_at && g->refill_at <= guard_now())
			guard_fill(g);
		for (unsigned i = 0; i < g->n_listeners; i++)
			if (p[1 + i].revents)
				accept_some(g, &g->listener[i]);
	}
}

static int guard_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int guard_run(const struct conf *conf, const char *text, size_t len)
{
	struct guard g = { .conf = conf, .conf_fd = -1, .signals = -1,
	                   .asker.fd = -1, .started = time(NULL) };
	struct err e;
	int rc = EX_OSERR;

	log_role = "guard";
	box_hide();
	if (box_check(conf->sandbox_required)) {
		rc = EX_UNAVAILABLE;
		goto out;
	}
	notify_init();
	if (!(g.state_dir = conf_state_dir(&e))
	    || (g.conf_fd = spawn_conf_fd(text, len, &e)) == -1
	    || !(g.session = calloc(PLACES_MAX, sizeof *g.session))) {
		log_error("%s", e.text);
		goto out;
	}
	g.signals = guard_signals();
	if (listen_all(conf, g.listener, &g.n_listeners, &e) == -1) {
		log_error("%s", e.text);
		rc = EX_UNAVAILABLE;
		goto out;
	}
	if (g.n_listeners == 0 || (g.n_listeners == 1
	                           && g.listener[0].kind == SESSION_PLUGIN))
		log_note("no listener is configured");
	peer_asker_open(&g.asker);
	cert_at_start(g.state_dir, g.listener, g.n_listeners);
	guard_fill(&g);
	notify("READY=1");
	guard_loop(&g);
	notify("STOPPING=1");
	guard_stop(&g);
	log_note("ended");
	rc = 0;
out:
	listen_end(g.listener, g.n_listeners);
	peer_asker_close(&g.asker);
	if (g.conf_fd != -1)
		close(g.conf_fd);
	if (g.own_conf)
		conf_free(g.own_conf);
	free(g.own_conf);
	free(g.session);
	free(g.state_dir);
	return rc;
}
