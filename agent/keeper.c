/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's loop: serves the sessions' fronts and crypts, one frame at a
 * time, and looks after gpg-agent outside of any box. */
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/box_doors.h"
#include "agent/frames.h"
#include "agent/keeper_agent.h"
#include "agent/keeper_answer.h"
#include "agent/keeper_ends.h"
#include "agent/keeper_event.h"
#include "agent/keeper_lookup.h"
#include "agent/log.h"
#include "agent/wkd.h"

enum {
	ASKERS_MAX = 1024,
	TURN_FRAMES = 16,	/* from one asker, then it is the others' turn */
	LOOK_MS = 1000		/* between looks at gpg-agent while one is there */
};

struct asker {
	struct chan chan;
	struct teller who;
	bool waits;		/* for the secret of an account */
	uint32_t account;
	struct asked *asked;	/* or for look-ups; else NULL */
	bool has_door;		/* or had one: there is one of each */
};

struct keeper {
	struct kept kept;
	int signals;
	struct conf *own_conf;	/* what G_CONF brought, or NULL */
	struct chan *leash;
	struct gpg_agent *gpg_agent;
	struct asker asker[ASKERS_MAX];
	unsigned n;
	struct doors *doors;
};

static void asker_drop(struct keeper *k, unsigned i)
{
	chan_close(&k->asker[i].chan);
	free(k->asker[i].asked);
	k->asker[i] = k->asker[--k->n];
}

/* Answers and tokens do not stay where they were written and read. */
static int answer(struct asker *a, struct pack *p)
{
	int rc = pack_send(p, &a->chan, K_ANSWER, NULL);

	explicit_bzero(p, sizeof *p);
	return rc;
}

/* The front or plugin of its session. */
static const struct teller *head_of(const struct keeper *k,
                                    const struct asker *a)
{
	const struct teller *t;

	for (unsigned i = 0; i < k->n; i++) {
		t = &k->asker[i].who;
		if (t->session == a->who.session
		    && (t->role == ROLE_FRONT || t->role == ROLE_PLUGIN))
			return t;
	}
	return NULL;
}

/* K_WATCH, once for each. */
static int watch(struct keeper *k, struct asker *a, const struct frame *f)
{
	int fd = -1, rc;
	uint32_t there;

	if (f->len || a->who.watches)
		return -1;
	a->who.watches = true;
	fd = watchers_add(k->kept.watchers);
	there = fd != -1;
	rc = chan_send_fds(&a->chan, K_ANSWER, &there, sizeof there, &fd, there,
	                   NULL);
	if (there)
		close(fd);
	return rc;
}

/* What is not answered, but by a descriptor: 0, -1 nonsense, 1 it is another. */
static int take_told(struct keeper *k, struct asker *a, const struct frame *f)
{
	if (f->type == K_DOOR && !a->has_door) {
		box_doors_take(k->doors, &a->chan, f);
		a->has_door = true;
		return 0;
	}
	if (f->type == K_WATCH)
		return watch(k, a, f);
	if (f->type == K_LOOKUP) {
		a->asked = asked_take(&k->kept, f);
		return a->asked ? 0 : -1;
	}
	if (event_told_by(f->type))
		return event_tell(&k->kept, &a->who, head_of(k, a), f);
	if (f->type == K_LOGIN)
		event_login(&k->kept, &a->who, f);
	return 1;
}

/* False when this asker is done with.  Its end does not block: half a frame
 * waits in its buffer, and who takes no answers gets no more. */
static bool asker_serve(struct keeper *k, struct asker *a)
{
	static struct pack p;
	struct frame f;
	int r, left = TURN_FRAMES;

	if (a->waits)		/* it hung up, or can't wait for the answer */
		return false;
	do {
		errno = 0;
		if (chan_recv(&a->chan, &f, NULL))
			return errno == EAGAIN;
		if (!keeper_may(a->who.role, a->who.kind, f.type))
			return false;
		r = take_told(k, a, &f);
		if (r == 1)
			r = keeper_answer(&k->kept, &f, &p, a->who.generation,
			                  &a->account);
		if (f.type == K_SECRET)
			explicit_bzero((void *)(uintptr_t)f.data, f.len);
		a->waits = r == KEEPER_LATER || a->asked;
		if (r == -1 || (r == 1 && answer(a, &p)))
			return false;
	} while (!a->waits && --left && chan_wait(&a->chan, 0));
	return true;
}

/* Those who waited for a secret get it, or why there is none. */
static void askers_tell(struct keeper *k)
{
	static struct pack p;

	for (unsigned i = k->n; i-- > 0;) {
		struct asker *a = &k->asker[i];

		if (!a->waits || a->asked
		    || secrets_run(k->kept.secrets, a->account))
			continue;
		pack_init(&p);
		secrets_tell(k->kept.secrets, a->account, &p);
		a->waits = false;
		if (answer(a, &p))
			asker_drop(k, i);
	}
}

/* The same for look-ups; and who shows an address hears that one has ended. */
static void lookups_tell(struct keeper *k)
{
	static struct pack p;
	const char *addr;

	while ((addr = wkd_ended(k->kept.wkd)))
		event_changed(&k->kept, &addr, 1);
	for (unsigned i = k->n; i-- > 0;) {
		struct asker *a = &k->asker[i];

		if (!a->asked || !asked_tell(&k->kept, a->asked, &p))
			continue;
		free(a->asked);
		a->asked = NULL;
		a->waits = false;
		if (answer(a, &p))
			asker_drop(k, i);
	}
}

static void keeper_conf_free(struct conf *c)
{
	if (c)
		conf_free(c);
	free(c);
}

/* What is known of each account goes with its address. */
static void move_accounts(struct keeper *k, const struct conf *c)
{
	int from[CONF_ACCOUNTS_MAX];

	for (unsigned i = 0; i < c->n_accounts; i++) {
		from[i] = -1;
		for (unsigned j = 0; j < k->kept.conf->n_accounts; j++)
			if (strcmp(c->account[i].address,
			           k->kept.conf->account[j].address) == 0)
				from[i] = (int)j;
	}
	logins_move(k->kept.logins, from, c->n_accounts);
	event_move(&k->kept, from, c->n_accounts);
	for (unsigned i = 0; i < k->n; i++)
		k->asker[i].who.account = event_account(
			k->asker[i].who.account, from, c->n_accounts);
}

/* The configuration was read again.  Who waits for a secret of the old one's
 * does so in vain. */
static void use_conf(struct keeper *k, struct conf *c, struct secrets *secrets,
                     struct wkd *wkd)
{
	for (unsigned i = k->n; i-- > 0;)
		if (k->asker[i].waits && !k->asker[i].asked)
			asker_drop(k, i);
	wkd_free(k->kept.wkd);
	k->kept.wkd = wkd;
	secrets_end(k->kept.secrets);
	k->kept.secrets = secrets;
	move_accounts(k, c);
	free(k->gpg_agent);	/* it has the home's name from the old one */
	k->gpg_agent = gpg_agent_new(c);
	keeper_conf_free(k->own_conf);
	k->kept.conf = k->own_conf = c;
}

static bool take_conf(struct keeper *k, const struct frame *f)
{
	struct conf *c = calloc(1, sizeof *c);
	char path[40], *text = NULL;
	int fd = chan_take_fd(k->leash);
	struct secrets *secrets = NULL;
	struct wkd *wkd = NULL;
	size_t len;
	struct err e;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (f->len == sizeof k->kept.generation && c
	    && (text = conf_read(path, &len, &e))
	    && conf_parse(c, "letterlock.conf", text, len, &e) == 0
	    && (wkd = wkd_new(c)) && (secrets = secrets_new(c))) {
		memcpy(&k->kept.generation, f->data,
		       sizeof k->kept.generation);
		use_conf(k, c, secrets, wkd);
	} else {
		log_error("the configuration could not be taken");
		wkd_free(wkd);
		free(c);
	}
	free(text);
	close(fd);
	return secrets != NULL;
}

/* A session begins.  What it asks first is answered when gpg-agent is there. */
static bool leash_serve(struct keeper *k)
{
	struct teller who = { .account = -1 };
	struct unpack u;
	struct frame f;
	struct asker *a;
	int fd;

	if (chan_recv(k->leash, &f, NULL))
		return false;
	if (f.type == G_CONF)
		return take_conf(k, &f);
	if (f.type != G_ASKER)
		return false;
	unpack_init(&u, &f);
	who.role = (enum role)unpack_u32(&u);
	who.generation = unpack_u32(&u);
	who.session = unpack_u32(&u);
	who.kind = (enum session_kind)unpack_u32(&u);
	if (!unpack_end(&u))
		return false;
	while ((fd = chan_take_fd(k->leash)) >= 0) {
		if (k->n == ASKERS_MAX) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		a = &k->asker[k->n++];
		a->who = who;
		a->waits = a->has_door = false;
		a->asked = NULL;
		chan_init(&a->chan, fd);
	}
	gpg_agent_look(k->gpg_agent, true);
	return true;
}

/* Is there a whole frame that poll() does not know of, perhaps? */
static bool asker_buffered(struct asker *a)
{
	return !a->waits && a->chan.len > a->chan.off && chan_wait(&a->chan, 0);
}

static bool any_buffered(struct keeper *k)
{
	for (unsigned i = 0; i < k->n; i++)
		if (asker_buffered(&k->asker[i]))
			return true;
	return false;
}

static int sooner(int a, int b)
{
	return b == -1 || (a != -1 && a < b) ? a : b;
}

/* ms until there is something to do that no descriptor tells of, or -1. */
static int due(struct keeper *k)
{
	int wait = secrets_due(k->kept.secrets, keeper_now());

	if (any_buffered(k))
		return 0;
	wait = sooner(wait, wkd_due(k->kept.wkd, keeper_now()));
	for (unsigned i = 0; i < k->n; i++)
		if (k->asker[i].asked)
			wait = sooner(wait, asked_due(k->asker[i].asked,
			                              keeper_now()));
	if (k->n && (wait == -1 || wait > LOOK_MS))
		wait = LOOK_MS;
	return wait;
}

static void on_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->signals, &si, sizeof si) == sizeof si)
		;	/* who it was is found by number */
}

static void keeper_loop(struct keeper *k)
{
	enum { LEASH, SIGNALS, ASKERS };
	static struct pollfd p[ASKERS + ASKERS_MAX + CONF_ACCOUNTS_MAX
	                       + WKD_POLL_MAX + DOORS_MAX + WATCHERS_MAX];
	unsigned n, doors, watchers;

	for (;;) {
		p[LEASH] = (struct pollfd){ .fd = k->leash->fd,
		                            .events = POLLIN };
		p[SIGNALS] = (struct pollfd){ .fd = k->signals,
		                              .events = POLLIN };
		for (unsigned i = 0; i < k->n; i++)
			p[ASKERS + i] = (struct pollfd){
				.fd = k->asker[i].chan.fd,
				.events = k->asker[i].waits ? 0 : POLLIN
			};
		n = ASKERS + k->n;
		n += secrets_poll(k->kept.secrets, p + n);
		n += wkd_poll(k->kept.wkd, p + n);
		doors = box_doors_poll(k->doors, p + n);
		watchers = watchers_poll(k->kept.watchers, p + n + doors);
		if (poll(p, n + doors + watchers, due(k)) == -1
		    && errno != EINTR)
			return;
		box_doors_serve(k->doors, p + n, doors);
		watchers_work(k->kept.watchers, p + n + doors, watchers);
		/* from the end, so that a dropped one moves none unseen */
		for (unsigned i = k->n; i-- > 0;)
			if ((p[ASKERS + i].revents
			     || asker_buffered(&k->asker[i]))
			    && !asker_serve(k, &k->asker[i]))
				asker_drop(k, i);
		if (p[LEASH].revents && !leash_serve(k))
			return;
		if (p[SIGNALS].revents)
			on_signal(k);
		if (secrets_work(k->kept.secrets, keeper_now()))
			askers_tell(k);
		wkd_work(k->kept.wkd, keeper_now());
		lookups_tell(k);
		event_ends(&k->kept, time(NULL));
		gpg_agent_look(k->gpg_agent, false);
	}
}

static int keeper_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* 0, or -1: said in the log. */
static int keeper_open(struct keeper *k, const struct conf *conf)
{
	struct err e;

	k->kept.conf = conf;
	k->signals = keeper_signals();
	k->kept.secrets = secrets_new(conf);
	k->kept.logins = logins_new();
	k->kept.watchers = watchers_new();
	k->kept.wkd = wkd_new(conf);
	k->doors = box_doors_new();
	if (k->signals == -1 || !k->kept.secrets || !k->kept.logins
	    || !k->kept.watchers || !k->kept.wkd || !k->doors) {
		log_error("%s", strerror(errno));
		return -1;
	}
	if (!(k->kept.dir = conf_state_dir(&e))
	    || !(k->kept.memory = memory_open(k->kept.dir, &e))
	    || !(k->kept.contacts = contacts_open(k->kept.dir, &e))) {
		log_error("%s", e.text);
		return -1;
	}
	return 0;
}

int keeper_run(const struct conf *conf, struct chan *leash)
{
	static struct keeper k;
	int rc = 1;

	k.leash = leash;
	if (keeper_open(&k, conf) == 0) {
		k.gpg_agent = gpg_agent_new(conf);
		keeper_loop(&k);
		rc = 0;
	}
	secrets_end(k.kept.secrets);
	free(k.kept.logins);
	watchers_free(k.kept.watchers);
	wkd_free(k.kept.wkd);
	free(k.gpg_agent);
	keeper_conf_free(k.own_conf);
	box_doors_free(k.doors);
	while (k.n)
		asker_drop(&k, 0);
	contacts_close(k.kept.contacts);
	memory_close(k.kept.memory);
	free(k.kept.dir);
	return rc;
}
