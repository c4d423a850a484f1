/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper: answers the sessions' fronts and crypts, one frame at a time,
 * and looks after gpg-agent outside of any box. */
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
#include "agent/keeper_login.h"
#include "agent/keeper_secret.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "agent/token.h"

enum {
	ASKERS_MAX = 1024,
	TEXT_MAX = 60000,
	TURN_FRAMES = 16,	/* from one asker, then it is the others' turn */
	LOOK_MS = 1000		/* between looks at gpg-agent while one is there */
};

enum { LATER = 2 };		/* what is asked is not known yet */

struct asker {
	struct chan chan;
	uint32_t generation;	/* of the configuration its session has */
	bool waits;		/* for the secret of an account */
	uint32_t account;
	bool has_door;		/* or had one: there is one of each */
};

struct keeper {
	const struct conf *conf;
	char *dir;		/* the state folder */
	int signals;
	struct memory *memory;
	struct secrets *secrets;
	struct logins *logins;
	struct conf *own_conf;	/* what G_CONF brought, or NULL */
	uint32_t generation;
	struct chan *leash;
	struct gpg_agent *gpg_agent;
	struct asker asker[ASKERS_MAX];
	unsigned n;
	struct doors *doors;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what is asked ---- */

static void answer_mac(struct keeper *k, struct unpack *u, struct pack *p)
{
	unsigned char digest[VERDICT_DIGEST];
	char line[VERDICT_LINE_MAX];
	struct verdict v = { .t = time(NULL) };

	v.encryption = (enum verdict_encryption)unpack_u32(u);
	v.signature = (enum verdict_signature)unpack_u32(u);
	v.trust = (enum verdict_trust)unpack_u32(u);
	v.reason = (enum verdict_reason)unpack_u32(u);
	unpack_str(u, v.signer, sizeof v.signer);
	unpack_str(u, v.fpr, sizeof v.fpr);
	v.has_body = unpack_u32(u) != 0;
	unpack_mem(u, v.body, sizeof v.body);
	unpack_mem(u, digest, sizeof digest);
	if (!unpack_end(u) || verdict_format(&v, digest,
	                                     memory_key(k->memory), line, NULL))
		line[0] = '\0';
	pack_str(p, line);
}

static void answer_check(struct keeper *k, struct unpack *u, struct pack *p,
                         char *text)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	struct verdict v;

	unpack_str(u, text, TEXT_MAX);
	unpack_mem(u, digest, sizeof digest);
	unpack_mem(u, body, sizeof body);
	pack_u32(p, unpack_end(u) ? verdict_check(text, digest, body,
	                                          memory_key(k->memory), &v)
	            : VERDICT_FORGED);
}

static void answer_recall(struct keeper *k, struct unpack *u, struct pack *p,
                          char *text)
{
	uint64_t stamp = unpack_u64(u);
	const void *value = NULL;
	size_t n = 0;

	unpack_str(u, text, TEXT_MAX);
	if (unpack_end(u))
		value = memory_recall(k->memory, stamp, text, &n);
	pack_u32(p, value != NULL);
	if (value)
		pack_mem(p, value, n);
}

static void note_lookup(struct keeper *k, struct unpack *u, char *text)
{
	uint64_t stamp = unpack_u64(u);

	unpack_str(u, text, TEXT_MAX);
	if (!u->bad)
		memory_remember(k->memory, stamp, text, u->p, u->left);
}

static void answer_contact(struct keeper *k, struct unpack *u, struct pack *p,
                           char *text)
{
	unpack_str(u, text, TEXT_MAX);
	pack_u32(p, memory_has(k->memory, MEMORY_SEALED, text));
	pack_u32(p, memory_has(k->memory, MEMORY_CLEAR, text));
}

static int note_contact(struct keeper *k, struct unpack *u, char *text,
                        enum memory_list list)
{
	struct err e;

	unpack_str(u, text, TEXT_MAX);
	if (!unpack_end(u))
		return -1;
	if (memory_add(k->memory, list, text, &e) == 0)
		return 0;
	log_error("a contact is not remembered: %s", e.text);
	return -1;
}

static void answer_code(struct keeper *k, struct unpack *u, struct pack *p,
                        char *text)
{
	int64_t day = time(NULL) / 86400;

	unpack_str(u, text, TEXT_MAX);
	pack_u32(p, memory_code(k->memory, text, day));
	pack_u32(p, memory_code(k->memory, text, day - 1));
}

static void answer_part(struct keeper *k, struct unpack *u, struct pack *p)
{
	unsigned char digest[32];
	const void *list;
	size_t n;

	unpack_mem(u, digest, sizeof digest);
	list = memory_part_find(k->memory, digest, time(NULL), &n);
	if (list)
		pack_mem(p, list, n);
	else
		pack_u32(p, 0);
}

static void note_part(struct keeper *k, struct unpack *u)
{
	unsigned char digest[32];

	unpack_mem(u, digest, sizeof digest);
	if (!u->bad)
		memory_part_keep(k->memory, digest, time(NULL), u->p, u->left);
}

static void say_failed(struct pack *p, enum secret_found found,
                       const char *words)
{
	pack_u32(p, found);
	pack_str(p, words);
}

/* The token first: nobody else makes a command run. */
static int answer_secret(struct keeper *k, struct unpack *u, struct pack *p,
                         struct asker *a)
{
	char token_secret[TOKEN_TEXT + 1];
	struct err e;
	bool right;
	int rc;

	a->account = unpack_u32(u);
	/* what is longer than any token is a wrong one */
	unpack_str(u, token_secret, sizeof token_secret);
	/* the number of an account in another configuration says nothing */
	if (a->generation != k->generation
	    || a->account >= k->conf->n_accounts
	    || !k->conf->account[a->account].command)
		return -1;
	rc = token_check(k->dir, k->conf->account[a->account].address,
	                 token_secret, &right, &e);
	explicit_bzero(token_secret, sizeof token_secret);
	if (rc) {
		log_error("tokens: %s", e.text);
		say_failed(p, SECRET_FAILED, e.text);
		return 1;
	}
	if (!right) {
		say_failed(p, SECRET_WRONG_TOKEN, "");
		return 1;
	}
	if (!secrets_want(k->secrets, a->account, now_ms()))
		return LATER;
	secrets_tell(k->secrets, a->account, p);
	return 1;
}

static int answer_wait(struct keeper *k, struct unpack *u, struct pack *p)
{
	char peer[PEER_MAX];

	unpack_str(u, peer, sizeof peer);
	if (!unpack_end(u))
		return -1;
	pack_u32(p, logins_wait(k->logins, peer, now_ms()));
	return 1;
}

static int note_login(struct keeper *k, struct unpack *u,
                      const struct asker *a)
{
	struct logged in;

	unpack_str(u, in.peer, sizeof in.peer);
	in.account = unpack_u32(u);
	in.kind = unpack_u32(u);
	in.outcome = (enum outcome)unpack_u32(u);
	unpack_str(u, in.words, sizeof in.words);
	if (!unpack_end(u))
		return -1;
	if (a->generation != k->generation)
		in.account = UINT32_MAX;	/* none of now */
	logins_note(k->logins, &in, now_ms(), time(NULL));
	if (in.outcome == DONE_DENIED && in.account < k->conf->n_accounts)
		secrets_drop(k->secrets, in.account);
	return 0;
}

/* One request: 1 to be answered with p, 0 without answer, LATER, -1 nonsense. */
static int serve(struct keeper *k, const struct frame *f, struct pack *p,
                 struct asker *a)
{
	static char text[TEXT_MAX];
	struct unpack u;

	unpack_init(&u, f);
	pack_init(p);
	switch (f->type) {
	case K_MAC: answer_mac(k, &u, p); return 1;
	case K_CHECK: answer_check(k, &u, p, text); return 1;
	case K_RECALL: answer_recall(k, &u, p, text); return 1;
	case K_CODE: answer_code(k, &u, p, text); return 1;
	case K_PART_FIND: answer_part(k, &u, p); return 1;
	case K_CONTACT: answer_contact(k, &u, p, text); return 1;
	case K_DID_COME:
		unpack_str(&u, text, sizeof text);
		pack_u32(p, memory_has(k->memory, MEMORY_CAME, text));
		return 1;
	case K_REMEMBER: note_lookup(k, &u, text); return 0;
	case K_SEALED:
		pack_u32(p, note_contact(k, &u, text, MEMORY_SEALED) == 0);
		return 1;
	case K_CAME: note_contact(k, &u, text, MEMORY_CAME); return 0;
	case K_CLEAR: note_contact(k, &u, text, MEMORY_CLEAR); return 0;
	case K_PART_KEEP: note_part(k, &u); return 0;
	case K_SECRET: return answer_secret(k, &u, p, a);
	case K_WAIT: return answer_wait(k, &u, p);
	case K_LOGIN: return note_login(k, &u, a);
	case K_STATUS:
		if (a->generation != k->generation)
			return -1;
		logins_status(k->logins, unpack_u32(&u), p);
		return 1;
	}
	return -1;
}

/* ---- the loop ---- */

static void asker_drop(struct keeper *k, unsigned i)
{
	chan_close(&k->asker[i].chan);
	k->asker[i] = k->asker[--k->n];
}

/* Answers and tokens do not stay where they were written and read. */
static int answer(struct asker *a, struct pack *p)
{
	int rc = pack_send(p, &a->chan, K_ANSWER, NULL);

	explicit_bzero(p, sizeof *p);
	return rc;
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
		if (f.type == K_DOOR && !a->has_door) {
			box_doors_take(k->doors, &a->chan, &f);
			a->has_door = true;
			continue;
		}
		r = serve(k, &f, &p, a);
		if (f.type == K_SECRET)
			explicit_bzero((void *)(uintptr_t)f.data, f.len);
		a->waits = r == LATER;
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

		if (!a->waits || secrets_run(k->secrets, a->account))
			continue;
		pack_init(&p);
		secrets_tell(k->secrets, a->account, &p);
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
static void move_logins(struct keeper *k, const struct conf *c)
{
	int from[CONF_ACCOUNTS_MAX];

	for (unsigned i = 0; i < c->n_accounts; i++) {
		from[i] = -1;
		for (unsigned j = 0; j < k->conf->n_accounts; j++)
			if (strcmp(c->account[i].address,
			           k->conf->account[j].address) == 0)
				from[i] = (int)j;
	}
	logins_move(k->logins, from, c->n_accounts);
}

/* The configuration was read again.  Who waits for a secret of the old one's does so
 * in vain. */
static void use_conf(struct keeper *k, struct conf *c, struct secrets *secrets)
{
	for (unsigned i = k->n; i-- > 0;)
		if (k->asker[i].waits)
			asker_drop(k, i);
	secrets_end(k->secrets);
	k->secrets = secrets;
	move_logins(k, c);
	free(k->gpg_agent);	/* it has the home's name from the old one */
	k->gpg_agent = gpg_agent_new(c);
	keeper_conf_free(k->own_conf);
	k->conf = k->own_conf = c;
}

static bool take_conf(struct keeper *k, const struct frame *f)
{
	struct conf *c = calloc(1, sizeof *c);
	char path[40], *text = NULL;
	int fd = chan_take_fd(k->leash);
	struct secrets *secrets = NULL;
	size_t len;
	struct err e;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (f->len == sizeof k->generation && c
	    && (text = conf_read(path, &len, &e))
	    && conf_parse(c, "letterlock.conf", text, len, &e) == 0
	    && (secrets = secrets_new(c))) {
		memcpy(&k->generation, f->data, sizeof k->generation);
		use_conf(k, c, secrets);
	} else {
		log_error("the configuration could not be taken");
		free(c);
	}
	free(text);
	close(fd);
	return secrets != NULL;
}

/* A session begins.  What it asks first is answered when gpg-agent is there. */
static bool leash_serve(struct keeper *k)
{
	uint32_t generation;
	struct frame f;
	int fd;

	if (chan_recv(k->leash, &f, NULL))
		return false;
	if (f.type == G_CONF)
		return take_conf(k, &f);
	if (f.type != G_ASKER)
		return false;
	generation = k->generation;
	if (f.len == sizeof generation)
		memcpy(&generation, f.data, sizeof generation);
	while ((fd = chan_take_fd(k->leash)) >= 0) {
		if (k->n == ASKERS_MAX) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		k->asker[k->n].generation = generation;
		k->asker[k->n].waits = k->asker[k->n].has_door = false;
		chan_init(&k->asker[k->n++].chan, fd);
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

/* ms until there is something to do that no descriptor tells of, or -1. */
static int due(struct keeper *k)
{
	int wait = secrets_due(k->secrets, now_ms());

	if (any_buffered(k))
		return 0;
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
	                       + DOORS_MAX];
	unsigned n, doors;

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
		n += secrets_poll(k->secrets, p + n);
		doors = box_doors_poll(k->doors, p + n);
		if (poll(p, n + doors, due(k)) == -1 && errno != EINTR)
			return;
		box_doors_serve(k->doors, p + n, doors);
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
		if (secrets_work(k->secrets, now_ms()))
			askers_tell(k);
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

	k->conf = conf;
	k->signals = keeper_signals();
	k->secrets = secrets_new(conf);
	k->logins = logins_new();
	k->doors = box_doors_new();
	if (k->signals == -1 || !k->secrets || !k->logins || !k->doors) {
		log_error("%s", strerror(errno));
		return -1;
	}
	if (!(k->dir = conf_state_dir(&e))
	    || !(k->memory = memory_open(k->dir, &e))) {
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
	secrets_end(k.secrets);
	free(k.logins);
	free(k.gpg_agent);
	keeper_conf_free(k.own_conf);
	box_doors_free(k.doors);
	while (k.n)
		asker_drop(&k, 0);
	memory_close(k.memory);
	free(k.dir);
	return rc;
}
