/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper: answers the sessions' fronts and crypts, one frame at a time,
 * and looks after gpg-agent outside of any box. */
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/frames.h"
#include "agent/keeper_agent.h"
#include "agent/log.h"
#include "agent/memory.h"

enum {
	ASKERS_MAX = 1024,
	TEXT_MAX = 60000,
	TURN_FRAMES = 16,	/* from one asker, then it is the others' turn */
	LOOK_MS = 1000		/* between looks at gpg-agent while one is there */
};

struct keeper {
	struct memory *memory;
	struct chan *leash;
	struct gpg_agent *gpg_agent;
	struct chan asker[ASKERS_MAX];
	unsigned n;
};

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

/* One request: 1 to be answered with p, 0 without answer, -1 nonsense. */
static int serve(struct keeper *k, const struct frame *f, struct pack *p)
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
	}
	return -1;
}

/* ---- the loop ---- */

static void asker_drop(struct keeper *k, unsigned i)
{
	chan_close(&k->asker[i]);
	k->asker[i] = k->asker[--k->n];
}

/* False when this asker is done with.  Its end does not block: half a frame
 * waits in its buffer, and who takes no answers gets no more. */
static bool asker_serve(struct keeper *k, struct chan *c)
{
	static struct pack p;
	struct frame f;
	int r, left = TURN_FRAMES;

	do {
		errno = 0;
		if (chan_recv(c, &f, NULL))
			return errno == EAGAIN;
		r = serve(k, &f, &p);
		if (r == -1 || (r == 1 && pack_send(&p, c, K_ANSWER, NULL)))
			return false;
	} while (--left && chan_wait(c, 0));
	return true;
}

/* A session begins.  What it asks first is answered when gpg-agent is there. */
static bool leash_serve(struct keeper *k)
{
	struct frame f;
	int fd;

	if (chan_expect(k->leash, G_ASKER, &f, NULL))
		return false;
	while ((fd = chan_take_fd(k->leash)) >= 0) {
		if (k->n == ASKERS_MAX) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		chan_init(&k->asker[k->n++], fd);
	}
	gpg_agent_look(k->gpg_agent, true);
	return true;
}

/* Is there a whole frame that poll() does not know of, perhaps? */
static bool asker_buffered(struct chan *c)
{
	return c->len > c->off && chan_wait(c, 0);
}

static bool any_buffered(struct keeper *k)
{
	for (unsigned i = 0; i < k->n; i++)
		if (asker_buffered(&k->asker[i]))
			return true;
	return false;
}

static void keeper_loop(struct keeper *k)
{
	static struct pollfd p[ASKERS_MAX + 1];
	int wait;

	for (;;) {
		p[0] = (struct pollfd){ .fd = k->leash->fd, .events = POLLIN };
		for (unsigned i = 0; i < k->n; i++)
			p[i + 1] = (struct pollfd){ .fd = k->asker[i].fd,
			                            .events = POLLIN };
		wait = any_buffered(k) ? 0 : k->n ? LOOK_MS : -1;
		if (poll(p, k->n + 1, wait) == -1 && errno != EINTR)
			return;
		/* from the end, so that a dropped one moves none unseen */
		for (unsigned i = k->n; i-- > 0;)
			if ((p[i + 1].revents || asker_buffered(&k->asker[i]))
			    && !asker_serve(k, &k->asker[i]))
				asker_drop(k, i);
		if (p[0].revents && !leash_serve(k))
			return;
		gpg_agent_look(k->gpg_agent, false);
	}
}

int keeper_run(const struct conf *conf, struct chan *leash)
{
	static struct keeper k;
	char *dir;
	struct err e;

	k.leash = leash;
	signal(SIGCHLD, SIG_IGN);	/* gpgconf reaps itself */
	if (!(dir = conf_state_dir(&e))
	    || !(k.memory = memory_open(dir, &e))) {
		log_error("%s", e.text);
		free(dir);
		return 1;
	}
	free(dir);
	k.gpg_agent = gpg_agent_new(conf);
	keeper_loop(&k);
	free(k.gpg_agent);
	while (k.n)
		asker_drop(&k, 0);
	memory_close(k.memory);
	return 0;
}
