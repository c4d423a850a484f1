/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handle: whose turn it is, and the connection's end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "plugin-api/private.h"

struct letterlock *handle_new(void)
{
	struct letterlock *l = calloc(1, sizeof *l);
	pthread_condattr_t a;

	if (!l)
		return NULL;
	l->fd = -1;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&l->idle, &a);
	pthread_condattr_destroy(&a);
	return l;
}

struct letterlock *handle_over(int fd, int ms, struct letterlock_error *e)
{
	struct letterlock *l = handle_new();

	if (!l) {
		error_memory(e);
		return NULL;
	}
	l->fd = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1
	    || connect_hello(l, time_until(ms), e)) {
		letterlock_close(l);
		return NULL;
	}
	return l;
}

int handle_take(struct letterlock *l, int64_t until,
                struct letterlock_error *e)
{
	struct timespec t = { .tv_sec = (time_t)(until / 1000),
	                      .tv_nsec = (long)(until % 1000) * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	while (l->busy && rc != ETIMEDOUT) {
		if (until == INT64_MAX)
			rc = pthread_cond_wait(&l->idle, &l->lock);
		else
			rc = pthread_cond_timedwait(&l->idle, &l->lock, &t);
	}
	rc = l->busy ? -1 : 0;
	l->busy = true;
	pthread_mutex_unlock(&l->lock);
	return rc ? error_set(e, LETTERLOCK_IN_USE, "Another thread still "
	                      "uses this connection to Letterlock") : 0;
}

void handle_give(struct letterlock *l)
{
	pthread_mutex_lock(&l->lock);
	l->busy = false;
	pthread_cond_signal(&l->idle);
	pthread_mutex_unlock(&l->lock);
}

void handle_hang_up(struct letterlock *l)
{
	pthread_mutex_lock(&l->lock);
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
	pthread_mutex_unlock(&l->lock);
	l->from = l->seen = l->len = 0;
}

int handle_failed(struct letterlock *l, const struct letterlock_error *e)
{
	switch (e->code) {
	case LETTERLOCK_NOT_RUNNING:
	case LETTERLOCK_STRANGER:
	case LETTERLOCK_LOST:
	case LETTERLOCK_TIMEOUT:
	case LETTERLOCK_BAD_ANSWER:
		handle_hang_up(l);
		break;
	default:
		break;
	}
	return -1;
}

int letterlock_fd(struct letterlock *l)
{
	int fd;

	pthread_mutex_lock(&l->lock);
	fd = l->fd;
	pthread_mutex_unlock(&l->lock);
	return fd;
}

void letterlock_close(struct letterlock *l)
{
	if (!l)
		return;
	handle_hang_up(l);
	events_free(l);
	json_decref(l->hello);
	free(l->in);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
