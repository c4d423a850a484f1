/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the providers: does each server answer, prove who it is, and, where a
 * command knows the password, take it?  All are asked at the same time. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/doctor.h"
#include "agent/keeper_secret.h"
#include "agent/log.h"
#include "agent/probe.h"
#include "agent/spawn.h"

enum {
	ANSWER_SECONDS = 10,	/* for all of them */
	WHERE_MAX = 300
};

struct asked {
	const struct account *account;
	uint32_t index;
	enum session_kind kind;
	bool login;		/* with what its command printed */
	bool failed;		/* e says why */
	struct probe probe;
	struct err e;
};

static const struct server *server_of(const struct asked *a)
{
	return a->kind == SESSION_SMTP ? &a->account->smtp : &a->account->pop3;
}

/* ---- passwords ---- */

/* Run all the commands, until the last has ended: a minute at most. */
static struct secrets *run_commands(const struct doctor *d)
{
	struct pollfd p[CONF_ACCOUNTS_MAX];
	struct secrets *s = secrets_new(&d->conf);
	bool running = s != NULL;

	for (unsigned i = 0; s && i < d->conf.n_accounts; i++)
		if (d->conf.account[i].command)
			secrets_want(s, i, now_ms());
	while (running) {
		running = false;
		for (unsigned i = 0; i < d->conf.n_accounts; i++)
			running = running || secrets_run(s, i);
		/* the end of a command need not be the end of its pipe */
		if (running)
			poll(p, secrets_poll(s, p), 50);
		secrets_work(s, now_ms());
	}
	return s;
}

/* True: there is one; else it is said why not. */
static bool get_password(struct doctor *d, const struct secrets *s, uint32_t i,
                         char secret[SECRET_OCTETS + 1])
{
	struct frame f = { 0 };
	struct unpack u;
	struct pack p;
	bool ok;

	pack_init(&p);
	secrets_tell(s, i, &p);
	f.data = p.buf;
	f.len = p.len;
	unpack_init(&u, &f);
	ok = unpack_u32(&u) == SECRET_OK;
	unpack_str(&u, secret, SECRET_OCTETS + 1);
	ok = ok && unpack_end(&u);
	if (!ok)
		doctor_say(d, DOCTOR_WRONG, "login", "%s: there is no password: "
		           "%s. Try what stands behind credentials = in "
		           "%s", d->conf.account[i].address,
		           secret, d->conf_path);
	explicit_bzero(&p, sizeof p);
	return ok;
}

/* ---- asking ---- */

static void ask(struct doctor *d, const struct secrets *s, int conf_fd,
                struct asked *a)
{
	char secret[SECRET_OCTETS + 1] = "";
	enum login_with with = LOGIN_NONE;

	if (a->account->command && s
	    && get_password(d, s, a->index, secret))
		with = a->account->login;
	a->login = with != LOGIN_NONE;
	a->failed = probe_start(&a->probe, conf_fd, a->kind, &a->e)
	            || probe_login(&a->probe, a->index, with, a->account->user,
	                           a->login ? secret : "", &a->e);
	explicit_bzero(secret, sizeof secret);
}

/* ---- telling ---- */

static void tell_well(struct doctor *d, const struct asked *a, const char *where)
{
	const char *address = a->account->address;

	doctor_say(d, DOCTOR_OK, "server", "%s: %s answers%s", address, where,
	           server_of(a)->transport == TRANSPORT_PLAINTEXT
	           ? "" : " and proves who it is");
	if (a->login)
		doctor_say(d, DOCTOR_OK, "login", "%s: %s takes the password",
		           address, where);
}

static void tell(struct doctor *d, const struct asked *a, enum outcome o,
                 enum unreachable why)
{
	const struct server *s = server_of(a);
	const char *address = a->account->address;
	bool dated = strstr(a->e.text, "has expired")
	             || strstr(a->e.text, "not valid yet");
	char where[WHERE_MAX];

	snprintf(where, sizeof where, "%s:%u", s->host, s->port);
	if (o == DONE_OK)
		tell_well(d, a, where);
	else if (o == DONE_DENIED)
		doctor_say(d, DOCTOR_WRONG, "login", "%s: %s does not take the "
		           "password of its command: %s", address, where,
		           a->e.text);
	else if (o == DONE_UNREACHABLE && why == UNREACHED_NO_ROUTE)
		doctor_say(d, DOCTOR_WRONG, "server", "%s: %s can't be reached: "
		           "%s. If this computer is online, letterlock setup %s "
		           "looks for the server anew", address, where, a->e.text,
		           address);
	else
		doctor_say(d, DOCTOR_WRONG, "server", "%s: nothing is sent to or "
		           "fetched from %s: %s. If %s, tell your provider; "
		           "letterlock setup %s looks for the server anew",
		           address, where, a->e.text, dated
		           ? "the clock of this computer is right"
		           : "it is the right server", address);
}

static int64_t deadline(const struct doctor *d)
{
	unsigned s = d->conf.connect_timeout + d->conf.greeting_timeout;

	return now_ms() + 1000 * (int64_t)(s < ANSWER_SECONDS
	                                         ? s : ANSWER_SECONDS);
}

static void ask_all(struct doctor *d, struct asked *all, unsigned n, int conf_fd)
{
	struct secrets *s = run_commands(d);
	enum unreachable why = UNREACHED_NO_SESSION;
	enum outcome o;
	int64_t end, left;

	for (unsigned i = 0; i < n; i++)
		ask(d, s, conf_fd, &all[i]);
	secrets_end(s);
	end = deadline(d);
	for (unsigned i = 0; i < n; i++) {
		left = end - now_ms();
		o = all[i].failed ? DONE_FAILED
		    : probe_answer(&all[i].probe, left > 0 ? (int)left : 0, &why,
		                   &all[i].e);
		tell(d, &all[i], o, why);
	}
	for (unsigned i = 0; i < n; i++)
		probe_end(&all[i].probe);
}

void doctor_provider(struct doctor *d)
{
	struct asked *all = calloc(2 * CONF_ACCOUNTS_MAX, sizeof *all);
	const struct account *a;
	struct err e;
	unsigned n = 0;
	int conf_fd;

	if (!all || !d->has_conf)
		goto out;
	log_level = 0;
	for (unsigned i = 0; i < d->conf.n_accounts; i++) {
		a = &d->conf.account[i];
		if (a->smtp.host)
			all[n++] = (struct asked){ .account = a, .index = i,
			                           .kind = SESSION_SMTP };
		if (a->pop3.host)
			all[n++] = (struct asked){ .account = a, .index = i,
			                           .kind = SESSION_POP3 };
	}
	conf_fd = spawn_conf_fd(d->text, d->len, &e);
	if (conf_fd == -1) {
		doctor_say(d, DOCTOR_WRONG, "server", "%s", e.text);
		goto out;
	}
	ask_all(d, all, n, conf_fd);
	close(conf_fd);
out:
	free(all);
}
