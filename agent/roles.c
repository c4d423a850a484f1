/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process that the guard (or a command) started as a role: its set-up, its
 * wait for a client, its life. */
#include "agent/roles.h"

#include <string.h>
#include <sysexits.h>

#include "agent/keeper.h"
#include "agent/log.h"
#include "agent/spawn.h"

static void take(struct chan *leash, struct chan *c)
{
	chan_init(c, chan_take_fd(leash));
}

/* What is static here lives as long as the process, which closes it. */

static int run_front(const struct conf *conf, struct chan *leash,
                     enum session_kind kind, struct unpack *u)
{
	static struct front_ends f;

	f.guard = *leash;
	f.tls = (enum local_tls)unpack_u32(u);
	f.remote = unpack_u32(u);
	unpack_str(u, f.peer, sizeof f.peer);
	if (!unpack_end(u))
		return EX_SOFTWARE;
	f.client = chan_take_fd(&f.guard);
	take(&f.guard, &f.keeper);
	take(&f.guard, &f.mime);
	take(&f.guard, &f.crypt);
	take(&f.guard, &f.upstream);
	return front_run(conf, kind, &f);
}

static int run_mime(const struct conf *conf, struct chan *leash,
                    enum session_kind kind)
{
	static struct mime_ends m;

	take(leash, &m.front);
	take(leash, &m.crypt);
	take(leash, &m.upstream);
	chan_close(leash);
	return mime_run(conf, kind, &m);
}

static int run_crypt(struct crypt *crypt, struct chan *leash,
                     enum session_kind kind)
{
	static struct crypt_ends c;

	take(leash, &c.front);
	take(leash, &c.mime);
	take(leash, &c.keeper);
	chan_init(&c.upstream, -1);
	if (kind == SESSION_SMTP)
		take(leash, &c.upstream);
	c.spool[0] = chan_take_fd(leash);
	c.spool[1] = chan_take_fd(leash);
	chan_close(leash);
	return crypt_run(crypt, kind, &c);
}

static int run_upstream(struct upstream *up, struct chan *leash,
                        enum session_kind kind)
{
	static struct upstream_ends u;

	take(leash, &u.front);
	take(leash, &u.pipe);
	chan_close(leash);
	return upstream_run(up, kind, &u);
}

static int run_plugin(const struct conf *conf, struct chan *leash)
{
	static struct plugin_ends p;

	p.guard = *leash;
	p.client = chan_take_fd(&p.guard);
	take(&p.guard, &p.keeper);
	return plugin_run(conf, &p);
}

/* What a spare does before a client comes, the wait, and its life. */
static int run_role(enum role role)
{
	static struct conf conf;
	static struct chan leash;
	static struct crypt *crypt;
	static struct upstream *up;
	struct unpack u;
	struct frame f;
	struct err e;
	enum session_kind kind;

	if (spawn_arrive(role, &leash, &conf, &e) == -1) {
		log_error("%s", e.text);
		return EX_SOFTWARE;
	}
	if (role == ROLE_KEEPER)
		return keeper_run(&conf, &leash);
	if (role == ROLE_CRYPT && !(crypt = crypt_prepare(&conf)))
		return EX_UNAVAILABLE;
	if (role == ROLE_UPSTREAM && !(up = upstream_prepare(&conf)))
		return EX_UNAVAILABLE;
	if (chan_expect(&leash, G_START, &f, &e) == -1)
		return 0;	/* the guard has gone */
	unpack_init(&u, &f);
	kind = (enum session_kind)unpack_u32(&u);
	if (u.bad || kind > SESSION_PLUGIN)
		return EX_SOFTWARE;
	switch (role) {
	case ROLE_FRONT: return run_front(&conf, &leash, kind, &u);
	case ROLE_MIME: return run_mime(&conf, &leash, kind);
	case ROLE_CRYPT: return run_crypt(crypt, &leash, kind);
	case ROLE_UPSTREAM: return run_upstream(up, &leash, kind);
	case ROLE_PLUGIN: return run_plugin(&conf, &leash);
	default: return EX_SOFTWARE;
	}
}

int role_main(const char *name)
{
	for (int r = 0; r < ROLES; r++)
		if (strcmp(name, role_name[r]) == 0)
			return run_role((enum role)r);
	return EX_USAGE;
}
