/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lanes: calls that take long do not hold up those that are quick. */
#include "plugin-api/nmh.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	QUEUE_MAX = 64,		/* requests that wait in a lane */
	QUEUE_OCTETS_MAX = 2 * NMH_IN_MAX,
	CONNECT_MS = 5000,
	IDLE_SECONDS = 30	/* then a connection is given back */
};

enum { QUICK, LETTERS, SLOW, LANES };

static struct lane {
	int ms;			/* for a call */
	struct letterlock *l;	/* NULL, or its connection */
	pthread_t thread;
	pthread_mutex_t lock;	/* of the queue */
	pthread_cond_t more;
	struct request *first, **last;
	size_t n, octets;
} lanes[LANES] = {
	[QUICK] = { .ms = 30 * 1000 },
	[LETTERS] = { .ms = 120 * 1000 },
	[SLOW] = { .ms = 1200 * 1000 }	/* a user looks for his passphrase */
};

/* All others go by LETTERS. */
static const struct {
	const char *call;
	int lane;
} known[] = {
	{ "accounts", QUICK },
	{ "contacts", QUICK },
	{ "recipients", QUICK },
	{ "status", QUICK },
	{ "open", SLOW },
	{ "unlock", SLOW },
};

void request_free(struct request *r)
{
	free(r->call);
	json_decref(r->members);
	free(r);
}

/* ---- a call ---- */

/* A connection that was not hung up yet: 0, or -1. */
static int connected(struct lane *a, struct letterlock_error *e)
{
	char *event;
	int rc;

	if (!a->l)
		return letterlock_connect(&a->l, NULL, CONNECT_MS, e);
	while ((rc = letterlock_next_event(a->l, &event, 0, NULL)) == 1)
		free(event);
	return rc ? letterlock_reconnect(a->l, CONNECT_MS, e) : 0;
}

static void serve(struct lane *a, const struct request *r)
{
	struct letterlock_error e;
	char *members = json_dumps(r->members, JSON_COMPACT), *ok = NULL;

	if (strcmp(r->call, "hello") == 0)
		say_error(r->id, "unknown-call",
		          "hello is said by letterlock-nmh");
	else if (strcmp(r->call, "watch") == 0)
		say_ok(r->id, "{}");	/* it does so already */
	else if (connected(a, &e)
	         || letterlock_call(a->l, r->call, members, &ok, a->ms, &e))
		say_failed(r->id, &e);
	else
		say_ok(r->id, ok);
	free(members);
	free(ok);
}

/* ---- the queue ---- */

/* The next request, or NULL after a while. */
static struct request *take(struct lane *a)
{
	struct request *r;
	struct timespec t;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += IDLE_SECONDS;
	pthread_mutex_lock(&a->lock);
	while (!a->first && rc == 0) {
		if (a->l)
			rc = pthread_cond_timedwait(&a->more, &a->lock, &t);
		else
			rc = pthread_cond_wait(&a->more, &a->lock);
	}
	r = a->first;
	if (r) {
		a->first = r->next;
		if (!a->first)
			a->last = &a->first;
		a->n--;
		a->octets -= r->n;
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

static void *lane_run(void *of)
{
	struct lane *a = of;
	struct request *r;

	for (;;) {
		r = take(a);
		if (r) {
			serve(a, r);
			request_free(r);
		} else {
			letterlock_close(a->l);
			a->l = NULL;
		}
	}
	return NULL;
}

static struct lane *lane_of(const char *call)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(call, known[i].call) == 0)
			return &lanes[known[i].lane];
	return &lanes[LETTERS];
}

void lanes_put(struct request *r)
{
	struct lane *a = lane_of(r->call);
	bool room;

	pthread_mutex_lock(&a->lock);
	room = a->n < QUEUE_MAX && a->octets + r->n <= QUEUE_OCTETS_MAX;
	if (room) {
		r->next = NULL;
		*a->last = r;
		a->last = &r->next;
		a->n++;
		a->octets += r->n;
		pthread_cond_signal(&a->more);
	}
	pthread_mutex_unlock(&a->lock);
	if (!room) {
		say_error(r->id, "busy", "Too many requests wait. Try again");
		request_free(r);
	}
}

int lanes_start(void)
{
	pthread_condattr_t c;
	int rc = 0;

	pthread_condattr_init(&c);
	pthread_condattr_setclock(&c, CLOCK_MONOTONIC);
	for (int i = 0; i < LANES; i++) {
		lanes[i].last = &lanes[i].first;
		pthread_mutex_init(&lanes[i].lock, NULL);
		pthread_cond_init(&lanes[i].more, &c);
		rc |= pthread_create(&lanes[i].thread, NULL, lane_run,
		                     &lanes[i]);
	}
	pthread_condattr_destroy(&c);
	return rc ? -1 : 0;
}
